"""What a conversion did, or would do: the ledger, the losses, the problems.

The ledger is checked, not assumed: every instance that came in is written, left out by a choice, not held by the target
or rejected.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from ..errors import LedgerError
from ..losses import Losses
from ..problems import ProblemLog, shown
from ..selection import LEFT_OUT
from ..selection import REASONS as CHOICES


@dataclass(slots=True)
class Conversion:
    """The account of one conversion. ``images`` are records; ``choices`` count what the user asked for."""

    source: str = ""
    destination: str = ""
    source_format: str = ""
    recognised_by: str = ""
    """How the format was found, where it was not named."""
    format: str = ""
    images: int = 0
    images_written: int = 0
    images_placed: int = 0
    """Image files copied or linked."""
    instances: int = 0
    instances_written: int = 0
    choices: Counter[str] = field(default_factory=Counter)
    losses: Losses = field(default_factory=Losses)
    notes: list[str] = field(default_factory=list)
    problems: ProblemLog = field(default_factory=ProblemLog)
    dry_run: bool = False
    refused: bool = False
    """Whether nothing was written because something would have been lost."""

    @property
    def rejected(self) -> Counter[str]:
        """Instances that the source states and that cannot be read, by code."""
        return self.problems.lost

    @property
    def exit_code(self) -> int:
        """0 all is written, 3 part of the input was rejected, or all was refused because of its losses."""
        return 3 if self.refused or self.problems.rejected else 0

    def check(self) -> None:
        """Raise LedgerError unless everything that came in is accounted for."""
        went = (
            self.instances_written
            + self.choices[LEFT_OUT]
            + self.losses.dropped.total()
            + self.rejected.total()
        )
        if went != self.instances:
            raise LedgerError(
                f"{self.instances} instances came in, {went} are accounted for: {self.to_dict()}",
                "this is a bug in picsellia_ingest, please report it",
            )

    def loss_lines(self) -> Iterator[str]:
        """What the target cannot hold."""
        if not self.losses:
            yield f"{self.format} holds all of it: nothing is lost or changed"
            return
        yield f"what {self.format} cannot hold:"
        yield from (f"  {line}" for line in self.losses.lines())

    def lines(self) -> Iterator[str]:
        """The lines for a person, safe on any terminal."""
        return map(shown, self._lines())

    def _lines(self) -> Iterator[str]:
        found = f", recognised by {self.recognised_by}" if self.recognised_by else ""
        yield f"{self.source}: {self.source_format}{found}"
        yield from self.notes
        yield from (f"{self.choices[code]} {text}" for code, text in CHOICES.items() if self.choices[code])
        yield from self.loss_lines()
        yield from self.problems.summary()
        rejected = ", ".join(f"{count} {code}" for code, count in sorted(self.rejected.items()))
        yield (
            f"{self.instances} instances: {self.instances_written} written, {self.choices[LEFT_OUT]} left out,"
            f" {self.losses.dropped.total()} not held, {self.rejected.total()} rejected{f' ({rejected})' if rejected else ''}"
        )
        placed = f", {self.images_placed} image files" if self.images_placed else ""
        if self.refused:
            yield "REFUSED: something would be lost; nothing is written"
        elif self.dry_run:
            yield f"dry run: {self.images_written} images would be written to {self.destination}; nothing is"
        else:
            yield f"{self.images_written} of {self.images} images{placed} are in {self.destination} ({self.format})"

    def to_dict(self) -> dict[str, Any]:
        """The account as plain values, for machines."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("problems", "losses")}
        return {
            **plain,
            "rejected": dict(self.rejected),
            "losses": self.losses.to_dict(),
            "problems": self.problems.to_dict(),
            "exit_code": self.exit_code,
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())
