"""Where the platform is, who asks, and how much was asked.

A token lies in a Secret, which shows itself to nobody: not in a log, a report, an exception or a ``repr``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .pace import Pace, Terms


class Secret(str):
    """A text that is never shown: ``repr`` and formatting give ``***``; ``reveal`` gives it."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def reveal(self) -> str:
        """The text itself."""
        return "".join(self)


@dataclass(slots=True)
class Traffic:
    """Counts of one process: requests, those that were repeats, bytes of pictures sent; and the pace of its requests."""

    requests: int = 0
    retries: int = 0
    picture_bytes: int = 0
    skew: float | None = None
    """Seconds by which the platform's clock was ahead of ours when it first answered."""
    pace: Pace = field(default_factory=Pace, repr=False)
    lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def note_clock(self, date: str | None) -> None:
        """Compare the clocks by the ``Date`` of an answer, once."""
        if self.skew is None and date is not None:
            from email.utils import parsedate_to_datetime  # takes longer to load than all else here

            try:
                self.skew = parsedate_to_datetime(date).timestamp() - time.time()
            except ValueError:
                self.skew = 0.0

    def add(self, *, requests: int = 0, retries: int = 0, picture_bytes: int = 0) -> None:
        """Count, from any thread."""
        with self.lock:
            self.requests += requests
            self.retries += retries
            self.picture_bytes += picture_bytes

    def taken(self) -> dict[str, int]:
        """The counts since this was asked last, to be added to those of the process that keeps the account."""
        with self.lock:
            counts = {"requests": self.requests, "retries": self.retries, "picture_bytes": self.picture_bytes}
            self.requests = self.retries = self.picture_bytes = 0
        return counts


@dataclass(frozen=True)
class Connection:
    """Where the platform is and who asks. Cheap to pickle; each process has counts and a pace of its own for a run."""

    host: str
    token: Secret
    traffic: Traffic = field(default_factory=Traffic, compare=False)

    def __reduce__(self) -> tuple[Callable[..., Connection], tuple[str, Secret, Terms]]:
        return _elsewhere, (self.host, self.token, self.traffic.pace.terms)


_RUNS_MOST = 16
_traffics: dict[str, Traffic] = {}
_traffics_lock = threading.Lock()


def _elsewhere(host: str, token: Secret, terms: Terms) -> Connection:
    """The connection in a worker process, whose tasks of one run share their traffic; the last runs are remembered."""
    run, most, patience = terms
    with _traffics_lock:
        found = _traffics.pop(run, None)
        if found is None:
            found = Traffic()
            found.pace.expect(most, patience)
        _traffics[run] = found
        while len(_traffics) > _RUNS_MOST:
            del _traffics[next(iter(_traffics))]
    return Connection(host, token, found)
