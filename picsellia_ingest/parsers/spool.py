"""Rows of a document that wait on disk until it is put together.

Rows are added one by one, or many at once as a file that a worker wrote: such a file is copied only once, into the
document, and never passes through memory.
"""

from __future__ import annotations

import shutil
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
    """Rows in their order, with a separator between them."""

    def __init__(self, path: Path, separator: bytes) -> None:
        self.path = path
        self.separator = separator
        self._done: list[Path] = []
        self._rows = self._held = 0
        self._waiting: list[bytes] = []
        self._file: BinaryIO = path.open("w+b", 0)

    @property
    def is_empty(self) -> bool:
        """Whether there is no row."""
        return not (self._done or self._rows)

    def add(self, row: bytes) -> None:
        """Put a row behind the others."""
        self._rows += 1
        self._waiting.append(row)
        self._held += len(row)
        if self._held >= _BUFFER:
            self._write()

    def _write(self) -> None:
        """Write the rows that wait in memory."""
        if len(self._waiting) < self._rows:
            self._waiting.insert(0, b"")  # for the separator behind those in the file
        text = memoryview(self.separator.join(self._waiting))
        while text:
            text = text[self._file.write(text) :]
        self._waiting, self._held = [], 0

    def add_file(self, path: Path) -> None:
        """Put the rows of a file behind the others; it is this spool's from now on."""
        if self._rows:
            self._done.append(self.closed())
            self.path = self.path.with_name(f"{self.path.name}+")
            self._file, self._rows = self.path.open("w+b", 0), 0
        self._done.append(path)

    def closed(self) -> Path:
        """The file of the rows, to which none is added any more."""
        self._write()
        self._file.close()
        return self.path

    def pour(self, out: BinaryIO) -> None:
        """Write all rows to ``out``."""
        separator = b""
        for path in self._done:
            out.write(separator)
            with path.open("rb", 0) as rows:
                shutil.copyfileobj(rows, out, _BUFFER)
            separator = self.separator
        if self._rows:
            out.write(separator)
            self._write()
            self._file.seek(0)
            shutil.copyfileobj(self._file, out, _BUFFER)

    def rows(self) -> Iterator[bytes]:
        """The rows added one by one, again; for rows without a line break and a separator that ends with one."""
        self._write()
        with self.path.open("rb") as lines:
            for line in lines:
                yield line.removesuffix(self.separator)

    def remove(self) -> None:
        """Give the disk space back."""
        self._file.close()
        for path in (*self._done, self.path):
            path.unlink(missing_ok=True)
