"""The images of the records of a whole source, and which of them had one, with as little in memory as can be."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain

from ..errors import ItemError
from ..parsers.base import SHARD
from . import matching
from .journal import Journal


class Pairs:
    """The image of every name that records give.

    Where each is the very name of an image that can be sent, as it mostly is, nothing is kept. Otherwise all are paired
    in memory (``matching``), with some 900 bytes an image.
    """

    def __init__(self, names: Sequence[str], journal: Journal, refused: Mapping[str, ItemError]) -> None:
        self._pairs: dict[str, matching.Match] | None = None
        if not _are_items(names, journal, refused):
            items = chain.from_iterable(journal.names(SHARD))
            self._pairs = matching.pair(names, matching.NameIndex([*items, *refused]))

    def of(self, names: Iterable[str]) -> Mapping[str, matching.Match]:
        """Their images."""
        return (
            {name: (name, matching.EXACT) for name in names}
            if self._pairs is None
            else {name: self._pairs[name] for name in names}
        )


def _are_items(names: Sequence[str], journal: Journal, refused: Collection[str]) -> bool:
    """Whether every name is an item's, and can mean no other."""
    for start in range(0, len(names), SHARD):
        some = {*names[start : start + SHARD]}
        if not (matching.are_plain(some) and journal.has_all([*some])):
            return False
    return matching.are_plain(refused) and all(map(matching.are_plain, journal.names(SHARD)))


class Numbers:
    """A set of items' numbers, a bit each."""

    def __init__(self) -> None:
        self._bits = bytearray()
        self.count = 0

    def __contains__(self, number: int) -> bool:
        return number >> 3 < len(self._bits) and bool(self._bits[number >> 3] >> (number & 7) & 1)

    def add(self, number: int) -> None:
        """Put one in."""
        if number not in self:
            self._bits.extend(bytes(max(0, (number >> 3) + 1 - len(self._bits))))
            self._bits[number >> 3] |= 1 << (number & 7)
            self.count += 1
