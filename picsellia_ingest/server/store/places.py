"""Where pages of annotations begin: remembered, so that the last page of a dataset is found as quickly as its first.

Clients ask by the number of records before a page, which a database finds by counting them. Records are only added at
the end, so what was counted once stays true until something is deleted; then all of it is forgotten, before the
deletion and after it, so that nothing of the time between stays. It is kept by the process that serves a folder alone.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

_MOST = 512


class Place(NamedTuple):
    """A record and how many records of its dataset there are up to it; none at the beginning."""

    number: int = 0
    id: int = 0


class Places:
    """Places in datasets, which clients know by their ids."""

    def __init__(self, *, alone: bool) -> None:
        """``alone`` says that nobody else deletes; otherwise nothing is remembered."""
        self._alone = alone
        self._lock = threading.Lock()
        self._known: dict[str, list[Place]] = {}
        self._deletions = 0

    def age(self) -> int:
        """What ``keep`` is to be told of when the places were seen; ask before reading."""
        return self._deletions

    def before(self, dataset: str, offset: int) -> Place:
        """The last place that is known that has at most so many records up to it."""
        with self._lock:
            known = self._known.get(dataset, [])
            index = bisect_right(known, offset, key=lambda place: place.number)
            return known[index - 1] if index else Place()

    def keep(self, dataset: str, age: int, *places: Place) -> None:
        """Remember places; of too many every other one."""
        with self._lock:
            if age == self._deletions and self._alone:
                known = sorted({*self._known.get(dataset, ()), *places})
                self._known[dataset] = known if len(known) <= _MOST else known[1::2]

    @contextmanager
    def deleting(self) -> Iterator[None]:
        """A deletion of records, of pictures or of datasets."""
        self._forget()
        try:
            yield
        finally:
            self._forget()

    def _forget(self) -> None:
        with self._lock:
            self._deletions += 1
            self._known.clear()
