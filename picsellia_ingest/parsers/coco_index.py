"""The index of one COCO file: where every image and annotation stands, grouped by image.

COCO keeps images and annotations in two arrays, in any order, joined by ids. One pass over the elements takes their
byte ranges and ids, and a counting sort groups the annotations by image (coco_grouping, coco_order). What is kept is
arrays and names, a few dozen bytes an annotation, on disk above a size (scratch), so memory does not follow the size of
the file. Annotations that can be on no image are reported here; all other findings wait until the annotation is read.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from ..problems import OnProblem, Problem
from . import coco_images, coco_parts
from .coco_categories import Categories, Id, Unusable
from .coco_columns import Columns, PlainRow
from .coco_files import split_of
from .coco_grouping import WARNING_FILE, Annotations
from .jsonfile import JsonFile, reject
from .jsonoutlined import Check, Top, read_outlined
from .jsonspans import Window
from .jsontext import UNREADABLE, decoded, why
from .scratch import IntArray, Packed, Scratch

if TYPE_CHECKING:
    from .base import Spread

_ARRAYS = ("images", "annotations")


@dataclass(frozen=True, slots=True)
class InOrder:
    """Values of elements in the file's order, taken in the order of the records."""

    values: IntArray
    order: IntArray

    def __getitem__(self, at: Any) -> Any:
        return self.values[self.order[at]]


@dataclass(slots=True)
class CocoIndex(Packed):
    """Where things stand in one file. Record ``i`` is the i-th image that can be named, in the file's order."""

    path: Path
    scratch: Scratch = field(default_factory=Scratch)
    """Where the arrays are that are not in memory."""
    rewritten: bool = False
    """Whether the file holds tokens that are not JSON, so that it must be read as JsonFile.rewrite makes it."""
    splits: tuple[str, ...] = ()
    """The split that the file's name says its images are in."""
    names: Sequence[str] = ()
    image_number: range | IntArray = range(0)
    image_start: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    image_length: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    element_start: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    element_length: IntArray = field(default_factory=lambda: np.zeros(0, np.int64))
    """Where the elements of ``annotations`` stand, in the file's order."""
    first: IntArray = field(default_factory=lambda: np.zeros(1, np.int64))
    """Record ``i`` owns the annotations ``first[i]`` to ``first[i + 1]`` of the next three."""
    annotation_number: IntArray = field(default_factory=lambda: np.zeros(0, np.int32))
    instances: int = 0
    captions: int = 0
    categories: dict[Id, str | Unusable] = field(default_factory=dict)
    """Label by category id, or why the category gives none."""
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)
    kinds: dict[str, set[str]] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)

    @property
    def annotation_start(self) -> InOrder:
        """Where each annotation begins."""
        return InOrder(self.element_start, self.annotation_number)

    @property
    def annotation_length(self) -> InOrder:
        """How long each annotation is."""
        return InOrder(self.element_length, self.annotation_number)


def build(file: JsonFile, scratch: Scratch, on_problem: OnProblem, spread: Spread | None = None) -> CocoIndex:
    """Index one open file, a large one by processes (parsers.base). Raises InputError when it is not a COCO dataset."""

    def made(top: Top, told: OnProblem, check: Check | None) -> CocoIndex:
        return _build(file, top, scratch, told, spread, check)

    return read_outlined(file, _ARRAYS, on_problem, made)


def _build(
    file: JsonFile,
    top: Top,
    scratch: Scratch,
    on_problem: OnProblem,
    spread: Spread | None,
    check: Check | None = None,
) -> CocoIndex:
    if isinstance(top, list):
        raise reject(file.path, *_what_list(top))
    images = file.raw_array(top, "images") if check is None else top["images"]
    if images is None:
        raise reject(
            file.path, "no_images", "there is no 'images' array", "is this a COCO dataset file?", "/images"
        )
    categories = file.array(top, "categories")
    index = CocoIndex(file.path, scratch, file.rewritten, split_of(file.path))
    for key in [key for key in top if key not in ("images", "annotations", "categories")]:
        try:
            index.attributes[key] = decoded(top[key])
        except UNREADABLE as error:
            place = file.place(file.offset(top[key]), f"/{key}")
            on_problem(
                Problem(
                    "value_unreadable",
                    f"{key!r:.80} cannot be read: {why(error, top[key])[0]}",
                    place,
                    **WARNING_FILE,
                )
            )
    listed = Categories(file, on_problem)
    listed.read(categories or [])
    index.categories, index.labels = listed.by_id, listed.labels
    index.kinds = {name: set() for name in listed.labels}
    spread = spread if categories else None
    # Processes begin with the annotations while the images are read here.
    ahead = None if check is None else coco_parts.parts(file, top["annotations"], check, spread)
    plainly = file.windows(images, coco_images.PLAIN, check)
    listed_images = coco_images.read(file, plainly, scratch, on_problem)
    index.names, index.image_number = listed_images.names, listed_images.number
    index.image_start, index.image_length = listed_images.start, listed_images.length
    parts = ahead or _parts(file, top, on_problem, spread)
    Annotations(file, index, on_problem, listed_images.owners).read(parts, bool(categories))
    return index


def _parts(
    file: JsonFile, top: dict[str, msgspec.Raw], on_problem: OnProblem, spread: Spread | None
) -> Iterable[Window[PlainRow] | Columns]:
    annotations = file.raw_array(top, "annotations")
    if annotations is not None:
        return coco_parts.parts(file, annotations, None, spread)
    message = "there is no 'annotations' array: the images are read without instances"
    on_problem(Problem("annotations_missing", message, file.place(0, "/annotations"), **WARNING_FILE))
    return ()


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
