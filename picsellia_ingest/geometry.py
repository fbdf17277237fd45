"""Rings, boxes and areas. Coordinates: pixels, origin at the outer top-left corner, y down."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias

import msgspec

from .model import Polygon, Rectangle, Ring

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
    """The smallest box around all rings; it is looked for once."""
    box = polygon.box
    if box is None:
        box = _bounds(polygon.rings)
        msgspec.structs.force_setattr(polygon, "box", box)
    return box


def _bounds(rings: Sequence[Ring]) -> Rectangle:
    xs: Sequence[float]
    ys: Sequence[float]
    if len(rings) == 1:  # as nearly every polygon has it
        points = rings[0].points
        xs, ys = points[0::2], points[1::2]
    else:
        xs = [x for ring in rings for x in ring.points[0::2]]
        ys = [y for ring in rings for y in ring.points[1::2]]
    left, top = min(xs), min(ys)
    return Rectangle(left, top, max(xs) - left, max(ys) - top)


def around(rectangle: Rectangle | None, polygon: Polygon | None) -> Rectangle | None:
    """The box of an instance: its own, else its polygon's bounds, else none."""
    return rectangle or (bounds(polygon) if polygon else None)


def is_outside(box: Rectangle, size: tuple[int | None, int | None]) -> bool:
    """Whether nothing of a box lies in a picture of this (width, height); never where the size is not known."""
    width, height = size
    if width is None or height is None:
        return False
    return box.left >= width or box.top >= height or box.left + box.width <= 0 or box.top + box.height <= 0


def is_ring_outside(ring: Ring, size: tuple[int | None, int | None]) -> bool:
    """As ``is_outside``, for the bounds of a ring that is not flat; told by its first point where that is enough."""
    width, height = size
    if width is None or height is None:
        return False
    x, y = ring.first
    # Beside an edge it lies outside only if it is all there, which takes numbers below 0 or makes it flat.
    reaches_in = (x and y) or (ring.text is not None and b"-" not in ring.text)
    if 0 <= x < width and 0 <= y < height and reaches_in:
        return False
    return is_outside(bounds(Polygon((ring,))), size)


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
    if len(points) >= 6:  # three points mostly tell
        dx, dy = points[2] - x0, points[3] - y0
        if (dx or dy) and dx * (points[5] - y0) != dy * (points[4] - x0):
            return False
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
    first = 0
    if 0 < far < 8000 and abs(near) < 1e6:
        found = round(far * 1e6) / 1e6
        gap = abs(found - far)
        if gap < 4e-12:  # no other number of so few digits is as near, and none of up to twice as many
            if found - near == length:
                return found
            first = 13 if gap < 4e-13 and far < 1000 else 12
    for digits in range(first, 17):
        found = round(far, digits)
        if found - near == length:
            return found
        if found == far:
            break
    return far
