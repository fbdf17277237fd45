"""The hash and size of what is read, once through it."""

from __future__ import annotations

import hashlib
from typing import BinaryIO

_BLOCK = 1 << 20


def digest(file: BinaryIO, keep: int = 0) -> tuple[int, bytes, bytes | None]:
    """What is left of a stream: its size, its hash, and the bytes themselves where there are at most ``keep``."""
    found, size = hashlib.sha256(), 0
    kept: list[bytes] | None = []
    while block := file.read(_BLOCK):
        found.update(block)
        size += len(block)
        if size > keep:
            kept = None
        elif kept is not None:
            kept.append(block)
    return size, found.digest(), None if kept is None else b"".join(kept)
