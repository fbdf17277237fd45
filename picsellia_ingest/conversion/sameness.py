"""When two instances are the same: by a key where that is exact, else by the largest distance of two coordinates.

A ring may begin at any of its points and run either way, and a box that is its polygon's bounds is as good as none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import geometry
from ..losses import notable
from ..model import ImageRecord, Instance, Ring
from ..upload.likeness import canonical

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


def left(instance: Instance, criteria: Criteria) -> float:
    """The left edge of what ``distance`` compares: those of two instances differ by no more than their distance."""
    polygon = None if criteria.rectangle else instance.polygon
    box = instance.rectangle if polygon is None else geometry.bounds(polygon)
    box = box or geometry.around(None, instance.polygon)
    return 0.0 if box is None else box.left


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
    first = points.index(min(points))
    points = points[first:] + points[:first]
    if points[-1] < points[1]:
        points = [points[0], *points[:0:-1]]
    return tuple(chain.from_iterable(points))


def key(instance: Instance, criteria: Criteria) -> bytes:
    """What two instances that are exactly the same have in common, numbers as 64-bit floats."""
    return _key(instance, shape(instance, criteria), criteria)


def _key(instance: Instance, of: Shape, criteria: Criteria) -> bytes:
    more = notable(instance.attributes) if criteria.attributes else None
    corners, rings = of
    lengths = [corners is not None, *[(hole, len(points)) for hole, points in rings]]
    numbers = np.array([*(corners or ()), *chain.from_iterable(points for _, points in rings)], np.float64)
    numbers += 0.0  # minus nothing is nothing
    return canonical([instance.label, lengths, repr(instance.qa), more]) + numbers.tobytes()


class Digest(NamedTuple):
    """What two records that say the same of their images have in common."""

    whole: bytes
    bare: bytes
    """The same without the boxes that stand beside polygons."""
    boxes: int
    """How many of those there are."""
    size: tuple[int, int] | None
    """Width and height, where both are stated; it counts only where both records state it."""


def digest(record: ImageRecord, criteria: Criteria) -> Digest:
    """The digest of a record."""
    shapes = [shape(instance, criteria) for instance in record.instances]
    whole = _digest(record, shapes, criteria)
    boxes = sum(corners is not None and rings != () for corners, rings in shapes)
    bare = _digest(record, [(None if of[1] else of[0], of[1]) for of in shapes], criteria) if boxes else whole
    sides = record.width, record.height
    return Digest(whole, bare, boxes, None if sides[0] is None or sides[1] is None else (sides[0], sides[1]))


def _digest(record: ImageRecord, shapes: Sequence[Shape], criteria: Criteria) -> bytes:
    pairs = zip(record.instances, shapes, strict=True)
    keys = sorted(_key(instance, of, criteria) for instance, of in pairs)
    head = canonical([repr(record.qa), [len(one) for one in keys]])
    return hashlib.blake2b(b"\n".join([head, *keys]), digest_size=16).digest()


def words(instance: Instance, criteria: Criteria) -> str:
    """An instance in words, so that a person finds it."""
    box, rings = shape(instance, criteria)
    boxed = f"a box from ({box[0]:g}, {box[1]:g}) to ({box[2]:g}, {box[3]:g})" if box is not None else ""
    if rings:
        count, (x, y) = sum(len(points) // 2 for _, points in rings), rings[0][1][:2]
        beside = f", and {boxed}" if boxed else ""
        return f"{instance.label!r}, a polygon of {count} points in {len(rings)} rings from ({x:g}, {y:g}){beside}"
    return f"{instance.label!r}, {boxed or 'a classification'}"
