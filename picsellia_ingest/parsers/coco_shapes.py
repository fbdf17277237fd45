"""One COCO annotation as an Instance: its box, its rings, its mask.

Sources of the rules: the COCO data format page and the COCO API's mask code. ``bbox`` is [left, top, width, height];
``segmentation`` is a list of rings, one flat ring (a frequent export mistake), or a run-length mask, compressed or
not. An annotation with neither is a classification. Nothing is guessed: an item that cannot be read exactly raises
ItemError and is left out whole; a repair that is certain is reported through ``warn``.
"""

from __future__ import annotations

from typing import Any

from .. import geometry, tracing
from ..errors import ItemError
from ..model import Instance, Polygon, Rectangle, Ring
from .checks import Size, Warn, check_far, check_inside
from .numbers import number, text_number

COMPRESSED, UNCOMPRESSED = "compressed", "uncompressed"
"""What stands for the counts of a mask that became rings."""

CLOSED = "closed"
"""The key under which it stands how often each ring repeats its first point at its end."""


def instance(
    row: dict[str, Any], label: str, size: Size, warn: Warn, traced: Polygon | None = None
) -> Instance:
    """The instance that ``row`` describes; ``size`` is the (width, height) the file states for its image.

    ``traced`` is the outline of its mask where that was traced before (coco_masks).

    Takes what it models out of ``row``; the rest becomes the instance's attributes. An empty bbox or segmentation stays,
    of a mask its size and the kind of its counts, and whether rings repeat their first point, so that all can be written
    as it was. Raises ItemError.
    """
    has_box, has_segmentation = "bbox" in row, "segmentation" in row
    bbox, segmentation = row.get("bbox"), row.get("segmentation")
    polygon = _segmentation(segmentation, size, warn, traced) if segmentation else None
    rectangle = _box(bbox, warn) if bbox else None
    if bbox:
        del row["bbox"]
    if isinstance(segmentation, dict):
        kind = COMPRESSED if isinstance(segmentation.get("counts"), str) else UNCOMPRESSED
        row["segmentation"] = {"size": segmentation.get("size"), "counts": kind}
    elif segmentation:
        del row["segmentation"]
        if polygon is not None and (repeats := _repeats(segmentation, polygon)):
            row["segmentation"] = {CLOSED: repeats}
    if rectangle is None and polygon is None:
        if has_box and bbox is None and not (has_segmentation and segmentation == []):
            raise ItemError(
                "no_geometry",
                "bbox is null and there is no segmentation",
                "give it a box, or remove it",
                "bbox",
            )
        if segmentation:
            raise ItemError("mask_empty", "the mask has no pixel and there is no box", field="segmentation")
    check_inside(rectangle, polygon, size, warn, ("bbox", "segmentation"))
    return Instance(label, rectangle, polygon, (), row)


def _repeats(rings: list[Any], polygon: Polygon) -> list[int] | None:
    """How often each ring repeats its first point; None when none does, or when a ring was left out."""
    if len(rings) != len(polygon.rings) or not isinstance(rings[0], list):
        return None
    repeats = [(len(was) - len(ring.points)) // 2 for was, ring in zip(rings, polygon.rings, strict=True)]
    return repeats if any(repeats) else None


def _box(bbox: object, warn: Warn) -> Rectangle | None:
    if not isinstance(bbox, list):
        raise ItemError(
            "box_invalid", f"bbox is not a list: {bbox!r:.80}", "write [left, top, width, height]", "bbox"
        )
    if len(bbox) == 5:
        raise ItemError(
            "box_rotated", "bbox has 5 numbers: a rotated box cannot be kept", "give it a polygon", "bbox"
        )
    values = [number(value) for value in bbox]
    if len(values) != 4 or None in values:
        raise ItemError(
            "box_invalid",
            f"bbox is not four finite numbers: {bbox!r:.80}",
            "write [left, top, width, height]",
            "bbox",
        )
    if any(map(text_number, bbox)):
        warn("number_as_text", f"numbers are written as text: {bbox!r:.80}", "bbox")
    left, top, width, height = (value or 0 for value in values)
    if width < 0 or height < 0:
        warn(
            "box_negative", f"width or height is negative: {bbox!r:.80}; drawn from the other corner", "bbox"
        )
        left, width = min(left, left + width), abs(width)
        top, height = min(top, top + height), abs(height)
    if width == 0 or height == 0:
        raise ItemError("box_empty", f"the box has no area: {bbox!r:.80}", "remove it", "bbox")
    return Rectangle(left, top, width, height)


def _segmentation(value: object, size: Size, warn: Warn, traced: Polygon | None) -> Polygon | None:
    if isinstance(value, dict):
        return mask_polygon(value, size, warn, traced)
    if not isinstance(value, list):
        raise _bad(f"segmentation is neither a list nor a mask: {value!r:.80}")
    if not isinstance(value[0], list):
        warn(
            "segmentation_flat", "segmentation is one flat list of numbers; read as one ring", "segmentation"
        )
        value = [value]
    rings = tuple(ring for ring in (_ring(points, warn, len(value)) for points in value) if ring is not None)
    if not rings:
        if value == [[]]:
            return None
        raise _bad("no ring of the polygon has an area")
    return Polygon(rings)


def _ring(points: object, warn: Warn, siblings: int) -> Ring | None:
    """One ring; None, with a warning, when it has no area but has siblings that may have one."""
    if not isinstance(points, list):
        raise _bad(f"a ring is not a list of numbers: {points!r:.80}")
    if not set(map(type, points)) <= {int, float}:
        points = _spelled(points, warn)
    if len(points) % 2:
        raise _bad(f"a ring has {len(points)} numbers: one coordinate is missing")
    if points:
        check_far(points, "segmentation")
    ring = geometry.clean_ring(points)
    if len(ring) >= 6 and (not geometry.is_flat(ring) or geometry.ring_area(ring) != 0):
        return Ring(ring)
    if siblings == 1:
        raise ItemError(
            "ring_flat",
            "the polygon has fewer than 3 points, or all on one line",
            "remove it",
            "segmentation",
        )
    warn("ring_flat", "a ring with fewer than 3 points, or all on one line, is left out", "segmentation")
    return None


def _spelled(points: list[Any], warn: Warn) -> list[float]:
    values = [number(value) for value in points]
    if None in values:
        raise _bad(f"a coordinate is not a finite number: {points[values.index(None)]!r:.80}")
    if any(map(text_number, points)):
        warn("number_as_text", "coordinates are written as text", "segmentation")
    return [value for value in values if value is not None]


def mask_polygon(
    value: dict[str, Any], size: Size, warn: Warn, traced: Polygon | None = None
) -> Polygon | None:
    """The outline of a run-length mask of either kind; None, with a warning, when it has no pixel. Raises ItemError."""
    stated, counts = value.get("size"), value.get("counts")
    if not isinstance(stated, list) or len(stated) != 2 or not all(type(side) is int for side in stated):
        raise _bad(f"the mask's size is not [height, width]: {stated!r:.80}")
    height, width = stated
    if size[0] is not None and size[1] is not None and (width, height) != size:
        raise ItemError(
            "mask_size", f"the mask is {width} x {height}, its image {size[0]} x {size[1]}", "it belongs to another picture",
            "segmentation",
        )  # fmt: skip
    if traced is not None:
        return traced
    try:
        if isinstance(counts, str):
            runs: Any = tracing.decode_counts(counts)
        elif (
            isinstance(counts, list) and set(map(type, counts)) <= {int} and max(counts, default=0) < 1 << 40
        ):
            runs = counts
        else:
            raise _bad(f"the mask's counts are neither whole numbers nor text: {counts!r:.80}")
        polygon = tracing.rle_polygon(runs, height, width)
    except (ValueError, OverflowError) as error:
        raise _bad(str(error)) from error
    if polygon is None:
        warn("mask_empty", "the mask has no pixel", "segmentation")
    return polygon


def _bad(message: str) -> ItemError:
    return ItemError("segmentation_invalid", message, "mend or remove the annotation", "segmentation")
