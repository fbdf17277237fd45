"""Shapes of a LabelMe file as instances, and back.

Sources of the rules: LabelMe's own label file and shape code. ``rectangle`` has two opposite corners in any order (or,
from other tools, all four); ``polygon`` its points; ``mask`` a PNG picture, base64, whose top-left pixel is the first
corner of its two points, the last one included. Polygons of one label and ``group_id`` are parts of one instance. What
pixels do not give back (corners in another order, a repeated last point) is kept in the attribute ``segmentation``.
"""

from __future__ import annotations

import base64
import binascii
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from .. import geometry, raster, tracing
from ..errors import ItemError
from ..model import Answer, Instance, Polygon, Rectangle, Ring
from ..tracing import Mask
from .checks import Warn, ring, usable_label
from .numbers import as_numbers, number, plain_pairs, text_number
from .voc_masks import check_png

SPELLING = "segmentation"
"""The attribute that says how a shape is spelled, where that is not the plain way: its points, its type, its parts."""

POLYGONS = ("polygon", "oriented_rectangle", "rotation")
"""Types whose points are an outline; the last two, a rotated box's corners, keep their type in the attributes."""

_MASK_BYTES_MAX = 1 << 26


def instance(row: dict[str, Any], warn: Warn) -> Instance:
    """The instance of one shape. Takes what it models out of ``row``; the rest becomes attributes. Raises ItemError."""
    label = row.pop("label", None)
    if not usable_label(label):
        message = f"the shape has no label that can be shown: {label!r:.80}"
        raise ItemError("label_blank", message, "label it", "label")
    spelling: dict[str, Any] = {} if "shape_type" in row else {"untyped": True}
    kind = row.get("shape_type") or "polygon"
    points = row.pop("points", None)
    rectangle = box(points, warn) if kind == "rectangle" else None
    polygon = outline(points, warn) if kind in POLYGONS else None
    if kind == "mask":
        polygon, spelling["mask"] = _mask(points, row.pop("mask", None))
    if rectangle is None and polygon is None:
        message = f"a {kind!r:.40} has no place in a dataset of boxes and polygons"
        raise ItemError("shape_not_supported", message, "draw it as a polygon", "shape_type")
    if row.get("shape_type") in ("rectangle", "polygon", "mask"):
        del row["shape_type"]
    usual = spelled(rectangle, polygon, mask=kind == "mask")
    if points != usual and (points := as_numbers(points)) != usual:
        spelling["points"] = points
    if spelling:
        row[SPELLING] = spelling
    return Instance(label, rectangle, polygon, (), row)


def box(points: object, warn: Warn | None = None) -> Rectangle:
    """The box of two opposite corners, or of all four. Raises ItemError."""
    xy = _numbers(points, "box_invalid", warn)
    xs, ys = xy[0::2], xy[1::2]
    if len(xs) == 4 and not (len(set(xs)) == len(set(ys)) == 2 and len(set(zip(xs, ys, strict=True))) == 4):
        raise ItemError("box_rotated", "the four corners are no upright box", "give it a polygon", "points")
    if len(xs) not in (2, 4):
        raise ItemError("box_invalid", f"the rectangle has {len(xs)} corners", "give it two", "points")
    left, top, right, bottom = min(xs), min(ys), max(xs), max(ys)
    if left == right or top == bottom:
        message = f"the box has no area: {right - left:g} x {bottom - top:g}"
        raise ItemError("box_empty", message, "remove it, or draw it again", "points")
    return Rectangle(left, top, right - left, bottom - top)


def outline(points: object, warn: Warn | None = None) -> Polygon:
    """The polygon of a list of points. Raises ItemError."""
    return Polygon((ring(_numbers(points, "polygon_invalid", warn), "points"),))


def _numbers(points: object, code: str, warn: Warn | None) -> list[float]:
    """The coordinates of a list of points, flat."""
    if not isinstance(points, list):
        raise ItemError(code, f"the points are not a list: {points!r:.80}", "write [[x, y], ...]", "points")
    if (plain := plain_pairs(points)) is not None:
        return plain
    found: list[float] = []
    for point in points:
        values = [number(value) for value in point] if isinstance(point, list) else []
        if len(values) != 2 or None in values:
            message = f"a point is not two finite numbers: {point!r:.80}"
            raise ItemError(code, message, "write it as [x, y]", "points")
        if warn is not None and any(map(text_number, point)):
            warn("number_as_text", f"a point is written as text: {point!r:.80}", "points")
        found += [value for value in values if value is not None]
    return found


def _mask(points: object, text: object) -> tuple[Polygon, list[int]]:
    """The exact outline of a mask, and the pixels in its corners: left, top, right, bottom. Raises ItemError."""
    mask = _picture(text)
    corners = _numbers(points, "mask_invalid", None)
    height, width = mask.shape
    if len(corners) != 4:
        raise _no_mask(f"it has {len(corners) // 2} points instead of 2", "points")
    at = next((at for at in (list(map(int, corners)), list(map(round, corners))) if _covers(at, mask)), None)
    if at is None:
        stated = f"{corners[2] - corners[0] + 1:g} x {corners[3] - corners[1] + 1:g}"
        message = f"the mask is {width} x {height} pixels, its points say {stated}"
        raise ItemError("mask_size", message, "draw it again", "mask")
    polygon = tracing.mask_polygon(mask, at[0], at[1])
    if polygon is None:
        raise ItemError("mask_empty", "the mask has no pixel", "remove it", "mask")
    return polygon, at


def _covers(at: list[int], mask: Mask) -> bool:
    """Whether a box of pixels, the last ones included, is as large as a mask."""
    return (at[3] - at[1] + 1, at[2] - at[0] + 1) == mask.shape


def _picture(text: object) -> Mask:
    if not isinstance(text, str) or len(text) > _MASK_BYTES_MAX:
        raise _no_mask("it is no text of a possible length")
    try:
        data = base64.b64decode(text, validate=True)
        check_png(data[:24])
        with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
            if image.mode not in ("1", "L", "P", "I", "I;16"):
                raise ValueError(f"pictures of mode {image.mode} are no masks")
            return np.asarray(image).astype(np.bool_)
    except (OSError, ValueError, SyntaxError, binascii.Error) as error:
        raise _no_mask(str(error)) from error


def _no_mask(message: str, field: str = "mask") -> ItemError:
    return ItemError(
        "mask_invalid", f"the mask cannot be read: {message}", "draw it again, or remove it", field
    )


def spelled(rectangle: Rectangle | None, polygon: Polygon | None, *, mask: bool = False) -> list[list[float]]:
    """The points of a box, of a polygon's first ring, or of a mask that is as large as its polygon."""
    if rectangle is not None:
        return [
            [rectangle.left, rectangle.top],
            [
                geometry.far_edge(rectangle.left, rectangle.width),
                geometry.far_edge(rectangle.top, rectangle.height),
            ],
        ]
    assert polygon is not None, "a shape is a box or a polygon"
    if mask:
        around = geometry.bounds(polygon)
        return [[around.left, around.top], [around.left + around.width - 1, around.top + around.height - 1]]
    points = polygon.rings[0].points
    return [[x, y] for x, y in zip(points[0::2], points[1::2], strict=True)]


def joined(found: Sequence[Instance]) -> list[Instance]:
    """The instances, those of one label and group (polygons only) as one; where its parts stood is kept with it."""
    groups: dict[tuple[str, str], list[int]] = {}
    for at, one in enumerate(found):
        group = one.attributes.get("group_id")
        plain = one.polygon is not None and "mask" not in one.attributes.get(SPELLING, {})
        key = (one.label, repr(group)) if plain and group is not None else ("", f"{at}")
        groups.setdefault(key, []).append(at)
    return [_one(found, members) for members in groups.values()]


def _one(found: Sequence[Instance], members: list[int]) -> Instance:
    first = found[members[0]]
    if len(members) == 1:
        return first
    rings: list[Ring] = []
    answers: list[Answer] = []
    spellings: list[dict[str, Any]] = []
    rests: list[dict[str, Any]] = []
    for at in members:
        part = found[at]
        assert part.polygon is not None, "only polygons are joined"
        rings += part.polygon.rings
        answers += part.qa
        rest = dict(part.attributes)
        spellings.append({"at": at, **rest.pop(SPELLING, {})})
        rests.append(rest)
    attributes = {**rests[0], SPELLING: {"parts": spellings}}
    if any(rest != rests[0] for rest in rests):
        attributes["parts"] = rests[1:]
    return Instance(first.label, None, Polygon(tuple(rings)), tuple(answers), attributes)


def picture(polygon: Polygon, corners: Sequence[int]) -> str:
    """The pixels that a polygon fills from left, top to right, bottom, as a PNG picture in base64. Raises ValueError."""
    left, top, right, bottom = corners
    mask = raster.polygon_mask(geometry.moved(polygon, left, top), bottom - top + 1, right - left + 1)
    out = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8)).save(out, "PNG")
    return base64.b64encode(out.getvalue()).decode()
