"""What is going on, on standard error: a bar on a terminal, plain lines anywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from contextlib import nullcontext
from types import TracebackType
from typing import Any

WORDS = {
    "index": "indexing annotations",
    "images": "looking at images",
    "records": "reading annotations",
    "compare": "asking what is there",
    "pictures": "uploading pictures",
    "labels": "creating labels",
    "annotations": "uploading annotations",
    "downloads": "downloading pictures",
    "removal": "deleting annotations",
    "verify": "comparing the platform with the plan",
}
SECONDS_BETWEEN_LINES = 5.0


class Lines:
    """One line for each stage, and one every few seconds in it."""

    def __init__(self) -> None:
        self._name, self._done, self._said = "", 0, 0.0
        self._total: int | None = None

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage."""
        self._name, self._done, self._said = WORDS.get(name, name), 0, time.monotonic()
        self._total = total
        self.say(f"{self._name}" + (f": {total}" if total is not None else ""))

    def step(self, count: int) -> None:
        """Count steps of the stage."""
        self._done += count
        if time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            of = f" of {self._total}" if self._total is not None else ""
            self.say(f"{self._name}: {self._done}{of}")

    def say(self, text: str) -> None:
        """Say something now."""
        print(text, file=sys.stderr, flush=True)

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""


class Bars:
    """A bar for each stage, with rich."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
            console=Console(stderr=True),
        )  # fmt: skip
        self._task: Any = None

    def stage(self, name: str, total: int | None) -> None:
        """Begin a stage; the one before it is over, though its total may never have been known."""
        self._finish()
        self._task = self._bars.add_task(WORDS.get(name, name), total=total)

    def step(self, count: int) -> None:
        """Count steps of the stage."""
        self._bars.advance(self._task, count)

    def say(self, text: str) -> None:
        """Say something above the bars."""
        self._bars.console.print(text, markup=False, highlight=False)

    def _finish(self) -> None:
        if self._task is not None:
            done = self._bars.tasks[self._task].completed or 1
            self._bars.update(self._task, total=done, completed=done)

    def __enter__(self) -> Bars:
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self._finish()
        self._bars.stop()


def progress() -> Bars | Lines:
    """The one that fits where standard error goes."""
    return Bars() if sys.stderr.isatty() else Lines()


def failures(stage: str, outcomes: Iterable[tuple[str, str]], total: int) -> dict[str, str]:
    """What failed of the outcomes (name, reason or nothing), while the progress of more than one is shown."""
    with progress() if total > 1 else nullcontext() as shown:
        if shown is not None:
            shown.stage(stage, total)
        found = {}
        for name, why in outcomes:
            if why:
                found[name] = why
            if shown is not None:
                shown.step(1)
    return found
