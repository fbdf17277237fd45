"""A file or folder that is not simply on a disk, with the few methods of ``Path`` that reading needs.

A ``Store`` lists its files once, with a stamp that changes when a file does. Stores and what lies in them can be
pickled; a process that gets one lists it once more, however many tasks bring it along.
"""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import stat
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePath, PurePosixPath
from typing import Any, BinaryIO, NamedTuple, TypeAlias

from ..errors import ItemError


class Entry(NamedTuple):
    """A file of a listing: its size in bytes, and a number that is another one when the file is."""

    size: int
    stamp: int


class Status(NamedTuple):
    """What ``os.stat_result`` says of a file, as far as it is asked."""

    st_mode: int
    st_size: int
    st_mtime_ns: int
    st_ino: int


@dataclass(slots=True)
class Listing:
    """The files of a store by name, and what is refused, each with its name as it was found."""

    files: dict[str, Entry] = field(default_factory=dict)
    refused: list[tuple[str, ItemError]] = field(default_factory=list)


class Store(ABC):
    """Something that holds files: an archive, a bucket, or one file of it, whose name then is empty."""

    def __init__(self, shown: str, *made_of: Any) -> None:
        self.shown = shown
        """The address as it may be shown: without user, password and query."""
        self._made_of = made_of
        self._token = secrets.token_hex(8)
        self._lock = threading.Lock()
        self._listing: Listing | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (type(self), self._token, self._made_of)

    def is_open(self) -> bool:
        """Whether the address that is shown finds the store again."""
        return all(one.is_open() for one in self._made_of if isinstance(one, Far))

    def listing(self) -> Listing:
        """What there is, asked once. Raises PicselliaError."""
        with self._lock:
            if self._listing is None:
                self._listing = self.look()
            return self._listing

    @abstractmethod
    def look(self) -> Listing:
        """List what there is. Raises PicselliaError."""

    @abstractmethod
    def open(self, name: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A file from its beginning, as a stream that can seek; ``start`` and ``stop`` say what will be read of it.

        Raises FileNotFoundError; what is read raises SourceError, SourceChangedError, ItemError.
        """

    def is_there(self) -> bool:
        """Whether there is such a thing, even if it holds nothing."""
        return True

    def entry(self, name: str) -> Entry:
        """A file of the listing. Raises FileNotFoundError."""
        found = self.listing().files.get(name)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self.shown}/{name}")
        return found


@lru_cache(maxsize=16)
def _again(kind: type[Store], token: str, made_of: tuple[Any, ...]) -> Store:
    """The store that was pickled; ``token`` tells one listing from another."""
    found = kind(*made_of)
    found._token = token
    return found


def stamp(*parts: object) -> int:
    """A number for what identifies a file's content; where nothing does, one that never comes again."""
    if all(part is None for part in parts):
        return secrets.randbits(62)
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 2


@dataclass(frozen=True, slots=True)
class Far:
    """A file or folder of a store; ``name`` is its path there, with ``/``, empty for all of it."""

    store: Store
    name: str = ""
    stands_at: Path | None = None
    """Where it would lie beside annotations that were copied, for those who compare paths."""

    def __truediv__(self, more: str | PurePath) -> Far:
        text = more.as_posix() if isinstance(more, PurePath) else more
        stands_at = None if self.stands_at is None else self.stands_at / text
        return Far(self.store, f"{self.name}/{text}".strip("/"), stands_at)

    def __str__(self) -> str:
        return f"{self.store.shown}/{self.name}" if self.name else self.store.shown

    @property
    def suffix(self) -> str:
        """As of a Path."""
        return PurePosixPath(str(self)).suffix

    def open(self, mode: str = "rb") -> BinaryIO:
        """A fresh stream of the file."""
        assert mode == "rb", "what is far is only read"
        return self.store.open(self.name)

    def stat(self) -> Status:
        """The file as it was listed. Raises FileNotFoundError."""
        size, number = self.store.entry(self.name)
        return Status(stat.S_IFREG | 0o444, size, number, 0)

    def is_file(self) -> bool:
        """Whether it is a file of the listing."""
        return self.name in self.store.listing().files

    def is_dir(self) -> bool:
        """Whether files lie below it, or it is an empty store."""
        files = self.store.listing().files
        if not self.name:
            return "" not in files and self.store.is_there()
        return any(name.startswith(f"{self.name}/") for name in files)

    def is_open(self) -> bool:
        """Whether what is shown of its address is all of it."""
        return self.store.is_open()

    def absolute(self) -> Path:
        """A path to compare with others; nothing can be opened there."""
        return self.stands_at or Path(f"/{self}")

    def below(self) -> Iterator[tuple[str, Far]]:
        """Every file below it, by its relative name, in the order of the names."""
        inside = f"{self.name}/" if self.name else ""
        names = (name for name in self.store.listing().files if name.startswith(inside))
        for name in sorted(name.removeprefix(inside) for name in names):
            yield name, self / name

    def called(self, shown: str) -> Far:
        """The file below it that is shown so."""
        return self / shown.removeprefix(str(self)).lstrip("/")


AnyPath: TypeAlias = Path | Far
