"""The numbers of a VOC object: the corners of its box, and its polygons in the spellings that tools have for them."""

from __future__ import annotations

import re
from functools import lru_cache

from ..errors import ItemError
from ..model import Polygon
from .checks import Warn, outline
from .numbers import number, plain_decimals
from .voc_attributes import CORNERS, NUMBERED
from .voc_xml import Element, children, grouped, local, text

_COMMA = re.compile(r"([-+]?[0-9]+),([0-9]+)", re.ASCII)


def corners(box: Element, warn: Warn) -> tuple[float, float, float, float]:
    """xmin, ymin, xmax and ymax as written. Raises ItemError."""
    plain = _plainly(box, CORNERS)
    if plain is not None:
        return plain[0], plain[1], plain[2], plain[3]
    values: list[float] = []
    parts = grouped(box)
    for corner in CORNERS:
        found = parts.get(corner, [])
        if len(found) != 1:
            what = "is missing" if not found else f"stands {len(found)} times"
            raise ItemError(
                "box_invalid", f"{corner} {what}", "write xmin, ymin, xmax and ymax once", f"bndbox/{corner}"
            )
        values.append(_coordinate(found[0], "box_invalid", f"bndbox/{corner}", warn))
    return values[0], values[1], values[2], values[3]


def _coordinate(element: Element, code: str, field: str, warn: Warn) -> float:
    written = text(element)
    found = number(written)
    # 1,250 may be a thousand and more; 12,5 and 0,125 can only be decimals.
    if (
        found is None
        and (comma := _COMMA.fullmatch(written))
        and (len(comma[2]) != 3 or comma[1].lstrip("+-") == "0")
    ):
        found = number(f"{comma[1]}.{comma[2]}")
        warn("decimal_comma", f"{written!r:.40} is read as {found}", field)
    if found is None:
        raise ItemError(
            code, f"{local(element)} is not a finite number: {written!r:.40}", "write it as 12.5", field
        )
    return found


def polygon(given: list[Element], warn: Warn) -> Polygon | None:
    """The polygons of an object: several are its parts. An element without children says nothing. Raises ItemError."""
    found = [child for child in given if len(child)]
    rings = tuple(one for child in found for one in outline(_points(child, warn), "polygon"))
    return Polygon(rings) if rings else None


def _points(shape: Element, warn: Warn) -> list[float]:
    """The flat coordinates of a polygon in either spelling."""
    plain = _plainly(shape, _numbers(len(shape)))
    if plain is not None:
        return plain
    named = [(local(child), child) for child in shape]
    listed = [child for name, child in named if name == "pt"] or [
        child for name, child in named if name == "point"
    ]
    if not listed:
        return _numbered_points(named, warn)
    points: list[float] = []
    for corner in listed:
        for axis in "xy":
            found = children(corner, axis)
            if len(found) != 1:
                raise _no_polygon(f"a point has {len(found)} values for {axis}")
            points.append(_coordinate(found[0], "polygon_invalid", "polygon", warn))
    return points


def _numbered_points(named: list[tuple[str, Element]], warn: Warn) -> list[float]:
    """x1, y1, x2, ... in any order, counted from any number. Raises ItemError when one is missing or stands twice."""
    numbered: dict[tuple[int, str], Element] = {}
    for name, child in named:
        key = _numbered(name)
        if key is None:
            continue
        if key in numbered:
            raise _no_polygon(f"{name} stands twice")
        numbered[key] = child
    first = min((index for index, _ in numbered), default=1)
    points: list[float] = []
    for step in range(len(numbered) + len(numbered) % 2):
        index, axis = first + step // 2, "xy"[step % 2]
        if (index, axis) not in numbered:
            raise _no_polygon(f"{axis}{index} is missing")
        points.append(_coordinate(numbered[index, axis], "polygon_invalid", f"polygon/{axis}{index}", warn))
    return points


def _plainly(shape: Element, names: tuple[str, ...]) -> list[float] | None:
    """The numbers of its children where these are just so named, in this order, and are plain decimals; None otherwise."""
    given = [(child.tag, child.text or "") for child in shape]
    if tuple([name for name, _ in given]) != names:
        return None
    return plain_decimals([word for _, word in given])


@lru_cache(1024)
def _numbers(count: int) -> tuple[str, ...]:
    """x1, y1, x2 and so on: so many, if that is even."""
    return tuple(f"{axis}{number}" for number in range(1, count // 2 + 1) for axis in "xy")


@lru_cache(1024)  # many polygons have few names for their points
def _numbered(name: str) -> tuple[int, str] | None:
    match = NUMBERED.fullmatch(name)
    return None if match is None else (int(match[2]), match[1])


def _no_polygon(message: str) -> ItemError:
    return ItemError(
        "polygon_invalid", f"the polygon cannot be read: {message}", "mend or remove it", "polygon"
    )
