"""Checks that hold for an instance of any format.

Raise ItemError to leave the item out whole; call ``warn`` with (code, message, field) when it is kept all the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from .. import geometry
from ..errors import ItemError
from ..model import Polygon, Rectangle, Ring

Warn: TypeAlias = Callable[[str, str, str], None]
"""Called with a problem's code, its message and the field it is about."""

Size: TypeAlias = tuple[int | None, int | None]
"""Width and height in pixels as the source states them."""

OVERHANG = 0.5
"""Pixels by which a shape may pass the picture's edge without a word: that is rounding."""


FRACTION_MAX = 2
"""Above this, a fraction of the picture can be no part of a shape that overhangs: it is a number of pixels."""


def usable_label(name: object) -> bool:
    """Whether a label can be seen, sent and stored: text, not blank, no control characters, no half characters."""
    if not isinstance(name, str) or not name.strip():
        return False
    return not any(ord(c) < 32 or 0xD800 <= ord(c) <= 0xDFFF for c in name)


def ring(points: Sequence[float], field: str) -> Ring:
    """An outer ring of a flat list of coordinates. Raises ItemError when it has no inside."""
    cleaned = geometry.clean_ring(points)
    if len(cleaned) < 6 or geometry.is_flat(cleaned):
        raise ItemError(
            "ring_flat", "the polygon has fewer than 3 points, or all on one line", "remove it", field
        )
    return Ring(cleaned)


def check_fractions(values: Sequence[float]) -> None:
    """Raise ItemError when a number that should be a fraction of the picture is plainly none."""
    if max(values) > FRACTION_MAX:
        message = f"{max(values):g} looks like pixels, not fractions of the picture"
        raise ItemError("row_in_pixels", message, "divide by the picture's width and height")


def check_inside(
    rectangle: Rectangle | None,
    polygon: Polygon | None,
    size: Size,
    warn: Warn,
    fields: tuple[str, str] = ("", ""),
) -> None:
    """Compare an instance's outline with the picture. Raises ItemError when nothing of it lies inside.

    ``fields`` are what the source calls the box and the polygon.
    """
    width, height = size
    outline = rectangle or (geometry.bounds(polygon) if polygon else None)
    if outline is None or width is None or height is None:
        return
    shape, field = ("box", fields[0]) if rectangle else ("polygon", fields[1])
    right, bottom = outline.left + outline.width, outline.top + outline.height
    if outline.left >= width or outline.top >= height or right <= 0 or bottom <= 0:
        raise ItemError(
            "box_outside",
            f"the {shape} lies wholly outside the {width} x {height} picture",
            "is it another picture's?",
            field,
        )
    over = max(-outline.left, -outline.top, right - width, bottom - height)
    if over > OVERHANG:
        warn(
            "box_overhangs",
            f"the {shape} extends {over:g} px past the edge of the {width} x {height} picture",
            field,
        )
