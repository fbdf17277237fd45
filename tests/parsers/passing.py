"""Records through a parser or a writer, as the tests of every format need it."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any, TypeVar

from PIL import Image

from picsellia_ingest.errors import InputError
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import ImageRecord
from picsellia_ingest.parsers.base import Parser, Shard, Spread
from picsellia_ingest.parsers.writer import Output, Writer
from picsellia_ingest.problems import Problem, ProblemLog

P = TypeVar("P", bound=Parser)


def one_by_one(function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
    """Stands for the processes of ``Parser.spread``."""
    return (function(*task) for task in tasks)


def records_of(parser: Parser) -> tuple[list[ImageRecord], ProblemLog]:
    """All records of a prepared parser, and what reading them reports."""
    log = ProblemLog()
    return list(parser.read(Shard(0, parser.count()), log)), log


def read_with(parser: P) -> tuple[list[ImageRecord], P, ProblemLog]:
    """All records of a parser that is not prepared yet; the log has what both passes report."""
    log = ProblemLog()
    parser.prepare(log)
    return list(parser.read(Shard(0, parser.count()), log)), parser, log


def write_with(writer: Writer, records: list[ImageRecord], out: Path) -> Losses:
    """Write the records; where the format needs its images, stand-ins of their sizes are put beside."""
    with Output(writer, out) as output:
        keys = writer.keys([record.file_name for record in records], output.losses)
        output.write(records, keys)
    if writer.needs_images:
        for record, key in zip(records, keys, strict=True):
            stand_in(out / writer.image_path(record, key), record)
    return output.losses


def stand_in(path: Path, record: ImageRecord) -> None:
    """An image of the record's size where the writer says that it belongs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("1", (record.width or 1, record.height or 1)).save(path, "PNG")


def prepared(parser: Parser, spread: Spread | None, problems: list[Problem]) -> str:
    """Prepare a parser with what stands for processes; why it is rejected as a whole, or nothing."""
    parser.spread = spread
    try:
        parser.prepare(problems.append)
    except InputError as error:
        return str(error)
    parser.spread = None
    return ""
