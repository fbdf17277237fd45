"""The objects of a record that the platform wrote itself, decoded together into their types.

They are what the general path, object by object, would make of them, in half of the time; a test holds the two together. Of
a record with an object of which something is to be said, or with more in it than a label, a box and an outline,
nothing is read here. The checks are those of the general path.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

import msgspec

from .. import geometry
from ..errors import ItemError
from ..model import (
    POLYGON,
    RECTANGLE,
    Attributes,
    Corner,
    Instance,
    Polygon,
    Prepared,
    Rectangle,
    Ring,
    Sent,
    Sides,
    Stated,
)
from .checks import SLIVER, Size, check_inside, check_label, outline
from .jsontext import UNREADABLE

_BYTES_MAX = 1 << 20
"""Records of more are read object by object, so that an object's decoded form does not outlive it."""
_NEAR = 1e8
"""Pixels from the origin within which no rounding reaches what is too far."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    geometry: list[Corner]


class _Box(msgspec.Struct, forbid_unknown_fields=True):
    top: int | float
    left: int | float
    width: int | float
    height: int | float


class _Object(msgspec.Struct, forbid_unknown_fields=True):
    """Its JSON is what is sent, where it has one shape."""

    type: str
    label: str
    rectangle: _Box | msgspec.UnsetType | None = msgspec.UNSET
    polygon: _Shape | msgspec.UnsetType | None = msgspec.UNSET
    qa: tuple[()] = ()


_NOTHING: Attributes = {}
_OBJECTS = msgspec.json.Decoder(list[_Object])


class _OddError(Exception):
    """Something is to be said, or is not as the platform writes it."""


_ODD = (*UNREADABLE, ItemError, _OddError, OverflowError)
"""What ends this way; a whole number of hundreds of digits is no float."""


def instances(raw: bytes | msgspec.Raw, size: Size) -> Prepared | None:
    """The instances of a record's ``annotations``; ``size`` is what is stated of the image. None for the general path."""
    if len(raw) > _BYTES_MAX:
        return None
    try:
        return _Prepared([_Plain(row, size) for row in _OBJECTS.decode(raw)])
    except _ODD:
        return None


class _Plain:
    """An object of which nothing is to be said. ``polygon`` is what its line is taken for where that is not one ring as it stands."""

    __slots__ = ("box", "polygon", "row", "shape", "stated")

    def __init__(self, row: _Object, size: Size) -> None:
        label = check_label(row.label, _odd)
        self.row, self.box, self.shape = row, row.rectangle or None, row.polygon or None
        if row.type != (RECTANGLE if self.shape is None else POLYGON):
            raise _OddError
        self.polygon: Polygon | None = None
        bounds = self._bounds()
        sides = bounds if self.box is None else _sides(self.box)
        if sides is None:
            raise _OddError
        if not _is_plain(sides, size):
            check_inside(Rectangle(*sides), None, size, _odd)
        self.stated = Stated(label, sides, self.box is not None, self.shape is not None, _NOTHING)

    def _bounds(self) -> Sides | None:
        if self.shape is None:
            return None
        corners = self.shape.geometry
        bounds = _bounds_of_ring(corners)
        if bounds is None:
            self.polygon = Polygon(
                outline([value for corner in corners for value in (corner.x, corner.y)], POLYGON)
            )
            bounds = _sides(geometry.bounds(self.polygon))
        return bounds

    def instance(self) -> Instance:
        """It as an instance."""
        rectangle = None if self.box is None else Rectangle(*_sides(self.box))
        polygon = self.polygon
        if polygon is None and self.shape is not None:
            polygon = Polygon((Ring(None, corners=self.shape.geometry),))
        return Instance(self.stated.label, rectangle, polygon)

    def alone(self, kind: str) -> _Object:
        """It with its box, or with its polygon, alone."""
        if kind == RECTANGLE:
            return _Object(kind, self.row.label, rectangle=self.box)
        return _Object(kind, self.row.label, polygon=self.shape)


class _Prepared(Prepared):
    """The objects of a record."""

    __slots__ = ("_plain",)

    def __init__(self, plain: Sequence[_Plain]) -> None:
        super().__init__()
        self._plain = plain

    def __len__(self) -> int:
        return len(self._plain)

    def make(self, at: int) -> Instance:
        return self._plain[at].instance()

    def objects(self) -> Sequence[Sent | None]:
        # A file of the same format is written with all that its instances say.
        return [None] * len(self._plain)

    def outlines(self) -> Sequence[Sent | None]:
        return [None if one.polygon else one.alone(one.row.type) for one in self._plain]

    def boxes(self) -> Sequence[Sent | None]:
        return [None if one.box is None else one.alone(RECTANGLE) for one in self._plain]

    def stated(self) -> Sequence[Stated | None]:
        return [one.stated for one in self._plain]


def _sides(box: _Box | Rectangle) -> Sides:
    return box.left, box.top, box.width, box.height


def _bounds_of_ring(corners: list[Corner]) -> Sides | None:
    """The bounds of an outline that is one ring; None where a point stands twice, or none surely off a line."""
    xs, ys = [corner.x for corner in corners], [corner.y for corner in corners]
    if not len(set(zip(xs, ys, strict=True))) == len(corners) > 2:
        return None
    (left, right), (top, bottom) = (min(xs), max(xs)), (min(ys), max(ys))
    x, y = xs[0], ys[0]
    is_near = left > -_NEAR and top > -_NEAR and right < _NEAR and bottom < _NEAR
    is_bent = is_near and (xs[1] - x) * (ys[2] - y) != (ys[1] - y) * (xs[2] - x)
    return (left, top, right - left, bottom - top) if is_bent else None


def _is_plain(sides: Sides, size: Size) -> bool:
    """Whether ``check_inside`` has nothing to say of a box, told by what holds for nearly all."""
    left, top, wide, high = sides
    right, bottom = left + wide, top + high
    is_near = left > -_NEAR and top > -_NEAR and right < _NEAR and bottom < _NEAR
    if not is_near or wide < SLIVER or high < SLIVER:
        return False
    width, height = size
    if width is None or height is None:
        return True
    return left >= 0 and top >= 0 and right <= width and bottom <= height


def _odd(*_: str) -> NoReturn:
    raise _OddError
