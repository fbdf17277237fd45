"""The annotations of a large COCO file, read by several processes, each of which takes some megabytes at a time.

A part begins where an element may begin. It does if all parts before it are elements from end to end, as then the text
is an array up to there. So the first part that is not, or has an annotation that is not as nearly all are, ends this
way; what follows is read here, a window at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from .coco_columns import PLAIN, Columns, PlainRow, columns
from .jsonfile import JsonFile
from .jsonspans import Window, segments, windows

if TYPE_CHECKING:
    from .base import Spread

SEGMENT = 4 << 20
"""Bytes of a part."""
LARGE = 3 * SEGMENT
"""Bytes of an array from which on it is read by several processes."""


def parts(
    file: JsonFile, raw: msgspec.Raw, check: Callable[[], None] | None, spread: Spread | None
) -> Iterator[Columns | Window[PlainRow]]:
    """The elements of an array of annotations in their order; ``spread`` runs functions in processes (parsers.base), at once."""
    if spread is None or len(raw) < LARGE or not file.is_mapped:
        return file.windows(raw, PLAIN, check)
    offset = file.offset(raw)
    spans = segments(memoryview(raw), SEGMENT)
    tasks = [(file.path, offset + begin, offset + end) for begin, end, _ in spans]
    return _parts(file, raw, check, [end for _, _, end in spans], spread(read, tasks))


def _parts(
    file: JsonFile,
    raw: msgspec.Raw,
    check: Callable[[], None] | None,
    ends: list[int],
    results: Generator[Columns | None, None, None],
) -> Iterator[Columns | Window[PlainRow]]:
    """The columns of parts up to the first that is odd, and the windows of the rest."""
    begin = 1
    for end, found in zip(ends, results, strict=True):
        if found is None:
            results.close()
            break
        yield found
        begin = end
    if begin < len(raw):
        yield from file.windows(raw, PLAIN, check, begin)


def read(path: Path, begin: int, end: int) -> Columns | None:
    """The columns of a part of a file, in bytes of its text; None if they are not all that is to be said of it."""
    with JsonFile.open(path) as file:
        text = memoryview(file.slice(begin - 1, end - begin + 2))
    try:
        found = [columns(window) for window in windows(text, PLAIN, begin - 1)]
    except (ValueError, RecursionError):
        return None
    several = [one for one in found if one is not None]
    return _joined(several) if len(several) == len(found) else None


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
