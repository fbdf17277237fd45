"""Checks that hold for an instance of any format.

Raise ItemError to leave the item out whole; call ``warn`` with (code, message, field) when it is kept all the same.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TypeAlias

from .. import bridges, geometry
from ..errors import ItemError
from ..model import Polygon, Rectangle, Ring

Warn: TypeAlias = Callable[[str, str, str], None]
"""Called with a problem's code, its message and the field it is about."""

Size: TypeAlias = tuple[int | None, int | None]
"""Width and height in pixels as the source states them."""

OVERHANG = 0.5
"""Pixels by which a shape may pass the picture's edge without a word: that is rounding."""

SLIVER = 0.1
"""Pixels below which a shape's width or height is too small to be seen."""


LABEL_MAX = 1000
"""Characters a label may have: more is a file that was pasted into a name."""

INSTANCES_MAX = 300_000
"""Instances of one image beyond which its record would not fit into the memory that reading is given."""

COORDINATE_MAX = 1e9
"""Pixels from the origin beyond which nothing can lie: a picture has at most 2**31 of them in a row."""


FRACTION_MAX = 2
"""Above this, a fraction of the picture can be no part of a shape that overhangs: it is a number of pixels."""


def usable_label(name: object) -> bool:
    """Whether a label can be seen, sent and stored: text of a possible length, no control and no half characters."""
    return isinstance(name, str) and len(name) <= LABEL_MAX and _can_be_seen(name)


@lru_cache(1024)  # many instances have few labels
def _can_be_seen(name: str) -> bool:
    kinds = set(map(unicodedata.category, name))
    return bool(kinds - {"Cf", "Zs", "Zl", "Zp"}) and not kinds & {"Cc", "Cs"}


def plain_label(value: object) -> str | None:
    """A label without the blanks around it; a whole number is its digits. None when it is no usable label."""
    text = str(value) if type(value) is int and abs(value) < 10**18 else value
    if isinstance(text, str) and len(text) > LABEL_MAX:
        text = text.strip()
    return _plain_text(text) if isinstance(text, str) and len(text) <= LABEL_MAX else None


@lru_cache(1024)
def _plain_text(text: str) -> str | None:
    text = text.strip()
    return text if usable_label(text) else None


def check_label(value: object, warn: Warn, what: str = "the object") -> str:
    """The label that ``what`` gives; says when it is not as written. Raises ItemError when there is none."""
    label = plain_label(value)
    if label is None:
        raise ItemError(
            "label_blank", f"{what} has no name that can be shown: {value!r:.80}", "name it", "label"
        )
    if not isinstance(value, str):
        warn("label_number", f"the name {label} is a number; kept as text", "label")
    elif label != value:
        warn("label_blanks", f"the name {value!r:.80} has blanks around it; they are dropped", "label")
    return label


def check_far(points: Sequence[float], field: str) -> None:
    """Raises ItemError when one of the coordinates, of which there are some, is beyond any picture."""
    low, high = min(points), max(points)
    if low < -COORDINATE_MAX or high > COORDINATE_MAX:
        far = high if high > COORDINATE_MAX else low
        raise ItemError(
            "coordinate_invalid", f"a coordinate is too large to be one: {far:g}", "mend it", field
        )


def ring(points: Sequence[float], field: str) -> Ring:
    """An outer ring of a flat list of coordinates. Raises ItemError when it has no inside, or reaches beyond any picture."""
    if points:
        check_far(points, field)
    cleaned = geometry.clean_ring(points)
    if len(cleaned) < 6 or geometry.is_flat(cleaned):
        raise ItemError(
            "ring_flat", "the polygon has fewer than 3 points, or all on one line", "remove it", field
        )
    return Ring(cleaned)


def outline(points: Sequence[float], field: str) -> tuple[Ring, ...]:
    """The rings of a format that holds one line for each part: its outer ring, and the holes that bridges join to it."""
    return bridges.unbridged(ring(points, field).points)


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
    """Look at an instance's outline, and compare it with the picture. Raises ItemError when nothing of it lies inside.

    ``fields`` are what the source calls the box and the polygon.
    """
    width, height = size
    around = geometry.around(rectangle, polygon)
    if around is None:
        return
    shape, field = ("box", fields[0]) if rectangle else ("polygon", fields[1])
    right, bottom = around.left + around.width, around.top + around.height
    check_far((around.left, around.top, right, bottom), field)
    if min(around.width, around.height) < SLIVER:
        warn(
            "box_sliver",
            f"the {shape} of {around.width:g} x {around.height:g} px has no visible area",
            field,
        )
    if width is None or height is None:
        return
    if geometry.is_outside(around, size):
        raise ItemError(
            "box_outside",
            f"the {shape} lies wholly outside the {width} x {height} picture",
            "is it another picture's?",
            field,
        )
    over = max(-around.left, -around.top, right - width, bottom - height)
    if over > OVERHANG:
        warn(
            "box_overhangs",
            f"the {shape} extends {over:g} px past the edge of the {width} x {height} picture",
            field,
        )
