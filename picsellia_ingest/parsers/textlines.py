"""In which line of a text an offset is.

Line breaks are counted by blocks, once and when first asked for, so that any offset is found at little cost. Offsets
mostly come in the order of the text, each near the one before it: then only what is between the two is looked at.
A file is opened for each of its shards; its lines are kept, as counting them each time would take ever longer.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .jsontext import counts

BLOCK = 1 << 16
"""Bytes whose line breaks are counted together."""


class Lines:
    """The lines of one text. It is given at each call, as it may be replaced by one with the same lines."""

    def __init__(self) -> None:
        self._before: NDArray[np.int64] | None = None
        self._last = (0, 0, 0)

    def at(self, text: memoryview, offset: int) -> tuple[int, int]:
        """How many lines end before an offset, and where the one begins that it is in."""
        last, lines, begin = self._last
        if last <= offset <= last + BLOCK:
            between = bytes(text[last:offset])
            if more := between.count(b"\n"):
                lines, begin = lines + more, last + between.rfind(b"\n") + 1
        else:
            lines, begin = self._looked_up(text, offset)
        self._last = offset, lines, begin
        return lines, begin

    def _looked_up(self, text: memoryview, offset: int) -> tuple[int, int]:
        if self._before is None:
            self._before = np.cumsum([0, *counts(text, b"\n", BLOCK)], dtype=np.int64)
        block = offset // BLOCK
        part = bytes(text[block * BLOCK : offset])
        lines = int(self._before[block]) + part.count(b"\n")
        if not part.count(b"\n") and lines:
            block = int(np.searchsorted(self._before, lines)) - 1
            part = bytes(text[block * BLOCK : (block + 1) * BLOCK])
        return lines, block * BLOCK + part.rfind(b"\n") + 1 if lines else 0


@lru_cache(maxsize=8)
def lines_of(path: Path, size: int, mtime_ns: int) -> Lines:  # noqa: ARG001 - what tells one file's text from another
    """The lines of a file, the same for all who open it while it stays as it is."""
    return Lines()
