"""The annotations of one COCO file, grouped by the image they are on.

Some thousand are decoded together, of each only what the grouping needs. Where one of them is not as nearly all are, those
are looked at one by one. Ids are looked up for all at once; what can be on no image is reported.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from ..problems import OnProblem, Problem, Severity, Unit
from .checks import INSTANCES_MAX
from .coco_categories import Id, id_key
from .coco_images import AMBIGUOUS, HUGE, UNKNOWN, UNNAMED, IntArray, Owners
from .jsonfile import JsonFile, reject
from .jsonspans import Spans
from .jsontext import UNREADABLE, why

if TYPE_CHECKING:
    from .coco_index import CocoIndex

_NOTHING = msgspec.Raw(b"")
_NO_ID = -(1 << 63)
NOTHING: Spans = (np.zeros(0, np.int64), np.zeros(0, np.int64))
"""The spans of an array without elements."""
WARNING_FILE: dict[str, Any] = {"severity": Severity.WARNING, "unit": Unit.FILE}
"""What a problem is that concerns the file, and costs nothing."""


class _AnnotationRow(msgspec.Struct):
    id: int | str | float | None = None
    image_id: int | str | float | None = None
    category_id: int | str | float | None = None
    bbox: msgspec.Raw = _NOTHING
    segmentation: msgspec.Raw = _NOTHING
    caption: msgspec.Raw = _NOTHING


class _PlainRow(msgspec.Struct, gc=False):
    image_id: int
    category_id: int
    id: int = _NO_ID
    bbox: msgspec.Raw = _NOTHING
    segmentation: msgspec.Raw = _NOTHING
    caption: msgspec.Raw = _NOTHING


_ANNOTATION = msgspec.json.Decoder(_AnnotationRow)
_PLAIN = msgspec.json.Decoder(list[_PlainRow])
_SEVERAL = 4096
"""Annotations that are decoded together."""
_HASHED = (1 << 61) - 1
"""Whole numbers from 0 up to this are their own hashes."""
_EMPTY = (b"", b"[]", b"[[]]", b"null", b"[ ]", b"{}")


def is_caption(text: bytes, index: CocoIndex) -> bool:
    """Whether the index took an annotation for a caption, which is no instance; also of one that cannot be read whole."""
    try:
        return _captions(_ANNOTATION.decode(text), index)
    except UNREADABLE:
        return False


def _captions(row: _AnnotationRow, index: CocoIndex) -> bool:
    return len(row.caption) > 0 and id_key(row.category_id) not in index.categories


def _kind(row: _AnnotationRow | _PlainRow) -> str:
    if len(row.segmentation) > 6 or bytes(row.segmentation) not in _EMPTY:
        return POLYGON
    return RECTANGLE if len(row.bbox) > 6 or bytes(row.bbox) not in _EMPTY else CLASSIFICATION


_UNPLACED = {
    UNNAMED: ("image_unnamed", "its image has no file name", "name the image"),
    AMBIGUOUS: ("image_id_repeated", "several images have its image_id", "give every image its own id"),
    UNKNOWN: (
        "image_unknown",
        "no image has its image_id",
        "was the file split? take the annotation out, or add the image",
    ),
}


_BY_NUMBER = -9
"""Stands for a record that is looked up by the number of its image."""


class Annotations:
    """Groups the annotations by record; captions are kept with their image but are no instances."""

    def __init__(self, file: JsonFile, index: CocoIndex, on_problem: OnProblem, owners: Owners) -> None:
        self.file = file
        self.index = index
        self.on_problem = on_problem
        self.owners = owners
        self.shaped = self.shapeless = 0

    def read(self, spans: Spans, has_categories: bool) -> None:
        """Fill the index from the elements of the array."""
        self.has_categories = has_categories
        starts, lengths = spans
        owner = np.full(len(starts), _BY_NUMBER, np.int64)
        self.keys = np.zeros(len(starts), np.int64)
        self.ids = np.full(len(starts), _NO_ID, np.int64)
        for begin in range(0, len(starts), _SEVERAL):
            numbers = range(begin, min(begin + _SEVERAL, len(starts)))
            if has_categories and self._take_plain(numbers, starts, lengths):
                continue
            for number in numbers:
                text = self.file.slice(int(starts[number]), int(lengths[number]))
                found = self._owner(text, number, int(starts[number]))
                if found is not None:
                    owner[number] = found
        by_number = np.flatnonzero(owner == _BY_NUMBER)
        owner[by_number] = self.owners.of(self.keys[by_number])
        for number in by_number[owner[by_number] < 0].tolist():
            text = self.file.slice(int(starts[number]), int(lengths[number]))
            self._unplaced(int(owner[number]), _ANNOTATION.decode(text), int(starts[number]), number)
        self._warn_of_repeated_ids(starts)
        self._warn_of_mixed_shapes()
        index = self.index
        self._refuse_crowded_images(owner, starts)
        order = np.argsort(owner, kind="stable")
        order = order[np.searchsorted(owner[order], 0) :]
        index.first = np.searchsorted(owner[order], np.arange(len(index.names) + 1))
        index.annotation_number = order
        index.annotation_start, index.annotation_length = starts[order], lengths[order]

    def _refuse_crowded_images(self, owner: IntArray, starts: IntArray) -> None:
        """Leave out what is said of an image with more instances than memory should hold at a time."""
        placed = owner[owner >= 0]
        counts = np.bincount(placed) if len(placed) else np.zeros(0, np.int64)
        for record in np.flatnonzero(counts > INSTANCES_MAX).tolist():
            mine = np.flatnonzero(owner == record)
            message = f"{self.index.names[record]!r:.200} has {counts[record]} instances; at most {INSTANCES_MAX} are accepted"
            at = (int(starts[mine[0]]), f"/annotations/{int(mine[0])}")
            lost = int(counts[record])
            self._report(
                "instances_too_many", message, at, unit=Unit.IMAGE, lost=lost, hint="split the image"
            )
            owner[mine] = UNNAMED

    def _warn_of_repeated_ids(self, starts: IntArray) -> None:
        """Say once how many annotations have an id that stands before. All are kept: nothing here refers to them by it."""
        given = np.flatnonzero(self.ids != _NO_ID)
        repeated = np.delete(given, np.unique(self.ids[given], return_index=True)[1])
        if len(repeated):
            number = int(repeated[0])
            message = f"{len(repeated)} annotations have the id of another one before them; all are kept"
            at = (int(starts[number]), f"/annotations/{number}/id")
            self._report("annotation_id_repeated", message, at, **WARNING_FILE)

    def _take_plain(self, numbers: range, starts: IntArray, lengths: IntArray) -> bool:
        """Take several annotations at once, if each has whole numbers for ids and none is a caption; whether they are taken."""
        first, last = numbers[0], numbers[-1]
        try:
            rows = _PLAIN.decode(
                b"[%b]"
                % self.file.slice(int(starts[first]), int(starts[last] + lengths[last] - starts[first]))
            )
            images = np.array([row.image_id for row in rows], np.int64)
            ids = np.array([row.id for row in rows], np.int64)
        except (*UNREADABLE, OverflowError):
            return False
        given = ids[ids != _NO_ID]
        if len(rows) != len(numbers) or (given < 0).any() or (given >= _HASHED).any():
            return False
        if (images <= -HUGE).any() or (images >= HUGE).any() or any(len(row.caption) for row in rows):
            return False
        self.keys[first : last + 1], self.ids[first : last + 1] = images, ids
        self.index.instances += len(rows)
        for (category, kind), count in Counter([(row.category_id, _kind(row)) for row in rows]).items():
            self._tally(category, kind, count)
        return True

    def _owner(self, raw: bytes, number: int, start: int) -> int | None:
        """The record of an annotation; None when it follows from ``keys``, which is looked up for all at once."""
        try:
            row = _ANNOTATION.decode(raw)
        except UNREADABLE as error:
            self._count()
            words, hint = why(error)
            at = (start, f"/annotations/{number}")
            self._report(
                "annotation_invalid", f"an annotation cannot be read: {words}", at, lost=1, hint=hint
            )
            return UNNAMED
        own = row.id if type(row.id) is int else id_key(row.id)
        if own is not None:
            self.ids[number] = hash(own)
        is_caption = _captions(row, self.index)
        self.index.captions += is_caption
        if not is_caption:
            self._count()
            category = row.category_id if type(row.category_id) is int else id_key(row.category_id)
            self._tally(category, _kind(row), 1)
        key = row.image_id if type(row.image_id) is int else id_key(row.image_id)
        if type(key) is int and -HUGE < key < HUGE:
            self.keys[number] = key
            return None
        record = self.owners.get(key)
        if record < 0:
            self._unplaced(record, row, start, number)
        return record

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
