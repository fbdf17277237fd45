"""Masks to test with, and pycocotools as an independent rasteriser."""

from __future__ import annotations

import numpy as np
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from picsellia_ingest.model import Polygon

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def filled(points: tuple[float, ...], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The pixels that pycocotools fills for one ring."""
    rle = coco_mask.frPyObjects([[float(value) for value in points]], *shape)
    return np.asarray(coco_mask.decode(coco_mask.merge(rle)), np.int64)


def drawn(polygon: Polygon, shape: tuple[int, ...]) -> NDArray[np.int64]:
    total = np.zeros(shape, np.int64)
    for ring in polygon.rings:
        total += filled(ring.points, shape) * (-1 if ring.hole else 1)
    return total
