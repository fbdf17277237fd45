"""The objects of records that the platform or this package wrote, those of many records decoded together into their types.

They are what the general path, object by object, would make of them, in a fraction of the time; a test holds the two
together. Corners are looked at in columns: an outline whose corners stand once each, the first three on no line, needs no
other look. Keys beyond the format become attributes. Of a record with an object of which something is to be said, or that
has answers, nothing is read here. The checks are those of the general path.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from itertools import chain
from typing import NoReturn

import msgspec
import numpy as np
from numpy.typing import NDArray

from .. import geometry
from ..errors import ItemError
from ..losses import notable
from ..model import POLYGON, RECTANGLE, Attributes, Corner, Instance, Polygon, Rectangle, Ring
from ..prepared import Prepared, Sent, Sides, Stated
from .checks import SLIVER, Size, check_inside, outline, plain_label
from .jsontext import DEEPEST, UNREADABLE, each_decoded

_Floats = NDArray[np.float64]

_BYTES_MAX = 1 << 20
"""Records of more are read object by object, so that an object's decoded form does not outlive it."""
_NEAR = 1e8
"""Pixels from the origin within which no rounding reaches what is too far."""
_ROUNDING = 1e-9
"""The part of a number that arithmetic with it may be off by, and more."""
_MIX = np.uint64(0x9E3779B97F4A7C15)
"""An odd number without a pattern."""


class _Shape(msgspec.Struct, forbid_unknown_fields=True):
    geometry: list[Corner]


class _Box(msgspec.Struct, forbid_unknown_fields=True):
    top: int | float
    left: int | float
    width: int | float
    height: int | float


class _Object(msgspec.Struct):
    """Its JSON is what is sent, where it has one shape."""

    type: str
    label: str
    rectangle: _Box | msgspec.UnsetType | None = msgspec.UNSET
    polygon: _Shape | msgspec.UnsetType | None = msgspec.UNSET
    qa: tuple[()] = ()
    attributes: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    """What this package writes besides."""


class _Usual(_Object, forbid_unknown_fields=True):
    """No other key."""


_RECORDS = msgspec.json.Decoder(list[list[_Usual]])
_OBJECTS = msgspec.json.Decoder(list[_Usual])
_ANY_RECORDS = msgspec.json.Decoder(list[list[_Object]])
_ANY_OBJECTS = msgspec.json.Decoder(list[_Object])
_MANY_MEMBERS = msgspec.json.Decoder(list[list[dict[str, msgspec.Raw]]])
_MEMBERS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_KEYS = frozenset(_Object.__struct_fields__) - {"attributes"}
_SHALLOW = DEEPEST - 2
"""Lists and objects that what stands under other keys may hold: what is nested deeper is for the general path to refuse."""


class _OddError(Exception):
    """Something is to be said, or is not as the platform writes it."""


class PlainObjects:
    """The objects of some records, whose ``annotations`` are given."""

    def __init__(self, raws: Sequence[bytes | msgspec.Raw]) -> None:
        small = [bytes(raw) if len(raw) <= _BYTES_MAX else b"null" for raw in raws]
        found: list[Sequence[_Object] | None] = [*each_decoded(_RECORDS, _OBJECTS, small)]
        unusual = [number for number, objects in enumerate(found) if objects is None]
        texts = [small[number] for number in unusual]
        loose = each_decoded(_ANY_RECORDS, _ANY_OBJECTS, texts)
        for number, objects in zip(unusual, loose, strict=True):
            found[number] = objects
        self._are_read = [objects is not None for objects in found]
        self.rows = list(chain.from_iterable(objects or () for objects in found))
        ends = np.cumsum([len(objects or ()) for objects in found], dtype=np.int64).tolist()
        self._ranges = [*map(range, [0, *ends], ends)]
        self.others: dict[int, Attributes] = {}
        """What stands under other keys of an object, by its number."""
        self._odd: set[int] = set()
        """The numbers of objects of which that cannot be read here."""
        for at, row in enumerate(self.rows):
            if row.attributes is not msgspec.UNSET:
                self._take_others(at, {"attributes": row.attributes})
        members_of = each_decoded(_MANY_MEMBERS, _MEMBERS, texts)
        for number, members in zip(unusual, members_of, strict=True):
            self._are_read[number] &= members is not None
            for at, one in zip(self._ranges[number], members or (), strict=False):
                self._take_others(at, {key: value for key, value in one.items() if key not in _KEYS})
        self.boxes = [row.rectangle or None for row in self.rows]
        self.shapes = [row.polygon or None for row in self.rows]
        with np.errstate(all="ignore"):  # what is too large for arithmetic is not plain
            self.bounds = _bounds([shape.geometry if shape else [] for shape in self.shapes])

    def _take_others(self, at: int, others: Mapping[str, msgspec.Raw]) -> None:
        inside = b"".join(others.values())
        try:
            if inside.count(b"[") + inside.count(b"{") > _SHALLOW:
                raise _OddError
            if others:
                self.others[at] = {key: msgspec.json.decode(value) for key, value in others.items()}
        except (*UNREADABLE, _OddError):
            self._odd.add(at)

    def words(self) -> list[int]:
        """How often "label", "rectangle" and "polygon" stand in the objects at least: as keys, types and labels."""
        values = [*[row.type for row in self.rows], *[row.label for row in self.rows]]
        boxes = sum([row.rectangle is not msgspec.UNSET for row in self.rows])
        shapes = sum([row.polygon is not msgspec.UNSET for row in self.rows])
        keys = {"label": len(self.rows), RECTANGLE: boxes, POLYGON: shapes}
        return [number + values.count(word) for word, number in keys.items()]

    def of(self, number: int, size: Size) -> Prepared | None:
        """The instances of a record; ``size`` is what is stated of its image. None for the general path."""
        if not self._are_read[number]:
            return None
        polygons: dict[int, Polygon] = {}
        stated: list[Stated] = []
        try:
            for at in self._ranges[number]:
                stated.append(self._stated(at, size, polygons))
        except (ItemError, _OddError, OverflowError):  # a whole number of hundreds of digits is no float
            return None
        return _Prepared(self, self._ranges[number], stated, polygons)

    def _stated(self, at: int, size: Size, polygons: dict[int, Polygon]) -> Stated:
        """What an object is; ``polygons`` gets what its outline is taken for where that is not one ring as it stands."""
        row, box, shape, bounds = self.rows[at], self.boxes[at], self.shapes[at], self.bounds[at]
        if (
            row.type != (RECTANGLE if shape is None else POLYGON)
            or not _is_label(row.label)
            or at in self._odd
        ):
            raise _OddError
        if shape is not None and bounds is None:
            line = [value for corner in shape.geometry for value in (corner.x, corner.y)]
            polygons[at] = Polygon(outline(line, POLYGON))
            bounds = _sides(geometry.bounds(polygons[at]))
        sides = bounds if box is None else _sides(box)
        if sides is None:
            raise _OddError
        if not _is_plain(sides, size):
            check_inside(Rectangle(*sides), None, size, _odd)
        return Stated(row.label, sides, box is not None, shape is not None)


class _Prepared(Prepared):
    """The objects of a record; ``members`` are their numbers."""

    __slots__ = ("_all", "_members", "_polygons", "_stated")

    def __init__(
        self, of: PlainObjects, members: range, stated: Sequence[Stated], polygons: dict[int, Polygon]
    ) -> None:
        super().__init__()
        self._all, self._members, self._stated, self._polygons = of, members, stated, polygons

    def __len__(self) -> int:
        return len(self._members)

    def make(self, at: int) -> Instance:
        number = self._members[at]
        box, shape, polygon = self._all.boxes[number], self._all.shapes[number], self._polygons.get(number)
        rectangle = None if box is None else Rectangle(*_sides(box))
        if polygon is None and shape is not None:
            polygon = Polygon((Ring(None, corners=shape.geometry),))
        return Instance(self._stated[at].label, rectangle, polygon, (), self._all.others.get(number, {}))

    def objects(self) -> Sequence[Sent | None]:
        # A file of the same format is written with all that its instances say.
        return [None] * len(self._members)

    def outlines(self) -> Sequence[Sent | None]:
        rows = self._all.rows
        return [None if at in self._polygons else _alone(rows[at], rows[at].type) for at in self._members]

    def boxes(self) -> Sequence[Sent | None]:
        rows, boxes = self._all.rows, self._all.boxes
        return [None if boxes[at] is None else _alone(rows[at], RECTANGLE) for at in self._members]

    def stated(self) -> Sequence[Stated | None]:
        return self._stated

    def attributes(self) -> Mapping[int, Attributes]:
        others = self._all.others
        if not others:
            return {}
        found = {at: notable(others[number]) for at, number in enumerate(self._members) if number in others}
        return {at: said for at, said in found.items() if said}


def _alone(row: _Object, kind: str) -> _Object:
    """An object with its box, or with its polygon, alone."""
    if kind == RECTANGLE:
        return _Object(kind, row.label, rectangle=row.rectangle or None)
    return _Object(kind, row.label, polygon=row.polygon or None)


@lru_cache(1024)
def _is_label(label: str) -> bool:
    """Whether it is a label as it stands."""
    return plain_label(label) == label


def _sides(box: _Box | Rectangle) -> Sides:
    return box.left, box.top, box.width, box.height


def _bounds(lines: Sequence[list[Corner]]) -> list[Sides | None]:
    """The bounds of outlines that are one ring; None where a point stands twice, or none is surely off a line."""
    found: list[Sides | None] = [None] * len(lines)
    numbers = [number for number, line in enumerate(lines) if len(line) > 2]
    corners = list(chain.from_iterable(lines[number] for number in numbers))
    try:
        xs = np.array([corner.x for corner in corners], np.float64)
        ys = np.array([corner.y for corner in corners], np.float64)
    except OverflowError:
        return found
    if not numbers:
        return found
    sizes = np.array([len(lines[number]) for number in numbers], np.int64)
    begins = np.cumsum(sizes) - sizes
    left, top = np.minimum.reduceat(xs, begins), np.minimum.reduceat(ys, begins)
    right, bottom = np.maximum.reduceat(xs, begins), np.maximum.reduceat(ys, begins)
    are_near = (left > -_NEAR) & (top > -_NEAR) & (right < _NEAR) & (bottom < _NEAR)
    are_plain = are_near & _are_bent(xs, ys, begins) & _stand_once(xs, ys, sizes)
    sides = zip(left.tolist(), top.tolist(), (right - left).tolist(), (bottom - top).tolist(), strict=True)
    for number, is_plain, one in zip(numbers, are_plain.tolist(), sides, strict=True):
        if is_plain:
            found[number] = one
    return found


def _are_bent(xs: _Floats, ys: _Floats, begins: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the first three points of lines are surely on no line."""
    across, down = xs[begins + 1] - xs[begins], ys[begins + 1] - ys[begins]
    far_across, far_down = xs[begins + 2] - xs[begins], ys[begins + 2] - ys[begins]
    one, other = across * far_down, down * far_across
    found: NDArray[np.bool_] = abs(one - other) > _ROUNDING * (abs(one) + abs(other))
    return found


def _stand_once(xs: _Floats, ys: _Floats, sizes: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether surely no point stands twice in a line."""
    lines = np.repeat(np.arange(len(sizes), dtype=np.uint64), sizes)
    # Equal points of a line have equal numbers; others that have cost a look more.
    bits = [(values + 0.0).view(np.uint64) for values in (xs, ys)]  # minus nothing is nothing
    numbers = bits[0] * _MIX + bits[1] * (_MIX >> np.uint64(1)) + lines
    found = np.ones(len(sizes), np.bool_)
    ranked = np.sort(numbers)
    again = ranked[1:][ranked[1:] == ranked[:-1]]
    if len(again):
        found[lines[np.isin(numbers, again)].astype(np.int64)] = False
    return found


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
