"""The annotations of a COCO file in columns, those of a large one by several processes as far as they can be (jsonparts)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from . import jsonparts
from .coco_columns import PLAIN, Columns, PlainRow, columns
from .jsonfile import JsonFile
from .jsonspans import Window

if TYPE_CHECKING:
    from .base import Spread


def parts(
    file: JsonFile, raw: msgspec.Raw, check: Callable[[], None] | None, spread: Spread | None
) -> Iterator[Columns | Window[PlainRow]]:
    """The elements of an array of annotations in their order; ``spread`` runs functions in processes (parsers.base), at once."""
    return _parts(file, raw, check, jsonparts.parts(file, raw, read, spread))


def _parts(
    file: JsonFile,
    raw: msgspec.Raw,
    check: Callable[[], None] | None,
    ahead: Iterator[tuple[Columns, int]],
) -> Iterator[Columns | Window[PlainRow]]:
    """The columns of parts, and the windows of the rest."""
    begin = 1
    for found, following in ahead:
        yield found
        begin = following
    if begin < len(raw):
        yield from file.windows(raw, PLAIN, check, begin)


def read(path: Path, begin: int, end: int) -> Columns | None:
    """The columns of a part of a file, in bytes of its text; None if they are not all that is to be said of it."""
    found = jsonparts.each((path, begin, end), PLAIN, columns)
    return None if found is None else _joined(found)


def _joined(found: Sequence[Columns]) -> Columns:
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
