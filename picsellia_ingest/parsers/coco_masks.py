"""The masks of a batch of COCO annotations, those of one size traced together, which takes half the time.

Only masks that are plainly in order are: all others, of which something is to be said, are left to coco_shapes. What is
traced here is what is traced there, which a test of ``tracing.rle_polygons`` holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from .. import tracing
from ..model import Polygon
from .jsontext import UNREADABLE

_Runs: TypeAlias = NDArray[np.integer[Any]]
_Raws: TypeAlias = Mapping[str, msgspec.Raw]

_SIZE = msgspec.json.Decoder(tuple[int, int])
_COUNTS = msgspec.json.Decoder(str | list[int])


def traced(segmentations: Mapping[int, _Raws]) -> dict[int, Polygon]:
    """The outlines of those masks that have one, by the same numbers."""
    by_size: dict[tuple[int, int], dict[int, _Runs]] = {}
    for number, segmentation in segmentations.items():
        try:
            size, runs = _mask(segmentation)
        except (*UNREADABLE, KeyError, OverflowError):
            continue
        by_size.setdefault(size, {})[number] = runs
    found: dict[int, Polygon] = {}
    for (height, width), masks in by_size.items():
        polygons = tracing.rle_polygons(list(masks.values()), height, width)
        found |= {
            number: polygon for number, polygon in zip(masks, polygons, strict=True) if polygon is not None
        }
    return found


def _mask(segmentation: _Raws) -> tuple[tuple[int, int], _Runs]:
    counts = _COUNTS.decode(segmentation["counts"])
    runs = tracing.decode_counts(counts) if isinstance(counts, str) else np.array(counts, np.int64)
    return _SIZE.decode(segmentation["size"]), runs
