"""Names of millions of images: a list below a size, one text in a file above it.

A name in a list takes some 70 bytes and more, which would be the largest part of what reading a large file holds.
"""

from __future__ import annotations

import mmap
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, chain
from pathlib import Path
from typing import Any, overload

import numpy as np

from . import scratch
from .scratch import Column, IntArray, Scratch, Stored, steps

_NAME = 64
"""Bytes that a name in a list takes beside its characters."""
_ERRORS = "surrogatepass"


class _Names(Sequence[str]):
    """Names of which a range is read as a list."""

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        if isinstance(at, slice):
            start, stop, step = at.indices(len(self))
            return (
                self._range(start, stop) if step == 1 else [self[place] for place in range(start, stop, step)]
            )
        place = at + len(self) if at < 0 else at
        if not 0 <= place < len(self):
            raise IndexError(at)
        return self._range(place, place + 1)[0]

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self._range(part.start, part.stop) for part in steps(len(self)))

    def _range(self, start: int, stop: int) -> list[str]:
        raise NotImplementedError


class StoredNames(_Names):
    """Names in a file, with their ends in another."""

    def __init__(self, path: Path, ends: IntArray, stored: IntArray | Stored) -> None:
        self._path, self._ends, self._stored = path, ends, stored
        with path.open("rb") as stream:
            self._text = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)

    def __reduce__(self) -> tuple[Any, ...]:
        return _opened, (self._path, self._stored)

    def __len__(self) -> int:
        return len(self._ends)

    def _range(self, start: int, stop: int) -> list[str]:
        if start >= stop:
            return []
        first = int(self._ends[start - 1]) if start else 0
        ends = (self._ends[start:stop] - first).tolist()
        text = self._text[first : first + ends[-1]]
        return [
            text[begin:end].decode("utf-8", _ERRORS) for begin, end in zip([0, *ends], ends, strict=False)
        ]


def _opened(path: Path, stored: IntArray | Stored) -> StoredNames:
    return StoredNames(path, stored.load() if isinstance(stored, Stored) else stored, stored)


class NameColumn:
    """Names whose number is known at their end only."""

    def __init__(self, kept_in: Scratch) -> None:
        self._scratch = kept_in
        self._names: list[str] = []
        self._held = self._written = 0
        self._path: Path | None = None
        self._ends = Column(kept_in, np.int64, shared=True)

    def add(self, names: Sequence[str]) -> None:
        """Put names behind the others."""
        self._names += names
        self._held += _NAME * len(names) + sum(map(len, names))
        if self._held > scratch.KEPT:
            self._spill()

    def _spill(self) -> None:
        if self._path is None:
            self._path = self._scratch.file()
        text, parts = "".join(self._names), self._names
        encoded = text.encode("utf-8", _ERRORS)
        lengths = map(len, parts) if text.isascii() else (len(one.encode("utf-8", _ERRORS)) for one in parts)
        with self._path.open("ab") as stream:
            stream.write(encoded)
        ends = np.cumsum([*lengths], dtype=np.int64) + self._written
        self._written = int(ends[-1]) if len(ends) else self._written
        self._ends.add(ends)
        self._names, self._held = [], 0

    def all(self) -> Sequence[str]:
        """All of them; none may be added any more."""
        if self._path is None:
            return self._names
        self._spill()
        ends = self._ends.array()
        return StoredNames(self._path, ends, self._scratch.packed(ends))


class _Joined(_Names):
    """The names of several files, one behind the other."""

    def __init__(self, parts: Sequence[Sequence[str]]) -> None:
        self._parts = parts
        self._ends = [*accumulate(map(len, parts))]

    def __len__(self) -> int:
        return self._ends[-1]

    def _range(self, start: int, stop: int) -> list[str]:
        found: list[str] = []
        while start < stop:
            at = bisect_right(self._ends, start)
            before = self._ends[at - 1] if at else 0
            end = min(stop, self._ends[at])
            found += self._parts[at][start - before : end - before]
            start = end
        return found


def joined(parts: Sequence[Sequence[str]]) -> Sequence[str]:
    """The names of several files as one sequence; a list where all of them are."""
    if all(isinstance(part, list) for part in parts):
        return [*chain.from_iterable(parts)]
    return parts[0] if len(parts) == 1 else _Joined(parts)
