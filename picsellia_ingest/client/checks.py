"""The shape of an annotation, checked before it is sent (docs/protocol.md)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import TyperError

TYPES = ("classification", "rectangle", "polygon")
_SIDES = ("top", "left", "width", "height")


def annotation(found: Mapping[str, Any]) -> None:
    """Raise TyperError unless ``data`` is a list of objects the platform knows; the message names the first bad one."""
    data = found.get("data")
    if not isinstance(data, list):
        raise TyperError("data is not a list", "pass data=[{...}, ...]")
    for number, item in enumerate(data):
        why = _wrong(item)
        if why:
            raise TyperError(f"data[{number}] {why}", "see docs/protocol.md for the shape of an object")


def picture_ids(pictures: Iterable[Any]) -> list[str]:
    """The ids of pictures that are given as objects or as ids, or as what ``picture.list()`` answers."""
    if isinstance(pictures, Mapping):
        pictures = pictures.get("pictures") or ()
    return [found["picture_id"] if isinstance(found, dict) else str(found) for found in pictures]


def _wrong(item: object) -> str:
    if not isinstance(item, dict):
        return "is not an object"
    if item.get("type") not in TYPES:
        return f"has the type {item.get('type')!r}, not one of {', '.join(TYPES)}"
    if not item.get("label"):
        return "has no label"
    if item["type"] == "rectangle":
        return _wrong_rectangle(item.get("rectangle"))
    return _wrong_polygon(item.get("polygon")) if item["type"] == "polygon" else ""


def _wrong_rectangle(box: object) -> str:
    if not isinstance(box, dict) or any(side not in box for side in _SIDES):
        return f"has no rectangle with {', '.join(_SIDES)}"
    return ""


def _wrong_polygon(polygon: object) -> str:
    points = polygon.get("geometry") if isinstance(polygon, dict) else None
    if not isinstance(points, list) or len(points) < 3:
        return "has no polygon.geometry of at least 3 points"
    if any(not isinstance(point, dict) or "x" not in point or "y" not in point for point in points):
        return "has a point without x and y"
    return ""
