"""What a run did: the ledger, by reason, and everything a person needs to go on.

The ledger is checked, not assumed: for pictures and for instances, what came in equals uploaded + already there +
rejected + failed, and the number that came in is counted by the parser's index, not by the stages it accounts for.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any

from ..errors import LedgerError
from ..problems import ProblemLog, shown
from ..selection import IN_OTHER_SPLIT, LEFT_OUT
from ..selection import REASONS as CHOICES
from ..wire import REASONS
from .cluster import UNSEEN
from .forecast import Forecast
from .items import SILENT
from .survey import Survey

LABELS_SHOWN = 20
COMPLETE, REJECTED, INCOMPLETE, NOT_ALLOWED, DIFFERENT = 0, 3, 4, 5, 6
NOT_READ = (SILENT, UNSEEN)
"""Codes of images that could not be looked at, of which a comparison says nothing."""


@dataclass(slots=True)
class Account:
    """Where everything of one kind went. ``rejected`` and ``failed`` are counts by reason code."""

    came_in: int = 0
    uploaded: int = 0
    already_there: int = 0
    planned: int = 0
    """What a dry run would send."""
    left_out: int = 0
    """What was not asked for: of other labels, or in other splits."""
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)

    @property
    def went(self) -> int:
        """The sum of all that is accounted for."""
        sent = self.uploaded + self.already_there + self.planned
        return sent + self.left_out + self.rejected.total() + self.failed.total()

    def check(self, what: str) -> None:
        """Raise LedgerError when something is unaccounted for."""
        if self.came_in != self.went:
            raise LedgerError(
                f"{self.came_in} {what} came in, {self.went} are accounted for: {self.to_dict()}",
                "this is a bug in picsellia_ingest, please report it",
            )

    def to_dict(self) -> dict[str, Any]:
        """The account as plain values."""
        return {item.name: getattr(self, item.name) for item in fields(self)}

    def line(self, what: str) -> str:
        """The account in one line."""
        text = f"{self.came_in} {what}: {self.uploaded} uploaded, {self.already_there} already there"
        if self.planned:
            text += f", {self.planned} planned"
        if self.left_out:
            text += f", {self.left_out} left out"
        for word, counts in (("rejected", self.rejected), ("failed", self.failed)):
            reasons = ", ".join(f"{count} {code}" for code, count in sorted(counts.items()))
            text += f", {counts.total()} {word}" + (f" ({reasons})" if reasons else "")
        return text


@dataclass(slots=True)
class Report:
    """The result of an upload. ``exit_code`` and ``verdict`` say how it ended."""

    run: str = ""
    """What the run is called, where it changed something: what ``undo`` takes."""
    dataset: str = ""
    version: str = ""
    dataset_id: str = ""
    images: Account = field(default_factory=Account)
    instances: Account = field(default_factory=Account)
    objects_planned: int = 0
    """Wire objects that the plan consists of; more than instances where instances have several parts."""
    changed_shape: Counter[str] = field(default_factory=Counter)
    """How instances were sent in another shape than they came in, or without something, by reason code."""
    choices: Counter[str] = field(default_factory=Counter)
    """What the choice of labels and splits did, by reason code."""
    passed_over: Counter[str] = field(default_factory=Counter)
    """Files of the image folder that are no images, by extension."""
    images_without_record: int = 0
    labels: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: ProblemLog = field(default_factory=ProblemLog)
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    """The first failures: (name, code, what the platform or the system said)."""
    differences: list[str] = field(default_factory=list)
    verified: bool = False
    survey: Survey | None = None
    """Sizes, shapes and what to look at first, where that was asked for."""
    dry_run: bool = False
    forecast: Forecast | None = None
    """Of a dry run: what would be sent."""
    checked: bool = False
    """Whether the platform was only compared with the source."""
    stopped: str = ""
    stop_code: str = ""
    requests: int = 0
    retries: int = 0
    picture_bytes: int = 0
    seconds: float = 0.0

    @property
    def exit_code(self) -> int:
        """0 complete and verified, 3 complete but input was rejected, 4 incomplete, 5 not allowed, 6 the platform differs."""
        if self.stop_code in ("not_allowed", "quota"):
            return NOT_ALLOWED
        if (
            self.checked
            and not self.stopped
            and not any(self.images.failed[code] for code in NOT_READ)
            and (self.images.failed or self.instances.failed or self.differences)
        ):
            return DIFFERENT
        if self.stopped or self.images.failed or self.instances.failed:
            return INCOMPLETE
        if self.differences:
            return DIFFERENT
        if self.problems.rejected:
            return REJECTED
        return COMPLETE if self.verified or self.dry_run else INCOMPLETE

    @property
    def verdict(self) -> str:
        """The last line: how it ended and how to go on."""
        if self.dry_run:
            return "dry run: nothing was sent"
        if self.checked and self.exit_code in (COMPLETE, REJECTED, DIFFERENT):
            holds = self.exit_code != DIFFERENT
            return (
                "verified: the platform holds all of it" if holds else "the platform DIFFERS from the source"
            )
        if self.exit_code in (INCOMPLETE, NOT_ALLOWED):
            why = f" ({self.stopped})" if self.stopped else ""
            return f"INCOMPLETE{why}: run the same command again, it goes on where it stopped"
        if self.exit_code == DIFFERENT:
            return "the platform DIFFERS from the plan: run the same command again"
        rejected = "; part of the input was rejected, see above" if self.exit_code == REJECTED else ""
        return f"complete and verified{rejected}"

    def count_left_out(self) -> None:
        """Count the instances that choices left out."""
        self.instances.left_out = self.choices[LEFT_OUT] + self.choices[IN_OTHER_SPLIT]

    def check(self) -> None:
        """Raise LedgerError unless both accounts add up."""
        self.images.check("images")
        self.instances.check("instances")

    def choices_said(self) -> Iterator[str]:
        """In which other shape, or under which other choice, instances were sent, and how many."""
        yield from (f"{count} {REASONS[code]}" for code, count in sorted(self.changed_shape.items()))
        yield from (f"{self.choices[code]} {text}" for code, text in CHOICES.items() if self.choices[code])

    def lines(self) -> Iterator[str]:
        """The lines for a person, safe on any terminal."""
        return map(shown, self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"dataset {self.dataset!r}, version {self.version!r}"
        yield self.images.line("images")
        yield self.instances.line("instances")
        if self.forecast is not None:
            yield from self.forecast.lines()
        yield from (f"  {words}" for words in self.choices_said())
        if self.labels:
            yield f"{len(self.labels)} labels: " + ", ".join(
                f"{name} ({kind})" for name, kind in self.labels[:20]
            )
        if self.images_without_record:
            yield f"{self.images_without_record} images that no annotation record names"
        if self.passed_over:
            others = ", ".join(f"{count} {kind}" for kind, count in sorted(self.passed_over.items()))
            yield f"{self.passed_over.total()} other files passed over: {others}"
        yield from self.notes
        yield from self.problems.summary()
        for name, code, error in self.failures:
            yield f"failed {code}: {name}: {error}"
        yield from self.differences
        if self.run:
            yield f"run {self.run}"
        yield (
            f"{self.requests} requests, {self.retries} of them repeats; {self.picture_bytes} bytes of pictures;"
            f" {self.seconds:.1f} s"
        )
        yield self.verdict

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, for machines."""
        plain = {item.name: getattr(self, item.name) for item in fields(self)}
        plain["images"], plain["instances"] = self.images.to_dict(), self.instances.to_dict()
        plain["problems"] = self.problems.to_dict()
        plain["forecast"] = None if self.forecast is None else self.forecast.to_dict()
        plain["survey"] = None if self.survey is None else self.survey.to_dict()
        return {**plain, "exit_code": self.exit_code, "verdict": self.verdict}

    def __str__(self) -> str:
        return "\n".join(self.lines())
