"""When two instances are the same: by a key where that is exact, else by the largest distance of two coordinates.

A ring may begin at any of its points and run either way, and a box that is its polygon's bounds is as good as none.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, TypeAlias

from .. import geometry
from ..losses import notable
from ..model import ImageRecord, Instance, Ring
from ..wire import canonical

Points: TypeAlias = tuple[float, ...]
Shape: TypeAlias = tuple[Points | None, tuple[tuple[bool, Points], ...]]


@dataclass(frozen=True, slots=True)
class Criteria:
    """What counts as the same. ``tolerance`` is the most, in pixels, by which a coordinate may differ; 0 is exactly.

    With ``rectangle`` only boxes are compared (a polygon's bounds where it has none); with ``attributes`` also what the
    formats say beyond label, shape and answers.
    """

    tolerance: float = 0.0
    rectangle: bool = False
    attributes: bool = False


def kind(instance: Instance, criteria: Criteria) -> Any:
    """What two instances must have in common to be compared by distance."""
    box, rings = shape(instance, criteria)
    more = canonical(notable(instance.attributes)) if criteria.attributes else b""
    return (
        instance.label,
        repr(instance.qa),
        more,
        box is None and not rings,
        tuple((hole, len(points)) for hole, points in rings),
    )


def distance(one: Instance, two: Instance, criteria: Criteria) -> float:
    """The largest difference of two coordinates, each ring turned to lie as near as it can."""
    first, second = shape(one, criteria), shape(two, criteria)
    worst = 0.0
    if not first[1] or (one.rectangle is not None and two.rectangle is not None):
        corners = zip(_corners(one, criteria), _corners(two, criteria), strict=True)
        worst = max((abs(a - b) for a, b in corners), default=0.0)
    for (_, points), (_, others) in zip(first[1], second[1], strict=True):
        if worst > criteria.tolerance:
            break
        worst = max(worst, _ringdistance(points, others, criteria.tolerance))
    return worst


def _ringdistance(points: Points, others: Points, tolerance: float) -> float:
    best = float("inf")
    for turned in (others, tuple(v for at in range(len(others) - 2, -1, -2) for v in others[at : at + 2])):
        for start in range(0, len(turned), 2):
            if abs(points[0] - turned[start]) > tolerance or abs(points[1] - turned[start + 1]) > tolerance:
                continue
            there = turned[start:] + turned[:start]
            best = min(best, max(abs(a - b) for a, b in zip(points, there, strict=True)))
    return best


def shape(instance: Instance, criteria: Criteria) -> Shape:
    """The box, unless it is its polygon's bounds, and the rings in an order of their own."""
    polygon = None if criteria.rectangle else instance.polygon
    corners: Points | None = _corners(instance, criteria) or None
    if corners and polygon is not None:
        around = geometry.bounds(polygon)
        bounds = (around.left, around.top, around.left + around.width, around.top + around.height)
        if max(abs(a - b) for a, b in zip(corners, bounds, strict=True)) <= max(criteria.tolerance, 1e-9):
            corners = None
    rings = tuple(sorted((ring.hole, _turned(ring)) for ring in polygon.rings)) if polygon is not None else ()
    return corners, rings


def _corners(instance: Instance, criteria: Criteria) -> Points:
    """Left, top, right, bottom of the box that counts; empty when there is none."""
    box = geometry.around(instance.rectangle, instance.polygon if criteria.rectangle else None)
    return () if box is None else (box.left, box.top, box.left + box.width, box.top + box.height)


def _turned(ring: Ring) -> Points:
    """The ring from its first point in order of x and y on, towards the smaller of that point's neighbours."""
    points = list(zip(ring.points[0::2], ring.points[1::2], strict=True))
    first = min(range(len(points)), key=points.__getitem__)
    points = points[first:] + points[:first]
    if points[-1] < points[1]:
        points = [points[0], *points[:0:-1]]
    return tuple(value for point in points for value in point)


def key(instance: Instance, criteria: Criteria) -> bytes:
    """What two instances that are exactly the same have in common."""
    more = notable(instance.attributes) if criteria.attributes else None
    return canonical([instance.label, shape(instance, criteria), repr(instance.qa), more])


def digest(record: ImageRecord, criteria: Criteria) -> bytes:
    """What two records that say the same of their images have in common."""
    keys = sorted(key(instance, criteria) for instance in record.instances)
    whole = canonical([record.width, record.height, repr(record.qa)])
    return hashlib.blake2b(b"\n".join([whole, *keys]), digest_size=16).digest()


def words(instance: Instance, criteria: Criteria) -> str:
    """An instance in words, so that a person finds it."""
    box, rings = shape(instance, criteria)
    boxed = f"a box from ({box[0]:g}, {box[1]:g}) to ({box[2]:g}, {box[3]:g})" if box is not None else ""
    if rings:
        count, (x, y) = sum(len(points) // 2 for _, points in rings), rings[0][1][:2]
        beside = f", and {boxed}" if boxed else ""
        return f"{instance.label!r}, a polygon of {count} points in {len(rings)} rings from ({x:g}, {y:g}){beside}"
    return f"{instance.label!r}, {boxed or 'a classification'}"
