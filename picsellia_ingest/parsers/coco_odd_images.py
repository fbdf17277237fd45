"""The images of a COCO file in which some are not as nearly all are: each is looked at by itself.

An id that is a whole number and stands once means its image, or none if that has no name. Only the others, which are
texts or stand several times, are in a dictionary, so that it stays small in a file of millions where few are odd.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
import numpy as np

from ..problems import OnProblem, Problem, Severity, Unit
from .coco_categories import Id, id_key
from .coco_owners import AMBIGUOUS, HUGE, NOTHING, UNNAMED, Owners, numbered
from .jsonfile import JsonFile
from .jsontext import UNREADABLE, Keys, repeated_key, why
from .many_names import NameColumn
from .scratch import Column, IntArray, Scratch, among, repeats, steps

NAMING = Keys("id", "file_name")
"""The keys that say which image one is."""
_WARNING_IMAGE: dict[str, Any] = {"severity": Severity.WARNING, "unit": Unit.IMAGE}


class _ImageRow(msgspec.Struct):
    id: int | str | float | None = None
    file_name: str | None = None


_IMAGE = msgspec.json.Decoder(_ImageRow)


@dataclass(slots=True)
class Images:
    """The images that can be named, in the file's order: names, element numbers and byte ranges, and what their ids mean."""

    names: Sequence[str]
    number: range | IntArray
    start: IntArray
    length: IntArray
    owners: Owners


def whole_number(text: bytes) -> int | None:
    """The id of an image, if it is a number that arrays can hold."""
    try:
        key = id_key(_IMAGE.decode(text).id)
    except UNREADABLE:
        return None
    return key if type(key) is int and -HUGE < key < HUGE else None


class _Named(NamedTuple):
    """An image that becomes a record."""

    number: int
    name: str
    has_id: bool


class OddImages:
    """Reads such images; ``several`` are the whole numbers that may be the ids of more than one, in their order."""

    def __init__(self, file: JsonFile, several: IntArray, scratch: Scratch, on_problem: OnProblem) -> None:
        self.file, self.several, self.scratch, self.on_problem = file, several, scratch, on_problem
        self.by_id: dict[Id, int] = {}
        self.name_of: dict[Id, str] = {}
        """The names of the images that ``by_id`` leads to."""
        self.alone: list[tuple[int, int]] = []
        """Ids that stand once, and what they mean."""

    def read(self, starts: IntArray, lengths: IntArray) -> Images:
        """The images among some elements; those that cannot be named are reported."""
        names = NameColumn(self.scratch)
        number, start, length = (Column(self.scratch, np.int64, shared=True) for _ in range(3))
        keys, meanings, with_id, hashes = (Column(self.scratch, np.int64) for _ in range(4))
        count = 0
        for part in steps(len(starts)):
            kept = [*self._named(range(part.start, part.stop), starts[part], lengths[part], count)]
            numbers = np.array([one.number for one in kept], np.int64)
            keyed = [(count + at, hash(one.name)) for at, one in enumerate(kept) if one.has_id]
            for column, values in (
                (number, numbers), (start, starts[numbers]), (length, lengths[numbers]),
                (keys, [key for key, _ in self.alone]), (meanings, [record for _, record in self.alone]),
                (with_id, [record for record, _ in keyed]), (hashes, [hashed for _, hashed in keyed]),
            ):  # fmt: skip
                column.add(values)
            names.add([one.name for one in kept])
            self.alone.clear()
            count += len(kept)
        found = Images(names.all(), number.array(), start.array(), length.array(), Owners(NOTHING))
        warn_of_repeated_names(
            self.file, self.on_problem, found, with_id.array(), hashes.array(), self.scratch
        )
        found.owners = Owners(numbered(keys.array(), meanings.array(), self.scratch) or NOTHING, self.by_id)
        return found

    def _named(self, numbers: range, starts: IntArray, lengths: IntArray, record: int) -> Iterator[_Named]:
        """Those of some elements that become records, from this number on."""
        for number, start, length in zip(numbers, starts.tolist(), lengths.tolist(), strict=True):
            at = (start, f"/images/{number}")
            row = self._row(self.file.slice(start, length), at)
            if row is not None and self._owns(row, record, at):
                yield _Named(number, row.file_name or "", id_key(row.id) is not None)
                record += 1

    def _row(self, raw: bytes, at: tuple[int, str]) -> _ImageRow | None:
        try:
            row = _IMAGE.decode(raw)
        except UNREADABLE as error:
            words, hint = why(error, raw)
            message = f"an image cannot be read: {words}"
            self._report("image_invalid", message, at, unit=Unit.IMAGE, hint=hint)
            return None
        if (repeated := repeated_key(raw, NAMING)) is not None:
            message = f"an image has {repeated!r} twice"
            self._report("key_repeated", message, at, unit=Unit.IMAGE, hint="keep the one that is meant")
            return None
        return row

    def _owns(self, row: _ImageRow, record: int, at: tuple[int, str]) -> bool:
        """Whether an image becomes a record; what its id means then is noted."""
        key = id_key(row.id)
        if not row.file_name or not row.file_name.strip():
            message = f"image {row.id!r:.80} has no file name"
            self._report("image_unnamed", message, at, unit=Unit.IMAGE, hint="give it one")
            self._note(key, UNNAMED, "")
            return False
        if key is None:
            message = f"{row.file_name!r:.200} has no id: no annotation can refer to it"
            self._report("image_without_id", message, at, **_WARNING_IMAGE)
            return True
        if key not in self.by_id:
            self._note(key, record, row.file_name)
            return True
        if self.by_id[key] >= 0 and self.name_of[key] == row.file_name:
            message = f"image {key!r:.80} ({row.file_name!r:.200}) is listed twice"
            self._report("image_repeated", message, at, **_WARNING_IMAGE)
            return False
        message = f"the id {key!r:.80} is given to several images: its annotations cannot be placed"
        self._report("image_id_repeated", message, at, **_WARNING_IMAGE)
        self.by_id[key] = AMBIGUOUS
        return True

    def _note(self, key: Id | None, record: int, name: str) -> None:
        if key is None:
            return
        if type(key) is int and -HUGE < key < HUGE and not len(among(np.array([key]), self.several)[0]):
            self.alone.append((key, record))
        else:
            self.by_id[key], self.name_of[key] = record, name

    def _report(self, code: str, message: str, at: tuple[int, str], **more: Any) -> None:
        offset, pointer = at
        self.on_problem(Problem(code, message, self.file.place(offset, pointer), **more))


def warn_of_repeated_names(
    file: JsonFile,
    on_problem: OnProblem,
    images: Images,
    records: range | IntArray,
    hashes: IntArray,
    scratch: Scratch,
) -> None:
    """Images that are listed again under another id; told by their names' hashes, which take no memory to speak of."""
    for places in repeats(hashes, scratch):
        for place in places.tolist():
            record = int(records[place])
            message = f"{images.names[record]!r:.200} is listed again, under another id; both are kept"
            at = file.place(int(images.start[record]), f"/images/{images.number[record]}")
            on_problem(Problem("image_repeated", message, at, **_WARNING_IMAGE))
