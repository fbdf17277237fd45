"""What a run would send to the platform as it is now, and about how long that would take.

The time is that of requests like those the dry run made and measured; how long the bytes of pictures take depends on a
line that a dry run sends nothing over, so it is not part of the number and said to come on top.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from ..api.connection import Traffic

_NAMES_SHOWN = 20


@dataclass(slots=True)
class Measured:
    """The requests of a dry run, and the seconds in which they were answered."""

    requests: int = 0
    seconds: float = 0.0

    @contextmanager
    def asking(self, traffic: Traffic) -> Iterator[None]:
        """Measure what is asked inside."""
        started, before = time.monotonic(), traffic.requests
        yield
        self.requests += traffic.requests - before
        self.seconds += time.monotonic() - started


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a run would send. ``size`` is in bytes."""

    pictures: int
    size: int
    annotations: int
    labels: int
    new_dataset: bool = False
    collisions: int = 0
    """Images whose name the lake has for another content."""
    completed: int = 0
    """Those of the annotations whose picture has some of the objects already: only what lacks is added."""
    new_labels: list[tuple[str, str]] = field(default_factory=list)
    measured: Measured = field(default_factory=Measured)
    at_a_time: int = 1

    @property
    def requests(self) -> int:
        """About how many requests that takes: three a picture, one an annotation, two where it is there in part, one a label."""
        return 3 * self.pictures + self.annotations + self.completed + self.labels

    @property
    def seconds(self) -> float | None:
        """About how long these requests take, without the bytes; None where nothing was measured."""
        if not self.measured.requests:
            return 0.0 if not self.requests else None
        return self.requests * self.measured.seconds / self.measured.requests / self.at_a_time

    def lines(self) -> Iterator[str]:
        """The forecast for a person."""
        dataset = "a new dataset, " if self.new_dataset else ""
        collisions = f"; {self.collisions} names are taken by other pictures" if self.collisions else ""
        yield (
            f"to send: {dataset}{self.pictures} pictures ({self.size} bytes), annotations of {self.annotations} pictures,"
            f" {self.labels} labels; about {self.requests} requests{collisions}"
        )
        if self.completed:
            yield f"{self.completed} of these pictures have some of their objects already: what lacks is added"
        if self.new_labels:
            more = (
                f" and {len(self.new_labels) - _NAMES_SHOWN} more"
                if len(self.new_labels) > _NAMES_SHOWN
                else ""
            )
            names = ", ".join(f"{name} ({kind})" for name, kind in self.new_labels[:_NAMES_SHOWN])
            yield f"labels to create: {names}{more}"
        if self.seconds is not None and self.requests:
            each = self.measured.seconds / self.measured.requests
            bytes_too = f"; the time of {self.size} bytes comes on top" if self.size else ""
            yield (
                f"estimated time: {_seconds(self.seconds)} s for {self.requests} requests, {self.at_a_time} at a time, of"
                f" {each:.3f} s each as measured on the {self.measured.requests} of this dry run{bytes_too}"
            )

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def to_dict(self) -> dict[str, Any]:
        """The forecast as plain values."""
        return {**asdict(self), "requests": self.requests, "seconds": self.seconds}


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value < 10 else f"{value:.0f}"
