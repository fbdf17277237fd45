"""One annotation of a Datumaro item as an Instance (Datumaro's documentation, "Datumaro format").

``bbox`` is [left, top, width, height], ``rotated_bbox`` [centre x, centre y, width, height, degrees clockwise], ``points`` of
a polygon are flat, a mask is a COCO run-length text, a ``label`` is a classification. Other kinds are rejected by name.
"""

from __future__ import annotations

from typing import Any

from .. import geometry
from ..errors import ItemError
from ..model import Instance, Polygon, Rectangle
from .checks import Size, Warn, check_inside, outline
from .coco_shapes import mask_polygon
from .numbers import number

CAPTION = "caption"
"""The kind that is no instance: it has no label."""


def instance(row: dict[str, Any], label: str, size: Size, warn: Warn) -> Instance:
    """The instance that ``row`` describes; what it models is taken out of ``row``. Raises ItemError."""
    kind = row.get("type")
    rectangle: Rectangle | None = None
    polygon: Polygon | None = None
    if kind == "bbox":
        rectangle = _box(_numbers(row.pop("bbox", None), 4, "bbox"))
    elif kind == "rotated_bbox":
        polygon = _rotated(_numbers(row.get("points", row.get("bbox")), 5, "points"))
    elif kind == "polygon":
        polygon = Polygon(outline(_numbers(row.pop("points", None), None, "points"), "points"))
    elif kind == "mask":
        polygon = _mask(row, size, warn)
    elif kind != "label":
        message = f"a {kind!r:.40} is neither a box nor an area"
        raise ItemError("shape_not_supported", message, "draw a box, a polygon or a mask", "type")
    check_inside(rectangle, polygon, size, warn, ("bbox", "points"))
    return Instance(label, rectangle, polygon, (), row)


def _numbers(values: Any, count: int | None, field: str) -> list[float]:
    found = [number(value) for value in values] if isinstance(values, list) else []
    right = len(found) == count if count else bool(found) and len(found) % 2 == 0
    if None in found or not right:
        code = "polygon_invalid" if count is None else "box_invalid"
        wanted = "pairs of finite numbers" if count is None else f"{count} finite numbers"
        raise ItemError(code, f"{field} is not {wanted}: {values!r:.80}", "mend or remove it", field)
    return [value for value in found if value is not None]


def _box(values: list[float]) -> Rectangle:
    left, top, width, height = values
    if width <= 0 or height <= 0:
        raise ItemError("box_empty", f"the box has no area: {width:g} x {height:g}", "remove it", "bbox")
    return Rectangle(left, top, width, height)


def _rotated(values: list[float]) -> Polygon:
    x, y, width, height, degrees = values
    box = _box([x - width / 2, y - height / 2, width, height])
    return geometry.rotated(box, degrees, (x, y))


def _mask(row: dict[str, Any], size: Size, warn: Warn) -> Polygon:
    rle = row.pop("rle", None)
    if not isinstance(rle, dict):
        raise ItemError(
            "mask_invalid", f"the mask's rle is not an object: {rle!r:.80}", "mend or remove it", "rle"
        )
    polygon = mask_polygon(rle, size, warn)
    if polygon is None:
        raise ItemError("mask_empty", "the mask has no pixel", "remove it", "rle")
    row["rle"] = {key: value for key, value in rle.items() if key != "counts"}
    return polygon
