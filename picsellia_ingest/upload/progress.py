"""How a run tells what is going on, without knowing who listens."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told what is going on: ``stage`` begins one, of ``total`` steps where that is known; ``step`` counts them.

    ``say`` tells what a person should know now.
    """

    def stage(self, name: str, total: int | None) -> None: ...  # noqa: D102

    def step(self, count: int) -> None: ...  # noqa: D102

    def say(self, text: str) -> None: ...  # noqa: D102


class Quiet:
    """Progress that tells nobody."""

    def stage(self, name: str, total: int | None) -> None:
        """Do nothing."""

    def step(self, count: int) -> None:
        """Do nothing."""

    def say(self, text: str) -> None:
        """Do nothing."""
