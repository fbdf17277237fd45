"""Where the record and the image of every picture of a PICSELLIA file stand: a name and some numbers each.

They are on disk above a size (scratch), so that memory does not follow the number of pictures; a process that reads a
part maps them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from .many_names import NameColumn
from .picsellia_records import Entry, Range
from .scratch import Column, IntArray, Packed, Scratch

_TOGETHER = 4096
"""Names that wait until they are put behind the others."""


def _none() -> IntArray:
    return np.zeros(0, np.int64)


@dataclass(slots=True)
class PicselliaIndex(Packed):
    """Where things stand. The first entries have a record and perhaps an image, the others an image alone.

    A place is three numbers: the element's number, its first byte and its length, which is 0 where there is none.
    """

    scratch: Scratch = field(default_factory=Scratch)
    is_listed: bool = True
    """Whether the records stand in ``annotations``; False when the document is their bare list."""
    record_names: Sequence[str] = ()
    image_names: Sequence[str] = ()
    records: IntArray = field(default_factory=_none)
    """The place of each record."""
    objects: IntArray = field(default_factory=_none)
    """How many objects each record has."""
    joined: IntArray = field(default_factory=_none)
    """The place of each record's image."""
    images: IntArray = field(default_factory=_none)
    """The places of the other images."""
    instances: int = 0
    kinds: dict[str, set[str]] = field(default_factory=dict)
    """Kinds of instances by label."""

    def __len__(self) -> int:
        return len(self.record_names) + len(self.image_names)

    def entries(self, start: int, stop: int) -> Iterator[Entry]:
        """Some of them."""
        count = len(self.record_names)
        own, joined = _ranges(self.records, start, stop), _ranges(self.joined, start, stop)
        names, objects = self.record_names[start:stop], self.objects[start:stop].tolist()
        for name, record, image, number in zip(names, own, joined, objects, strict=True):
            yield Entry(name, record, image if image.length else None, number)
        start, stop = max(start - count, 0), max(stop - count, 0)
        for name, image in zip(self.image_names[start:stop], _ranges(self.images, start, stop), strict=True):
            yield Entry(name, None, image)

    def pointer(self, number: int) -> str:
        """The JSON pointer of a record."""
        return f"/annotations/{number}" if self.is_listed else f"/{number}"

    def pointer_of(self, entry: Entry) -> str:
        """The JSON pointer of an entry's record, or of its image."""
        if entry.record is not None:
            return self.pointer(entry.record.number)
        return f"/images/{entry.image.number}" if entry.image is not None else ""


def _ranges(places: IntArray, start: int, stop: int) -> Iterator[Range]:
    flat = places[3 * start : 3 * stop].tolist()
    return map(Range, flat[0::3], flat[1::3], flat[2::3])


class Listed:
    """Names with some whole numbers each, put behind each other."""

    def __init__(self, scratch: Scratch, columns: int) -> None:
        self._names = NameColumn(scratch)
        self._columns = [Column(scratch, np.int64, shared=True) for _ in range(columns)]
        self._waiting: list[str] = []
        self.count = 0
        self._numbers: list[list[int]] = [[] for _ in range(columns)]

    def add(self, name: str, *numbers: Sequence[int]) -> None:
        """Put one behind the others; a column may take several numbers."""
        self._waiting.append(name)
        self.count += 1
        for waiting, given in zip(self._numbers, numbers, strict=True):
            waiting.extend(given)
        if len(self._waiting) == _TOGETHER:
            self._flush()

    def _flush(self) -> None:
        self._names.add(self._waiting)
        for column, waiting in zip(self._columns, self._numbers, strict=True):
            column.add(waiting)
            waiting.clear()
        self._waiting = []

    def all(self) -> tuple[Sequence[str], list[IntArray]]:
        """The names and the numbers; nothing may be added any more."""
        self._flush()
        return self._names.all(), [column.array() for column in self._columns]
