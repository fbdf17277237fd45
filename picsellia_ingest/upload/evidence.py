"""What the items of a whole source have in common, where each by itself may be right.

One box past the edge of its picture is a slip; if most are, the file means another convention. Nothing is changed on
such evidence: it is said, and the user decides.
"""

from __future__ import annotations

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

from .. import geometry
from ..model import ImageRecord
from ..parsers.base import Options
from ..parsers.checks import Size
from ..prepared import Sides, stated

_SCALE = "shapes lie wholly or partly outside their picture: are they in another scale, or another picture's?"
_MOSTLY_LOST = {
    "image_unknown": "annotations are of images that are not listed: do the images and annotations belong together?",
    "category_unknown": "annotations have a category that is not listed: do their ids count from another number?",
    "box_outside": _SCALE,
    "box_rotated": "boxes are rotated: export them as polygons",
    "type_unlike_geometry": "objects have another geometry than their type says: was the file converted?",
}
_JOINERS = "\u200c\u200d"
"""Characters that cannot be seen and belong to Persian and Indian words and to emoji."""


@dataclass(slots=True)
class Evidence:
    """Counts what is suspicious. ``shapes`` have a box or a polygon."""

    shapes: int = 0
    within_one: int = 0
    as_corners: int = 0
    overhanging: int = 0
    sizes: int = 0
    sizes_unlike: int = 0
    sizes_turned: int = 0
    turned: int = 0
    """Images that their EXIF data turn or mirror."""

    def take(self, record: ImageRecord) -> None:
        """Count the shapes of a record that are suspicious."""
        given, size = record.instances, (record.width, record.height)
        for at, one in enumerate(stated(given)):
            if one is not None:
                self._take(one.box, size, has_box=one.has_box)
                continue
            instance = given[at]
            box = geometry.around(instance.rectangle, instance.polygon)
            if box is not None:
                sides = box.left, box.top, box.width, box.height
                self._take(sides, size, has_box=instance.rectangle is not None)

    def _take(self, box: Sides, size: Size, *, has_box: bool) -> None:
        (left, top, width, height), (across, down) = box, size
        right, bottom = left + width, top + height
        self.shapes += 1
        self.within_one += max(box if has_box else (right, bottom)) <= 1
        if across is None or down is None:
            return
        over = right > across + 1 or bottom > down + 1
        as_corners = left < width <= across and top < height <= down
        self.as_corners += over and as_corners and has_box
        self.overhanging += over

    def add(self, part: Evidence) -> None:
        """Take in what was counted of other records."""
        for one in fields(self):
            setattr(self, one.name, getattr(self, one.name) + getattr(part, one.name))

    def compare(self, record: ImageRecord, size: tuple[int, int], orientation: int = 1) -> None:
        """Count a record whose stated size is not that of its picture, and a picture that is turned when it is shown."""
        stated = (record.width, record.height)
        self.turned += orientation != 1
        if None not in stated:
            self.sizes += 1
            self.sizes_unlike += stated not in (size, size[::-1])
            self.sizes_turned += stated == size[::-1] != size

    def notes(self, options: Options) -> Iterator[str]:
        """The conventions that were used, with the evidence for and against them."""
        if self.shapes and options.coordinates == "pixels" and self.within_one:
            yield (
                f"coordinates are pixels: {self.shapes - self.within_one} of {self.shapes} shapes have a number above 1"
                f" (evidence for pixels), {self.within_one} have none (for fractions of the picture)."
            )
        if self.turned and options.exif == "as_shown":
            yield (
                f"{self.turned} images are turned by their EXIF data; shapes are taken to lie on them as they are shown."
                f" {self.sizes_turned} are stated in the size before turning (evidence against)."
            )

    def hints(self, lost: Counter[str], stated: int) -> Iterator[str]:
        """What most items look like. ``lost`` counts the ``stated`` instances that were rejected, by code."""
        if self.within_one * 2 > self.shapes:
            yield (
                f"{self.within_one} of {self.shapes} shapes have no number above 1: they look normalised;"
                " multiply them by the picture's width and height"
            )
        if self.as_corners * 2 > self.shapes:
            yield (
                f"{self.as_corners} of {self.shapes} boxes would fit their picture as x1, y1, x2, y2:"
                " they look like corners, not like left, top, width, height"
            )
        elif self.overhanging * 2 > self.shapes:
            yield f"{self.overhanging} of {self.shapes} {_SCALE}"
        for code, words in _MOSTLY_LOST.items():
            if lost[code] * 2 > stated:
                yield f"{lost[code]} of {stated} {words}"
        if self.sizes_turned * 2 > self.sizes:
            yield f"{self.sizes_turned} of {self.sizes} stated sizes have width and height exchanged"
        if self.sizes_unlike * 2 > self.sizes:
            yield f"{self.sizes_unlike} of {self.sizes} stated sizes are not those of the pictures: were they scaled?"


def label_hints(labels: Iterable[str]) -> Iterator[str]:
    """Labels that look the same, and labels with characters that nobody can see."""
    alike: dict[str, list[str]] = defaultdict(list)
    for label in labels:
        alike[_seen(label)].append(label)
        if any(_invisible(character) for character in label):
            yield f"the label {label!r:.80} holds characters that cannot be seen ({label!a:.80})"
    for found in alike.values():
        if len(found) > 1:
            yield f"labels that look the same are kept apart: {', '.join(map(repr, found)):.200}"


def _seen(label: str) -> str:
    """A label as a reader takes it in: without case, blanks and what cannot be seen."""
    folded = unicodedata.normalize("NFKC", label).casefold()
    return "".join(character for character in folded if not character.isspace() and not _invisible(character))


def _invisible(character: str) -> bool:
    return unicodedata.category(character) == "Cf" and character not in _JOINERS
