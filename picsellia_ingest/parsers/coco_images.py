"""The images of one COCO file, and which of them an image id means.

Where every image has a name and a whole number of its own for an id, as nearly all files have it, names and arrays are
all that is kept, so that millions of images fit. Otherwise images are read again one by one, and a dictionary says of
every id which record it means, or why it means none: no name, or several images.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..problems import OnProblem, Problem, Severity, Unit
from .coco_categories import Id, id_key
from .jsonfile import JsonFile
from .jsontext import UNREADABLE, Keys, repeated_key, why

IntArray: TypeAlias = NDArray[np.int64]

UNNAMED, AMBIGUOUS, UNKNOWN = -1, -2, -3
"""Why an image id has no record."""
HUGE = 1 << 62
"""Ids beyond this are not looked up in arrays."""

_NOTHING = msgspec.Raw(b"")
_NAMING = Keys("id", "file_name")
_WARNING_IMAGE: dict[str, Any] = {"severity": Severity.WARNING, "unit": Unit.IMAGE}


class _ImageRow(msgspec.Struct):
    id: int | str | float | None = None
    file_name: str | None = None


_IMAGE = msgspec.json.Decoder(_ImageRow)


@dataclass(slots=True)
class Owners:
    """The record of every image id; a negative number says why it has none. Either all are in arrays, or all in ``by_id``."""

    by_id: dict[Id, int]
    ids: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    records: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    """``ids`` sorted, and the record of each."""

    def get(self, key: Id | None) -> int:
        """The record of one id."""
        if type(key) is int and -HUGE < key < HUGE and len(self.ids):
            return int(self.of(np.array([key], np.int64))[0])
        return UNKNOWN if key is None else self.by_id.get(key, UNKNOWN)

    def of(self, keys: IntArray) -> IntArray:
        """The records of many ids that are whole numbers."""
        if not len(self.ids):
            return np.fromiter((self.by_id.get(key, UNKNOWN) for key in keys.tolist()), np.int64, len(keys))
        at = np.minimum(np.searchsorted(self.ids, keys), len(self.ids) - 1)
        return np.where(self.ids[at] == keys, self.records[at], UNKNOWN)


@dataclass(slots=True)
class Images:
    """The images that can be named, in the file's order: names, element numbers and byte ranges, and what their ids mean."""

    names: list[str]
    number: IntArray
    start: IntArray
    length: IntArray
    owners: Owners


def read(file: JsonFile, raws: list[msgspec.Raw], on_problem: OnProblem) -> Images:
    """The images among the elements of the array; those that cannot be named are reported. Empties ``raws``."""
    starts, lengths = file.offsets(raws)
    reader = _Reader(file, on_problem)
    plain = reader.plainly(raws, starts, lengths)
    return plain if plain is not None else reader.one_by_one(starts, lengths)


class _Reader:
    def __init__(self, file: JsonFile, on_problem: OnProblem) -> None:
        self.file = file
        self.on_problem = on_problem
        self.names: list[str] = []

    def plainly(self, raws: list[msgspec.Raw], starts: IntArray, lengths: IntArray) -> Images | None:
        """All images, if each has a name and a whole number of its own for an id: then no dictionary is needed."""
        names: list[str] = []
        ids = np.empty(len(raws), np.int64)
        for number, raw in enumerate(raws):
            raws[number] = _NOTHING  # millions of them would stay until the last is read
            try:
                row = _IMAGE.decode(raw)
            except UNREADABLE:
                return None
            name, own = row.file_name, row.id
            if type(own) is not int or not -HUGE < own < HUGE or not name or not name.strip():
                return None
            if repeated_key(bytes(raw), _NAMING) is not None:
                return None
            names.append(name)
            ids[number] = own
        order = np.argsort(ids, kind="stable")
        if (np.diff(ids[order]) == 0).any():
            return None
        numbers = np.arange(len(raws), dtype=np.int64)
        self.names = names
        self._warn_of_repeated_names(numbers, starts, numbers)
        return Images(names, numbers, starts, lengths, Owners({}, ids[order], order))

    def one_by_one(self, starts: IntArray, lengths: IntArray) -> Images:
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
        self._warn_of_repeated_names(np.array(once, np.int64), starts[chosen], chosen)
        return Images(self.names, chosen, starts[chosen], lengths[chosen], Owners(owners))

    def _warn_of_repeated_names(self, records: IntArray, starts: IntArray, numbers: IntArray) -> None:
        """Images that are listed again under another id; told by their names' hashes, which take no memory to speak of."""
        known = records[records >= 0]
        hashes = np.fromiter((hash(self.names[record]) for record in known), np.int64, len(known))
        for position in np.delete(np.arange(len(known)), np.unique(hashes, return_index=True)[1]).tolist():
            record = int(known[position])
            message = f"{self.names[record]!r:.200} is listed again, under another id; both are kept"
            at = (int(starts[record]), f"/images/{numbers[record]}")
            self._report("image_repeated", message, at, **_WARNING_IMAGE)

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
