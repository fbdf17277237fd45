"""Where the elements of a JSON array stand in its text, a window of the text at a time.

``msgspec.Raw`` splits an array into its elements, each a view of the text: its length and the separators give its exact
offset. A long array is looked at a window at a time, so that what is held does not grow with it. Where all elements of
a window can be decoded as a caller wants them, nothing is split: the braces that open an element are told from others,
by what is before them, or by a key that all elements begin with and nothing in them has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from .jsontext import BYTES_MAX, UNREADABLE

T = TypeVar("T")
Spans: TypeAlias = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Offsets and lengths, in bytes."""

RAWS: msgspec.json.Decoder[list[msgspec.Raw]] = msgspec.json.Decoder(list[msgspec.Raw])
WINDOW, _TRIES = 1 << 20, 16
"""Bytes of an array that are looked at together, and ends of objects that may not be the ends of elements."""
_TAIL, _SEPARATOR = 1 << 16, 64
_GAPS = 64
"""Bytes between ranges, on average, up to which they are read together."""
_BLANK = b" \t\r\n"
_NEXT = re.compile(rb"\s*,(?=\s*\{)")
_AFTER_OBJECT = re.compile(rb"\}\s*,(?=\s*\{)")
_BEFORE_KEY = re.compile(rb"\}(\s*,)\s*(\{)\s*\Z")
_BEFORE_FIRST = re.compile(rb"\[\s*(\{)\s*\Z")
_OPEN, _COLON, _SPACE = b"{: "


@dataclass(frozen=True, slots=True)
class Window(Generic[T]):
    """Some elements that follow each other: where they stand, and all of them decoded, unless one cannot be."""

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    rows: list[T] | None
    text: bytes
    """The array of these elements alone."""
    offset: int
    """What lies before that text."""

    def elements(self) -> Iterator[bytes]:
        """The text of each element."""
        for start, length in zip(self.starts.tolist(), self.lengths.tolist(), strict=True):
            yield self.text[start - self.offset : start - self.offset + length]


def windows(
    array: memoryview,
    wanted: msgspec.json.Decoder[list[T]],
    offset: int = 0,
    check: Callable[[], None] | None = None,
    key: bytes = b"",
) -> Iterator[Window[T]]:
    """The elements of an array, given as the text of a valid document, and its offset; ``wanted`` decodes objects only.

    With a ``key``, in its quotes, elements are looked for where an object begins with it: those whose own objects stand in
    long lists. Then ``wanted`` must demand it, and is not asked for what is larger than two windows.

    What may be no valid array is one if all of its windows can be had; where one cannot, ``check`` must raise an error.
    What is a valid array up to the end of an object is one in the document too: reading is the same so far. Raises
    RecursionError for nesting that the whole may just have had the depth for.
    """
    position, size = 1, WINDOW
    while position < len(array):
        for end, following in _ends(array, position, size, key):
            text = b"".join((b"[", array[position:end], b"]"))
            found = _window(text, wanted, offset + position - 1, key)
            if found is not None:
                yield found
                position, size = following, WINDOW
                break
        else:
            if check is not None:
                check()
            if position + size >= len(array):
                raise ValueError("what is an array as a whole is none in parts")
            size *= 2


def segments(array: memoryview, size: int, key: bytes = b"") -> list[tuple[int, int, int]]:
    """Parts of an array of about ``size`` bytes: where each begins and ends, and where the next one begins.

    A part ends where an object may, and one with the ``key`` begins; that it is an element shows when all before it were
    elements up to there.
    """
    found, begin = [], 1
    after = re.compile(rb"\}\s*,(?=\s*\{\s*%b)" % re.escape(key)) if key else _AFTER_OBJECT
    while (place := begin + size) < len(array) - size:
        next_one = after.search(array, place, place + size)
        if next_one is None:
            break
        found.append((begin, next_one.start() + 1, next_one.end()))
        begin = next_one.end()
    return [*found, (begin, len(array) - 1, len(array))]


def _ends(array: memoryview, position: int, size: int, key: bytes) -> Iterator[tuple[int, int]]:
    """Where elements may end, the last first, and where the next ones begin then."""
    last = len(array) - 1
    if position + size >= last:
        yield last, len(array)
        return
    for reach in (_TAIL, size) if size > _TAIL else (size,):
        begin = position + size - reach
        tail = bytes(array[begin : position + size])
        for end, following in _ends_before(tail, key) if key else _ends_of_objects(tail):
            yield begin + end, begin + following


def _ends_of_objects(tail: bytes) -> Iterator[tuple[int, int]]:
    end = len(tail)
    for _ in range(_TRIES):
        if (end := tail.rfind(b"}", 0, end)) < 0:
            return
        if follows := _NEXT.match(tail, end + 1):
            yield end + 1, follows.end()


def _ends_before(tail: bytes, key: bytes) -> Iterator[tuple[int, int]]:
    place = len(tail)
    for _ in range(_TRIES):
        if (place := tail.rfind(key, 0, place)) < 0:
            return
        if between := _BEFORE_KEY.search(tail, max(0, place - _SEPARATOR), place):
            yield between.start() + 1, between.end(1)


def _window(text: bytes, wanted: msgspec.json.Decoder[list[T]], before: int, key: bytes) -> Window[T] | None:
    rows = None if key and len(text) > 2 * WINDOW else _decoded(wanted, text)
    found = None
    if rows is not None:
        found = _with_key(text, len(rows), key) if key else _of_objects(text, len(rows))
    if found is None:
        raws = _decoded(RAWS, text)
        if raws is None:
            return None
        found = spans(raws, memoryview(text))
    return Window(found[0] + before, found[1], rows, text, before)


def _decoded(decoder: msgspec.json.Decoder[T], text: bytes) -> T | None:
    try:
        return decoder.decode(text)
    except RecursionError:
        raise
    except UNREADABLE:
        return None


def _of_objects(text: bytes, count: int) -> Spans | None:
    """The spans of so many objects, all that the array has; None where it takes another way to tell.

    The brace that opens an element follows a comma or the bracket, never a colon. So where as many braces follow no
    colon as there are elements, these are the ones that open them; and a brace before one of them, with nothing but
    blanks and a comma between, closes the element before.
    """
    characters = np.frombuffer(text, np.uint8)
    braces = np.flatnonzero(characters == _OPEN)
    before = characters[braces - 1]
    before = np.where(before == _SPACE, characters[braces - 2], before)
    starts = braces[before != _COLON]
    if len(starts) != count:
        return None
    last = text.rfind(b"}") + 1
    if count < 2:
        return starts, last - starts
    separator = text[text.rfind(b"}", 0, int(starts[1])) : int(starts[1])]
    if len(separator) > _SEPARATOR or not _are_separated(characters, starts, separator):
        return None
    return starts, np.append(np.diff(starts) - (len(separator) - 1), last - starts[-1])


def _with_key(text: bytes, count: int, key: bytes) -> Spans | None:
    """The same of objects that all have a key: where it stands as often, each has it once, and nothing in them."""
    place = text.find(key)
    first = _BEFORE_FIRST.match(text, 0, place) if 0 < place < _SEPARATOR else None
    if first is None or text.count(key) != count:
        return None
    starts, ends = [first.start(1)], []
    while (place := text.find(key, place + 1)) >= 0:
        between = _BEFORE_KEY.search(text, place - _SEPARATOR, place)
        if between is None:
            return None
        starts.append(between.start(2))
        ends.append(between.start() + 1)
    ends.append(text.rfind(b"}") + 1)
    return np.array(starts, np.int64), np.array(ends, np.int64) - np.array(starts, np.int64)


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
    separator = bytes(text[after : after + gap])
    if (
        gap < _SEPARATOR
        and starts[-1] < len(characters)
        and not np.isin(characters[starts], np.frombuffer(_BLANK, np.uint8)).any()
        and _are_separated(characters, starts, separator)
    ):
        return starts, lengths
    return np.fromiter((address(raw) - base for raw in raws), np.int64, len(raws)), lengths


def _are_separated(text: NDArray[np.uint8], starts: NDArray[np.int64], separator: bytes) -> bool:
    """Whether the separator stands before each start but the first."""
    behind = starts[1:] - len(separator)
    return all(bool((text[behind + place] == byte).all()) for place, byte in enumerate(separator))


def around(ranges: list[tuple[int, int]]) -> tuple[int, int]:
    """The one range that holds them all, if they follow each other so closely that it is little more."""
    begin, end, gaps = (ranges[0][0], ranges[0][0], 0) if ranges else (0, 0, 0)
    for start, length in ranges:
        if start < end:
            return begin, 0
        gaps += start - end
        end = start + length
    is_little = gaps <= _GAPS * len(ranges) and end - begin <= BYTES_MAX
    return begin, end - begin if is_little else 0


def address(buffer: Any) -> int:
    """Where the bytes of a buffer are in memory."""
    return int(np.frombuffer(buffer, np.uint8).__array_interface__["data"][0])
