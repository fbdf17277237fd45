"""The objects of a record that the platform wrote itself, decoded together into their types.

They are what the general path, object by object, would make of them, in half of the time; a test holds the two together. Of
a record with an object of which something is to be said, or with more in it than a label, a box and an outline,
nothing is read here. The checks are those of the general path.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from ..errors import ItemError
from ..model import POLYGON, RECTANGLE, Instance, Polygon, Rectangle
from .checks import Size, check_inside, check_label, outline
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


class _OddError(Exception):
    """Something is to be said, or is not as the platform writes it."""


_ODD = (*UNREADABLE, ItemError, _OddError, OverflowError)
"""What ends this way; a whole number of hundreds of digits is no float."""


def instances(raw: bytes | msgspec.Raw, size: Size) -> list[Instance] | None:
    """The instances of a record's ``annotations``; ``size`` is what is stated of the image. None for the general path."""
    if len(raw) > _BYTES_MAX:
        return None
    try:
        return [_instance(row, size) for row in _OBJECTS.decode(raw)]
    except _ODD:
        return None


def _instance(row: _Object, size: Size) -> Instance:
    label, rectangle, polygon = check_label(row.label, _odd), None, None
    box, shape = row.rectangle, row.polygon
    if box is not None:
        rectangle = Rectangle(box.left, box.top, box.width, box.height)
    if shape is not None:
        points = [value for corner in shape.geometry for value in (corner.x, corner.y)]
        polygon = Polygon(outline(points, POLYGON))
    if row.type != (RECTANGLE if polygon is None else POLYGON) or (rectangle is None and polygon is None):
        raise _OddError
    check_inside(rectangle, polygon, size, _odd)
    return Instance(label, rectangle, polygon)


def _odd(*_: str) -> NoReturn:
    raise _OddError
