"""The quick way to an annotation that is as nearly all are: a box and rings as they should be, and nothing else to say.

A typed decoder builds only what is kept, and a few comparisons stand for the checks of coco_shapes. Whatever is not
plainly in order - another key, a repeated one, a mask, a closed ring, a box past the edge - is None here and goes the
long way, which knows what to say of it. Both ways give equal instances, which a test holds for any annotation.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from ..model import Instance, Polygon, Rectangle, Ring
from .checks import COORDINATE_MAX, OVERHANG, SLIVER, Size
from .jsontext import BYTES_MAX, UNREADABLE

_Number: TypeAlias = int | float


class _Row(msgspec.Struct, forbid_unknown_fields=True):
    image_id: int
    category_id: int
    bbox: tuple[_Number, _Number, _Number, _Number]
    segmentation: tuple[tuple[_Number, ...], ...]
    id: int | UnsetType = UNSET
    area: _Number | UnsetType = UNSET
    iscrowd: int | UnsetType = UNSET


_ROW = msgspec.json.Decoder(_Row)
_FEWEST, _MOST = 2 * 4, 2 * 7
"""Quotation marks in an object of these keys whose values are numbers."""


def plain_instance(text: bytes, categories: Mapping[Any, Any], size: Size) -> Instance | None:
    """The instance of an annotation that is plainly in order; ``size`` is its image's (width, height) as stated."""
    quotes = text.count(b'"')
    if not _FEWEST <= quotes <= _MOST or len(text) > BYTES_MAX:
        return None
    try:
        row = _ROW.decode(text)
    except UNREADABLE:
        return None
    label = categories.get(row.category_id)
    if type(label) is not str or not row.segmentation or not _is_plain_box(row.bbox, size):
        return None
    if not all(map(_is_plain_ring, row.segmentation)):
        return None
    attributes = _attributes(row)
    if quotes != 2 * (3 + len(attributes)):  # a key stands there twice
        return None
    left, top, width, height = row.bbox
    polygon = Polygon(tuple([Ring(points) for points in row.segmentation]))
    return Instance(label, Rectangle(left or 0, top or 0, width, height), polygon, (), attributes)


def _attributes(row: _Row) -> dict[str, Any]:
    found: dict[str, Any] = {"image_id": row.image_id}
    if row.id is not UNSET:
        found["id"] = row.id
    if row.area is not UNSET:
        found["area"] = row.area
    if row.iscrowd is not UNSET:
        found["iscrowd"] = row.iscrowd
    return found


def _is_plain_ring(points: tuple[float, ...]) -> bool:
    count = len(points)
    if count < 6 or count & 1 or min(points) < -COORDINATE_MAX or max(points) > COORDINATE_MAX:
        return False
    x, y, second_x, second_y, third_x, third_y = points[:6]
    is_open = x != points[-2] or y != points[-1]
    return is_open and (second_x - x) * (third_y - y) != (second_y - y) * (third_x - x)


def _is_plain_box(box: tuple[float, float, float, float], size: Size) -> bool:
    left, top, width, height = box
    if width < SLIVER or height < SLIVER:
        return False
    across, down = size
    if across is None or down is None:
        across = down = 1 << 20
    right, bottom = left + width, top + height
    return (
        -OVERHANG <= left < across
        and -OVERHANG <= top < down
        and 0 < right <= across + OVERHANG
        and 0 < bottom <= down + OVERHANG
    )
