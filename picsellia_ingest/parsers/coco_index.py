"""The index of one COCO file: where every image and annotation stands, grouped by image.

COCO keeps images and annotations in two arrays, in any order, joined by ids. One pass over the elements takes their
byte ranges and ids; an argsort groups the annotations by image (coco_grouping). What is kept is arrays and names, a few dozen bytes
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

from ..problems import OnProblem, Problem
from . import coco_images
from .coco_categories import Categories, Id, Unusable
from .coco_files import split_of
from .coco_grouping import NOTHING, WARNING_FILE, Annotations
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE, decoded, why

IntArray: TypeAlias = NDArray[np.int64]


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
                    "value_unreadable", f"{key!r:.80} cannot be read: {why(error)[0]}", place, **WARNING_FILE
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
    annotations = file.spans(top, "annotations")
    if annotations is None:
        message = "there is no 'annotations' array: the images are read without instances"
        on_problem(Problem("annotations_missing", message, file.place(0, "/annotations"), **WARNING_FILE))
    Annotations(file, index, on_problem, owners).read(annotations or NOTHING, bool(categories))
    return index


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
