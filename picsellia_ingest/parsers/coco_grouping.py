"""The annotations of one COCO file, grouped by the image they are on.

A window of them is decoded together, of each only what the grouping needs, here or by another process (coco_parts). Where
one of them is not as nearly all are, those are looked at one by one. Ids are looked up for all at once; what can be on no
image is reported.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np

from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from ..problems import OnProblem, Problem, Severity, Unit
from . import coco_order
from .checks import INSTANCES_MAX
from .coco_categories import Id, id_key
from .coco_columns import NO_ID, NOTHING, Columns, PlainRow, columns, is_given
from .coco_owners import AMBIGUOUS, HUGE, UNKNOWN, UNNAMED, Owners
from .jsonfile import JsonFile, reject
from .jsonspans import Window
from .jsontext import UNREADABLE, why
from .scratch import Column, IntArray, narrow, repeats, steps

if TYPE_CHECKING:
    from .coco_index import CocoIndex

WARNING_FILE: dict[str, Any] = {"severity": Severity.WARNING, "unit": Unit.FILE}
"""What a problem is that concerns the file, and costs nothing."""


class _AnnotationRow(msgspec.Struct):
    id: int | str | float | None = None
    image_id: int | str | float | None = None
    category_id: int | str | float | None = None
    bbox: msgspec.Raw = NOTHING
    segmentation: msgspec.Raw = NOTHING
    caption: msgspec.Raw = NOTHING


_ANNOTATION = msgspec.json.Decoder(_AnnotationRow)


def is_caption(text: bytes, index: CocoIndex) -> bool:
    """Whether the index took an annotation for a caption, which is no instance; also of one that cannot be read whole."""
    try:
        return _captions(_ANNOTATION.decode(text), index)
    except UNREADABLE:
        return False


def _captions(row: _AnnotationRow, index: CocoIndex) -> bool:
    return len(row.caption) > 0 and id_key(row.category_id) not in index.categories


def _kind(row: _AnnotationRow) -> str:
    if is_given(row.segmentation):
        return POLYGON
    return RECTANGLE if is_given(row.bbox) else CLASSIFICATION


_UNPLACED = {
    UNNAMED: ("image_unnamed", "its image has no file name", "name the image"),
    AMBIGUOUS: ("image_id_repeated", "several images have its image_id", "give every image its own id"),
    UNKNOWN: (
        "image_unknown",
        "no image has its image_id",
        "was the file split? take the annotation out, or add the image",
    ),
}


class _Owner(NamedTuple):
    """The record of an annotation, or the number by which it is looked up for many at once; and the annotation's id, hashed."""

    record: int = UNNAMED
    id: int | None = None
    key: int | None = None


_LATER = 8
"""Taken from a negative number of a record that was found by the number of its image, and is to be reported."""


class Annotations:
    """Groups the annotations by record; captions are kept with their image but are no instances."""

    def __init__(self, file: JsonFile, index: CocoIndex, on_problem: OnProblem, owners: Owners) -> None:
        self.file = file
        self.index = index
        self.on_problem = on_problem
        self.owners = owners
        self.shaped = self.shapeless = 0
        self.tallies: defaultdict[str, Counter[int]] = defaultdict(Counter)

    def read(self, parts: Iterable[Window[PlainRow] | Columns], has_categories: bool) -> None:
        """Fill the index from the elements of the array."""
        self.has_categories = has_categories
        index, scratch = self.index, self.index.scratch
        starts, lengths = (Column(scratch, np.int64, shared=True) for _ in range(2))
        owners, ids = Column(scratch, narrow(len(index.names))), Column(scratch, np.int64)
        number = 0
        for part in parts:
            records, own = self._of(part, number)
            starts.add(part.starts)
            lengths.add(part.lengths)
            owners.add(records)
            ids.add(own)
            number += len(part.starts)
        index.element_start, index.element_length = starts.array(), lengths.array()
        owner = owners.array()
        self._report_unplaced(owner)
        self._warn_of_repeated_ids(ids.array())
        for kind, tally in self.tallies.items():
            for category, count in tally.items():
                self._tally(category, kind, count)
        self._warn_of_mixed_shapes()
        self._group(owner)

    def _group(self, owner: IntArray) -> None:
        index = self.index
        index.first = coco_order.counts(owner, len(index.names), index.scratch)
        self._refuse_crowded_images(owner, index.first)
        index.annotation_number = coco_order.order(owner, index.first, index.scratch)

    def _refuse_crowded_images(self, owner: IntArray, counts: IntArray) -> None:
        """Leave out what is said of an image with more instances than memory should hold at a time; ``counts[i + 1]`` are record i's."""
        for some in steps(len(counts)):
            for record in (np.flatnonzero(counts[some] > INSTANCES_MAX) + some.start - 1).tolist():
                lost, number = int(counts[record + 1]), coco_order.leave_out(owner, record)
                counts[record + 1] = 0
                message = f"{self.index.names[record]!r:.200} has {lost} instances; at most {INSTANCES_MAX} are accepted"
                at = (int(self.index.element_start[number]), f"/annotations/{number}")
                self._report(
                    "instances_too_many", message, at, unit=Unit.IMAGE, lost=lost, hint="split the image"
                )

    def _report_unplaced(self, owner: IntArray) -> None:
        """Report the annotations whose image was looked up for many at once, and has no record."""
        index = self.index
        for part in steps(len(owner)):
            for number in (np.flatnonzero(owner[part] < -_LATER) + part.start).tolist():
                owner[number] += _LATER
                start = int(index.element_start[number])
                text = self.file.slice(start, int(index.element_length[number]))
                self._unplaced(int(owner[number]), _ANNOTATION.decode(text), start, number)

    def _warn_of_repeated_ids(self, ids: IntArray) -> None:
        """Say once how many annotations have an id that stands before. All are kept: nothing here refers to them by it."""
        first, count = -1, 0
        for places in repeats(ids, self.index.scratch, but=NO_ID):
            first = int(places[0]) if first < 0 and len(places) else first
            count += len(places)
        if count:
            message = f"{count} annotations have the id of another one before them; all are kept"
            at = (int(self.index.element_start[first]), f"/annotations/{first}/id")
            self._report("annotation_id_repeated", message, at, **WARNING_FILE)

    def _of(self, part: Window[PlainRow] | Columns, number: int) -> tuple[IntArray, IntArray]:
        if isinstance(part, Columns):
            return self._taken(part)
        found = columns(part) if self.has_categories else None
        return self._one_by_one(part, number) if found is None else self._taken(found)

    def _taken(self, found: Columns) -> tuple[IntArray, IntArray]:
        """The records and ids of annotations that are as nearly all are."""
        self.index.instances += len(found.ids)
        for kind, tally in found.tallies.items():
            self.tallies[kind].update(tally)
        return self._records(found.images), found.ids

    def _records(self, images: IntArray) -> IntArray:
        found = self.owners.of(images)
        return np.where(found < 0, found - _LATER, found)

    def _one_by_one(self, window: Window[PlainRow], number: int) -> tuple[IntArray, IntArray]:
        """The records and ids of annotations of any kind."""
        owner = np.zeros(len(window.starts), np.int64)
        ids = np.full(len(owner), NO_ID, np.int64)
        keys: dict[int, int] = {}
        starts = window.starts.tolist()
        for place, text in enumerate(window.elements()):
            found = self._owner(text, number + place, starts[place])
            owner[place] = found.record
            if found.key is not None:
                keys[place] = found.key
            if found.id is not None:
                ids[place] = found.id
        owner[np.array([*keys], np.int64)] = self._records(np.array([*keys.values()], np.int64))
        return owner, ids

    def _owner(self, raw: bytes, number: int, start: int) -> _Owner:
        try:
            row = _ANNOTATION.decode(raw)
        except UNREADABLE as error:
            self._count()
            words, hint = why(error, raw)
            at = (start, f"/annotations/{number}")
            self._report(
                "annotation_invalid", f"an annotation cannot be read: {words}", at, lost=1, hint=hint
            )
            return _Owner()
        own = row.id if type(row.id) is int else id_key(row.id)
        hashed = None if own is None else hash(own)
        is_caption = _captions(row, self.index)
        self.index.captions += is_caption
        if not is_caption:
            self._count()
            category = row.category_id if type(row.category_id) is int else id_key(row.category_id)
            self._tally(category, _kind(row), 1)
        key = row.image_id if type(row.image_id) is int else id_key(row.image_id)
        if type(key) is int and -HUGE < key < HUGE:
            return _Owner(id=hashed, key=key)
        record = self.owners.get(key)
        if record < 0:
            self._unplaced(record, row, start, number)
        return _Owner(record, hashed)

    def _unplaced(self, record: int, row: _AnnotationRow, start: int, number: int) -> None:
        code, reason, hint = _UNPLACED[record]
        message = f"an annotation cannot be placed: {reason} ({row.image_id!r:.80})"
        at = (start, f"/annotations/{number}/image_id")
        self._report(code, message, at, hint=hint, lost=int(not _captions(row, self.index)))

    def _report(self, code: str, message: str, at: tuple[int, str], **more: Any) -> None:
        offset, pointer = at
        self.on_problem(Problem(code, message, self.file.place(offset, pointer), **more))

    def _count(self) -> None:
        """Count an instance. Raises InputError when none can have a name."""
        if not self.has_categories:
            raise reject(
                self.file.path, "no_categories", "there is no 'categories' array, or nothing in it: no annotation has a name",
                "add the categories; a name is never made up", "/categories",
            )  # fmt: skip
        self.index.instances += 1

    def _tally(self, category: Id | None, kind: str, count: int) -> None:
        label = self.index.categories.get(category) if category is not None else None
        if not isinstance(label, str):
            return
        self.shapeless += count if kind == CLASSIFICATION else 0
        self.shaped += count if kind != CLASSIFICATION else 0
        self.index.kinds[label].add(kind)

    def _warn_of_mixed_shapes(self) -> None:
        """A few classifications among boxes may be boxes that got lost."""
        if self.shaped and self.shapeless:
            message = (
                f"{self.shapeless} of {self.shaped + self.shapeless} annotations have neither bbox nor segmentation:"
                " they are read as classifications of the whole image"
            )
            self._report("shape_missing", message, (0, "/annotations"), **WARNING_FILE)
