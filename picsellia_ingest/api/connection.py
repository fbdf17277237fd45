"""Where the platform is, who asks, and how much was asked.

A token lies in a Secret, which shows itself to nobody: not in a log, a report, an exception or a ``repr``.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime

from .pace import Pace


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


@dataclass(frozen=True)
class Connection:
    """Where the platform is and who asks. Cheap to pickle; its counts stay in the process that made them."""

    host: str
    token: Secret
    traffic: Traffic = field(default_factory=Traffic, compare=False)

    def __reduce__(self) -> tuple[type[Connection], tuple[str, Secret]]:
        return Connection, (self.host, self.token)
