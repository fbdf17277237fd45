"""What a comparison of two datasets found: counts, and the first differences of each kind with their places."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..problems import Place, ProblemLog, shown

SHOWN = 20
"""Differences of a kind that are shown; all are counted."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: its kind, the image, what it is, and where it stands in the source that has it."""

    kind: str
    image: str
    what: str
    place: Place | None = None

    def __str__(self) -> str:
        at = f" [{self.place}]" if self.place else ""
        return f"{self.kind}: {self.image}: {self.what}{at}"


@dataclass(slots=True)
class Comparison:
    """The result. ``images`` and ``instances`` are counts of (first, second); ``largest`` is the largest distance, in pixels."""

    first: str = ""
    second: str = ""
    images: tuple[int, int] = (0, 0)
    instances: tuple[int, int] = (0, 0)
    same: int = 0
    """Instances that both have."""
    boxes_unmatched: int = 0
    """Of them, those with a polygon whose box, other than its bounds, only one of the two states."""
    largest: float = 0.0
    """The largest difference of a coordinate that was within the tolerance."""
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    problems: ProblemLog = field(default_factory=ProblemLog)

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.counts)

    @property
    def exit_code(self) -> int:
        """0 for the same, 6 for different."""
        return 6 if self.counts else 0

    def note(self, difference: Difference) -> None:
        """Count a difference and keep the first of its kind."""
        self.counts[difference.kind] += 1
        if self.counts[difference.kind] <= SHOWN:
            self.differences.append(difference)

    def lines(self) -> Iterator[str]:
        """The lines for a person, safe on any terminal."""
        return map(shown, self._lines())

    def _lines(self) -> Iterator[str]:
        for name, images, instances in zip(
            (self.first, self.second), self.images, self.instances, strict=True
        ):
            yield f"{name}: {images} images, {instances} instances"
        yield from map(str, self.differences)
        yield from (f"{kind}: {count} in all" for kind, count in self.counts.items() if count > SHOWN)
        yield from self.problems.summary(5)
        within = f"; none differs by more than {self.largest:.3g} px" if self.largest else ""
        if self.boxes_unmatched:
            yield f"{self.boxes_unmatched} polygons have a box, other than their bounds, in only one of the two"
        total = self.counts.total()
        yield f"{total} differences" if total else f"the same: {self.same} instances agree{within}"

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values."""
        plain = {
            name: getattr(self, name) for name in self.__slots__ if name not in ("problems", "differences")
        }
        kept = [
            {"kind": d.kind, "image": d.image, "what": d.what, "place": str(d.place or "")}
            for d in self.differences
        ]
        return {
            **plain,
            "differences": kept,
            "problems": self.problems.to_dict(),
            "exit_code": self.exit_code,
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())
