"""The index of one COCO file: where every image and annotation stands, grouped by image.

COCO keeps images and annotations in two arrays, in any order, joined by ids. One pass over the elements takes their
byte ranges and ids; an argsort groups the annotations by image. What is kept is arrays and names, a few dozen bytes
an annotation, so memory does not follow the size of the file. Annotations that can be on no image are reported here;
all other findings wait until the annotation is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from ..problems import OnProblem, Problem, Severity, Unit
from . import coco_images
from .checks import INSTANCES_MAX
from .coco_categories import Categories, Id, Unusable, id_key
from .coco_files import split_of
from .coco_images import AMBIGUOUS, HUGE, UNKNOWN, UNNAMED, Owners
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE, decoded, why

IntArray: TypeAlias = NDArray[np.int64]

_NOTHING = msgspec.Raw(b"")


@dataclass(slots=True)
class CocoIndex:
    """Where things stand in one file. Record ``i`` is the i-th image that can be named, in the file's order."""

    path: Path
    rewritten: bool = False
    """Whether the file holds tokens that are not JSON, so that it must be read as JsonFile.rewrite makes it."""
    splits: tuple[str, ...] = ()
    """The split that the file's name says its images are in."""
    names: list[str] = field(default_factory=list)
    image_number: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    image_start: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    image_length: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    first: IntArray = field(default_factory=lambda: np.zeros(1, np.int64))
    """Record ``i`` owns the annotations ``first[i]`` to ``first[i + 1]`` of the next three arrays."""
    annotation_number: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    annotation_start: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    annotation_length: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    instances: int = 0
    captions: int = 0
    categories: dict[Id, str | Unusable] = field(default_factory=dict)
    """Label by category id, or why the category gives none."""
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)


class _AnnotationRow(msgspec.Struct):
    id: int | str | float | None = None
    image_id: int | str | float | None = None
    category_id: int | str | float | None = None
    bbox: msgspec.Raw = _NOTHING
    segmentation: msgspec.Raw = _NOTHING
    caption: msgspec.Raw = _NOTHING


_ANNOTATION = msgspec.json.Decoder(_AnnotationRow)
_EMPTY = (b"", b"[]", b"[[]]", b"null", b"[ ]", b"{}")


def build(file: JsonFile, on_problem: OnProblem) -> CocoIndex:
    """Index one open file. Raises InputError when it is not a COCO dataset."""
    top = file.top()
    if isinstance(top, list):
        raise reject(file.path, *_what_list(top))
    images = file.array(top, "images")
    if images is None:
        raise reject(
            file.path, "no_images", "there is no 'images' array", "is this a COCO dataset file?", "/images"
        )
    categories = file.array(top, "categories")
    index = CocoIndex(file.path, file.rewritten, split_of(file.path))
    for key in [key for key in top if key not in ("images", "annotations", "categories")]:
        try:
            index.attributes[key] = decoded(top[key])
        except UNREADABLE as error:
            place = file.place(file.offset(top[key]), f"/{key}")
            on_problem(
                Problem(
                    "value_unreadable", f"{key!r:.80} cannot be read: {why(error)[0]}", place, **_WARNING_FILE
                )
            )
    listed = Categories(file, on_problem)
    listed.read(categories or [])
    index.categories, index.labels = listed.by_id, listed.labels
    index.kinds = {name: set() for name in listed.labels}
    listed_images = coco_images.read(file, images, on_problem)
    del images
    index.names, index.image_number = listed_images.names, listed_images.number
    index.image_start, index.image_length = listed_images.start, listed_images.length
    owners = listed_images.owners
    annotations = file.array(top, "annotations")
    if annotations is None:
        message = "there is no 'annotations' array: the images are read without instances"
        on_problem(Problem("annotations_missing", message, file.place(0, "/annotations"), **_WARNING_FILE))
    _Annotations(file, index, on_problem, owners).read(annotations or [], bool(categories))
    return index


def is_caption(text: bytes, index: CocoIndex) -> bool:
    """Whether the index took an annotation for a caption, which is no instance; also of one that cannot be read whole."""
    try:
        return _captions(_ANNOTATION.decode(text), index)
    except UNREADABLE:
        return False


def _captions(row: _AnnotationRow, index: CocoIndex) -> bool:
    return len(row.caption) > 0 and id_key(row.category_id) not in index.categories


def _what_list(top: list[msgspec.Raw]) -> tuple[str, str, str]:
    try:
        first = decoded(top[0]) if top else None
    except UNREADABLE:
        first = None
    if isinstance(first, dict) and "image_id" in first:
        return (
            "results_list",
            "this is a COCO results list (predictions), not a dataset: it has no images and no categories",
            "give the annotation file that the predictions were made for",
        )
    return (
        "not_coco",
        "the document is a list, a COCO dataset is an object",
        "give a file with 'images' and 'annotations'",
    )


_WARNING_FILE: dict[str, Any] = {"severity": Severity.WARNING, "unit": Unit.FILE}


_UNPLACED = {
    UNNAMED: ("image_unnamed", "its image has no file name", "name the image"),
    AMBIGUOUS: ("image_id_repeated", "several images have its image_id", "give every image its own id"),
    UNKNOWN: (
        "image_unknown",
        "no image has its image_id",
        "was the file split? take the annotation out, or add the image",
    ),
}


_NO_ID = -(1 << 63)
_BY_NUMBER = -9
"""Stands for a record that is looked up by the number of its image."""


class _Annotations:
    """Groups the annotations by record; captions are kept with their image but are no instances."""

    def __init__(self, file: JsonFile, index: CocoIndex, on_problem: OnProblem, owners: Owners) -> None:
        self.file = file
        self.index = index
        self.on_problem = on_problem
        self.owners = owners
        self.shaped = self.shapeless = 0

    def read(self, raws: list[msgspec.Raw], has_categories: bool) -> None:
        self.has_categories = has_categories
        starts, lengths = self.file.offsets(raws)
        owner = np.full(len(raws), _BY_NUMBER, np.int64)
        self.keys = np.zeros(len(raws), np.int64)
        self.ids = np.full(len(raws), _NO_ID, np.int64)
        for number, raw in enumerate(raws):
            raws[number] = _NOTHING  # millions of them would stay until the last is read
            found = self._owner(raw, number, int(starts[number]))
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
            self._report("annotation_id_repeated", message, at, **_WARNING_FILE)

    def _owner(self, raw: msgspec.Raw, number: int, start: int) -> int | None:
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
            self._tally(row)
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

    def _tally(self, row: _AnnotationRow) -> None:
        key = row.category_id if type(row.category_id) is int else id_key(row.category_id)
        label = self.index.categories.get(key) if key is not None else None
        if not isinstance(label, str):
            return
        if len(row.segmentation) > 6 or bytes(row.segmentation) not in _EMPTY:
            kind = POLYGON
        else:
            kind = RECTANGLE if len(row.bbox) > 6 or bytes(row.bbox) not in _EMPTY else CLASSIFICATION
            self.shapeless += kind == CLASSIFICATION
        self.shaped += kind != CLASSIFICATION
        self.index.kinds[label].add(kind)

    def _warn_of_mixed_shapes(self) -> None:
        """A few classifications among boxes may be boxes that got lost."""
        if self.shaped and self.shapeless:
            message = (
                f"{self.shapeless} of {self.shaped + self.shapeless} annotations have neither bbox nor segmentation:"
                " they are read as classifications of the whole image"
            )
            self._report("shape_missing", message, (0, "/annotations"), **_WARNING_FILE)
