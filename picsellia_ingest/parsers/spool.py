"""Rows of a document on disk, in the document itself or beside it until they can be put there.

Rows are added one by one, or many at once as a file that a worker wrote: such a file is copied only once, while others
are written, and is gone then, mostly before a disk has seen it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BUFFER = 1 << 18


@dataclass(frozen=True, slots=True)
class Part:
    """A file of rows that belong to one spool."""

    name: str
    path: Path


class Spool:
    """Rows in their order in a file of its own, with a separator between them, behind what stands at its ``head``."""

    def __init__(self, path: Path, separator: bytes, head: bytes = b"") -> None:
        self.path = path
        self.separator = separator
        self._begin = len(head)
        self._is_begun = self._is_whole = False
        self._held = 0
        self._waiting: list[bytes] = []
        self._file: BinaryIO = path.open("w+b", 0)
        self._put(head)

    @property
    def is_empty(self) -> bool:
        """Whether there is no row."""
        return not (self._is_begun or self._waiting)

    def add(self, row: bytes) -> None:
        """Put a row behind the others."""
        self._waiting.append(row)
        self._held += len(row)
        if self._held >= _BUFFER:
            self._write()

    def _write(self) -> None:
        """Write the rows that wait in memory."""
        if self._waiting:
            self._separate()
            self._put(self.separator.join(self._waiting))
            self._waiting, self._held = [], 0

    def _separate(self) -> None:
        if self._is_begun:
            self._put(self.separator)
        self._is_begun = True

    def _put(self, text: bytes) -> None:
        left = memoryview(text)
        while left:
            left = left[self._file.write(left) :]

    def add_file(self, path: Path) -> None:
        """Put the rows of a file behind the others, and remove it."""
        self._write()
        self._separate()
        with path.open("rb", 0) as rows:
            while some := rows.read(_BUFFER):
                self._put(some)
        path.unlink()

    def closed(self) -> Path:
        """The file of the rows, to which none is added any more."""
        self._write()
        self._file.close()
        return self.path

    def go_on(self, text: bytes) -> None:
        """Write what stands behind all rows, to which none is added any more."""
        self._write()
        self._put(text)

    def end(self, tail: bytes) -> None:
        """Write the end; the file is what was to be made."""
        self.go_on(tail)
        self._file.close()
        self._is_whole = True

    def pour(self, out: BinaryIO | Spool) -> None:
        """Write all rows to ``out``, be it behind what another spool has."""
        self._write()
        self._file.seek(self._begin)
        put = out._put if isinstance(out, Spool) else out.write
        while some := self._file.read(_BUFFER):
            put(some)

    def rows(self) -> Iterator[bytes]:
        """The rows added one by one, again; for rows without a line break and a separator that ends with one."""
        self._write()
        with self.path.open("rb") as lines:
            for line in lines:
                yield line.removesuffix(self.separator)

    def remove(self) -> None:
        """Give the disk space back, unless it holds what was to be made."""
        self._file.close()
        if not self._is_whole:
            self.path.unlink(missing_ok=True)
