"""The annotations of a large COCO file, read by several processes, each of which takes some megabytes at a time.

A part begins where an element may begin. It does if all parts before it are elements from end to end, as then the text
is an array up to there. So the first part that is not, or has an annotation that is not as nearly all are, ends this
way; what follows is read here, a window at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import msgspec
import numpy as np

from .coco_columns import PLAIN, Columns, PlainRow, columns
from .jsonfile import JsonFile
from .jsonspans import Window, segments, windows

if TYPE_CHECKING:
    from .base import Spread

SEGMENT = 4 << 20
"""Bytes of a part."""
LARGE = 16 * SEGMENT
"""Bytes of an array from which on it is read by several processes."""
_TOGETHER = 32
"""Parts that are given out together."""

_Task: TypeAlias = tuple[Path, int, int, int]


def parts(
    file: JsonFile, raw: msgspec.Raw, check: Callable[[], None] | None, spread: Spread | None
) -> Iterator[Columns | Window[PlainRow]]:
    """The elements of an array of annotations in their order; ``spread`` runs functions in processes (parsers.base)."""
    begin = 1
    if spread is not None and len(raw) >= LARGE and file.is_mapped:
        for found, begins in _apart(file, raw, spread):
            if found is None:
                break
            yield found
            begin = begins
    if begin < len(raw):
        yield from file.windows(raw, PLAIN, check, begin)


def _apart(file: JsonFile, raw: msgspec.Raw, spread: Spread) -> Iterator[tuple[Columns | None, int]]:
    """The columns of each part, and where the next one begins. The first part is read here: it tells what the others are like."""
    offset = file.offset(raw)
    spans = segments(memoryview(raw), SEGMENT)
    tasks = [
        (file.path, number, offset + begin, offset + end) for number, (begin, end, _) in enumerate(spans)
    ]
    yield read(*tasks[0])[1], spans[0][2]
    for at in range(1, len(tasks), _TOGETHER):
        waiting: dict[int, Columns | None] = {}
        expected = at
        for number, found in spread(read, tasks[at : at + _TOGETHER]):
            waiting[number] = found
            while expected in waiting:
                yield waiting.pop(expected), spans[expected][2]
                expected += 1


def read(path: Path, number: int, begin: int, end: int) -> tuple[int, Columns | None]:
    """The columns of part ``number`` of a file, in bytes of its text; None if they are not all that is to be said of it."""
    with JsonFile.open(path) as file:
        text = memoryview(file.slice(begin - 1, end - begin + 2))
    try:
        found = [columns(window) for window in windows(text, PLAIN, begin - 1)]
    except (ValueError, RecursionError):
        return number, None
    several = [one for one in found if one is not None]
    return number, _joined(several) if len(several) == len(found) else None


def _joined(found: list[Columns]) -> Columns:
    tallies: dict[str, dict[int, int]] = {}
    for one in found:
        for kind, counts in one.tallies.items():
            tally = tallies.setdefault(kind, {})
            for category, count in counts.items():
                tally[category] = tally.get(category, 0) + count
    starts, lengths, images, ids = (
        np.concatenate([getattr(one, name) for one in found])
        for name in ("starts", "lengths", "images", "ids")
    )
    return Columns(starts, lengths, images, ids, tallies)
