"""One shape of a CVAT file as an Instance (CVAT's documentation, "CVAT for images" 1.1).

Boxes are corners, a rotation is degrees clockwise around the box's centre, ``points`` are ``x,y;x,y``, a mask is row-major
run lengths inside a box of its own, beginning with pixels that are off, and a ``tag`` is a classification. A rotated box
becomes the polygon of its corners; its own numbers stay in the attributes. XML attributes beyond the shape stay verbatim.
"""

from __future__ import annotations

from itertools import chain
from typing import Any

import msgspec
import numpy as np

from .. import geometry, tracing
from ..errors import ItemError
from ..model import Instance, Polygon, Rectangle
from .checks import Size, Warn, check_inside, outline, usable_label
from .jsontext import UNREADABLE
from .numbers import number, plain_decimals
from .voc_xml import Element, local

SHAPES = ("box", "polygon", "mask", "tag")
"""What an instance can be."""

OTHERS = ("polyline", "points", "ellipse", "cuboid", "skeleton")
"""What can be drawn on an image and is neither a box nor an area of given outline."""

CORNERS = ("xtl", "ytl", "xbr", "ybr")
_SIDES = ("left", "top", "width", "height")


def instance(element: Element, size: Size, warn: Warn) -> Instance:
    """The instance an element describes. Raises ItemError."""
    kind = local(element)
    if kind not in SHAPES:
        raise ItemError(
            "shape_not_supported", f"a {kind} is neither a box nor a polygon", "draw a box or a polygon"
        )
    said: dict[str, Any] = {str(key): str(value) for key, value in element.items()}
    label = said.pop("label", None)
    if not usable_label(label):
        raise ItemError(
            "label_blank", f"the {kind} has no label that can be shown: {label!r:.80}", "label it", "@label"
        )
    rectangle: Rectangle | None = None
    polygon: Polygon | None = None
    if kind == "box":
        rectangle, polygon = _box(said, warn)
    elif kind == "polygon":
        polygon = _polygon(said)
    elif kind == "mask":
        polygon = _mask(said)
    check_inside(rectangle, polygon, size, warn, ("@xtl", "@points"))
    if named := _named(element):
        said["attributes"] = named
    return Instance(str(label), rectangle, polygon, (), said)


def _named(element: Element) -> dict[str, str]:
    """The values of ``attribute`` children by their names."""
    return {
        str(child.get("name")): child.text or ""
        for child in element
        if local(child) == "attribute" and child.get("name")
    }


def _box(said: dict[str, Any], warn: Warn) -> tuple[Rectangle | None, Polygon | None]:
    left, top, right, bottom = (_number(said, name, "box_invalid") for name in CORNERS)
    if right < left or bottom < top:
        warn(
            "box_swapped",
            f"the corners are swapped: x {left:g} to {right:g}, y {top:g} to {bottom:g}",
            "@xtl",
        )
        left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
    box = Rectangle(left, top, right - left, bottom - top)
    if not box.width or not box.height:
        raise ItemError(
            "box_empty", f"the box has no area: {box.width:g} x {box.height:g}", "remove it", "@xtl"
        )
    angle = number(said.get("rotation", "0"))
    if angle is None:
        raise ItemError(
            "box_invalid", f"rotation is not a number: {said['rotation']!r:.40}", "write degrees", "@rotation"
        )
    if angle % 360:
        return None, geometry.rotated(box, angle, (box.left + box.width / 2, box.top + box.height / 2))
    for name, near, length in (("xbr", box.left, box.width), ("ybr", box.top, box.height)):
        if geometry.is_far_edge(number(said[name]), near, length):
            del said[name]
    del said["xtl"], said["ytl"]
    return box, None


def _polygon(said: dict[str, Any]) -> Polygon:
    pairs = [pair.split(",") for pair in str(said.pop("points", "")).strip().rstrip(";").split(";")]
    points = plain_decimals(list(chain.from_iterable(pairs))) if set(map(len, pairs)) == {2} else None
    return Polygon(outline(_each(pairs) if points is None else points, "@points"))


def _each(pairs: list[list[str]]) -> list[float]:
    """The numbers of pairs, each looked at. Raises ItemError."""
    points: list[float] = []
    for pair in pairs:
        values = [number(value) for value in pair]
        if len(values) != 2 or values[0] is None or values[1] is None:
            raise ItemError(
                "polygon_invalid",
                f"a point is not x,y: {','.join(pair)!r:.40}",
                "mend or remove it",
                "@points",
            )
        points += (values[0], values[1])
    return points


def _mask(said: dict[str, Any]) -> Polygon:
    left, top, width, height = (_whole(said, name) for name in _SIDES)
    try:
        if width <= 0 or height <= 0 or width * height > tracing.MASK_PIXELS_MAX:
            raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
        runs = np.array(_counts(str(said.pop("rle", ""))), np.int64)
        if runs.size == 0 or runs.min() < 0 or runs.sum() != width * height:
            raise ValueError(f"its runs cover {runs.sum()} pixels, its box {width * height}")
    except (ValueError, OverflowError) as error:
        raise ItemError(
            "mask_invalid", f"the mask cannot be read: {error}", "mend or remove it", "@rle"
        ) from error
    mask = np.repeat(np.arange(runs.size) % 2 == 1, runs).reshape(height, width)
    polygon = tracing.mask_polygon(mask, left, top)
    if polygon is None:
        raise ItemError("mask_empty", "the mask has no pixel", "remove it", "@rle")
    return polygon


_COUNTS = msgspec.json.Decoder(list[int])


def _counts(text: str) -> list[int]:
    """The run lengths of a mask, of which there are thousands: read as JSON where they are that. Raises ValueError."""
    try:
        return _COUNTS.decode(f"[{text}]")
    except UNREADABLE:
        return [int(word) for word in text.split(",") if word.strip()]


def _whole(said: dict[str, Any], name: str) -> int:
    found = _number(said, name, "mask_invalid")
    if found != int(found):
        raise ItemError(
            "mask_invalid", f"{name} of the mask is {found:g}, no whole number", "mend it", f"@{name}"
        )
    return int(found)


def _number(said: dict[str, Any], name: str, code: str) -> float:
    found = number(said.get(name))
    if found is None:
        raise ItemError(
            code, f"{name} is not a finite number: {said.get(name)!r:.40}", "write it as 12.5", f"@{name}"
        )
    return found
