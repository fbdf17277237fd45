"""A long array of a JSON file, read by several processes, each of which takes some megabytes at a time.

A part begins where an element may begin. It does if all parts before it are elements from end to end, as then the text
is an array up to there. So the first part that is not, or has an element that is not as nearly all are, ends this way;
what follows is for the caller to read, a window at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from .jsonfile import JsonFile
from .jsonspans import Window, segments, windows

if TYPE_CHECKING:
    from .base import Spread

T = TypeVar("T")
Row = TypeVar("Row")

SEGMENT = 4 << 20
"""Bytes of a part."""
LARGE = 3 * SEGMENT
"""Bytes of an array from which on it is read by several processes."""


def parts(
    file: JsonFile,
    raw: msgspec.Raw,
    read: Callable[[Path, int, int], T | None],
    spread: Spread | None,
    key: bytes = b"",
) -> Iterator[tuple[T, int]]:
    """What ``read`` gives for each part of an array up to the first None, and where in the array the next part begins.

    ``read`` takes a path and where a part begins and ends in the file's text; ``spread`` runs it in processes (parsers.base),
    at once. ``key`` is as for ``windows`` (jsonspans).
    """
    if spread is None or len(raw) < LARGE or not file.is_mapped:
        return iter(())
    offset, spans = file.offset(raw), segments(memoryview(raw), SEGMENT, key)
    results = spread(read, [(file.path, offset + begin, offset + end) for begin, end, _ in spans])
    return _found([following for _, _, following in spans], results)


def _found(following: Iterable[int], results: Generator[Any, None, None]) -> Iterator[tuple[Any, int]]:
    for begin, found in zip(following, results, strict=True):
        if found is None:
            results.close()
            return
        yield found, begin


def each(
    span: tuple[Path, int, int],
    wanted: msgspec.json.Decoder[list[Row]],
    take: Callable[[Window[Row]], T | None],
    key: bytes = b"",
) -> list[T] | None:
    """What ``take`` makes of each window of a part, given as for ``read``; None where it makes nothing, or the part is no array."""
    path, begin, end = span
    with JsonFile.open(path) as file:
        text = memoryview(file.slice(begin - 1, end - begin + 2))
    found = []
    try:
        for window in windows(text, wanted, begin - 1, key=key):
            if (one := take(window)) is None:
                return None
            found.append(one)
    except (ValueError, RecursionError):
        return None
    return found
