"""One object of a PICSELLIA file as an Instance (docs/protocol.md, section 4.2).

``type`` says which geometry is meant; when the object has only another one, it is uncertain which is right and the
object is left out. A rectangle and a polygon that are both given are both kept. Keys beyond the format stay in the
attributes.
"""

from __future__ import annotations

from typing import Any

from ..errors import ItemError
from ..model import CLASSIFICATION, POLYGON, RECTANGLE, Instance, Polygon, Rectangle
from .checks import Size, Warn, check_inside, check_label, outline
from .numbers import are_plain, number, text_number

_SIDES = ("left", "top", "width", "height")


def instance(row: dict[str, Any], size: Size, warn: Warn) -> Instance:
    """The instance that ``row`` describes, without answers; ``size`` is what is stated of the image.

    Takes what it models out of ``row``; the rest becomes the instance's attributes. Raises ItemError.
    """
    label = check_label(row.pop("label", None), warn)
    kind = row.pop("type", None)
    rectangle, polygon = _rectangle(row, warn), _polygon(row, warn)
    _check_type(kind, rectangle, polygon, warn)
    check_inside(rectangle, polygon, size, warn)
    if kind == RECTANGLE and polygon is not None:
        row["type"] = kind
    return Instance(label, rectangle, polygon, (), row or {})


def _check_type(kind: object, rectangle: Rectangle | None, polygon: Polygon | None, warn: Warn) -> None:
    if (kind == POLYGON and polygon is not None) or (kind == RECTANGLE and rectangle is not None):
        return
    given = {RECTANGLE: rectangle, POLYGON: polygon}
    has = " and ".join(name for name, shape in given.items() if shape is not None) or "no geometry"
    if kind is None and has != "no geometry":
        warn("type_missing", f"the object has no type; its {has} says it", "type")
        return
    if kind not in (CLASSIFICATION, RECTANGLE, POLYGON):
        message = f"the object's type is {kind!r:.40}"
        raise ItemError("type_unknown", message, "write classification, rectangle or polygon", "type")
    if kind != CLASSIFICATION or has != "no geometry":
        code = "no_geometry" if has == "no geometry" else "type_unlike_geometry"
        raise ItemError(
            code, f"the object's type is {kind}, but it has {has}", "mend the type, or draw it", "type"
        )


def _rectangle(row: dict[str, Any], warn: Warn) -> Rectangle | None:
    box = row.pop("rectangle", None)
    if box is None or box == [] or box == {}:
        return None
    if not isinstance(box, dict):
        raise _no_box(f"the rectangle is not an object: {box!r:.80}")
    left, top, width, height = (_side(side, box.pop(side, None), warn) for side in _SIDES)
    if box:
        row["rectangle"] = box
    if width < 0 or height < 0:
        message = f"width or height is negative: {width:g} x {height:g}; drawn from the other corner"
        warn("box_negative", message, "rectangle")
        left, width = min(left, left + width), abs(width)
        top, height = min(top, top + height), abs(height)
    if width == 0 or height == 0:
        raise ItemError("box_empty", f"the box has no area: {width:g} x {height:g}", "remove it", "rectangle")
    return Rectangle(left, top, width, height)


def _side(name: str, written: object, warn: Warn) -> float:
    found = number(written)
    if found is None:
        raise _no_box(f"{name} is not a finite number: {written!r:.40}")
    if text_number(written):
        warn("number_as_text", f"{name} is a number written as text: {written!r:.40}", "rectangle")
    return found


def _polygon(row: dict[str, Any], warn: Warn) -> Polygon | None:
    shape = row.pop("polygon", None)
    if isinstance(shape, list) and shape:
        warn("polygon_without_geometry", "the polygon is a list; read as its geometry", "polygon")
        shape = {"geometry": shape}
    if shape is None or shape == [] or shape == {}:
        return None
    if not isinstance(shape, dict) or "geometry" not in shape:
        raise _no_polygon(f"it has no geometry: {shape!r:.80}")
    corners = shape.pop("geometry")
    if corners is None or corners == []:
        return None
    if not isinstance(corners, list):
        raise _no_polygon(f"its geometry is not a list of points: {corners!r:.80}")
    points = _plain_points(corners) or [value for corner in corners for value in _point(corner, warn)]
    if shape:
        row["polygon"] = shape
    return Polygon(outline(points, "polygon"))


def _plain_points(corners: list[Any]) -> list[float] | None:
    """The numbers of points that are objects of two ordinary numbers, as most are; None for any other list."""
    try:
        points = [value for corner in corners for value in (corner["x"], corner["y"])]
    except (TypeError, KeyError):
        return None
    return points if are_plain(points) else None


def _point(corner: object, warn: Warn) -> tuple[float, float]:
    if isinstance(corner, dict):
        written = (corner.get("x"), corner.get("y"))
    elif isinstance(corner, list) and len(corner) == 2:
        written = (corner[0], corner[1])
    else:
        raise _no_polygon(f"a point is not x and y: {corner!r:.80}")
    x, y = number(written[0]), number(written[1])
    if x is None or y is None:
        raise _no_polygon(f"a point is not two finite numbers: {corner!r:.80}")
    if text_number(written[0]) or text_number(written[1]):
        warn("number_as_text", f"a point is written as text: {corner!r:.80}", "polygon")
    return x, y


def _no_box(message: str) -> ItemError:
    return ItemError("box_invalid", message, "write left, top, width and height as numbers", "rectangle")


def _no_polygon(message: str) -> ItemError:
    return ItemError(
        "polygon_invalid", f"the polygon cannot be read: {message}", "mend or remove it", "polygon"
    )
