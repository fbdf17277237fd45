"""One row of a YOLO label file as an Instance, and back.

Sources of the rules: the Ultralytics dataset pages (detect: class, centre, size; segment: class, points; oriented
boxes: class, four points; pose: class, box, keypoints) and its predictions (a confidence at the end of any of them).
All numbers are fractions of the picture: left = (cx - w/2) * width. What pixels do not give back to the last digit is
kept in the attribute ``bbox`` or ``segmentation`` as the row spells it, the keypoints as fractions.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from .. import bridges, geometry
from ..errors import ItemError
from ..model import Instance, Polygon, Rectangle
from . import checks
from .checks import Warn, check_fractions, check_inside, usable_label
from .numbers import are_fractions, number, over_tens, plain_decimals, scaled

DIGITS = 12
"""Decimals of a fraction that is written: what was read with ten comes back as it was."""
_ZEROS = re.compile(r"\.?0+(?= |\Z)")
"""Those at the ends of decimals, with the point where nothing else is behind it."""
_MINUS_NOTHING = re.compile(r"(?<![^ ])-0(?= |\Z)")


class Classes:
    """The labels by class number. A label that has several numbers counts under its first."""

    def __init__(self, names: Mapping[int, str]) -> None:
        self.names = names
        self.numbers: dict[str, int] = {}
        for number_, name in sorted(names.items()):
            self.numbers.setdefault(name, number_)

    def label(self, value: float) -> str:
        """The label of a class number. Raises ItemError when there is none."""
        if value != int(value) or int(value) not in self.names:
            message = f"no class has the number {value:g}; there are {len(self.names)} names"
            raise ItemError("label_unknown", message, "add its name, or mend the number")
        label = self.names[int(value)]
        if not usable_label(label):
            message = f"class {int(value)} has no name that can be shown: {label!r:.80}"
            raise ItemError("label_blank", message, "name it")
        return label


def instance(text: str, classes: Classes, size: tuple[int, int], keypoints: int, warn: Warn) -> Instance:
    """The instance of a row; ``keypoints`` is how many numbers follow the box in a row of a pose dataset, else 0.

    Raises ItemError.
    """
    words = text.split()
    found = plain_decimals(words)
    if found is None:
        found = [value for word in words if (value := number(word)) is not None]
    if len(found) < len(words):
        wrong = next(word for word in words if number(word) is None)
        hint = "separate them by blanks" if "," in wrong else "mend or remove the row"
        raise _bad(f"{wrong!r:.40} is not a finite number", hint)
    label = classes.label(found[0])
    last = 1 + _length(len(found) - 1, keypoints)
    attributes: dict[str, Any] = {}
    if classes.numbers[label] != found[0]:
        attributes["id"] = int(found[0])
    if len(found) > last:
        attributes["score"] = _score(found[-1])
    box = last == 5 or keypoints > 0
    if last > 5 and box:
        attributes["keypoints"] = found[5:last]
    shape = words[1 : 5 if box else last]
    check_fractions(found[1 : len(shape) + 1])
    rectangle = rectangle_of(shape, size) if box else None
    polygon = None if box else polygon_of(shape, size)
    check_inside(rectangle, polygon, size, warn)
    if not _give_back(rectangle, polygon, size, shape, found[1 : len(shape) + 1]):
        attributes["bbox" if box else "segmentation"] = " ".join(shape)
    return Instance(label, rectangle, polygon, (), attributes)


def _length(numbers: int, keypoints: int) -> int:
    """How many numbers after the class are geometry; one more may be a confidence."""
    if keypoints and numbers in (4 + keypoints, 5 + keypoints):
        return 4 + keypoints
    if numbers in (4, 5):
        return 4
    if numbers < 6 or keypoints:
        wanted = f"4 or {4 + keypoints}" if keypoints else "4, or a pair for each of 3 points or more"
        raise _bad(f"{numbers} numbers follow the class; it should be {wanted}")
    return numbers - numbers % 2


def _score(value: float) -> float:
    if not 0 <= value <= 1:
        message = f"the number at the end, {value:g}, is no confidence"
        raise _bad(message, "is this a pose row? then data.yaml must state kpt_shape")
    return value


def rectangle_of(words: Sequence[str], size: tuple[int, int]) -> Rectangle:
    """The box of cx, cy, w, h in fractions, reckoned in decimals. Raises ItemError when it has no area."""
    if (parts := over_tens(words)) is not None and min(parts[0][2:]) > 0:
        (x, y, width, height), tens = parts
        return Rectangle(
            (2 * x - width) * size[0] / (2 * tens),
            (2 * y - height) * size[1] / (2 * tens),
            width * size[0] / tens,
            height * size[1] / tens,
        )
    cx, cy, w, h = map(Decimal, words)
    if w <= 0 or h <= 0:
        raise ItemError("box_empty", f"the box has no area: {w} x {h}", "remove it, or draw it again")
    left, top = (cx - w / 2) * size[0], (cy - h / 2) * size[1]
    return Rectangle(float(left), float(top), float(w * size[0]), float(h * size[1]))


def polygon_of(words: Sequence[str], size: tuple[int, int]) -> Polygon:
    """The polygon of x, y, x, y, ... in fractions, reckoned in decimals. Raises ItemError when it has no inside."""
    return Polygon(checks.outline(scaled(words, size), ""))


def fractions(rectangle: Rectangle | None, polygon: Polygon | None, size: tuple[int, int]) -> list[float]:
    """The numbers of a row, before they are rounded to DIGITS: those of a polygon's one line if there is one, else of a box."""
    width, height = size
    if polygon is not None:
        found = list(outline(polygon))
        found[0::2] = [x / width for x in found[0::2]]
        found[1::2] = [y / height for y in found[1::2]]
        return found
    assert rectangle is not None, "an instance has a shape"
    box = rectangle
    across, down = box.left + box.width / 2, box.top + box.height / 2
    return [across / width, down / height, box.width / width, box.height / height]


def _give_back(
    rectangle: Rectangle | None, polygon: Polygon | None, size: tuple[int, int], words: Sequence[str], values: Sequence[float]
) -> bool:  # fmt: skip
    """Whether the pixels of a shape give the numbers of its row back."""
    is_as_drawn = polygon is None or [len(ring.points) for ring in polygon.rings] == [len(words)]
    # So few decimals are given back by pixels that are off by the rounding of a float.
    if is_as_drawn and max(map(len, words)) <= DIGITS + len("0.") and are_fractions(words):
        return True
    found = fractions(rectangle, polygon, size)
    return len(found) == len(values) and all(
        round(ours, DIGITS) == theirs for ours, theirs in zip(found, values, strict=True)
    )


def shown(values: Sequence[float]) -> str:
    """Numbers as a row has them: plain decimals, at most DIGITS, without trailing zeros."""
    text = _ZEROS.sub("", " ".join([f"%.{DIGITS}f"] * len(values)) % tuple(values))
    return _MINUS_NOTHING.sub("0", text) if "-0" in text else text


def spelled(instance: Instance, size: tuple[int, int]) -> str | None:
    """The row's own spelling of the shape, where the instance keeps one and its shape is still that one."""
    text = instance.attributes.get("segmentation" if instance.polygon is not None else "bbox")
    if not isinstance(text, str):
        return None
    words = text.split()
    if any(number(word) is None for word in words):
        return None
    try:
        same = (
            polygon_of(words, size) == instance.polygon
            if instance.polygon
            else rectangle_of(words, size) == instance.rectangle
        )
    except (ItemError, ValueError):
        return None
    return text if same else None


def outline(polygon: Polygon) -> tuple[float, ...]:
    """All rings of a polygon as one line: holes and parts joined by bridges of zero width."""
    lines = [bridges.line(outer, holes) for outer, holes in geometry.parts(polygon)]
    return lines[0] if len(lines) == 1 else bridges.join(lines)


def _bad(message: str, hint: str = "mend or remove the row") -> ItemError:
    return ItemError("row_invalid", f"the row cannot be read: {message}", hint)
