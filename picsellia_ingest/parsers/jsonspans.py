"""Where the elements of a JSON array stand in its text, without any of them being built.

``msgspec.Raw`` splits an array into its elements, each a view of the text: its length and the separators give its exact
offset. A long array of objects is split a window at a time, so that what is held does not grow with it.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from .jsontext import UNREADABLE

Spans: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Offsets and lengths, in bytes."""

RAWS: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
WINDOW, _TRIES = 1 << 22, 16
"""Bytes of an array that are looked at together, and ends of objects that may not be the ends of elements."""
_BLANK = b" \t\r\n"
_NEXT = re.compile(rb"\s*,(?=\s*\{)")


def spans_of(array: memoryview) -> Spans:
    """The spans of the elements of an array, given as the text of a valid document; a few megabytes are looked at a time."""
    found: list[Spans] = []
    position, size = 1, WINDOW
    while position < len(array):
        raws, text, end = _window(array, position, size)
        size = WINDOW if end else 2 * size
        if end:
            starts, lengths = spans(raws, memoryview(text))
            found.append((starts + (position - 1), lengths))
            position = end
    return np.concatenate([starts for starts, _ in found]), np.concatenate([lengths for _, lengths in found])


def _window(array: memoryview, position: int, size: int) -> tuple[list[msgspec.Raw], bytes, int]:
    """Some elements from a position on, the text that holds them, and where the next begin: 0 where no element ends.

    What is a valid array up to the end of an object is one in the document too: reading is the same so far.
    """
    last = len(array) - 1
    if position + size >= last:
        text = b"[%b]" % bytes(array[position:last])
        return RAWS.decode(text), text, len(array)
    piece = bytes(array[position : position + size])
    end = len(piece)
    for _ in range(_TRIES):
        end = piece.rfind(b"}", 0, end)
        follows = _NEXT.match(piece, end + 1) if end >= 0 else None
        text = b"[%b]" % piece[: end + 1]
        raws = _array(text) if follows is not None else None
        if follows is not None and raws is not None:
            return raws, text, position + follows.end()
    return [], b"", 0


def _array(text: bytes) -> list[msgspec.Raw] | None:
    try:
        return RAWS.decode(text)
    except UNREADABLE:
        return None


def spans(raws: list[msgspec.Raw], text: memoryview) -> Spans:
    """Where elements of one array begin in the text that holds them, and their lengths.

    One separator is measured and the others are compared with it: where all are equal the offsets follow from the
    lengths. Otherwise each element is asked.
    """
    characters = np.frombuffer(text, np.uint8)
    base = address(characters)
    lengths = np.fromiter(map(len, raws), np.int64, len(raws))
    if len(raws) < 2:
        return np.array([address(raw) - base for raw in raws], np.int64), lengths
    first = address(raws[0]) - base
    after = first + int(lengths[0])
    gap = address(raws[1]) - base - after
    starts = np.empty(len(raws), np.int64)
    starts[0] = first
    starts[1:] = first + np.cumsum(lengths[:-1] + gap)
    if gap < 64 and _are_separated(characters, starts, bytes(text[after : after + gap])):
        return starts, lengths
    return np.fromiter((address(raw) - base for raw in raws), np.int64, len(raws)), lengths


def _are_separated(text: NDArray[np.uint8], starts: NDArray[np.int64], separator: bytes) -> bool:
    if starts[-1] >= len(text) or np.isin(text[starts], np.frombuffer(_BLANK, np.uint8)).any():
        return False
    behind = starts[1:] - len(separator)
    return all(bool((text[behind + place] == byte).all()) for place, byte in enumerate(separator))


def address(buffer: Any) -> int:
    """Where the bytes of a buffer are in memory."""
    return int(np.frombuffer(buffer, np.uint8).__array_interface__["data"][0])
