"""JSON files that are not plain UTF-8 JSON, as such.

UTF-16 is transcoded, and what Python writes and JSON does not know gets something of the same length in its place, so
that no offset moves: NaN and Infinity become texts, of which no number can come, and half characters (a lone \\ud83d)
become NUL, of which no label and no name can come.
"""

from __future__ import annotations

import mmap
import re
import tempfile
from functools import lru_cache
from pathlib import Path

from .jsontext import BLOCK

_TOKENS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|-?Infinity|-?NaN', re.S)
_HALVES = re.compile(
    rb"\\[^u]|(\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|\\u[dD][89a-fA-F][0-9a-fA-F]{2}"
)


def codec(head: bytes) -> str | None:
    """The UTF-16 or UTF-32 codec a text that begins with ``head`` is in, by its mark or its zero bytes."""
    if head[:4] in (b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff"):
        return "utf-32"
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    if head[:1] == b"\x00" and head[1:2] in (b"{", b"[", b" ", b"\n"):
        return "utf-16-be"
    return "utf-16-le" if head[:1] in (b"{", b"[", b" ", b"\n") and head[1:2] == b"\x00" else None


@lru_cache(maxsize=1)
def transcoded(path: Path, size: int, mtime_ns: int) -> bytes:  # noqa: ARG001 - size and time are the cache's key
    """A file as UTF-8, in memory. Raises UnicodeError."""
    data = path.read_bytes()
    return data.decode(codec(data[:4096]) or "utf-16").lstrip("\ufeff").encode()


@lru_cache(maxsize=1)
def without_tokens(path: Path, size: int, mtime_ns: int) -> mmap.mmap | None:
    """A file, as UTF-8, without the tokens that JSON does not know, on disk if it is large; None when there are none."""
    if codec(_head(path)):
        return _replaced(transcoded(path, size, mtime_ns))
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _replaced(data)


def _replaced(data: mmap.mmap | bytes) -> mmap.mmap | None:
    if data.find(b"NaN") < 0 and data.find(b"Infinity") < 0 and re.search(rb"\\u[dD]", data) is None:
        return None
    # In place: a substitution would hold every piece of the file between two tokens, and strings are tokens.
    changed = _copied(data)
    for match in _TOKENS.finditer(data):
        token = match.group()
        if not token.startswith(b'"') or b"\\u" in token:
            changed[match.start() : match.end()] = _as_text(token)
    return changed


def _copied(data: mmap.mmap | bytes) -> mmap.mmap:
    if len(data) <= BLOCK:
        copy = mmap.mmap(-1, len(data))
        copy[:] = data[:]
        return copy
    with tempfile.TemporaryFile(prefix="picsellia-ingest-") as stream:
        for start in range(0, len(data), BLOCK):
            stream.write(data[start : start + BLOCK])
        stream.flush()
        return mmap.mmap(stream.fileno(), 0)


def _head(path: Path) -> bytes:
    with path.open("rb") as stream:
        return stream.read(4)


def _as_text(token: bytes) -> bytes:
    """A token in JSON's words, of the same length."""
    if token.startswith(b'"'):
        return _HALVES.sub(_whole, token)
    return b'"' + token[: len(token) - 2] + b'"'


def _whole(match: re.Match[bytes]) -> bytes:
    """A pair of halves, or another escape, as it is; a half alone as NUL."""
    found = match.group()
    return found if match.group(1) or not found.startswith(b"\\u") else b"\\u0000"
