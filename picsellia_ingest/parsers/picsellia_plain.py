"""The objects of a record that the platform wrote itself, decoded together into their types.

They are what the general path, object by object, would make of them, in half of the time; a test holds the two together. Of
a record with an object of which something is to be said, or with more in it than a label, a box and an outline,
nothing is read here. The checks are those of the general path.
"""

from __future__ import annotations

from typing import NoReturn

import msgspec

from .. import geometry
from ..errors import ItemError
from ..model import POLYGON, RECTANGLE, Corner, Instance, Polygon, Rectangle, Ring
from .checks import SLIVER, Size, check_inside, check_label, outline
from .jsontext import UNREADABLE

_BYTES_MAX = 1 << 20
"""Records of more are read object by object, so that an object's decoded form does not outlive it."""
_NEAR = 1e8
"""Pixels from the origin within which no rounding reaches what is too far."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    geometry: list[Corner]


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
        polygon = _polygon(shape.geometry)
    if row.type != (RECTANGLE if polygon is None else POLYGON) or (rectangle is None and polygon is None):
        raise _OddError
    around = geometry.around(rectangle, polygon)
    if around is None or not _is_plain(around, size):
        check_inside(rectangle, polygon, size, _odd)
    return Instance(label, rectangle, polygon)


def _polygon(corners: list[Corner]) -> Polygon:
    """An outline that is one ring; others, with a point that stands twice or none off a line, are as ``outline`` has them."""
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    if len(set(zip(xs, ys, strict=True))) == len(corners) > 2:
        (left, right), (top, bottom) = (min(xs), max(xs)), (min(ys), max(ys))
        x, y = xs[0], ys[0]
        is_near = left > -_NEAR and top > -_NEAR and right < _NEAR and bottom < _NEAR
        if is_near and (xs[1] - x) * (ys[2] - y) != (ys[1] - y) * (xs[2] - x):
            return Polygon((Ring(None, corners=corners),), Rectangle(left, top, right - left, bottom - top))
    return Polygon(outline([value for corner in corners for value in (corner.x, corner.y)], POLYGON))


def _is_plain(box: Rectangle, size: Size) -> bool:
    """Whether ``check_inside`` has nothing to say of a box, told by what holds for nearly all."""
    left, top = box.left, box.top
    right, bottom = left + box.width, top + box.height
    is_near = left > -_NEAR and top > -_NEAR and right < _NEAR and bottom < _NEAR
    if not is_near or box.width < SLIVER or box.height < SLIVER:
        return False
    width, height = size
    if width is None or height is None:
        return True
    return left >= 0 and top >= 0 and right <= width and bottom <= height


def _odd(*_: str) -> NoReturn:
    raise _OddError
