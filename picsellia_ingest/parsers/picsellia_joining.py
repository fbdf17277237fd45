"""The records and images of a PICSELLIA file, joined by the picture's name, and where several pictures have it by its id.

Records that can be of no picture are reported here; all other findings wait until the record is read. While it works, the
names of records are in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from hashlib import blake2b

import numpy as np

from ..errors import ItemError
from ..problems import OnProblem, Problem, Severity, Unit
from .checks import INSTANCES_MAX, plain_label
from .jsonfile import JsonFile
from .jsontext import Keys, repeated_key
from .picsellia_elements import Element, Kind, names
from .picsellia_index import Listed, PicselliaIndex
from .picsellia_records import Range

_NAMING = Keys("external_picture_url", "annotations")


def build(
    file: JsonFile,
    records: Iterable[Element],
    images: Iterable[Element],
    index: PicselliaIndex,
    on_problem: OnProblem,
) -> PicselliaIndex:
    """Put the records and images of an open file into an empty index."""
    builder = _Builder(file, index, on_problem)
    builder.take_records(records)
    builder.take_images(images)
    return index


class _Builder:
    def __init__(self, file: JsonFile, index: PicselliaIndex, on_problem: OnProblem) -> None:
        self.file, self.index, self.on_problem = file, index, on_problem
        self.first: dict[str, int] = {}
        """Where the first record of each name is among those that are taken in."""
        self.others: dict[str, list[int]] = {}
        """Where the further ones are."""
        self.rejected: list[int] = []
        """How many had been taken in when a record was rejected."""
        self.by_id: dict[str, dict[str | None, int]] = {}
        """Of names that several records have, where the first with each id is."""
        self.full: set[str] = set()
        """Such names whose records all have an image."""
        self.noted: set[Kind] = set()
        """Labels with kinds that were seen."""

    def take_records(self, records: Iterable[Element]) -> None:
        """Take the records in; those that are rejected are reported."""
        index, listed = self.index, Listed(self.index.scratch, 2)
        for one in records:
            name, count, at = one.name, one.number, one.at
            index.instances += count or 0
            self._note(one.kinds)
            if self._is_rejected(one) or name is None or count is None:
                self.rejected.append(listed.count)
                continue
            first = self.first.setdefault(name, listed.count)
            if first != listed.count:
                number = first + bisect_right(self.rejected, first)
                again = ItemError(
                    "image_repeated", f"{name!r:.200} has another record, number {number}; both are kept"
                )
                self._report(again, at, index.pointer(at.number), severity=Severity.WARNING)
                self.others.setdefault(name, []).append(listed.count)
            listed.add(name, (at.number, at.start, at.length), (count,))
        index.record_names, (index.records, index.objects) = listed.all()
        index.joined = index.scratch.zeros(len(index.records), np.int64, shared=True)

    def _is_rejected(self, one: Element) -> bool:
        """Whether a record is rejected, which is reported."""
        name, at, lost = one.name, one.at, one.number or 0
        if (twice := repeated_key(one.around, _NAMING)) is not None:
            field, code, hint = twice, "key_repeated", "keep the one that is meant"
            message = f"a record has {twice!r} twice"
        elif lost > INSTANCES_MAX:
            field, code, hint = "annotations", "instances_too_many", "split the image"
            message = f"{name!r:.200} has {lost} objects; at most {INSTANCES_MAX} are accepted"
        elif name is None:
            field, code, hint = "external_picture_url", "image_unnamed", "add external_picture_url"
            message = f"a record with {lost} objects names no picture"
        elif one.number is None:
            field, code, hint = "annotations", "annotations_invalid", "mend the record"
            message = f"the annotations of {name!r:.200} are not a list"
        else:
            return False
        pointer = f"{self.index.pointer(at.number)}/{field}"
        self._report(ItemError(code, message, hint), at, pointer, lost)
        return True

    def _report(
        self, found: ItemError, at: Range, pointer: str, lost: int = 0, severity: Severity = Severity.ERROR
    ) -> None:
        where = self.file.place(at.start, pointer)
        self.on_problem(Problem(found.code, found.message, where, severity, Unit.IMAGE, lost, found.hint))

    def _note(self, kinds: Iterable[Kind]) -> None:
        """Take in labels."""
        for seen in kinds:
            if seen in self.noted:
                continue
            self.noted.add(seen)
            label = plain_label(seen[0])
            if label is not None and seen[1] is not None:
                self.index.kinds.setdefault(label, set()).add(seen[1])

    def take_images(self, images: Iterable[Element]) -> None:
        """Give each image to the records of its picture; one of which there are none is an entry of its own."""
        index, alone = self.index, Listed(self.index.scratch, 1)
        seen: set[bytes] = set()
        for one in images:
            name, picture, at = one.name, one.picture, one.at
            pointer = f"/images/{at.number}"
            if name is None:
                unnamed = ItemError("image_unnamed", "an image has no name", "add external_picture_url")
                self._report(unnamed, at, f"{pointer}/external_picture_url")
                continue
            key = blake2b(repr((name, picture)).encode(), digest_size=16).digest()
            if key in seen:
                message = f"the image {name!r:.200} is listed twice"
                self._report(ItemError("image_repeated", message), at, pointer, severity=Severity.WARNING)
                continue
            seen.add(key)
            if name in self.first:
                self._join(name, picture, at)
            else:
                alone.add(name, (at.number, at.start, at.length))
        index.image_names, (index.images,) = alone.all()

    def _join(self, name: str, picture: str | None, at: Range) -> None:
        """Give an image to the record of its id, or to all of its name; each keeps the first one."""
        positions = [self.first[name]]
        if name in self.others:
            if name in self.full:
                return
            by_id = self._by_id(name)
            if picture is not None and picture in by_id:
                positions = [by_id[picture]]
            else:
                positions += self.others[name]
                self.full.add(name)
        for position in positions:
            if not self.index.joined[3 * position + 2]:
                self.index.joined[3 * position : 3 * position + 3] = at.number, at.start, at.length

    def _by_id(self, name: str) -> dict[str | None, int]:
        if name not in self.by_id:
            found = self.by_id[name] = {}
            for position in (self.first[name], *self.others[name]):
                _, start, length = self.index.records[3 * position : 3 * position + 3].tolist()
                found.setdefault(names(self.file.slice(start, length))[1], position)
        return self.by_id[name]
