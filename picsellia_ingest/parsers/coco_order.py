"""Annotations in the order of the records they are on, by a counting sort of which no more than a part is in memory.

The first pass counts what each record owns, and so tells where its annotations begin; the second puts each in its place.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .coco_owners import UNNAMED
from .scratch import IntArray, Scratch, narrow, steps


def counts(owner: IntArray, records: int, scratch: Scratch) -> Any:
    """How many annotations each record owns, that of record ``i`` at ``i + 1``; those without a record have a negative owner."""
    found = scratch.zeros(records + 1, np.int64, shared=True)
    for part in steps(len(owner)):
        np.add.at(found, owner[part][owner[part] >= 0] + 1, 1)
    return found


def order(owner: IntArray, first: IntArray, scratch: Scratch) -> Any:
    """The numbers of the annotations that have a record, in order, those of one record in the file's.

    ``first`` has the counts, and becomes where each record begins.
    """
    before = 0
    for part in steps(len(first)):
        first[part] = np.cumsum(first[part]) + before
        before = int(first[part][-1])
    found = scratch.zeros(before, narrow(len(owner)), shared=True)
    following = scratch.zeros(len(first), np.int64)
    following[:] = first
    for part in steps(len(owner)):
        numbers, records = _in_order(owner[part])
        begins = np.flatnonzero(np.diff(records, prepend=-1))
        lengths = np.diff(begins, append=len(records))
        several = records[begins]
        found[np.arange(len(numbers)) + np.repeat(following[several] - begins, lengths)] = (
            numbers + part.start
        )
        following[several] += lengths
    return found


def _in_order(owner: IntArray) -> tuple[IntArray, IntArray]:
    """The places of what has a record, in the order of the records, those of one in theirs; and the records."""
    places = np.flatnonzero(owner >= 0)
    shift = len(owner).bit_length()
    both = (owner[places].astype(np.int64) << shift) | places
    both.sort()
    return both & ((1 << shift) - 1), both >> shift


def leave_out(owner: IntArray, record: int) -> int:
    """Take a record's annotations away from it; the number of the first."""
    first = -1
    for part in steps(len(owner)):
        mine = np.flatnonzero(owner[part] == record) + part.start
        owner[mine] = UNNAMED
        first = int(mine[0]) if first < 0 and len(mine) else first
    return first
