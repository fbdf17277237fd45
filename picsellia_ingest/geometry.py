"""Rings, boxes, areas, and masks turned into rings that lie on pixel edges.

The tracer never visits pixels: the corners of a mask's outline are found with array operations, and corners on one
row (or column) bound its horizontal (vertical) edges in pairs. A ring is then walked by alternating the two
pairings. Pixels that touch only at a corner belong to different parts, so filling the rings gives the same mask
back bit for bit. Coordinates: pixels, origin at the outer top-left corner, y down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .model import Polygon, Rectangle, Ring

MASK_PIXELS_MAX = 1 << 26
"""Masks above this many pixels are refused before anything is allocated."""

Mask = NDArray[np.bool_]
Point: TypeAlias = tuple[float, float]


def ring_area(points: Sequence[float]) -> float:
    """The signed shoelace area of a flat ring; positive when it runs clockwise on the screen."""
    total = 0.0
    previous_x, previous_y = points[-2], points[-1]
    for index in range(0, len(points), 2):
        x, y = points[index], points[index + 1]
        total += previous_x * y - x * previous_y
        previous_x, previous_y = x, y
    return total / 2


def area(polygon: Polygon) -> float:
    """The area of all rings in square pixels, each hole taken off."""
    return sum(-abs(ring_area(r.points)) if r.hole else abs(ring_area(r.points)) for r in polygon.rings)


def bounds(polygon: Polygon) -> Rectangle:
    """The smallest box around all rings."""
    xs = [x for ring in polygon.rings for x in ring.points[0::2]]
    ys = [y for ring in polygon.rings for y in ring.points[1::2]]
    return Rectangle(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def around(rectangle: Rectangle | None, polygon: Polygon | None) -> Rectangle | None:
    """The box of an instance: its own, else its polygon's bounds, else none."""
    return rectangle or (bounds(polygon) if polygon else None)


def is_outside(box: Rectangle, size: tuple[int | None, int | None]) -> bool:
    """Whether nothing of a box lies in a picture of this (width, height); never where the size is not known."""
    width, height = size
    if width is None or height is None:
        return False
    return box.left >= width or box.top >= height or box.left + box.width <= 0 or box.top + box.height <= 0


def rotated(box: Rectangle, degrees: float, around: Point) -> Polygon:
    """The corners of a box turned clockwise (y is down) around a point, from its own top-left corner on."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    right, bottom = box.left + box.width, box.top + box.height
    points: list[float] = []
    for x, y in ((box.left, box.top), (right, box.top), (right, bottom), (box.left, bottom)):
        across, down = x - around[0], y - around[1]
        points += (around[0] + across * cosine - down * sine, around[1] + across * sine + down * cosine)
    return Polygon((Ring(tuple(points)),))


def moved(polygon: Polygon, left: float, top: float) -> Polygon:
    """The polygon as it is seen from the point (left, top)."""
    return Polygon(
        tuple(
            Ring(tuple(value - (top if at % 2 else left) for at, value in enumerate(ring.points)), ring.hole)
            for ring in polygon.rings
        )
    )


def clean_ring(points: Sequence[float]) -> tuple[float, ...]:
    """The ring without the repeat of its first point at the end, however often it is repeated."""
    end = len(points)
    while end > 2 and points[0] == points[end - 2] and points[1] == points[end - 1]:
        end -= 2
    return tuple(points[:end])


def is_flat(points: Sequence[float]) -> bool:
    """Whether all points lie on one line, so that the ring has no inside. A bow-tie is not flat."""
    x0, y0 = points[0], points[1]
    base: tuple[float, float] | None = None
    for x, y in zip(points[2::2], points[3::2], strict=True):
        dx, dy = x - x0, y - y0
        if base is None:
            base = (dx, dy) if dx or dy else None
        elif base[0] * dy != base[1] * dx:
            return False
    return True


def parts(polygon: Polygon) -> list[tuple[Ring, list[Ring]]]:
    """Each outer ring with the holes that follow it."""
    found: list[tuple[Ring, list[Ring]]] = []
    for ring in polygon.rings:
        if ring.hole and found:
            found[-1][1].append(ring)
        else:
            found.append((ring, []))
    return found


def is_far_edge(far: float | None, near: float, length: float) -> bool:
    """Whether ``far`` is what ``far_edge`` gives; also where it is not even near, so that it would be wrong to keep it."""
    given = far_edge(near, length)
    return far is None or far == given or abs(far - given) > 1e-6


def far_edge(near: float, length: float) -> float:
    """The shortest decimal that lies exactly ``length`` beyond ``near``, or else the nearest number."""
    far = near + length
    if isinstance(far, int):
        return far
    for digits in range(17):
        found = round(far, digits)
        if found - near == length:
            return found
    return far


def decode_counts(text: str) -> NDArray[np.int64]:
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


def rle_mask(counts: Sequence[int] | NDArray[np.int64], height: int, width: int) -> tuple[Mask, int, int]:
    """The mask of column-major run lengths (COCO), cut to its bounding box: (mask, left, top).

    Raises ValueError when the runs do not fill ``height`` x ``width`` pixels exactly, or when that is too large.
    """
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    runs = np.asarray(counts, np.int64)
    if runs.size and (runs.min() < 0 or runs.max() > height * width):
        raise ValueError("a run is negative or longer than the mask")
    if runs.sum() != height * width:
        raise ValueError(f"the runs cover {runs.sum()} pixels, the mask has {height * width}")
    edges = np.cumsum(runs)
    ones = np.flatnonzero(runs[1::2]) * 2 + 1
    if ones.size == 0:
        return np.zeros((0, 0), np.bool_), 0, 0
    left, right = int(edges[ones[0] - 1]) // height, (int(edges[ones[-1]]) - 1) // height + 1
    clipped = np.diff(np.clip(np.concatenate(([0], edges)), left * height, right * height))
    flat = np.repeat(np.arange(runs.size) % 2 == 1, clipped)
    mask = flat.reshape(right - left, height).T
    rows = np.flatnonzero(mask.any(axis=1))
    return mask[rows[0] : rows[-1] + 1], left, int(rows[0])


def mask_polygon(mask: Mask, left: int = 0, top: int = 0) -> Polygon | None:
    """The exact outline of a mask of shape (height, width), moved by (left, top); None when it is empty.

    Outer rings come in raster order, each followed by its holes. Every coordinate is a whole number.
    """
    if not mask.any():
        return None
    ys, xs, codes = _corners(mask)
    rings = _walk(ys, xs, codes)
    owners = _owners(mask, ys, xs, codes, rings)
    order = sorted(range(len(rings)), key=lambda i: (owners[i][0], owners[i][1], i))
    x_list, y_list = (xs + left).tolist(), (ys + top).tolist()
    return Polygon(
        tuple(
            Ring(tuple(v for corner in rings[i] for v in (x_list[corner], y_list[corner])), owners[i][1])
            for i in order
        )
    )


# A vertex between four pixels has the code 1 * top-left + 2 * top-right + 4 * bottom-left + 8 * bottom-right.
_FALLING, _RISING = 9, 6


def _corners(mask: Mask) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.uint8]]:
    """All corners of the outline in raster order; a vertex where two pixels touch diagonally stands twice."""
    height, width = mask.shape
    padded = np.zeros((height + 2, width + 2), np.uint8)
    padded[1:-1, 1:-1] = mask
    code = padded[:-1, :-1] + 2 * padded[:-1, 1:] + 4 * padded[1:, :-1] + 8 * padded[1:, 1:]
    is_corner = np.array([c in (1, 2, 4, 8, 7, 11, 13, 14, _FALLING, _RISING) for c in range(16)])
    ys, xs = np.nonzero(is_corner[code])
    codes = code[ys, xs]
    twice = np.where((codes == _FALLING) | (codes == _RISING), 2, 1)
    return np.repeat(ys, twice), np.repeat(xs, twice), np.repeat(codes, twice)


def _walk(ys: NDArray[np.int64], xs: NDArray[np.int64], codes: NDArray[np.uint8]) -> list[list[int]]:
    """The rings as lists of corner numbers; each begins at its first corner in raster order and goes right."""
    total = len(ys)
    numbers = np.arange(total)
    across = (
        numbers ^ 1
    )  # in raster order the corners of a row pair up: the row before holds an even number of them
    # In a column the first of a doubled vertex is the one whose edge goes up: of a rising pair that is the second.
    second = np.zeros(total, np.bool_)
    second[1:] = (ys[1:] == ys[:-1]) & (xs[1:] == xs[:-1])
    rank = np.where(codes == _RISING, ~second, second)
    column = np.lexsort((rank, ys, xs))
    down = np.empty(total, np.int64)
    down[column] = column[numbers ^ 1]
    horizontal, vertical = across.tolist(), down.tolist()
    seen = bytearray(total)
    rings: list[list[int]] = []
    for first in range(total):
        if seen[first]:
            continue
        ring: list[int] = []
        corner = first
        while not seen[corner]:
            other = horizontal[corner]
            seen[corner] = seen[other] = 1
            ring += (corner, other)
            corner = vertical[other]
        rings.append(ring)
    return rings


def _owners(
    mask: Mask, ys: NDArray[np.int64], xs: NDArray[np.int64], codes: NDArray[np.uint8], rings: list[list[int]]
) -> list[tuple[int, bool]]:
    """For each ring the number of its outer ring, in raster order, and whether it is a hole."""
    firsts = [ring[0] for ring in rings]
    holes = [not codes[first] & 8 for first in firsts]
    if not any(holes):
        return [(number, False) for number in range(len(rings))]
    from scipy import ndimage  # only masks with holes need it, and it is slow to import

    labels, _ = ndimage.label(mask)
    # Below and right of an outer ring's first corner, and above and right of a hole's, lies a pixel of the part.
    owner = [int(labels[ys[first] - hole, xs[first]]) for first, hole in zip(firsts, holes, strict=True)]
    number = {part: index for index, (part, hole) in enumerate(zip(owner, holes, strict=True)) if not hole}
    return [(number[part], hole) for part, hole in zip(owner, holes, strict=True)]
