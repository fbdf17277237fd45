"""Which image of a COCO file an image id means: arrays for whole numbers of one image each, a dictionary for the rest."""

from __future__ import annotations

from typing import Any

import numpy as np

from .coco_categories import Id
from .scratch import IntArray, Scratch, has_twice, narrow, ordered, steps

UNNAMED, AMBIGUOUS, UNKNOWN = -1, -2, -3
"""Why an image id has no record."""
HUGE = 1 << 62
"""Ids beyond this are not looked up in arrays."""
_DENSE = 8
"""Numbers an id, up to which a place is kept for each number."""


class Numbered:
    """What each of many whole numbers means: they in their order, and their records, or why they have none."""

    def __init__(self, ids: IntArray, records: IntArray) -> None:
        self._ids, self._records = ids, records

    def of(self, keys: IntArray) -> IntArray:
        """What these mean."""
        at = np.minimum(np.searchsorted(self._ids, keys), len(self._ids) - 1)
        return np.where(self._ids[at] == keys, self._records[at], UNKNOWN)


class _Dense(Numbered):
    """The same where most numbers from the first id to the last are ids: a place for each, a record counted from 1."""

    def of(self, keys: IntArray) -> IntArray:
        at = keys - self._ids[0]
        inside = (at >= 0) & (at < len(self._records))
        found = self._records[np.where(inside, at, 0)].astype(np.int64)
        return np.where(inside & (found != 0), found - (found > 0), UNKNOWN)


def numbered(ids: IntArray, records: Any, scratch: Scratch) -> Numbered | None:
    """What ids of one record each mean; None when one stands twice. ``records`` has a slice for each of ids."""
    if not len(ids):
        return NOTHING
    first, last = int(ids.min()), int(ids.max())
    if last - first < _DENSE * len(ids):
        return _dense(ids, records, np.array([first]), scratch.zeros(last - first + 1, narrow(len(ids))))
    in_order = ordered(ids, scratch)
    if has_twice(in_order):
        return None
    found = scratch.zeros(len(ids), narrow(len(ids)))
    for part in steps(len(ids)):
        found[np.searchsorted(in_order, ids[part])] = records[part]
    return Numbered(in_order, found)


def _dense(ids: IntArray, records: Any, first: IntArray, places: IntArray) -> Numbered | None:
    for part in steps(len(ids)):
        at, values = ids[part] - first, np.asarray(records[part])
        if places[at].any() or len(np.unique(at)) < len(at):
            return None
        places[at] = values + (values >= 0)
    return _Dense(first, places)


NOTHING = Numbered(np.array([HUGE]), np.array([UNKNOWN]))
"""No number means anything."""


class Owners:
    """The record of every image id; a negative number says why it has none."""

    def __init__(self, numbers: Numbered, by_id: dict[Id, int] | None = None) -> None:
        self._numbers, self._by_id = numbers, by_id or {}

    def get(self, key: Id | None) -> int:
        """The record of one id."""
        if type(key) is int and -HUGE < key < HUGE:
            return int(self.of(np.array([key], np.int64))[0])
        return UNKNOWN if key is None else self._by_id.get(key, UNKNOWN)

    def of(self, keys: IntArray) -> IntArray:
        """The records of many ids that are whole numbers."""
        found = self._numbers.of(keys)
        for place in np.flatnonzero(found == UNKNOWN).tolist() if self._by_id else ():
            found[place] = self._by_id.get(int(keys[place]), UNKNOWN)
        return found
