"""Masks into rings that lie on pixel edges, and run lengths into masks' outlines without a pixel being made.

Only the horizontal edges of the outline are looked for: where a column changes between empty and filled. In raster
order neighbours of one kind join to lines, whose two ends are corners; the corners of a column pair up to its vertical
lines. A ring is walked by alternating the two pairings. Pixels that touch only at a corner belong to different parts,
so filling the rings gives the same mask back bit for bit. A hole belongs to the part above its first edge. Coordinates:
pixels, origin at the outer top-left corner, y down.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .model import Polygon, Ring

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
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    runs = np.asarray(counts, np.int64)
    if runs.size and (runs.min() < 0 or runs.max() > height * width):
        raise ValueError("a run is negative or longer than the mask")
    if runs.sum() != height * width:
        raise ValueError(f"the runs cover {runs.sum()} pixels, the mask has {height * width}")
    edges = runs.cumsum(dtype=np.int32)  # a mask of single pixels has millions of runs
    begins, ends = edges[:-1:2], edges[1::2]
    if not runs[1:].all():
        begins, ends = _joined(begins, ends)
    del runs, edges
    return _polygon(_edges_of_runs(begins, ends, height, width + 1), 0, 0)


def mask_polygon(mask: Mask, left: int = 0, top: int = 0) -> Polygon | None:
    """The exact outline of a mask of shape (height, width), moved by (left, top); None when it is empty.

    Outer rings come in raster order, each followed by its holes. Every coordinate is a whole number.
    """
    height, width = mask.shape
    padded = np.zeros((height + 2, width + 1), np.bool_)
    padded[1:-1, :-1] = mask
    keys = np.flatnonzero(padded[1:] != padded[:-1])
    return _polygon(_Edges(keys, padded[1:].reshape(-1)[keys], width + 1), left, top)


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
        begin = np.cumsum(columns) - columns
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


def _polygon(edges: _Edges, left: int, top: int) -> Polygon | None:
    keys, opens, stride = edges.keys, edges.opens, edges.stride
    if not len(keys):
        return None
    # A line ends where the next edge does not join it, or has the filled pixel on its other side.
    breaks = (keys[1:] != keys[:-1] + 1) | (opens[1:] != opens[:-1])
    begins = np.append(0, breaks.nonzero()[0] + 1)
    lines = np.empty((len(begins), 2), np.int64)
    lines[:, 0] = keys[begins]
    lines[:, 1] = keys[np.append(begins[1:], len(keys)) - 1] + 1
    ys, xs = np.divmod(lines.reshape(-1), stride)
    rings = _walk(ys, xs, opens[begins])
    holes = [not opens[begins[ring[0] // 2]] for ring in rings]
    points = np.column_stack((xs + left, ys + top))[list(chain.from_iterable(rings))].reshape(-1).tolist()
    ends = [2 * end for end in accumulate(map(len, rings), initial=0)]
    texts = _texts(points, list(map(len, rings)))
    found = [
        Ring(tuple(points[begin:end]), hole, text)
        for (begin, end), hole, text in zip(pairwise(ends), holes, texts, strict=True)
    ]
    if not any(holes):
        return Polygon(tuple(found))
    owners = _owners(edges, begins, rings, holes)
    order = sorted(range(len(rings)), key=lambda ring: (owners[ring], holes[ring], ring))
    return Polygon(tuple(found[ring] for ring in order))


def _texts(points: list[int], counts: list[int]) -> list[bytes]:
    """The JSON of rings of so many points each."""
    corner = b',{"x":%d,"y":%d}'
    text = b"]/[".join([corner * count for count in counts]) % tuple(points)
    return (b"[%b]" % text).replace(b"[,", b"[").split(b"/")


def _walk(ys: _Ints, xs: _Ints, opens: Mask) -> list[list[int]]:
    """The rings as lists of corner numbers; each begins at its first corner in raster order and goes right.

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
    vertical = down.tolist()
    seen = bytearray(total)
    rings: list[list[int]] = []
    for first in range(0, total, 2):
        if seen[first]:
            continue
        ring: list[int] = []
        corner = first
        while not seen[corner]:
            other = corner ^ 1
            seen[corner] = seen[other] = 1
            ring += (corner, other)
            corner = vertical[other]
        rings.append(ring)
    return rings


def _owners(edges: _Edges, begins: _Ints, rings: list[list[int]], holes: list[bool]) -> list[int]:
    """For each ring the number of its outer ring. Above a hole's first edge its part is filled up to another edge."""
    ys, xs = np.divmod(edges.keys, edges.stride)
    column = np.lexsort((ys, xs))
    place = np.empty(len(column), np.int64)
    place[column] = np.arange(len(column))
    ring_of_line = np.empty(len(begins), np.int64)
    for number, ring in enumerate(rings):
        ring_of_line[np.asarray(ring[::2]) // 2] = number
    owners = list(range(len(rings)))
    for number, (ring, hole) in enumerate(zip(rings, holes, strict=True)):
        if hole:
            above = column[place[begins[ring[0] // 2]] - 1]
            line = np.searchsorted(begins, above, side="right") - 1
            owners[number] = owners[ring_of_line[line]]
    return owners
