"""Rings as masks of pixels, and masks as run lengths: the way back from what ``geometry`` traces.

Rings that lie on pixel edges are filled exactly, without arithmetic on fractions: every upright edge toggles the pixels
to the right of it. Any other ring is filled as the COCO API fills it. Coordinates: pixels, origin at the outer top-left
corner, y down; a mask has the shape (height, width).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .geometry import area, ring_area
from .model import Polygon, Ring
from .tracing import MASK_PIXELS_MAX, Mask


def on_pixel_edges(polygon: Polygon) -> bool:
    """Whether every coordinate is whole and every edge upright or level, so that filling loses nothing."""
    return all(_on_edges(ring) for ring in polygon.rings)


def _on_edges(ring: Ring) -> bool:
    points = ring.points
    if any(value != int(value) for value in points):
        return False
    previous_x, previous_y = points[-2], points[-1]
    for index in range(0, len(points), 2):
        if points[index] != previous_x and points[index + 1] != previous_y:
            return False
        previous_x, previous_y = points[index], points[index + 1]
    return True


def polygon_mask(polygon: Polygon, height: int, width: int) -> Mask:
    """The pixels that a polygon fills, its holes left out. Raises ValueError when that is too large a mask."""
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    if on_pixel_edges(polygon):
        mask = _between_edges(polygon, height, width)
        overlap = len(polygon.rings) > 1 and not fills(polygon, mask)
        return _unite(polygon, height, width) if overlap else mask
    mask = np.zeros((height, width), np.bool_)
    for ring in polygon.rings:
        filled = _as_coco_fills(ring, height, width)
        mask = mask & ~filled if ring.hole else mask | filled
    return mask


def fills(polygon: Polygon, mask: Mask) -> bool:
    """Whether a polygon's mask says all that the polygon does: no part of it is cut, overlaps another or lies outside."""
    return on_pixel_edges(polygon) and bool(mask.sum() == area(polygon))


def exact_mask(polygon: Polygon, height: int, width: int) -> Mask | None:
    """The pixels that a polygon fills, if they say all that it does; None where they do not, or are too many."""
    if not on_pixel_edges(polygon):
        return None
    try:
        mask = polygon_mask(polygon, height, width)
    except ValueError:
        return None
    return mask if fills(polygon, mask) else None


def _between_edges(polygon: Polygon, height: int, width: int) -> Mask:
    toggles = np.zeros((height, width + 1), np.bool_)
    for ring in polygon.rings:
        points = np.clip(np.array(ring.points).reshape(-1, 2), 0, (width, height)).astype(np.int64)
        for (x, y), (next_x, next_y) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if x == next_x:
                toggles[min(y, next_y) : max(y, next_y), x] ^= True
    return np.logical_xor.accumulate(toggles, axis=1)[:, :width]


def _unite(polygon: Polygon, height: int, width: int) -> Mask:
    """The pixels in more outer rings than holes, for parts that overlap."""
    steps = np.zeros((height, width + 1), np.int32)
    for ring in polygon.rings:
        points = np.clip(np.array(ring.points).reshape(-1, 2), 0, (width, height)).astype(np.int64)
        turn = 1 if (ring_area(ring.points) > 0) != ring.hole else -1
        for (x, y), (next_x, next_y) in zip(points, np.roll(points, -1, axis=0), strict=True):
            if x == next_x:
                steps[min(y, next_y) : max(y, next_y), x] += turn if next_y < y else -turn
    return np.asarray(np.cumsum(steps, axis=1)[:, :width] > 0)


def _as_coco_fills(ring: Ring, height: int, width: int) -> Mask:
    from pycocotools import mask as coco

    encoded = coco.frPyObjects([[float(value) for value in ring.points]], height, width)
    return np.asarray(coco.decode(coco.merge(encoded)), np.bool_)


def run_lengths(mask: Mask) -> NDArray[np.int64]:
    """The column-major run lengths of a mask (COCO), the first of pixels that are off."""
    flat = np.concatenate(([False], mask.T.reshape(-1), [False]))
    edges = np.flatnonzero(flat[1:] != flat[:-1])
    runs = np.diff(np.concatenate(([0], edges, [mask.size])))
    return runs if runs[-1] or len(runs) == 1 else runs[:-1]


def encode_counts(runs: NDArray[np.int64]) -> str:
    """Run lengths as COCO's compressed text: the reverse of ``tracing.decode_counts`` (COCO API, maskApi.c)."""
    values = runs.copy()
    values[3:] -= runs[1:-2]
    found = bytearray()
    for value in values.tolist():
        more = True
        while more:
            code = value & 0x1F
            value >>= 5
            more = value != -1 if code & 0x10 else value != 0
            found.append((code | 0x20 if more else code) + 48)
    return found.decode()
