"""What undoing a run did or would do, with counts that add up: made = removed + gone already + stays + failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from ..errors import LedgerError
from ..problems import shown
from .made import many
from .report import COMPLETE, DIFFERENT, INCOMPLETE, NOT_ALLOWED, REJECTED

NAMES_SHOWN = 10


@dataclass(slots=True)
class KindAccount:
    """Where everything of one kind went."""

    made: int
    removed: int
    gone: int
    """Those that the platform did not have any more."""
    stays: int
    failed: int = 0
    names: list[str] = field(default_factory=list)
    """The first of those that go."""


@dataclass(slots=True)
class UndoReport:
    """The result of undoing a run. ``exit_code`` and ``verdict`` say how it ended."""

    run: str
    begun: str
    dataset: str
    version: str
    shown: bool = False
    """Whether this was only a look."""
    accounts: dict[str, KindAccount] = field(default_factory=dict)
    stays: dict[str, list[str]] = field(default_factory=dict)
    """Names of what stays, by what and why."""
    failures: list[tuple[str, str, str]] = field(default_factory=list)
    differences: list[str] = field(default_factory=list)
    verified: bool = False
    stopped: str = ""
    stop_code: str = ""
    requests: int = 0
    seconds: float = 0.0

    def take(self, kind: str, gone: int, going: list[str], stays: list[tuple[str, str]]) -> None:
        """Account for one kind of thing."""
        count = gone + len(going) + len(stays)
        if count:
            self.accounts[kind] = KindAccount(count, len(going), gone, len(stays), names=going[:NAMES_SHOWN])
        for name, why in stays:
            self.stays.setdefault(f"{kind}: {why}", []).append(name)

    def not_removed(self, counts: Mapping[str, int]) -> None:
        """So many of what was to go are there still."""
        for kind, count in counts.items():
            self.accounts[kind].removed -= count
            self.accounts[kind].failed += count

    def interrupt(self) -> None:
        """What was to go is not known to be gone."""
        self.not_removed(Counter({kind: account.removed for kind, account in self.accounts.items()}))

    def check(self) -> None:
        """Raise LedgerError when something is unaccounted for."""
        for kind, one in self.accounts.items():
            if one.made != one.removed + one.gone + one.stays + one.failed:
                raise LedgerError(
                    f"{kind}: {asdict(one)}", "this is a bug in picsellia_ingest, please report it"
                )

    @property
    def to_remove(self) -> int:
        """How many things go."""
        return sum(account.removed for account in self.accounts.values())

    @property
    def exit_code(self) -> int:
        """0 all of it is gone, 3 something stays for a reason that is said, 4 incomplete, 5 not allowed, 6 it is there still."""
        if self.stop_code in ("not_allowed", "quota"):
            return NOT_ALLOWED
        if self.stopped or self.failures:
            return INCOMPLETE
        if self.differences:
            return DIFFERENT
        return REJECTED if self.stays else COMPLETE

    @property
    def verdict(self) -> str:
        """The last line: how it ended and how to go on."""
        if self.shown:
            return "nothing was removed yet" if self.to_remove else "there is nothing to remove"
        if self.exit_code in (INCOMPLETE, NOT_ALLOWED):
            why = f" ({self.stopped})" if self.stopped else ""
            return f"INCOMPLETE{why}: run the same command again, it goes on where it stopped"
        if self.differences:
            return "the platform still holds some of it: run the same command again"
        return f"undone and verified{'; something stays, see above' if self.stays else ''}"

    def lines(self) -> Iterator[str]:
        """The lines for a person, safe on any terminal."""
        return map(shown, self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"run {self.run} of {self.begun}, dataset {self.dataset!r}, version {self.version!r}"
        for kind, one in self.accounts.items():
            done = "to remove" if self.shown else "removed"
            failed = f", {one.failed} not removed" if one.failed else ""
            line = f"{one.made} {many(kind, one.made)}: {one.removed} {done}, {one.gone} gone already, {one.stays} stay"
            yield f"{line}{(one.stays == 1 and 's') or ''}{failed}"
            if self.shown and one.removed:
                yield f"  {_some(one.names, one.removed)}"
        for why, names in self.stays.items():
            yield f"stays: {len(names)} {why}: {_some(names, len(names))}"
        for kind, name, error in self.failures[:NAMES_SHOWN]:
            yield f"failed: {kind} {name}: {error}"
        yield from self.differences[:NAMES_SHOWN]
        yield self.verdict

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, for machines."""
        return {**asdict(self), "exit_code": self.exit_code, "verdict": self.verdict}

    def __str__(self) -> str:
        return "\n".join(self.lines())


def _some(names: list[str], count: int) -> str:
    more = f" and {count - NAMES_SHOWN} more" if count > NAMES_SHOWN else ""
    return ", ".join(names[:NAMES_SHOWN]) + more
