"""Rings as masks of pixels, and masks as run lengths: the way back from what ``geometry`` traces.

Rings that lie on pixel edges are filled exactly, without arithmetic on fractions: every level edge changes the pixels
below it, and column by column these changes are where runs begin and end. Any other ring is filled as the COCO API fills
it. What was traced from run lengths still has them. Coordinates: pixels, origin at the outer top-left corner, y down; a
mask has the shape (height, width).
"""

from __future__ import annotations

from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .model import Polygon, Ring
from .tracing import MASK_PIXELS_MAX, Mask, decode_counts


class _Edges(NamedTuple):
    """The edges of all rings of a polygon: where each begins and ends, the first one of each ring, and which rings are holes."""

    begin: NDArray[np.float64]
    end: NDArray[np.float64]
    first: NDArray[np.int64]
    holes: NDArray[np.bool_]

    def are_straight(self) -> bool:
        """Whether all lie between pixels, upright or level."""
        is_level_or_upright = (self.begin == self.end).any(axis=1)
        return bool(is_level_or_upright.all() and (self.begin == np.floor(self.begin)).all())

    def areas(self) -> NDArray[np.float64]:
        """What each ring covers, positive when it runs clockwise on the screen."""
        twice = self.begin[:, 0] * self.end[:, 1] - self.end[:, 0] * self.begin[:, 1]
        return np.asarray(np.add.reduceat(twice, self.first) / 2)

    def area(self) -> float:
        """What the rings cover, those that are holes taken off."""
        areas = np.abs(self.areas())
        return float(np.where(self.holes, -areas, areas).sum())

    def corners(self, height: int, width: int) -> NDArray[np.int64]:
        """The x and y of the beginnings, and those of the ends, drawn to the edge of the picture where they lie beyond it."""
        both = np.stack([self.begin, self.end])
        return np.asarray(np.clip(both, 0, (width, height)).transpose(0, 2, 1), np.int64)


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
    return _Edges(begin, begin[following], first, np.array([ring.hole for ring in polygon.rings], np.bool_))


def on_pixel_edges(polygon: Polygon) -> bool:
    """Whether every coordinate is whole and every edge upright or level, so that filling loses nothing."""
    return polygon.runs is not None or _edges(polygon).are_straight()


def polygon_mask(polygon: Polygon, height: int, width: int) -> Mask:
    """The pixels that a polygon fills, its holes left out. Raises ValueError when that is too large a mask, or too long a way."""
    return filled(polygon, height, width)[0]


def filled(polygon: Polygon, height: int, width: int) -> tuple[Mask, bool]:
    """As ``polygon_mask``; and whether that says all that the polygon does: no part is cut, overlaps another or lies outside."""
    return _filled_exactly(polygon, height, width) or (_drawn(polygon, height, width), False)


def exact_mask(polygon: Polygon, height: int, width: int) -> Mask | None:
    """The pixels that a polygon fills, if they say all that it does; None where they do not, or are too many."""
    try:
        found = _filled_exactly(polygon, height, width)
    except ValueError:
        return None
    return found[0] if found is not None and found[1] else None


def _filled_exactly(polygon: Polygon, height: int, width: int) -> tuple[Mask, bool] | None:
    """As ``filled``; None for a polygon that does not lie on pixel edges."""
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    if (runs := traced_runs(polygon, height, width)) is not None:
        return _mask(runs, height, width), True
    edges = _edges(polygon)
    return _between_pixels(edges, height, width) if edges.are_straight() else None


def _between_pixels(edges: _Edges, height: int, width: int) -> tuple[Mask, bool]:
    """As ``filled``, for straight edges."""
    runs, area = _between(edges, height, width), edges.area()
    if len(edges.first) > 1 and runs[1::2].sum() != area:
        mask = _unite(edges, height, width)
        return mask, bool(mask.sum() == area)
    return _mask(runs, height, width), bool(runs[1::2].sum() == area)


def _drawn(polygon: Polygon, height: int, width: int) -> Mask:
    """The pixels that the COCO API fills, column by column. A ring costs what it covers: there may be thousands in a large picture."""
    pixels = np.zeros(width * height, np.bool_)
    for ring in polygon.rings:
        runs = _as_coco_fills(ring, height, width)
        lengths = runs[1::2]
        if lengths.sum() * 8 > pixels.size:
            inside = _inside(runs)
            pixels = pixels & ~inside if ring.hole else pixels | inside
        else:
            begins = np.cumsum(runs)[: 2 * len(lengths) : 2]
            pixels[_counted_on(begins, lengths)] = not ring.hole
    return np.asarray(pixels.reshape(width, height).T)


def _counted_on(begins: NDArray[np.int64], counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """From each number on so many that follow each other."""
    return np.asarray(np.repeat(begins - np.cumsum(counts) + counts, counts) + np.arange(counts.sum()))


def _mask(runs: NDArray[np.int64], height: int, width: int) -> Mask:
    return np.asarray(_inside(runs).reshape(width, height).T)


def _inside(runs: NDArray[np.int64]) -> Mask:
    return np.asarray(np.repeat(np.arange(len(runs)) % 2 == 1, runs))


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


_DENSE = 2
"""How often level edges may cover the picture before what they change is reckoned pixel by pixel."""


def _between(edges: _Edges, height: int, width: int) -> NDArray[np.int64]:
    """The runs, column by column, between level edges, each of which changes the pixels below it in the columns that it spans."""
    (x, y), (next_x, next_y) = edges.corners(height, width)
    level = (y == next_y) & (x != next_x)
    left, spans, y = np.minimum(x, next_x)[level], np.abs(x - next_x)[level], y[level]
    if spans.sum() > _DENSE * height * width:
        changes = np.zeros((height + 1, width + 1), np.bool_)
        np.logical_xor.at(changes, (np.append(y, y), np.append(left, left + spans)), True)  # noqa: FBT003 - a ufunc's
        for axis in (1, 0):
            np.logical_xor.accumulate(changes, axis=axis, out=changes)
        return run_lengths(changes[:height, :width])
    columns = _counted_on(left, spans)
    return _runs_between(_odd(columns * height + np.repeat(y, spans)), height * width)


def _unite(edges: _Edges, height: int, width: int) -> Mask:
    """The pixels in more outer rings than holes, for parts that overlap."""
    (x, y), (next_x, next_y) = edges.corners(height, width)
    turns = np.where((edges.areas() > 0) != edges.holes, 1, -1)
    more = np.repeat(turns, np.diff(edges.first, append=len(x))) * np.where(next_y < y, 1, -1)
    upright = x == next_x
    # Each counts for all pixels below it and to its right.
    steps = np.zeros((height + 1, width + 1), np.int32)
    for at, change in ((np.minimum(y, next_y), more), (np.maximum(y, next_y), -more)):
        np.add.at(steps, (at[upright], x[upright]), change[upright])
    for axis in (0, 1):
        np.cumsum(steps, axis=axis, out=steps)
    return np.asarray(steps[:height, :width] > 0)


_WAY_MAX = 1 << 21
"""Pixels along a ring beyond which it is not drawn: pycocotools takes 40 bytes for each, and ends the process where it gets none."""


def _as_coco_fills(ring: Ring, height: int, width: int) -> NDArray[np.int64]:
    """The runs that the COCO API fills, column by column, the first of pixels that are off."""
    from pycocotools import mask as coco

    points = np.array(ring.points, np.float64).reshape(-1, 2)
    if np.abs(points - np.roll(points, 1, axis=0)).max(axis=1).sum() > _WAY_MAX:
        raise ValueError(f"the way around a ring is too long to be drawn, more than {_WAY_MAX} pixels")
    (encoded,) = coco.frPyObjects([points.reshape(-1).tolist()], height, width)
    return np.asarray(decode_counts(encoded["counts"].decode()), np.int64)


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
