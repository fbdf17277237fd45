"""The images of one split of a source, by what its records say; an image that no record puts into a split is in none."""

from __future__ import annotations

from ..errors import InvalidQueryError
from ..model import ImageRecord
from ..parsers.base import Parser
from . import matching

NONE = ""
"""Stands for the images that are in no split."""


def has(record: ImageRecord, split: str) -> bool:
    """Whether a record is in the split."""
    return split in record.splits if split else not record.splits


def named(parser: Parser) -> list[str]:
    """The splits of a prepared source, in the order of its records. Raises InvalidQueryError when it has none."""
    found = dict.fromkeys(
        split for shard in parser.shards() for record in parser.read(shard, _later) for split in record.splits
    )
    if not found:
        raise InvalidQueryError(
            f"the source {parser.address} puts no image into a split",
            "leave splits out, or name a source that has them",
        )
    return list(found)


def of_split(parser: Parser | None, split: str | None, files: list[str]) -> list[str]:
    """Those of the image files that are in the split; all of them where None is asked for.

    The source is prepared already, and read once more for it.
    """
    if split is None or parser is None:
        return files
    matches = matching.pair(parser.names(), matching.NameIndex(files))
    inside: set[str] = set()
    elsewhere: set[str] = set()
    for shard in parser.shards():
        for record in parser.read(shard, _later):
            match = matches[record.file_name]
            if isinstance(match, tuple):
                (inside if has(record, split) else elsewhere).add(match[0])
    if split == NONE:
        return [file for file in files if file not in elsewhere]
    return [file for file in files if file in inside]


def _later(_: object) -> None:
    """What is to be said of a record is said when it is planned."""
