"""Annotations that are as nearly all are, in columns: what their grouping by image needs, and no object for each of them."""

from __future__ import annotations

from typing import Annotated, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from .coco_owners import HUGE
from .jsonspans import Window
from .scratch import IntArray

NOTHING = msgspec.Raw(b"")
NO_ID = -(1 << 63)
_HASHED = (1 << 61) - 1
"""Whole numbers from 0 up to this are their own hashes."""
_EMPTY = (b"", b"[]", b"[[]]", b"null", b"[ ]", b"{}")


class PlainRow(msgspec.Struct, gc=False):
    """An annotation as nearly all are, as far as the grouping needs it."""

    image_id: int
    category_id: int
    id: int = NO_ID
    bbox: msgspec.Raw = NOTHING
    segmentation: msgspec.Raw = NOTHING
    caption: Annotated[int, msgspec.Meta(ge=1, le=0)] = 0
    """What no caption is: one that has any is looked at by itself."""


PLAIN = msgspec.json.Decoder(list[PlainRow])
"""Decodes annotations as nearly all are."""


class Columns(NamedTuple):
    """What the grouping needs of some annotations that follow each other, each as nearly all are.

    ``tallies`` count them by category for each kind of instance.
    """

    starts: IntArray
    lengths: IntArray
    images: IntArray
    ids: IntArray
    tallies: dict[str, dict[int, int]]


def columns(window: Window[PlainRow]) -> Columns | None:
    """The columns of a window, if each has whole numbers for ids and none is a caption."""
    if window.rows is None:
        return None
    rows = window.rows
    try:
        images = np.array([row.image_id for row in rows], np.int64)
        ids = np.array([row.id for row in rows], np.int64)
        categories = np.array([row.category_id for row in rows], np.int64)
    except OverflowError:
        return None
    given = ids[ids != NO_ID]
    if (given < 0).any() or (given >= _HASHED).any():
        return None
    if (images <= -HUGE).any() or (images >= HUGE).any():
        return None
    have_rings = _are_given([row.segmentation for row in rows])
    tallies = {POLYGON: _counted(categories[have_rings])}
    if not have_rings.all():
        have_box = _are_given([row.bbox for row in rows]) & ~have_rings
        tallies[RECTANGLE] = _counted(categories[have_box])
        tallies[CLASSIFICATION] = _counted(categories[~have_rings & ~have_box])
    return Columns(window.starts, window.lengths, images, ids, tallies)


def _counted(categories: IntArray) -> dict[int, int]:
    values, counts = np.unique(categories, return_counts=True)
    return dict(zip(values.tolist(), counts.tolist(), strict=True))


def is_given(raw: msgspec.Raw) -> bool:
    """Whether a box or a segmentation says something."""
    return len(raw) > 6 or bytes(raw) not in _EMPTY


def _are_given(raws: list[msgspec.Raw]) -> NDArray[np.bool_]:
    lengths = np.fromiter(map(len, raws), np.int64, len(raws))
    found = lengths > 6
    for place in np.flatnonzero((lengths > 0) & ~found).tolist():
        found[place] = is_given(raws[place])
    return found
