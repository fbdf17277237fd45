"""The shape of a dataset in numbers: how large things are, how long, how many on an image, how large images are."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from .. import geometry
from ..model import ImageRecord
from ..sources import AnyPath
from .suspects import Suspects

_SIDES = (4, 8, 16, 32, 64, 96, 128, 256, 512, 1024)
_RATIOS = (1 / 8, 1 / 4, 1 / 2, 2 / 3, 3 / 2, 2, 4, 8)
_CROWDS = (0, 1, 2, 5, 10, 20, 50, 100)
_IMAGE_SIZES = 20


@dataclass(slots=True)
class Survey:
    """Counts by class of size; ``suspects`` are the instances to look at first."""

    sides: Counter[int] = field(default_factory=Counter)
    """Instances by the square root of their box's area, as the number of the class in ``_SIDES``."""
    ratios: Counter[int] = field(default_factory=Counter)
    labels: Counter[str] = field(default_factory=Counter)
    crowds: Counter[int] = field(default_factory=Counter)
    image_sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    suspects: Suspects = field(default_factory=Suspects)

    def take(self, record: ImageRecord, path: AnyPath | None) -> None:
        """Count one record; ``path`` is its image's, where there is one."""
        self.crowds[_class(len(record.instances), _CROWDS, closed=True)] += 1
        if record.width is not None and record.height is not None:
            self.image_sizes[record.width, record.height] += 1
        for instance in record.instances:
            self.labels[instance.label] += 1
            box = geometry.around(instance.rectangle, instance.polygon)
            if box is not None and box.width > 0 and box.height > 0:
                self.sides[_class(math.sqrt(box.width * box.height), _SIDES)] += 1
                self.ratios[_class(box.width / box.height, _RATIOS)] += 1
        self.suspects.take(record, path)

    def add(self, part: Survey) -> None:
        """Take in what was counted of other records."""
        for mine, theirs in zip(self._counters(), part._counters(), strict=True):
            mine.update(theirs)
        self.suspects.add(part.suspects)

    def _counters(self) -> tuple[Counter[Any], ...]:
        return self.sides, self.ratios, self.labels, self.crowds, self.image_sizes

    def tables(self) -> dict[str, list[tuple[str, int]]]:
        """The counts with the words for their classes, in order."""
        sizes = self.image_sizes.most_common(_IMAGE_SIZES)
        rest = sum(self.image_sizes.values()) - sum(count for _, count in sizes)
        others = [(f"{len(self.image_sizes) - len(sizes)} other sizes", rest)] if rest else []
        return {
            "sides": _named(self.sides, [*_between(_SIDES, "px")]),
            "ratios": _named(self.ratios, [*_between([f"{value:.2g}" for value in _RATIOS], "")]),
            "crowds": _named(
                self.crowds, ["0", "1", "2", "3 to 5", "6 to 10", "11 to 20", "21 to 50", "51 to 100", "more"]
            ),
            "image_sizes": [*((f"{width} x {height}", count) for (width, height), count in sizes), *others],
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        worst = [
            {
                "kind": one.kind,
                "score": one.score,
                "words": one.words,
                "image": one.image,
                "label": one.instance.label,
            }
            for one in self.suspects.worst()
        ]
        return {
            "labels": dict(self.labels),
            **{name: dict(rows) for name, rows in self.tables().items()},
            "suspects": worst,
        }


def _class(value: float, bounds: tuple[float, ...], *, closed: bool = False) -> int:
    return sum(value > bound if closed else value >= bound for bound in bounds)


def _between(bounds: Iterable[object], unit: str) -> list[str]:
    said = [str(bound) for bound in bounds]
    middle = [f"{low} to {high}" for low, high in pairwise(said)]
    return [f"{text} {unit}".strip() for text in (f"below {said[0]}", *middle, f"{said[-1]} and more")]


def _named(counts: Counter[int], names: list[str]) -> list[tuple[str, int]]:
    held = [at for at in range(len(names)) if counts[at]]
    return [(names[at], counts[at]) for at in range(held[0], held[-1] + 1)] if held else []
