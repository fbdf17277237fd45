"""The results of one Label Studio annotation as instances (Label Studio's documentation, "Export annotations").

Coordinates are percentages of the picture, whose size every result states. A rotation is degrees clockwise around the
region's top-left corner; such a region becomes the polygon of its corners. A region and its label may be two results of one
id. ``choices`` of the whole image are classifications. The result itself stays in the instance's attributes, verbatim.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import geometry, tracing
from ..errors import ItemError
from ..model import Instance, Polygon, Rectangle
from . import brush
from .checks import Size, Warn, check_inside, outline, usable_label
from .numbers import number, plain_pairs, positive_int

REGIONS = ("rectangle", "polygon", "brush")
"""Regions that an instance can be; each also with ``labels`` behind its name, which then holds the label."""

_OTHERS = ("ellipse", "keypoint", "vector", "video", "magicwand", "cuboid")

Shape = tuple[Rectangle | None, Polygon | None]


def kind(result: object) -> str | None:
    """Which region, or ``choices`` or ``other``, a result is; None for what says something of a region or of the task."""
    stated = result.get("type") if isinstance(result, dict) else None
    if not isinstance(stated, str):
        return "other"
    name = stated.removesuffix("labels")
    if name in REGIONS:
        return name
    if stated == "choices" and not _on_a_region(result):
        return "choices"
    return "other" if name.startswith(_OTHERS) else None


def _on_a_region(result: object) -> bool:
    """Whether a choice is about a region: it then repeats the region's geometry."""
    value = result.get("value") if isinstance(result, dict) else None
    return isinstance(value, dict) and any(key in value for key in ("x", "points", "rle"))


def labels(result: Mapping[str, Any], others: list[Any]) -> list[str]:
    """The labels of a region: its own, or those of a ``labels`` result of its id. Raises ItemError when there is none."""
    value = result.get("value")
    own = value.get(str(result.get("type"))) if isinstance(value, dict) else None
    if own is None:
        same = [row for row in others if isinstance(row, dict) and row.get("id") == result.get("id")]
        found = [
            row["value"].get("labels")
            for row in same
            if row.get("type") == "labels" and isinstance(row.get("value"), dict)
        ]
        own = found[0] if found else None
    named = [own] if isinstance(own, str) else own
    if not isinstance(named, list) or not named or not all(map(usable_label, named)):
        raise ItemError(
            "label_blank", f"the region has no label that can be shown: {own!r:.80}", "label it", "value"
        )
    return named


def instances(result: dict[str, Any], others: list[Any], size: Size, warn: Warn) -> list[Instance]:
    """One instance for each label of a result. Raises ItemError."""
    what = kind(result)
    if what == "other" or what is None:
        raise ItemError(
            "shape_not_supported", f"a result of type {result.get('type')!r:.40} is neither a box nor an area",
            "draw a rectangle, a polygon or a brush mask", "type",
        )  # fmt: skip
    if not isinstance(result.get("value"), dict):
        raise ItemError(
            "region_invalid",
            f"value is not an object: {result.get('value')!r:.80}",
            "mend or remove it",
            "value",
        )
    named = labels(result, others)
    rectangle, polygon = (None, None) if what == "choices" else shape(result, size)
    check_inside(rectangle, polygon, size, warn, ("value", "value"))
    return [Instance(label, rectangle, polygon, (), result) for label in named]


def shape(result: Mapping[str, Any], size: Size) -> Shape:
    """The box or polygon of a region, in pixels. Raises ItemError."""
    value = result.get("value")
    if not isinstance(value, dict):
        raise ItemError(
            "region_invalid", f"value is not an object: {value!r:.80}", "mend or remove it", "value"
        )
    width, height = size
    if width is None or height is None:
        raise ItemError(
            "size_unknown", "original_width and original_height are not stated: percentages cannot be placed",
            "export again, or add them", "original_width",
        )  # fmt: skip
    if result.get("image_rotation") not in (None, 0):
        raise ItemError(
            "image_turned", f"the image was turned by {result['image_rotation']!r:.20} degrees while it was labelled",
            "turn the image itself", "image_rotation",
        )  # fmt: skip
    what = kind(result)
    if what == "brush":
        return None, _brush(value, width, height)
    if what == "polygon":
        return None, _polygon(value, width, height)
    return _box(value, result, width, height)


def _brush(value: dict[str, Any], width: int, height: int) -> Polygon:
    if value.get("format") != "rle" or not isinstance(value.get("rle"), list):
        raise ItemError("mask_invalid", "the brush region has no rle", "mend or remove it", "value/rle")
    try:
        polygon = tracing.mask_polygon(brush.decode(value["rle"], height, width))
    except ValueError as error:
        raise ItemError(
            "mask_invalid", f"the mask cannot be read: {error}", "mend or remove it", "value/rle"
        ) from error
    if polygon is None:
        raise ItemError("mask_empty", "the mask has no pixel", "remove it", "value/rle")
    return polygon


def _polygon(value: dict[str, Any], width: int, height: int) -> Polygon:
    given = value.get("points")
    corners = given if isinstance(given, list) else [None]
    numbers = plain_pairs(corners)
    if numbers is None:
        numbers = _pairs(corners)
    sides = (width, height)
    points = [share / 100 * sides[place % 2] for place, share in enumerate(numbers)]
    return Polygon(outline(points, "value/points"))


def _pairs(corners: list[Any]) -> list[float]:
    found: list[float] = []
    for corner in corners:
        pair = [number(part) for part in corner] if isinstance(corner, list) else []
        if len(pair) != 2 or pair[0] is None or pair[1] is None:
            raise ItemError(
                "polygon_invalid", f"a point is not two numbers: {corner!r:.80}", "mend it", "value/points"
            )
        found += (pair[0], pair[1])
    return found


def _box(value: dict[str, Any], result: Mapping[str, Any], width: int, height: int) -> Shape:
    sides = [number(value.get(name)) for name in ("x", "y", "width", "height")]
    angle = number(value.get("rotation", result.get("rotation", 0)) or 0)
    if None in sides or angle is None:
        raise ItemError(
            "box_invalid", f"the box is not four finite numbers: {value!r:.80}", "mend it", "value"
        )
    x, y, across, down = (side or 0 for side in sides)
    box = Rectangle(x / 100 * width, y / 100 * height, across / 100 * width, down / 100 * height)
    if box.width <= 0 or box.height <= 0:
        raise ItemError(
            "box_empty", f"the box has no area: {box.width:g} x {box.height:g}", "remove it", "value"
        )
    return (box, None) if angle % 360 == 0 else (None, geometry.rotated(box, angle, (box.left, box.top)))


def size_of(results: list[Any]) -> tuple[Size, bool]:
    """The size that results state for their picture, and whether they agree."""
    stated = {
        (positive_int(row.get("original_width")), positive_int(row.get("original_height")))
        for row in results
        if isinstance(row, dict) and "original_width" in row
    } - {(None, None)}
    return (next(iter(stated)) if len(stated) == 1 else (None, None)), len(stated) < 2
