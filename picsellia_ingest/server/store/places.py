"""Where pages of annotations begin: remembered, so that the last page of a dataset is found as quickly as its first.

Clients ask by the number of records before a page, which a database finds by counting them. Records are only added at
the end, so what was counted once stays true until something is deleted; then all of it is forgotten, before the
deletion and after it, so that nothing of the time between stays. It is kept by the process that serves a folder alone.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_MOST = 1024


@dataclass(frozen=True, slots=True)
class Place:
    """A record and how many records of its dataset there are up to it; none at the beginning."""

    id: int = 0
    count: int = 0


class Places:
    """Places in datasets, which clients know by their ids."""

    def __init__(self, *, alone: bool) -> None:
        """``alone`` says that nobody else deletes; otherwise nothing is remembered."""
        self._most = _MOST if alone else 0
        self._lock = threading.Lock()
        self._known: OrderedDict[tuple[str, int | None], Place] = OrderedDict()
        self._deletions = 0

    def age(self) -> int:
        """What ``keep`` is to be told of when the places were seen; ask before reading."""
        return self._deletions

    def before(self, dataset: str, offset: int) -> Place | None:
        """The place that so many records are up to, if it is known."""
        return self._known.get((dataset, offset)) if offset else Place()

    def last(self, dataset: str) -> Place:
        """The last place that was counted."""
        return self._known.get((dataset, None), Place())

    def keep(self, dataset: str, age: int, page: Place, last: Place) -> None:
        """Remember the end of a page, and the last record of all."""
        with self._lock:
            if age != self._deletions:
                return
            self._known[dataset, page.count] = page
            self._known[dataset, None] = last
            self._known.move_to_end((dataset, None))
            while len(self._known) > self._most:
                self._known.popitem(last=False)

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
