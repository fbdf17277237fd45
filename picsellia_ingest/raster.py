"""Rings as masks of pixels, and masks as run lengths: the way back from what ``geometry`` traces.

Rings that lie on pixel edges are filled exactly, without arithmetic on fractions: every upright edge toggles the pixels
to the right of it. Any other ring is filled as the COCO API fills it. What was traced from run lengths still has them.
Coordinates: pixels, origin at the outer top-left corner, y down; a mask has the shape (height, width).
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .geometry import ring_area
from .model import Polygon, Ring
from .tracing import MASK_PIXELS_MAX, Mask


class _Edges(NamedTuple):
    """The edges of all rings of a polygon: where each begins and ends, and the first one of each ring."""

    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    first: NDArray[np.int64]

    def are_straight(self) -> bool:
        """Whether all lie between pixels, upright or level."""
        is_level_or_upright = (self.begin == self.end).any(axis=1)
        return bool(is_level_or_upright.all() and (self.begin == np.floor(self.begin)).all())

    def area(self, holes: NDArray[np.bool_]) -> float:
        """What the rings cover, those that are holes taken off."""
        twice = self.begin[:, 0] * self.end[:, 1] - self.end[:, 0] * self.begin[:, 1]
        areas = np.abs(np.add.reduceat(twice, self.first)) / 2
        return float(np.where(holes, -areas, areas).sum())


def _edges(polygon: Polygon) -> _Edges:
    sizes = np.array([len(ring.points) // 2 for ring in polygon.rings], np.int64)
    points = np.fromiter(
        chain.from_iterable(ring.points for ring in polygon.rings), np.float64, 2 * sizes.sum()
    )
    begin = points.reshape(-1, 2)
    last = np.cumsum(sizes) - 1
    first = last - sizes + 1
    following = np.arange(1, len(begin) + 1)
    following[last] = first
    return _Edges(begin, begin[following], first)


def on_pixel_edges(polygon: Polygon) -> bool:
    """Whether every coordinate is whole and every edge upright or level, so that filling loses nothing."""
    return polygon.runs is not None or _edges(polygon).are_straight()


def polygon_mask(polygon: Polygon, height: int, width: int) -> Mask:
    """The pixels that a polygon fills, its holes left out. Raises ValueError when that is too large a mask."""
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    if (runs := traced_runs(polygon, height, width)) is not None:
        return _mask(runs, height, width)
    edges = _edges(polygon)
    if edges.are_straight():
        runs = _between(edges, height, width)
        overlap = len(polygon.rings) > 1 and runs[1::2].sum() != edges.area(_holes(polygon))
        return _unite(polygon, height, width) if overlap else _mask(runs, height, width)
    mask = _as_coco_fills(polygon.rings[0], height, width)
    for ring in polygon.rings[1:]:
        filled = _as_coco_fills(ring, height, width)
        mask = mask & ~filled if ring.hole else mask | filled
    return mask


def fills(polygon: Polygon, mask: Mask) -> bool:
    """Whether a polygon's mask says all that the polygon does: no part of it is cut, overlaps another or lies outside."""
    if polygon.runs is not None and mask.shape == (polygon.runs.height, polygon.runs.width):
        return True
    edges = _edges(polygon)
    return edges.are_straight() and bool(mask.sum() == edges.area(_holes(polygon)))


def _holes(polygon: Polygon) -> NDArray[np.bool_]:
    return np.array([ring.hole for ring in polygon.rings], np.bool_)


def _mask(runs: NDArray[np.int64], height: int, width: int) -> Mask:
    pixels = np.repeat(np.arange(len(runs)) % 2 == 1, runs)
    return np.asarray(pixels.reshape(width, height).T)


def traced_runs(polygon: Polygon, height: int, width: int) -> NDArray[np.int64] | None:
    """The run lengths of a mask of this size that a polygon is the outline of, none empty but the first; None if it is of none."""
    if polygon.runs is None or (polygon.runs.height, polygon.runs.width) != (height, width):
        return None
    runs = np.asarray(polygon.runs.counts, np.int64)
    if runs[1:].all():
        return runs
    changes = _odd(np.cumsum(runs[:-1]))  # around a run of no length nothing changes
    return _runs_between(changes, height * width)


def _odd(changes: NDArray[np.int64]) -> NDArray[np.int64]:
    """The places that stand an odd number of times, in order."""
    found, times = np.unique(changes, return_counts=True)
    odd: NDArray[np.int64] = found[times % 2 == 1]
    return odd


def _runs_between(changes: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    runs = np.diff(changes, prepend=0, append=size)
    return runs if runs[-1] or len(runs) == 1 else runs[:-1]


def exact_mask(polygon: Polygon, height: int, width: int) -> Mask | None:
    """The pixels that a polygon fills, if they say all that it does; None where they do not, or are too many."""
    if not on_pixel_edges(polygon):
        return None
    try:
        mask = polygon_mask(polygon, height, width)
    except ValueError:
        return None
    return mask if fills(polygon, mask) else None


def _between(edges: _Edges, height: int, width: int) -> NDArray[np.int64]:
    """The runs, column by column, between level edges, each of which changes the pixels below it in the columns that it spans."""
    corners = np.clip(np.stack([edges.begin, edges.end]), 0, (width, height)).astype(np.int64)
    (x, y), (next_x, next_y) = corners[0].T, corners[1].T
    level = (y == next_y) & (x != next_x)
    left, spans, y = np.minimum(x, next_x)[level], np.abs(x - next_x)[level], y[level]
    columns = np.repeat(left - np.cumsum(spans) + spans, spans) + np.arange(spans.sum())
    return _runs_between(_odd(columns * height + np.repeat(y, spans)), height * width)


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
    return _runs_between(np.flatnonzero(flat[1:] != flat[:-1]), mask.size)


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
