"""How many requests are under way at once, and when all of them wait.

As long as it goes well one more may be under way with each answer, up to the jobs of a run; where the platform is asked
too much (429, 503, no answer in time) it is 0.7 times as many, at least one, and ``Retry-After`` holds all of them back. The
bytes of pictures under way are bounded too. When nothing answers any more, one request at a time asks whether the
platform is back, at most once a second, for as long as there is patience. All times are monotonic.
"""

from __future__ import annotations

import math
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import uuid4

Say = Callable[[str], None]
"""Is told when the platform does not answer, and when it does again."""
AT_FIRST = 8
"""Requests under way at the beginning, where the number of jobs allows it."""
BYTES_UNDER_WAY = 64 << 20
ASIDE_SECONDS = 0.0005
"""For so long a thread whose turn ends does nothing where another waits for one: only one computes at a time, and what is left to
do with an answer can wait, a request that is ready to be sent cannot."""
LESS = 0.7
CALM_SECONDS = 1.0
"""After this time another trouble counts as a new one; those that come together are one."""
PATIENCE_SECONDS = 900.0
PROBE_FIRST, PROBE_MOST = 1.0, 30.0
Terms = tuple[str, float, float]
"""What another process keeps to for the same run: the run's own name, its jobs, its patience in seconds."""


class Pace:
    """The turns of one process, for any number of threads."""

    def __init__(self) -> None:
        self._ready = threading.Condition()
        self._busy = self._bytes = self._waiting = 0
        self._most = self._limit = math.inf
        self._slowed_at = 0.0
        self._answered = False
        self._outages = 0
        self._probing = threading.Lock()
        self._halted = threading.Event()
        self._settle(math.inf, None, None)

    @property
    def halted(self) -> bool:
        """Whether the run stops: work that is queued ends without a request, and nothing is tried again."""
        return self._halted.is_set()

    @halted.setter
    def halted(self, halted: bool) -> None:
        if halted == self.halted:
            return  # it is said with each outcome, and wakes all that wait for their turns
        if halted:
            self._halted.set()
        else:
            self._halted.clear()
        with self._ready:
            self._ready.notify_all()

    @property
    def limit(self) -> int:
        """How many requests may be under way now."""
        return int(self._limit)

    def expect(self, jobs: float, patience: float | None = None, say: Say | None = None) -> None:
        """Begin a run of so many jobs that waits so many seconds for a platform that is away, and says so."""
        self.halted = False
        self._settle(jobs, patience, say)

    @property
    def terms(self) -> Terms:
        """What a worker process needs to keep a pace of its own for this run."""
        return self._run, self._most, self.patience

    @contextmanager
    def run(self, jobs: int, patience: float | None = None, say: Say | None = None) -> Iterator[None]:
        """A run; what holds for it ends with it. One that is broken off stays halted: some of it may be queued still."""
        self.expect(jobs, patience, say)
        try:
            yield
            self.halted = False
        finally:
            self._settle(math.inf, None, None)

    @contextmanager
    def at_most(self, jobs: float) -> Iterator[None]:
        """Within it no more requests than so many are under way at once."""
        with self._ready:
            most = self._most
            self._most, self._limit = min(most, jobs), min(self._limit, jobs)
        try:
            yield
        finally:
            with self._ready:
                self._most = most

    def _settle(self, most: float, patience: float | None, say: Say | None) -> None:
        with self._ready:
            self._run, self._most, self._limit = uuid4().hex, most, float(min(most, AT_FIRST))
            self._held_until, self._steady = 0.0, False
            self.patience = PATIENCE_SECONDS if patience is None else patience
            self.say = say

    @contextmanager
    def turn(self, size: int = 0) -> Iterator[None]:
        """One request with so many bytes of a picture; begins when there is room for it."""
        with self._ready:
            self._waiting += 1
            try:
                while not self.halted and (wait := self._wait(size)) is not None:
                    self._ready.wait(wait or None)
            finally:
                self._waiting -= 1
            self._busy += 1
            self._bytes += size
        try:
            yield
        finally:
            with self._ready:
                self._busy -= 1
                is_waited_for = self._waiting > 0
                # One may begin for one that ended; how many where bytes end depends on their sizes.
                self._ready.notify_all() if self._bytes else self._ready.notify()
                self._bytes -= size
        if is_waited_for:
            time.sleep(ASIDE_SECONDS)

    def _wait(self, size: int) -> float | None:
        """None when there is room, or the seconds until there may be; 0 for until another request ends."""
        held = self._held_until - time.monotonic()
        if held > 0:
            return held
        crowded = self._busy >= self.limit or (self._bytes and self._bytes + size > BYTES_UNDER_WAY)
        return 0.0 if crowded else None

    def went_well(self) -> None:
        """An answer came that is no trouble. Until the first trouble the limit doubles in each round, then it creeps."""
        with self._ready:
            self._answered, before = True, self.limit
            self._limit = min(self._most, self._limit + (1 / self._limit if self._steady else 1.0))
            if self.limit > before:
                self._ready.notify()

    def asked_too_much(self, wait: float = 0.0) -> None:
        """The platform cannot keep up, or asks for a pause of so many seconds."""
        with self._ready:
            now = time.monotonic()
            self._held_until = max(self._held_until, now + wait)
            self._steady = True
            if now - self._slowed_at >= CALM_SECONDS:
                self._slowed_at = now
                self._limit = max(1.0, self._limit * LESS)

    def await_return(self, answers: Callable[[], bool]) -> bool:
        """Whether the platform was away and is back. One that never answered is not waited for, as its address is wrong.

        ``answers`` asks it. False when it was not away, or when it stays away longer than there is patience.
        """
        before = self._outages
        if not self._answered or self.halted:
            return False
        with self._probing:
            if self._outages > before:
                return True
            if answers():
                return False
            self._tell(
                f"the platform does not answer; waiting for it, {self.patience / 60:.0f} minutes at most"
            )
            back = self._probe(answers)
            self._outages += back
            self._tell("the platform answers again" if back else "the platform still does not answer")
            return back

    def _probe(self, answers: Callable[[], bool]) -> bool:
        away, pause = time.monotonic(), PROBE_FIRST
        while (left := self.patience - (time.monotonic() - away)) > 0:
            if self._halted.wait(min(left, random.uniform(PROBE_FIRST, pause))):  # noqa: S311 - jitter
                return False
            if answers():
                return True
            pause = min(PROBE_MOST, pause * 2)
        # Whoever waits behind this one has waited as long.
        self.patience = 0.0
        return False

    def _tell(self, text: str) -> None:
        if self.say is not None:
            self.say(text)

    def pause(self, seconds: float) -> None:
        """Wait, unless the run stops."""
        self._halted.wait(seconds)
