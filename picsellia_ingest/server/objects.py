"""The stored bytes: one file per object, which appears whole.

No text a user sent becomes a path: a file is called after the SHA-256 of (organization, bucket, key). Bytes
arrive in ``incoming/`` (same file system), are counted and hashed on the way, reach the disk, and only then
get their name, by a hard link, which fails if the name is taken; so two writers cannot both win and half an
object is never seen. Pictures never change; a model's file is replaced by a newer one in one step. What a
crash leaves in ``incoming/`` is swept away at the next start.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from types import TracebackType
from typing import IO, NamedTuple

from ..errors import RequestRejectedError

_BLOCK = 1 << 20
OCTETS = "application/octet-stream"
_MAGIC = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"BM", "image/bmp"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
)


class ObjectName(NamedTuple):
    """What identifies a stored object."""

    organization: str
    bucket: str
    key: str


class Incoming:
    """Bytes on their way in: a context manager that leaves nothing behind unless ``Objects.keep`` took them."""

    def __init__(self, folder: Path, limit: int) -> None:
        self._file: IO[bytes] = tempfile.NamedTemporaryFile(dir=folder, delete=False)  # noqa: SIM115 - closed by __exit__
        self._hash = hashlib.sha256()
        self._limit = limit
        self._size = 0

    def __enter__(self) -> Incoming:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
        self.path.unlink(missing_ok=True)

    @property
    def path(self) -> Path:
        """Where the bytes are now."""
        return Path(self._file.name)

    @property
    def size(self) -> int:
        """How many bytes came in."""
        return self._size

    def write(self, data: bytes) -> None:
        """Take some bytes; refuses those past the limit."""
        self._size += len(data)
        if self._size > self._limit:
            raise RequestRejectedError(f"the object is larger than {self._limit} bytes")
        self._hash.update(data)
        self._file.write(data)

    def finish(self) -> bytes:
        """Force the bytes to the disk and give their hash."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._hash.digest()


class Objects:
    """The folder of stored objects."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._incoming = root / "incoming"
        self._incoming.mkdir(mode=0o700, parents=True, exist_ok=True)

    def tidy(self) -> None:
        """Remove what a server that was killed was taking in; only for the one that the folder belongs to now."""
        for left in self._incoming.iterdir():
            left.unlink()

    def path(self, name: ObjectName) -> Path:
        """Where an object is, or would be."""
        digest = hashlib.sha256()
        for part in name:
            data = part.encode()
            digest.update(b"%d:%b" % (len(data), data))
        text = digest.hexdigest()
        return self._root / text[:2] / text

    def has(self, name: ObjectName) -> bool:
        """Whether the object is stored."""
        return self.path(name).is_file()

    def receive(self, limit: int) -> Incoming:
        """Begin to take an object of at most ``limit`` bytes in."""
        return Incoming(self._incoming, limit)

    def keep(self, incoming: Incoming, name: ObjectName) -> None:
        """Store what came in; an object that exists may only be sent again as it is."""
        digest = incoming.finish()
        path = self._place(name)
        try:
            path.hardlink_to(incoming.path)
        except FileExistsError:
            if _hash_file(path) != digest:
                raise RequestRejectedError("another object is stored under this key") from None
        _sync_folder(path.parent)

    def replace(self, incoming: Incoming, name: ObjectName) -> None:
        """Store what came in, in place of an object of this name."""
        incoming.finish()
        path = self._place(name)
        incoming.path.replace(path)
        _sync_folder(path.parent)

    def _place(self, name: ObjectName) -> Path:
        path = self.path(name)
        if not path.parent.is_dir():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            _sync_folder(self._root)
        return path

    def remove(self, name: ObjectName) -> None:
        """Forget an object."""
        self.path(name).unlink(missing_ok=True)


def sniff(path: Path) -> str:
    """The media type that the first bytes show; never what a name or a sender says."""
    with path.open("rb") as file:
        head = file.read(16)
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return OCTETS


def _hash_file(path: Path) -> bytes:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()


def _sync_folder(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
