"""Bytes to and from object storage, over signed addresses and without the token.

A file is streamed from where it is as one multipart form (fields first, then the part ``file``); it is opened anew for each
try, read no further than its planned size, and hashed on the way out. When the hash is not the planned one the last
bytes are withheld, so that a file that changed is never stored under the old name.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from urllib3.fields import RequestField

from ..errors import (
    Action,
    ForbiddenError,
    PicselliaError,
    ProcessingError,
    SourceChangedError,
    WrongHostError,
)
from ..sources import AnyPath, Far
from ..sources.hashing import digest
from . import platform
from .answers import Answer, check
from .connection import Connection, Traffic
from .transport import DEADLINE_SECONDS, persist, send

BYTES_PER_SECOND = 50_000
SIGNATURES = 3
"""How often an address is signed anew for one object."""
SECONDS_LEAST = 30.0
SAVE_SECONDS = 3600.0
_SENT = 1 << 16
"""Bytes of a file sent at a time, or more: threads that send wait for each other at every piece."""


@dataclass(frozen=True, slots=True)
class Source:
    """A file as it was when it was planned."""

    path: AnyPath
    size: int
    sha256: bytes


def survey(path: AnyPath) -> Source:
    """A file as it is now, of any size."""
    with path.open("rb") as file:
        size, sha256, _ = digest(file)
    return Source(path, size, sha256)


class _FormBody:
    """The form as a readable with a length: its head, the file, its tail."""

    def __init__(self, source: Source, fields: Mapping[str, str], object_name: str, seconds: float) -> None:
        self._deadline = time.monotonic() + seconds
        self.boundary = secrets.token_hex(16)
        line = f"--{self.boundary}\r\n".encode()
        parts = [line + _headers(name) + value.encode() + b"\r\n" for name, value in fields.items()]
        self._head = b"".join((*parts, line, _headers("file", object_name)))
        self._tail = f"\r\n--{self.boundary}--\r\n".encode()
        self._source = source
        self._file = source.path.open("rb")
        if _size(source.path, self._file) != source.size:
            self._file.close()
            raise SourceChangedError(f"{source.path} has another size than when it was planned", _RUN_AGAIN)
        self._left = source.size
        self._hash = hashlib.sha256()
        self._length = len(self._head) + source.size + len(self._tail)

    def __len__(self) -> int:
        return self._length

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the form. Raises SourceChangedError instead of the end of a file that changed.

        Raises TimeoutError when they are taken too slowly, which no time-out of a socket notices.
        """
        if time.monotonic() > self._deadline:
            raise TimeoutError("the bytes are taken too slowly")
        if self._head:
            head, self._head = self._head, b""
            return head
        if self._left:
            return self._read_file(max(size, _SENT))
        tail, self._tail = self._tail, b""
        return tail

    def _read_file(self, size: int) -> bytes:
        chunk = self._file.read(min(size, self._left))
        self._hash.update(chunk)
        self._left -= len(chunk)
        if not chunk or (self._left == 0 and self._hash.digest() != self._source.sha256):
            raise SourceChangedError(f"{self._source.path} changed while it was sent", _RUN_AGAIN)
        return chunk

    def __enter__(self) -> _FormBody:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()


@lru_cache(64)
def _headers(name: str, filename: str | None = None) -> bytes:
    """What a part of a form begins with. Forms have the same fields, of which only the file's is new each time."""
    field = RequestField(name, b"", filename)
    field.make_multipart()
    return field.render_headers().encode()


def _size(path: AnyPath, file: BinaryIO) -> int:
    return path.stat().st_size if isinstance(path, Far) else os.fstat(file.fileno()).st_size


_RUN_AGAIN = "run the same command again when nothing writes to it"


def store(traffic: Traffic, signed: Mapping[str, object], source: Source, object_name: str) -> None:
    """Send one file to a signed form address; success is 204, exactly.

    Raises ForbiddenError when the signature is not accepted (any more): sign again.
    """
    url, fields = signed.get("url"), signed.get("fields")
    if not isinstance(url, str) or not isinstance(fields, dict):
        raise WrongHostError(
            "the signed address is not an object with url and fields", "is this host a Picsellia platform?"
        )

    def attempt() -> None:
        seconds = SECONDS_LEAST + source.size / BYTES_PER_SECOND
        given = {str(key): str(value) for key, value in fields.items()}
        with _FormBody(source, given, object_name, seconds) as body:
            headers = {
                "Content-Type": f"multipart/form-data; boundary={body.boundary}",
                "Content-Length": str(len(body)),
            }
            answer = send(traffic, "POST", url, headers, body, seconds)
        check(answer)
        if answer.status != 204:
            raise ProcessingError(f"the storage answered {answer.status}, not 204")

    persist(traffic, url, attempt)
    traffic.add(picture_bytes=source.size)


def store_part(traffic: Traffic, url: str, data: bytes) -> str:
    """Send one part of a large file to its signed address; gives the tag that the storage knows it by."""

    def attempt() -> str:
        answer = send(traffic, "PUT", url, {}, data, SECONDS_LEAST + len(data) / BYTES_PER_SECOND)
        check(answer)
        if answer.status != 200 or not answer.headers.get("ETag"):
            raise ProcessingError(f"the storage answered {answer.status}, not 200 with an ETag")
        return answer.headers["ETag"]

    return persist(traffic, url, attempt)


def fetch(traffic: Traffic, url: str, seconds: float = DEADLINE_SECONDS) -> bytes:
    """The bytes behind a signed address. Raises ForbiddenError when it expired."""

    def attempt() -> bytes:
        answer = send(traffic, "GET", url, {}, None, seconds)
        check(answer)
        encoded = "Content-Encoding" in answer.headers
        _check_whole(answer, len(answer.body), None if encoded else answer.headers.get("Content-Length"))
        return answer.body

    return persist(traffic, url, attempt)


def _check_whole(answer: Answer, size: int, total: str | None) -> None:
    """Compare what arrived with what was stated. Where nothing is, and nothing arrived, the head of the answer broke off."""
    if total is not None and total != str(size):
        raise ProcessingError(f"{size} of {total} bytes arrived")
    if not size and not any(name in answer.headers for name in ("Content-Length", "Transfer-Encoding")):
        raise ProcessingError("no byte arrived, and nothing says that this is all")


def save(traffic: Traffic, url: str, path: Path, seconds: float = SAVE_SECONDS) -> None:
    """Put what is behind a signed address in a file, which appears whole or not at all, in the place of one that is there.

    What arrived of it stays beside the file (``.part``) and is gone on from, also by a later call, as long as the
    storage says that the object is the same. As long as bytes arrive it is tried again. Raises ForbiddenError when
    the address expired, OSError when the file cannot be written.
    """
    part = _Part(path)
    while True:
        before = part.size()
        try:
            persist(traffic, url, lambda: part.continue_from(traffic, url, seconds))
            break
        except PicselliaError as error:
            if error.action is not Action.RETRY or part.size() <= before or traffic.pace.halted:
                raise
    part.finish()


class _Part:
    """The beginning of a file, and the tag of the object that it is the beginning of."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._part = path.with_name(path.name + ".part")
        self._tag = path.with_name(path.name + ".part.etag")

    def size(self) -> int:
        """How many bytes are there and can be gone on from."""
        return self._part.stat().st_size if self._part.exists() and self._tag.exists() else 0

    def continue_from(self, traffic: Traffic, url: str, seconds: float) -> None:
        """Ask for what is missing. Raises ProcessingError when it is not whole afterwards."""
        held = self.size()
        headers = {"Accept-Encoding": "identity"}
        if held:
            headers |= {"Range": f"bytes={held}-", "If-Range": self._tag.read_text()}
        answer = send(traffic, "GET", url, headers, None, seconds, self._open)
        if answer.status == 416:
            self._part.unlink()
            raise ProcessingError("what arrived earlier is not the beginning of the object")
        check(answer)
        total = answer.headers.get("Content-Length")
        if answer.status == 206:
            begin, _, total = answer.headers.get("Content-Range", "").removeprefix("bytes ").partition("/")
            if begin.partition("-")[0] != str(held):
                self._part.unlink(missing_ok=True)
                raise ProcessingError("the storage answered with another part of the object")
        _check_whole(answer, self._part.stat().st_size, total)

    def _open(self, status: int, headers: Mapping[str, str]) -> BinaryIO | None:
        if status == 206:
            return self._part.open("ab")
        if status != 200:
            return None
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._tag.unlink(missing_ok=True)
        file = self._part.open("wb")
        tag = headers.get("ETag", "")
        if tag.startswith('"'):
            self._tag.write_text(tag)
        return file

    def finish(self) -> None:
        """Give the file its name."""
        self._part.replace(self._path)
        self._tag.unlink(missing_ok=True)


def read(connection: Connection, object_name: str) -> bytes:
    """The bytes of an object of the picture bucket. A signature that is not accepted any more is renewed."""
    for _ in range(SIGNATURES - 1):
        try:
            return fetch(connection.traffic, str(platform.presign(connection, "get", object_name)))
        except ForbiddenError:
            continue
    return fetch(connection.traffic, str(platform.presign(connection, "get", object_name)))
