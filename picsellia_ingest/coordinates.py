"""Other conventions of coordinates, made into ours: pixels of the picture as it is shown, origin at its top-left corner.

``multiplied`` is for files that count in fractions of the picture, ``turned`` for shapes that were drawn on the stored pixels of
an image which its EXIF orientation turns or mirrors when it is shown (EXIF 2.3, tag 0x0112, values 1 to 8).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import msgspec

from .model import ImageRecord, Instance, Polygon, Rectangle, Ring

Move: TypeAlias = Callable[[float, float], tuple[float, float]]
"""Where a point goes."""

QUARTER_TURNS = (5, 6, 7, 8)
"""Orientations that exchange width and height."""


def multiplied(record: ImageRecord, size: tuple[int, int]) -> ImageRecord:
    """The record with every coordinate, a fraction of ``size`` (width, height), in pixels."""
    width, height = size
    return _moved(record, lambda x, y: (x * width, y * height))


def turned(record: ImageRecord, orientation: int, shown: tuple[int, int]) -> ImageRecord:
    """The record on the picture as it is shown, ``shown`` pixels wide and high, drawn on the stored one.

    A size that the record states is the stored one's; that of the answer is the shown one's.
    """
    width, height = shown[::-1] if orientation in QUARTER_TURNS else shown
    moves: dict[int, Move] = {
        2: lambda x, y: (width - x, y),
        3: lambda x, y: (width - x, height - y),
        4: lambda x, y: (x, height - y),
        5: lambda x, y: (y, x),
        6: lambda x, y: (height - y, x),
        7: lambda x, y: (height - y, width - x),
        8: lambda x, y: (y, width - x),
    }
    if orientation not in moves:
        return record
    found = _moved(record, moves[orientation])
    stated = record.width is not None and record.height is not None
    return msgspec.structs.replace(found, width=shown[0], height=shown[1]) if stated else found


def _moved(record: ImageRecord, move: Move) -> ImageRecord:
    return msgspec.structs.replace(record, instances=tuple(_instance(one, move) for one in record.instances))


def _instance(instance: Instance, move: Move) -> Instance:
    box, polygon = instance.rectangle, instance.polygon
    return msgspec.structs.replace(
        instance,
        rectangle=None if box is None else _box(box, move),
        polygon=None if polygon is None else Polygon(tuple(_ring(ring, move) for ring in polygon.rings)),
    )


def _box(box: Rectangle, move: Move) -> Rectangle:
    (x1, y1), (x2, y2) = move(box.left, box.top), move(box.left + box.width, box.top + box.height)
    return Rectangle(min(x1, x2), min(y1, y2), abs(x2 - x1), abs(y2 - y1))


def _ring(ring: Ring, move: Move) -> Ring:
    pairs = zip(ring.points[0::2], ring.points[1::2], strict=True)
    return Ring(tuple(value for pair in pairs for value in move(*pair)), ring.hole)
