"""Which instances a person should look at first: those that are seldom meant as they stand.

Outside the picture, too small to be seen, as large as the picture, twice on the same thing, a box far from its polygon. A
score orders those of one kind; the worst of each kind are kept, so that no kind crowds the others out.
"""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .. import geometry
from ..model import ImageRecord, Instance, Rectangle
from ..sources import AnyPath

MOST = 50
_OF_A_KIND = 15
_TINY, _HUGE, _TWIN, _FAR = 4.0, 0.97, 0.9, 0.6
_PAIRS_MOST = 20_000
"""Pairs of one image that are looked at for twins."""

KINDS = {
    "outside": "reaches far past the edge of its picture",
    "tiny": "is too small to be seen",
    "huge": "covers the whole picture",
    "twin": "lies on another instance",
    "box_unlike_polygon": "has a box that is not around its polygon",
}


@dataclass(frozen=True, slots=True)
class Suspect:
    """One instance, and why it is suspicious. ``path`` is its image's, where that is known; boxes are in pixels."""

    kind: str
    score: float
    words: str
    image: str
    path: AnyPath | None
    size: tuple[int | None, int | None]
    instance: Instance
    box: Rectangle


class Suspects:
    """Keeps the worst of each kind."""

    def __init__(self) -> None:
        self._worst: dict[str, list[tuple[float, int, Suspect]]] = {kind: [] for kind in KINDS}
        self._count = itertools.count()

    def take(self, record: ImageRecord, path: AnyPath | None) -> None:
        """Look at the instances of one image."""
        size = (record.width, record.height)
        boxes = [
            (instance, box)
            for instance in record.instances
            if (box := geometry.around(instance.rectangle, instance.polygon)) is not None
        ]
        for instance, box in boxes:
            for kind, score, words in _alone(instance, box, size):
                self._keep(Suspect(kind, score, words, record.file_name, path, size, instance, box))
        for score, words, instance, box in _twins(boxes):
            self._keep(Suspect("twin", score, words, record.file_name, path, size, instance, box))

    def add(self, part: Suspects) -> None:
        """Look at those of later records that were kept, in the order in which they were met."""
        for found in part._worst.values():
            for _, _, suspect in sorted(found, key=lambda entry: -entry[1]):
                self._keep(suspect)

    def _keep(self, suspect: Suspect) -> None:
        worst = self._worst[suspect.kind]
        entry = (suspect.score, -next(self._count), suspect)
        if len(worst) < _OF_A_KIND:
            heapq.heappush(worst, entry)
        elif entry > worst[0]:
            heapq.heapreplace(worst, entry)

    def worst(self) -> list[Suspect]:
        """The worst of all kinds, kind by kind, the worst first."""
        ordered = [sorted(found, reverse=True) for found in self._worst.values()]
        share = itertools.chain.from_iterable(itertools.zip_longest(*ordered))
        chosen = {id(entry[2]) for entry in itertools.islice(filter(None, share), MOST)}
        return [entry[2] for found in ordered for entry in found if id(entry[2]) in chosen]


def _alone(
    instance: Instance, box: Rectangle, size: tuple[int | None, int | None]
) -> Iterator[tuple[str, float, str]]:
    shortest = min(box.width, box.height)
    if shortest < _TINY:
        yield "tiny", 1 - shortest / _TINY, f"it is {box.width:g} x {box.height:g} pixels"
    if instance.rectangle is not None and instance.polygon is not None:
        overlap = overlap_of(instance.rectangle, geometry.bounds(instance.polygon))
        if overlap < _FAR:
            yield "box_unlike_polygon", 1 - overlap, f"box and polygon have {overlap:.0%} in common"
    width, height = size
    if width is None or height is None:
        return
    common = _common(box, Rectangle(0, 0, width, height))
    inside = common / (box.width * box.height or 1)
    if inside < _HUGE:
        yield "outside", 1 - inside, f"{1 - inside:.0%} of it lies outside"
    covered = common / (width * height)
    if covered > _HUGE:
        yield "huge", covered, f"it covers {covered:.0%} of the picture"


def _twins(
    boxes: Sequence[tuple[Instance, Rectangle]],
) -> Iterator[tuple[float, str, Instance, Rectangle]]:
    ordered = sorted(boxes, key=lambda pair: pair[1].left)
    pairs = 0
    for at, (one, first) in enumerate(ordered):
        for other, second in ordered[at + 1 :]:
            pairs += 1
            if second.left >= first.left + first.width or pairs > _PAIRS_MOST:
                break
            overlap = overlap_of(first, second)
            if overlap > _TWIN:
                whose = "the same label" if one.label == other.label else f"the label {other.label!r:.60}"
                yield overlap, f"{overlap:.0%} in common with one of {whose}", one, first


def overlap_of(first: Rectangle, second: Rectangle) -> float:
    """Intersection over union of two boxes."""
    common = _common(first, second)
    union = first.width * first.height + second.width * second.height - common
    return common / union if union > 0 else 0.0


def _common(first: Rectangle, second: Rectangle) -> float:
    width = min(first.left + first.width, second.left + second.width) - max(first.left, second.left)
    height = min(first.top + first.height, second.top + second.height) - max(first.top, second.top)
    return max(0.0, width) * max(0.0, height)
