"""The objects of a record that the platform wrote itself, decoded together into their types.

They are what the general path, object by object, would make of them, in half of the time; a test holds the two together. Of
a record with an object of which something is to be said, or with more in it than a label and one box or one outline,
nothing is read here.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from .. import geometry
from ..model import POLYGON, RECTANGLE, Instance, Polygon, Rectangle, Ring
from .checks import COORDINATE_MAX, OVERHANG, SLIVER, Size, plain_label
from .jsontext import UNREADABLE

_BYTES_MAX = 1 << 20
"""Records of more are read object by object, so that an object's decoded form does not outlive it."""


class _Corner(msgspec.Struct, forbid_unknown_fields=True):
    x: int | float
    y: int | float


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    geometry: list[_Corner]


class _Box(msgspec.Struct, forbid_unknown_fields=True):
    left: int | float
    top: int | float
    width: int | float
    height: int | float


class _Object(msgspec.Struct, forbid_unknown_fields=True):
    type: str
    label: str
    rectangle: _Box | None = None
    polygon: _Shape | None = None
    qa: tuple[()] = ()


_OBJECTS = msgspec.json.Decoder(list[_Object])


def instances(raw: bytes | msgspec.Raw, size: Size) -> list[Instance] | None:
    """The instances of a record's ``annotations``; ``size`` is what is stated of the image. None for the general path."""
    if len(raw) > _BYTES_MAX:
        return None
    try:
        rows = _OBJECTS.decode(raw)
    except UNREADABLE:
        return None
    found: list[Instance] = []
    for row in rows:
        instance = _instance(row, size)
        if instance is None:
            return None
        found.append(instance)
    return found


def _instance(row: _Object, size: Size) -> Instance | None:
    label, box, shape = row.label, row.rectangle, row.polygon
    if plain_label(label) != label:
        return None
    if row.type == POLYGON and shape is not None and box is None:
        polygon = _polygon(shape.geometry)
        if polygon is None or not _is_inside(geometry.bounds(polygon), size):
            return None
        return Instance(label, None, polygon)
    if row.type == RECTANGLE and box is not None and shape is None:
        rectangle = Rectangle(box.left, box.top, box.width, box.height)
        return Instance(label, rectangle) if _is_inside(rectangle, size) else None
    return None


def _polygon(corners: list[_Corner]) -> Polygon | None:
    """The polygon of corners of which no two are the same: it needs no cleaning, and has no bridge."""
    points = [value for corner in corners for value in (corner.x, corner.y)]
    if len({(corner.x, corner.y) for corner in corners}) != len(corners) or len(corners) < 3:
        return None
    if not _are_near(points) or geometry.is_flat(points):
        return None
    return Polygon((Ring(tuple(points)),))


def _is_inside(box: Rectangle, size: Size) -> bool:
    """Whether nothing is to be said of where a box lies, nor of how large it is."""
    right, bottom = box.left + box.width, box.top + box.height
    if min(box.width, box.height) < SLIVER or not _are_near((box.left, box.top, right, bottom)):
        return False
    width, height = size
    if width is None or height is None:
        return True
    over = max(-box.left, -box.top, right - width, bottom - height)
    return over <= OVERHANG and not geometry.is_outside(box, size)


def _are_near(coordinates: Sequence[float]) -> bool:
    return min(coordinates) >= -COORDINATE_MAX and max(coordinates) <= COORDINATE_MAX
