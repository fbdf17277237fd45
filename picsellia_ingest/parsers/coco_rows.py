"""The annotations of a COCO file as rows, a batch decoded at once: the keys that every file has, and beside them any other.

What a reader of JSON would pass over is found by counting: a text has as many quotes as its keys and values need, unless
a key stands in it twice. A batch in which a row is of another form is decoded row by row, so that the others are not
lost to the quick way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from .answers import ANSWERS
from .jsontext import BYTES_MAX, DEEPEST, UNREADABLE, attempt, decoded_together, joined

Number: TypeAlias = int | float
Box: TypeAlias = tuple[Number, Number, Number, Number]
Bools: TypeAlias = NDArray[np.bool_]
UNSET = msgspec.UNSET


class Row(msgspec.Struct, gc=False):
    """The keys that the format has."""

    image_id: int
    category_id: int
    bbox: Box
    segmentation: list[msgspec.Raw] | dict[str, msgspec.Raw] | msgspec.UnsetType = UNSET
    id: int | msgspec.UnsetType = UNSET
    area: Number | msgspec.UnsetType = UNSET
    iscrowd: int | msgspec.UnsetType = UNSET

    def attributes(self, others: Mapping[str, Any]) -> dict[str, Any]:
        """What an instance keeps verbatim: all but its label and shape."""
        found: dict[str, Any] = {
            "image_id": self.image_id,
            "id": self.id,
            "area": self.area,
            "iscrowd": self.iscrowd,
        }
        if self.segmentation == []:
            found["segmentation"] = []
        found |= others
        return {key: value for key, value in found.items() if value is not UNSET}


class _Usual(Row, forbid_unknown_fields=True, gc=False):
    """No other key."""


class Rows(NamedTuple):
    """What the texts of some annotations say."""

    rows: Sequence[Row]
    are_whole: Bools
    """Of which a row and its other keys say all, each once; a mask's does not."""
    others: Mapping[int, dict[str, Any]]
    """The other keys and their values, by the row's number, of those that have any."""


NONE = Row(0, 0, (0, 0, -1, -1), [])
"""Stands for an annotation whose values are of another kind."""
_ROW = msgspec.json.Decoder(Row)
_USUAL = msgspec.json.Decoder(list[_Usual])
_ROWS = msgspec.json.Decoder(list[Row])
_MEMBERS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_KEYS = Row.__struct_fields__
_MEANING = ("caption", ANSWERS)
"""Other keys that make something else of an annotation."""


def read(texts: Sequence[bytes]) -> Rows:
    """Decode some annotations."""
    together = joined(texts)
    usual = decoded_together(_USUAL, texts, together)
    if usual is not None:
        return Rows(usual, _have_no_other_text(usual, texts, together), {})
    rows = decoded_together(_ROWS, texts, together) or list(map(_row, texts))
    quotes, are_masks = _quotes(texts), _are_masks(rows)
    surplus = quotes - _needed(rows)
    others = _others(texts, np.flatnonzero((surplus > 0) & ~are_masks).tolist(), quotes)
    are_whole = (surplus == 0) & ~are_masks
    are_whole[list(others)] = True
    return Rows(rows, are_whole, others)


def _row(text: bytes) -> Row:
    found = attempt(_ROW, text) if len(text) <= BYTES_MAX else None
    return NONE if found is None else found


def _have_no_other_text(rows: Sequence[Row], texts: Sequence[bytes], together: bytes) -> Bools:
    """Which have as many quotes as their keys need. None has fewer: where all together have as many, so has each."""
    needed, are_masks = _needed(rows), _are_masks(rows)
    least: int = needed.sum()
    for mask in [row.segmentation for row in rows if isinstance(row.segmentation, dict)]:
        for value in mask.values():
            least += 4 if bytes(memoryview(value)[:1]) == b'"' else 2
    if together.count(b'"') == least:
        return ~are_masks
    found: Bools = (needed == _quotes(texts)) & ~are_masks
    return found


def _needed(rows: Sequence[Row]) -> NDArray[np.int64]:
    """How many quotes the keys of each have."""
    found = np.full(len(rows), 2 * len(_KEYS), np.int64)
    columns = ([row.id for row in rows], [row.area for row in rows], [row.iscrowd for row in rows])
    for column in (*columns, [row.segmentation for row in rows]):
        if msgspec.UnsetType in set(map(type, column)):
            found -= [2 * (value is UNSET) for value in column]
    return found


def _are_masks(rows: Sequence[Row]) -> Bools:
    return np.array([isinstance(row.segmentation, dict) for row in rows], np.bool_)


def _quotes(texts: Sequence[bytes]) -> NDArray[np.int64]:
    return np.fromiter([text.count(b'"') for text in texts], np.int64, len(texts))


def _others(
    texts: Sequence[bytes], numbers: Sequence[int], quotes: NDArray[np.int64]
) -> dict[int, dict[str, Any]]:
    """The other keys of the texts with these numbers; those are left out of which that is not all that they say besides."""
    members = decoded_together(_MEMBERS, [texts[number] for number in numbers]) or []
    found: dict[int, dict[str, Any]] = {}
    for number, one in zip(numbers, members, strict=False):
        others = {key: bytes(value) for key, value in one.items() if key not in _KEYS}
        inside = b"".join(others.values())
        are_shallow = inside.count(b"[") + inside.count(b"{") < DEEPEST
        if (
            quotes[number] != 2 * len(one) + inside.count(b'"')
            or not are_shallow
            or not others.keys().isdisjoint(_MEANING)
        ):
            continue
        with suppress(*UNREADABLE):
            found[number] = {key: msgspec.json.decode(value) for key, value in others.items()}
    return found
