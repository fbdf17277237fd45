"""Streams over what is read by ranges: a part of a container, and a remote object, whose ranges are asked for again.

One block is held at a time. A range that comes short is gone on with where it broke off; a source that keeps failing
is given up, by a SourceError that names it.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, BinaryIO, TypeVar

from ..errors import ItemError, PicselliaError, SourceChangedError, SourceError
from .redaction import words

if TYPE_CHECKING:
    from typing_extensions import Buffer

T = TypeVar("T")

BLOCK = 1 << 20
PAUSES = (1.0, 4.0)
"""Seconds between tries of one range, or listing; it is tried once more than there are pauses.

Libraries try on their own, mostly for a few seconds, before that counts as one."""
_AT_ONCE = 1 << 30
_AGAIN = "run the same command again"


class Ranged(io.RawIOBase):
    """A readable that seeks; who makes one says how bytes ``start`` to ``stop`` are got."""

    def __init__(self, shown: str, size: int) -> None:
        self._shown, self._size, self._at = shown, size, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where it is."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go there; nothing is read."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("a negative position")
        self._at = base + offset
        return self._at

    def read(self, size: int | None = -1) -> bytes:
        """So many bytes, all where there is no number; fewer only at the end."""
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if wanted > _AT_ONCE:
            raise ItemError("archive_broken", f"{self._shown}: {wanted} bytes are asked for at once")
        parts: list[bytes] = []
        while wanted:
            part = self.some(wanted)
            self._at += len(part)
            wanted -= len(part)
            parts.append(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def readall(self) -> bytes:
        """All that is left."""
        return self.read()

    def readinto(self, buffer: Buffer) -> int:
        """Fill a buffer, or as much of it as there is."""
        view = memoryview(buffer)
        part = self.read(len(view))
        view[: len(part)] = part
        return len(part)

    def some(self, most: int) -> bytes:
        """At least one byte from where the stream is, at most so many."""
        raise NotImplementedError


class Part(Ranged):
    """A range of an open stream, which is closed with it."""

    def __init__(self, stream: BinaryIO, start: int, size: int, shown: str) -> None:
        super().__init__(shown, size)
        self._stream, self._start = stream, start

    def some(self, most: int) -> bytes:
        """From the stream."""
        self._stream.seek(self._start + self._at)
        part = self._stream.read(min(most, BLOCK))
        if not part:
            raise SourceChangedError(f"{self._shown} ends before its end", _AGAIN)
        return part

    def close(self) -> None:
        """Close both."""
        self._stream.close()
        super().close()


class Ranges(Ranged):
    """A remote object: ``fetch(start, stop)`` gives bytes of it. What lies behind ``until`` is not read ahead."""

    def __init__(
        self, fetch: Callable[[int, int], bytes], size: int, shown: str, until: int | None, block: int = BLOCK
    ) -> None:
        super().__init__(shown, size)
        self._fetch, self._block = fetch, block
        self._until = size if until is None else min(until, size)
        self._held, self._from = b"", 0

    def some(self, most: int) -> bytes:
        """From what is held, or a new block."""
        at = self._at - self._from
        if not 0 <= at < len(self._held):
            ahead = min(self._at + self._block, max(self._until, self._at + min(most, self._block)))
            self._held, self._from, at = self._got(self._at, min(ahead, self._size)), self._at, 0
        return self._held[at : at + most]

    def _got(self, start: int, stop: int) -> bytes:
        held = b""

        def attempt() -> bytes:
            nonlocal held
            part = self._fetch(start + len(held), stop)
            if len(part) > stop - start - len(held):
                raise OSError("the server does not answer ranges")
            held += part
            if len(held) < stop - start:
                raise OSError(f"{len(held)} of {stop - start} bytes arrived")
            return held

        try:
            return persist(self._shown, attempt)
        except FileNotFoundError:
            raise SourceChangedError(f"{self._shown} is gone since it was listed", _AGAIN) from None


def persist(shown: str, attempt: Callable[[], T]) -> T:
    """Try a few times what a library does with a remote source. Raises SourceError, FileNotFoundError.

    Libraries raise whatever they like, and may put addresses with passwords in it: only its words go on, redacted.
    """
    why = ""
    for pause in (*PAUSES, None):
        try:
            return attempt()
        except (FileNotFoundError, PicselliaError):
            raise
        except PermissionError as error:
            why, pause = words(error), None
        except Exception as error:  # noqa: BLE001 - see above
            why = words(error)
        if pause is None:
            break
        time.sleep(pause)
    raise SourceError(f"{shown} cannot be read: {why}", _AGAIN)
