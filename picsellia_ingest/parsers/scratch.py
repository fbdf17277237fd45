"""Arrays that may be too large for memory: small ones are in it, the others in files that are mapped.

A mapped file's pages belong to the page cache, so what a process holds does not grow with the array. The files lie in a
folder in the system's place for temporary files (TMPDIR), on this machine, which goes when it is closed. Those that
readers need are pickled as their paths; the others have no name any more once they are mapped.
"""

from __future__ import annotations

import errno
import mmap
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

IntArray: TypeAlias = NDArray[Any]
"""Whole numbers of whatever width."""
Kind: TypeAlias = "type[np.integer[Any] | np.bool_]"

KEPT = 1 << 20
"""Bytes of an array, or of names, that are kept in memory."""
STEP = 1 << 16
"""Elements of a large array that are looked at together."""
_BUFFER = 1 << 18


@dataclass(frozen=True, slots=True)
class Stored:
    """An array in a file, where a process may map it."""

    path: Path
    kind: str

    def load(self) -> IntArray:
        """Map it, to be read."""
        with self.path.open("rb") as stream:
            return np.frombuffer(mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ), self.kind)


class Scratch:
    """A folder for such files; it is made when the first is. Raises OSError when the disk is full."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._end: weakref.finalize[..., object] | None = None
        self._stored: list[tuple[IntArray, Stored]] = []

    def __getstate__(self) -> dict[str, object]:
        return {"_folder": self._folder, "_end": None, "_stored": []}

    def close(self) -> None:
        """Remove it, where this is what made it; who has mapped a file can still read it."""
        if self._end is not None:
            self._end()

    def file(self) -> Path:
        """A new file, empty."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="picsellia-ingest-"))
            self._end = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        handle, name = tempfile.mkstemp(dir=self._folder)
        os.close(handle)
        return Path(name)

    def zeros(self, size: int, kind: Kind, *, shared: bool = False) -> Any:
        """An array of so many zeros; a shared one may be pickled."""
        count = size * np.dtype(kind).itemsize
        if count <= KEPT:
            return np.zeros(size, kind)
        path = self.file()
        with path.open("r+b") as stream:
            _reserve(stream.fileno(), count)
        return self.mapped(path, kind, shared=shared)

    def mapped(self, path: Path, kind: Kind, *, shared: bool) -> Any:
        """The array that a file is."""
        with path.open("r+b") as stream:
            array = np.frombuffer(mmap.mmap(stream.fileno(), 0), kind)
        if shared:
            self._stored.append((array, Stored(path, array.dtype.str)))
        elif os.name == "posix":
            path.unlink()
        return array

    def packed(self, value: Any) -> Any:
        """A value as it is pickled: itself, or where it lies."""
        return next((stored for array, stored in self._stored if array is value), value)


class Packed:
    """A dataclass with a field ``scratch``, which is pickled with where its arrays lie in place of those on disk."""

    __slots__ = ()
    scratch: Scratch

    def __getstate__(self) -> list[Any]:
        return [self.scratch.packed(getattr(self, one.name)) for one in fields(self)]  # type: ignore[arg-type]

    def __setstate__(self, state: list[Any]) -> None:
        for one, value in zip(fields(self), state, strict=True):  # type: ignore[arg-type]
            setattr(self, one.name, value.load() if isinstance(value, Stored) else value)


class Column:
    """An array whose length is known at its end only."""

    def __init__(self, scratch: Scratch, kind: Kind, *, shared: bool = False) -> None:
        self._scratch, self._kind, self._shared = scratch, kind, shared
        self._parts: list[IntArray] = []
        self._held = 0
        self._path: Path | None = None

    def add(self, values: Any) -> None:
        """Put values behind the others."""
        part = np.ascontiguousarray(values, self._kind)
        self._parts.append(part)
        self._held += part.nbytes
        if self._held > (KEPT if self._path is None else _BUFFER):
            self._spill()

    def _spill(self) -> None:
        if self._path is None:
            self._path = self._scratch.file()
        with self._path.open("ab") as stream:
            for part in self._parts:
                stream.write(part.data)
        self._parts, self._held = [], 0

    def array(self) -> Any:
        """All of it; nothing may be added any more."""
        if self._path is None:
            return np.concatenate([np.zeros(0, self._kind), *self._parts])
        self._spill()
        return self._scratch.mapped(self._path, self._kind, shared=self._shared)


def _reserve(file: int, count: int) -> None:
    """Make a file so long; writing to a hole of a full disk would end the process, so there is none where it can be helped."""
    try:
        os.posix_fallocate(file, 0, count)
    except AttributeError:  # not on this system
        os.truncate(file, count)
    except OSError as error:
        if error.errno not in (errno.EOPNOTSUPP, errno.EINVAL):
            raise
        os.truncate(file, count)  # not on this file system


def narrow(size: int) -> Kind:
    """The kind of numbers that places among so many fit in."""
    return np.int32 if size < 1 << 31 else np.int64


def steps(size: int) -> Iterator[slice]:
    """The parts of an array of this size that are looked at together."""
    for start in range(0, size, STEP):
        yield slice(start, min(start + STEP, size))


def ordered(values: IntArray, scratch: Scratch) -> IntArray:
    """The values in their order."""
    found: IntArray = scratch.zeros(len(values), values.dtype.type)
    found[:] = values
    found.sort()
    return found


def has_twice(in_order: IntArray) -> bool:
    """Whether a value stands twice among some that are in their order."""
    return any(_is_twice(in_order, part).any() for part in steps(len(in_order)))


def several(values: IntArray, scratch: Scratch) -> IntArray:
    """The values that stand more than once, in their order."""
    found = Column(scratch, values.dtype.type)
    if not all(_rises(values[max(part.start - 1, 0) : part.stop]) for part in steps(len(values))):
        in_order = ordered(values, scratch)
        for part in steps(len(in_order)):
            found.add(in_order[part][_is_twice(in_order, part)])
    several: IntArray = found.array()
    return several


def among(values: IntArray, in_order: IntArray) -> tuple[IntArray, IntArray]:
    """The places of the values that are among some in their order, and the places of these."""
    if not len(in_order):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    at = np.minimum(np.searchsorted(in_order, values), len(in_order) - 1)
    places = np.flatnonzero(in_order[at] == values)
    return places, at[places]


def repeats(values: IntArray, scratch: Scratch, but: int | None = None) -> Iterator[IntArray]:
    """The places of the values that stand before, in order; ``but`` one value that may."""
    twice = several(values, scratch)
    seen = scratch.zeros(len(twice), np.bool_)
    for part in steps(len(values) if len(twice) else 0):
        places, at = among(values[part], twice)
        again = np.ones(len(at), np.bool_)
        again[np.unique(at, return_index=True)[1]] = False
        again |= seen[at]
        seen[at] = True
        yield (places[again] if but is None else places[again & (values[part][places] != but)]) + part.start


def _rises(values: IntArray) -> bool:
    return bool((values[1:] > values[:-1]).all())


def _is_twice(in_order: IntArray, part: slice) -> NDArray[np.bool_]:
    """Which values of a part stand right before, too."""
    before = in_order[max(part.start - 1, 0) : part.stop]
    found: NDArray[np.bool_] = before[1:] == before[:-1]
    return found if part.start else np.concatenate([np.zeros(min(len(before), 1), np.bool_), found])
