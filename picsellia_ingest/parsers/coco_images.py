"""The images of one COCO file, and which of them an image id means.

They are decoded a window at a time. Where every image has a name and a whole number of its own for an id, as nearly all
files have it, names and arrays are all that is kept, on disk where they are large. Otherwise images are read again one
by one, and a dictionary says of every id which record it means, or why it means none: no name, or several images.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
import numpy as np

from ..problems import OnProblem, Problem, Severity, Unit
from .coco_categories import Id, id_key
from .jsonfile import JsonFile
from .jsonspans import Window
from .jsontext import UNREADABLE, Keys, repeated_key, why
from .many_names import NameColumn
from .scratch import Column, IntArray, Scratch, has_twice, narrow, ordered, repeats, steps

UNNAMED, AMBIGUOUS, UNKNOWN = -1, -2, -3
"""Why an image id has no record."""
HUGE = 1 << 62
"""Ids beyond this are not looked up in arrays."""

_DENSE = 8
"""Numbers an id, up to which a place is kept for each number."""
_NAMING = Keys("id", "file_name")
_WARNING_IMAGE: dict[str, Any] = {"severity": Severity.WARNING, "unit": Unit.IMAGE}


class _ImageRow(msgspec.Struct):
    id: int | str | float | None = None
    file_name: str | None = None


class _PlainRow(msgspec.Struct, gc=False):
    id: int
    file_name: str


_IMAGE = msgspec.json.Decoder(_ImageRow)
PLAIN = msgspec.json.Decoder(list[_PlainRow])
"""Decodes images as nearly all are."""


class Owners:
    """The record of every image id; a negative number says why it has none. Either all are in arrays, or all in a dictionary."""

    def __init__(self, by_id: dict[Id, int]) -> None:
        self._by_id = by_id

    def get(self, key: Id | None) -> int:
        """The record of one id."""
        return UNKNOWN if key is None else self._by_id.get(key, UNKNOWN)

    def of(self, keys: IntArray) -> IntArray:
        """The records of many ids that are whole numbers."""
        return np.fromiter((self._by_id.get(key, UNKNOWN) for key in keys.tolist()), np.int64, len(keys))


class _Numbered(Owners):
    """The owners where all ids are whole numbers: they in their order, and the record of each."""

    def __init__(self, ids: IntArray, records: IntArray) -> None:
        self._ids, self._records = ids, records

    def get(self, key: Id | None) -> int:
        if type(key) is int and -HUGE < key < HUGE:
            return int(self.of(np.array([key], np.int64))[0])
        return UNKNOWN

    def of(self, keys: IntArray) -> IntArray:
        at = np.minimum(np.searchsorted(self._ids, keys), len(self._ids) - 1)
        return np.where(self._ids[at] == keys, self._records[at], UNKNOWN)


class _Dense(_Numbered):
    """The owners where most numbers from the first id to the last are ids: for each of them one more than its record."""

    def __init__(self, first: int, records: IntArray) -> None:
        self._first, self._records = first, records

    def of(self, keys: IntArray) -> IntArray:
        at = keys - self._first
        inside = (at >= 0) & (at < len(self._records))
        found = self._records[np.where(inside, at, 0)]
        return np.where(inside & (found > 0), found - 1, UNKNOWN).astype(np.int64)


def _owners(ids: IntArray, scratch: Scratch) -> Owners | None:
    """The owners where record ``i`` has the id ``ids[i]``; None when two have one."""
    if not len(ids):
        return Owners({})
    first, last = int(ids.min()), int(ids.max())
    if last - first < _DENSE * len(ids):
        return _dense(ids, first, scratch.zeros(last - first + 1, narrow(len(ids))))
    in_order = ordered(ids, scratch)
    if has_twice(in_order):
        return None
    records = scratch.zeros(len(ids), narrow(len(ids)))
    for part in steps(len(ids)):
        records[np.searchsorted(in_order, ids[part])] = np.arange(part.start, part.stop)
    return _Numbered(in_order, records)


def _dense(ids: IntArray, first: int, records: IntArray) -> Owners | None:
    for part in steps(len(ids)):
        records[ids[part] - first] = np.arange(part.start, part.stop) + 1
    for part in steps(len(ids)):
        if (records[ids[part] - first] != np.arange(part.start, part.stop) + 1).any():
            return None
    return _Dense(first, records)


@dataclass(slots=True)
class Images:
    """The images that can be named, in the file's order: names, element numbers and byte ranges, and what their ids mean."""

    names: Sequence[str]
    number: range | IntArray
    start: IntArray
    length: IntArray
    owners: Owners


def read(
    file: JsonFile, windows: Iterator[Window[_PlainRow]], scratch: Scratch, on_problem: OnProblem
) -> Images:
    """The images among the elements of the array; those that cannot be named are reported."""
    reader = _Reader(file, scratch, on_problem)
    for window in windows:
        reader.take(window)
    return reader.images()


class _Reader:
    def __init__(self, file: JsonFile, scratch: Scratch, on_problem: OnProblem) -> None:
        self.file = file
        self.scratch = scratch
        self.on_problem = on_problem
        self.starts, self.lengths = (Column(scratch, np.int64, shared=True) for _ in range(2))
        self.ids, self.hashes = (Column(scratch, np.int64) for _ in range(2))
        self.plain: NameColumn | None = NameColumn(scratch)
        """The names, as long as every image has one, and a whole number for an id."""
        self.names: list[str] = []

    def take(self, window: Window[_PlainRow]) -> None:
        """Take the next elements in."""
        self.starts.add(window.starts)
        self.lengths.add(window.lengths)
        if self.plain is None:
            return
        names = [row.file_name for row in window.rows or ()]
        ids = _numbers([row.id for row in window.rows or ()])
        if window.rows is None or ids is None or not all(map(str.strip, names)) or not _name_once(window):
            self.plain = None
            return
        self.plain.add(names)
        self.ids.add(ids)
        self.hashes.add(np.fromiter(map(hash, names), np.int64, len(names)))

    def images(self) -> Images:
        """All images."""
        starts, lengths = self.starts.array(), self.lengths.array()
        owners = None if self.plain is None else _owners(self.ids.array(), self.scratch)
        if self.plain is None or owners is None:
            return self.one_by_one(starts, lengths)
        numbers, names = range(len(starts)), self.plain.all()
        for places in repeats(self.hashes.array(), self.scratch):
            for record in places.tolist():
                self._warn_of_repeated_name(names[record], int(starts[record]), record)
        return Images(names, numbers, starts, lengths, owners)

    def one_by_one(self, starts: IntArray, lengths: IntArray) -> Images:
        """The images where some are not as nearly all are: each is looked at, and a dictionary says what its id means."""
        owners: dict[Id, int] = {}
        kept, once = array("q"), array("q")
        for number in range(len(starts)):
            raw = self.file.slice(int(starts[number]), int(lengths[number]))
            at = (int(starts[number]), f"/images/{number}")
            try:
                row = _IMAGE.decode(raw)
            except UNREADABLE as error:
                words, hint = why(error)
                self._report(
                    "image_invalid", f"an image cannot be read: {words}", at, unit=Unit.IMAGE, hint=hint
                )
                continue
            if (repeated := repeated_key(raw, _NAMING)) is not None:
                message = f"an image has {repeated!r} twice"
                self._report("key_repeated", message, at, unit=Unit.IMAGE, hint="keep the one that is meant")
                continue
            if self._owns(row, owners, len(kept), at):
                once.append(len(kept) if id_key(row.id) is not None else -1)
                kept.append(number)
                self.names.append(row.file_name or "")
        chosen = np.array(kept, np.int64)
        known = np.array(once, np.int64)
        known = known[known >= 0]
        hashes = np.fromiter((hash(self.names[record]) for record in known), np.int64, len(known))
        for places in repeats(hashes, self.scratch):
            for record in known[places].tolist():
                number = int(chosen[record])
                self._warn_of_repeated_name(self.names[record], int(starts[number]), number)
        return Images(self.names, chosen, starts[chosen], lengths[chosen], Owners(owners))

    def _warn_of_repeated_name(self, name: str, start: int, number: int) -> None:
        """An image is listed again under another id; told by its name's hash, which takes no memory to speak of."""
        message = f"{name!r:.200} is listed again, under another id; both are kept"
        self._report("image_repeated", message, (start, f"/images/{number}"), **_WARNING_IMAGE)

    def _owns(self, row: _ImageRow, owners: dict[Id, int], record: int, at: tuple[int, str]) -> bool:
        key = id_key(row.id)
        if not row.file_name or not row.file_name.strip():
            self._report(
                "image_unnamed",
                f"image {row.id!r:.80} has no file name",
                at,
                unit=Unit.IMAGE,
                hint="give it one",
            )
            if key is not None:
                owners[key] = UNNAMED
            return False
        if key is None:
            self._report(
                "image_without_id",
                f"{row.file_name!r:.200} has no id: no annotation can refer to it",
                at,
                **_WARNING_IMAGE,
            )
            return True
        if key not in owners:
            owners[key] = record
            return True
        earlier = owners[key]
        if earlier >= 0 and self.names[earlier] == row.file_name:
            self._report(
                "image_repeated",
                f"image {key!r:.80} ({row.file_name!r:.200}) is listed twice",
                at,
                **_WARNING_IMAGE,
            )
            return False
        self._report(
            "image_id_repeated",
            f"the id {key!r:.80} is given to several images: its annotations cannot be placed",
            at,
            **_WARNING_IMAGE,
        )
        owners[key] = AMBIGUOUS
        return True

    def _report(self, code: str, message: str, at: tuple[int, str], **more: Any) -> None:
        offset, pointer = at
        self.on_problem(Problem(code, message, self.file.place(offset, pointer), **more))


def _numbers(values: list[int]) -> IntArray | None:
    """Ids as an array; None when one is too large to be looked up in it."""
    try:
        found = np.array(values, np.int64)
    except OverflowError:
        return None
    return None if (found <= -HUGE).any() or (found >= HUGE).any() else found


def _name_once(window: Window[_PlainRow]) -> bool:
    """Whether no image has a key of those that name it twice.

    Each has both. So where they stand as often as there are images, each has them once, if none is written with escapes.
    """
    text, count = window.text, len(window.starts)
    if b"\\" not in text and all(text.count(b'"%b"' % key) == count for key in (b"id", b"file_name")):
        return True
    return all(repeated_key(element, _NAMING) is None for element in window.elements())
