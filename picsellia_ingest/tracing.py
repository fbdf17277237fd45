"""Masks into rings that lie on pixel edges, and run lengths into masks' outlines without a pixel being made.

Only the horizontal edges of the outline are looked for: where a column changes between empty and filled. In raster
order neighbours of one kind join to lines, whose two ends are corners; the corners of a column pair up to its vertical
lines. A ring is walked by alternating the two pairings. Pixels that touch only at a corner belong to different parts,
so filling the rings gives the same mask back bit for bit. A hole belongs to the part above its first edge. Coordinates:
pixels, origin at the outer top-left corner, y down.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import Any, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from . import ring_text
from .model import Polygon, Ring, Runs

T = TypeVar("T")

MASK_PIXELS_MAX = 1 << 26
"""Masks above this many pixels are refused before anything is allocated."""

Mask: TypeAlias = NDArray[np.bool_]
_Ints: TypeAlias = NDArray[np.integer[Any]]


def decode_counts(text: str) -> _Ints:
    """The run lengths of a compressed COCO RLE. Raises ValueError on characters outside the code.

    The code (COCO API, maskApi.c): five bits a character from chr(48), bit 5 says that more follow, the last one
    is sign-extended, and from the fourth run on a value is the difference to the run two before.
    """
    codes = np.frombuffer(text.encode("ascii"), np.uint8).astype(np.int64) - 48
    if codes.size == 0 or codes.min() < 0 or codes.max() > 63 or codes[-1] & 0x20:
        raise ValueError("not a compressed run-length text")
    last = (codes & 0x20) == 0
    ends = np.flatnonzero(last)
    starts = np.concatenate(([0], ends[:-1] + 1))
    widths = ends - starts + 1
    if widths.max() > 7:
        raise ValueError("a run length is too large")
    shifts = 5 * (np.arange(codes.size) - np.repeat(starts, widths))
    values = np.add.reduceat((codes & 0x1F) << shifts, starts)
    values -= np.where(codes[ends] & 0x10, np.int64(1) << (5 * widths), 0)
    values[1::2] = np.cumsum(values[1::2])
    values[2::2] = np.cumsum(values[2::2])
    return values


def rle_polygon(counts: Sequence[int] | _Ints, height: int, width: int) -> Polygon | None:
    """The exact outline of column-major run lengths (COCO), empty ones first; None when no pixel is filled.

    Raises ValueError when the runs do not fill ``height`` x ``width`` pixels exactly, or when that is too large.
    """
    runs = _checked(counts, height, width)
    polygon = _run_polygons(runs, np.zeros(1, np.int64), height, width)[0]
    return None if polygon is None else Polygon(polygon.rings, runs=Runs(height, width, runs))


def _checked(counts: Sequence[int] | _Ints, height: int, width: int) -> _Ints:
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    runs = np.asarray(counts, np.int64)
    if runs.size and (runs.min() < 0 or runs.max() > height * width):
        raise ValueError("a run is negative or longer than the mask")
    if runs.sum() != height * width:
        raise ValueError(f"the runs cover {runs.sum()} pixels, the mask has {height * width}")
    return runs


def rle_polygons(masks: Sequence[_Ints], height: int, width: int) -> list[Polygon | None]:
    """As ``rle_polygon`` for each of several masks of one size, in a fraction of the time; None also for one that it would refuse.

    All are traced when one is first asked for its rings: who wants boxes does not wait for that.
    """
    numbers = [number for number, runs in enumerate(masks) if _has_outline(runs, height, width)]

    @cache
    def traced() -> list[tuple[Ring, ...]]:
        return _traced([masks[number] for number in numbers], height, width)

    found: list[Polygon | None] = [None] * len(masks)
    for place, number in enumerate(numbers):
        found[number] = Polygon(partial(_nth, traced, place), runs=Runs(height, width, masks[number]))
    return found


def _nth(made: Callable[[], list[T]], place: int) -> T:
    return made()[place]


def _has_outline(runs: _Ints, height: int, width: int) -> bool:
    try:
        return bool(_checked(runs, height, width)[1::2].any())
    except ValueError:
        return False


def _traced(masks: Sequence[_Ints], height: int, width: int) -> list[tuple[Ring, ...]]:
    """The rings of masks that are in order and not empty."""
    found: list[tuple[Ring, ...]] = []
    together = max(1, MASK_PIXELS_MAX // (max(1, height) * (width + 1)))
    for begin in range(0, len(masks), together):
        chosen = masks[begin : begin + together]
        # A run of no length makes the runs of each mask even in number, so that the filled ones stay every second.
        parts = [part for runs in chosen for part in (runs, _NONE[: len(runs) % 2])]
        starts = np.cumsum([0, *(len(runs) + len(runs) % 2 for runs in chosen[:-1])])
        polygons = _run_polygons(np.concatenate(parts), starts, height, width)
        found += [polygon.rings for polygon in polygons if polygon is not None]
    return found


_NONE = np.zeros(1, np.int64)


def _run_polygons(runs: _Ints, starts: _Ints, height: int, width: int) -> list[Polygon | None]:
    """The outlines of masks whose runs begin at ``starts``, laid side by side with an empty column behind each."""
    if len(starts) > 1:
        runs = runs.copy()
        runs[starts[1:]] += height
    edges = runs.cumsum(dtype=np.int32)  # a mask of single pixels has millions of runs
    begins, ends = edges[: len(edges) // 2 * 2 : 2], edges[1::2]
    if not (ends > begins).all() or not (begins[1:] > ends[:-1]).all():
        begins, ends = _joined(begins, ends)
    del runs, edges
    pitch, count = width + 1, len(starts)
    return _polygons(_edges_of_runs(begins, ends, height, pitch * count), (0, 0), pitch, count)


def mask_polygon(mask: Mask, left: int = 0, top: int = 0) -> Polygon | None:
    """The exact outline of a mask of shape (height, width), moved by (left, top); None when it is empty.

    Outer rings come in raster order, each followed by its holes. Every coordinate is a whole number.
    """
    height, width = mask.shape
    padded = np.zeros((height + 2, width + 1), np.bool_)
    padded[1:-1, :-1] = mask
    keys = np.flatnonzero(padded[1:] != padded[:-1])
    return _polygons(_Edges(keys, padded[1:].reshape(-1)[keys], width + 1), (left, top), width + 1, 1)[0]


@dataclass(frozen=True, slots=True)
class _Edges:
    """The horizontal edges of an outline, each one pixel long, in raster order.

    ``keys`` are y * stride + x of their left ends, ``opens`` whether the pixel below is the filled one.
    """

    keys: _Ints
    opens: Mask
    stride: int


def _joined(begins: _Ints, ends: _Ints) -> tuple[_Ints, _Ints]:
    """Filled stretches without those of no length, and with those that touch made one."""
    long = ends > begins
    begins, ends = begins[long], ends[long]
    apart = begins[1:] != ends[:-1]
    return begins[np.append(True, apart)[: len(begins)]], ends[np.append(apart, True)[: len(ends)]]


def _edges_of_runs(begins: _Ints, ends: _Ints, height: int, stride: int) -> _Edges:
    """The edges of filled stretches, which are positions in columns that follow each other."""
    first, last = begins // height, (ends - 1) // height
    tops, bottoms = begins - first * height, ends - last * height
    if (last > first).any():  # a stretch over several columns is one in each
        columns = last - first + 1
        begin: _Ints = np.cumsum(columns, dtype=np.int32) - columns
        starts = np.zeros(int(columns.sum()), np.int32)
        starts[begin] = tops
        stops = np.full(len(starts), height, np.int32)
        stops[begin + columns - 1] = bottoms
        first = np.repeat(first - begin, columns) + np.arange(len(starts), dtype=np.int32)
        tops, bottoms = starts, stops
    tops, bottoms = (tops * stride + first) * 2 + 1, (bottoms * stride + first) * 2
    del first, last
    marked = np.concatenate((tops, bottoms))
    del tops, bottoms
    marked.sort()
    return _Edges(marked >> 1, (marked & 1).astype(np.bool_), stride)


def _polygons(edges: _Edges, corner: tuple[int, int], pitch: int, count: int) -> list[Polygon | None]:
    """The outlines of masks that stand side by side, ``pitch`` columns each, moved by ``corner`` (left, top)."""
    keys, opens, stride = edges.keys, edges.opens, edges.stride
    found: list[list[Ring]] = [[] for _ in range(count)]
    if not len(keys):
        return [None] * count
    # A line ends where the next edge does not join it, or has the filled pixel on its other side.
    breaks = (keys[1:] != keys[:-1] + 1) | (opens[1:] != opens[:-1])
    begins = np.append(0, breaks.nonzero()[0] + 1)
    lines = np.empty((len(begins), 2), np.int64)
    lines[:, 0] = keys[begins]
    lines[:, 1] = keys[np.append(begins[1:], len(keys)) - 1] + 1
    ys, xs = np.divmod(lines.reshape(-1), stride)
    corners, sizes = _walk(ys, xs, opens[begins])
    firsts = corners[np.cumsum(sizes) - sizes]
    masks = xs[firsts] // pitch
    points = np.empty((len(corners), 2), np.int64)
    points[:, 0] = xs[corners] + (corner[0] - np.repeat(masks, sizes) * pitch)
    points[:, 1] = ys[corners] + corner[1]
    holes = ~opens[begins[firsts // 2]]
    order = np.arange(len(sizes))
    if holes.any():
        owners = _owners(edges, begins, corners, sizes, holes)
        order = np.lexsort((order, holes, np.array(owners)))
    rings, masks_of = _rings(points, sizes, holes), masks.tolist()
    for ring in order.tolist():
        found[masks_of[ring]].append(rings[ring])
    return [Polygon(tuple(rings)) if rings else None for rings in found]


def _rings(points: _Ints, sizes: _Ints, holes: Mask) -> list[Ring]:
    if points.min() >= 0:
        texts = ring_text.texts(points, sizes)
        return [Ring(None, hole, text) for hole, text in zip(holes.tolist(), texts, strict=True)]
    flat, ends = points.reshape(-1).tolist(), (2 * np.cumsum(sizes)).tolist()
    return [
        Ring(tuple(flat[begin:end]), hole)
        for begin, end, hole in zip([0, *ends], ends, holes.tolist(), strict=False)
    ]


def _walk(ys: _Ints, xs: _Ints, opens: Mask) -> tuple[_Ints, _Ints]:
    """The corners ring by ring, and how many each has; a ring begins at its first corner in raster order and goes right.

    The corners 2 i and 2 i + 1 are the ends of line i, of which ``opens`` says whether it is filled below.
    """
    total = len(ys)
    # Where two pixels touch diagonally a vertex is two corners. In its column the first is the one whose edge goes up: the
    # end of the line before, unless the line that begins here has its filled pixel above.
    rank = np.zeros(total, np.int64)
    rank[0::2] = np.where(opens, 1, -1)
    column = (((xs * (int(ys[-1]) + 1)) + ys) * 4 + rank).argsort(kind="stable")
    down = np.empty(total, np.int64)
    down[column] = column[np.arange(total) ^ 1]
    # With the filled pixels on its right hand a line above them is walked to its right end, one below them to its left.
    numbers = np.arange(total // 2)
    following = (down[2 * numbers + opens] >> 1).tolist()
    entered: list[int] = []
    lengths: list[int] = []
    for line, after in enumerate(following):
        if after < 0:
            continue
        before = len(entered)
        entered.append(line)
        while after != line:
            entered.append(after)
            following[after], after = -1, following[after]
        if not opens[line]:  # a hole, which goes right at first: the other way round
            entered[before + 1 :] = entered[:before:-1]
        lengths.append(len(entered) - before)
    lines, sizes = np.array(entered, np.int64), np.array(lengths, np.int64)
    goes_right = opens[lines] == np.repeat(opens[lines[np.cumsum(sizes) - sizes]], sizes)
    corners = np.repeat(2 * lines, 2)
    corners[0::2] += ~goes_right
    corners[1::2] += goes_right
    return corners, 2 * sizes


def _owners(edges: _Edges, begins: _Ints, corners: _Ints, sizes: _Ints, holes: Mask) -> list[int]:
    """For each ring the number of its outer ring. Above a hole's first edge its part is filled up to another edge."""
    ys, xs = np.divmod(edges.keys, edges.stride)
    column = np.lexsort((ys, xs))
    place = np.empty(len(column), np.int64)
    place[column] = np.arange(len(column))
    ring_of_line = np.empty(len(begins), np.int64)
    ring_of_line[corners[::2] // 2] = np.repeat(np.arange(len(sizes)), sizes // 2)
    lines = corners[np.cumsum(sizes) - sizes][holes] // 2
    above = column[place[begins[lines]] - 1]
    around = ring_of_line[np.searchsorted(begins, above, side="right") - 1]
    owners = list(range(len(sizes)))
    for number, ring in zip(np.flatnonzero(holes).tolist(), around.tolist(), strict=True):
        owners[number] = owners[ring]
    return owners
