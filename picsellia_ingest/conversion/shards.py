"""One shard of a conversion, from records to rows: what runs in parallel, in processes for large sources.

A worker loads the prepared parser and the writer once (upload.shared). It writes files of its own into the output's
folder and answers with rows, counts and problems, all plain values.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import msgspec

from ..errors import WorkerDiedError
from ..losses import Losses
from ..model import ImageRecord
from ..parsers.base import Options, Parser, Shard
from ..parsers.image_files import size_of
from ..parsers.writer import Writer, encode
from ..problems import Place, Problem, ProblemLog, Severity, Unit
from ..selection import Selection
from ..sources import AnyPath, Far
from ..upload import findings, matching, placing, shared
from ..upload.workers import ALONE

COPY, LINK, LEAVE = "copy", "link", "leave"


@dataclass(frozen=True, slots=True)
class Work:
    """What all shards share. ``images`` says what becomes of the image files."""

    parser: Parser
    writer: Writer
    selection: Selection
    folder: Path
    imgdir: AnyPath | None = None
    images: str = LEAVE
    rename: bool = False
    """Whether records take the names of the images they were matched with."""


@dataclass(slots=True)
class Done:
    """One shard's rows as the writer takes them, in order, where they were made elsewhere; and its part of the account."""

    rows: list[Any] = field(default_factory=list)
    records: int = 0
    instances: int = 0
    placed: int = 0
    choices: Counter[str] = field(default_factory=Counter)
    losses: Losses = field(default_factory=Losses)
    problems: ProblemLog = field(default_factory=ProblemLog)


def run(
    given: Work | Path, number: int, shard: Shard, keys: Sequence[tuple[str, str]],
    images: Sequence[matching.Match | None],
) -> Done:  # fmt: skip
    """Write one shard. ``keys`` are its records' names, each with the name that its own files have.

    ``images`` belong to its records; one is None where no folder was given.
    """
    what: Work = shared.value(given)
    done = Done()
    by_name = {name: match for (name, _), match in zip(keys, images, strict=True)}
    waiting = iter(keys)

    def records() -> Iterator[tuple[ImageRecord, str]]:
        for record in what.parser.read(shard, placing.quietly(what.parser.options, done.problems)):
            name, key = next(waiting)
            while name != record.file_name:  # of an image that was left out
                name, key = next(waiting)
            found = _with_image(what, record, by_name[record.file_name], key, done)
            if found is not None:
                chosen = what.selection.apply(found, done.choices)
                done.instances += len(chosen.instances)
                done.records += 1
                yield chosen, key

    rows = encode(what.writer, records(), what.folder, done.losses)
    if given is what:  # the output is this process's, which works on one shard after the other
        for row in rows:
            what.writer.add(row)
    else:
        done.rows = what.writer.gathered(rows, number)
    done.instances -= done.losses.dropped.total()
    return done


def died(*task: Any) -> NoReturn:
    """The end of a conversion one of whose shards kills whatever process works on it; ``task`` is as ``run`` takes it."""
    keys = task[3]
    raise WorkerDiedError(
        f"the process that worked on the {len(keys)} images from {keys[0][0]!r} to {keys[-1][0]!r} died, {ALONE} times",
        "is there enough memory? If so, one of their records or files is to blame",
    )


def _with_image(
    what: Work, record: ImageRecord, match: matching.Match | None, key: str, done: Done
) -> ImageRecord | None:
    """The record with the size its image has, and with the image in its place; None when it cannot be without one."""
    options = what.parser.options
    if match is None or what.imgdir is None:
        return placing.placed(record, options, None, None, done.problems)
    name, problem = findings.image_of(record, match, {})
    needed = what.images != LEAVE
    if problem is not None:
        lenient = name is None and not needed
        done.problems(replace(problem, severity=Severity.WARNING, lost=0) if lenient else problem)
    if name is None:
        return None if needed else placing.placed(record, options, None, None, done.problems)
    record = _sized(record, what.imgdir / name, options, done)
    if needed or what.rename:
        record = msgspec.structs.replace(record, file_name=name)
    if needed:
        _place(what.imgdir / name, what.folder / what.writer.image_path(record, key), what.images)
        done.placed += 1
    return record


def _sized(record: ImageRecord, path: AnyPath, options: Options, done: Done) -> ImageRecord:
    """The record on its image, with its size where the source states none; a size that is not the image's is warned of."""
    real = size_of(path)
    if real is None:
        message = f"the size of {str(path).rpartition('/')[2]!r} cannot be read"
        place = record.place or Place("")
        done.problems(
            Problem("image_broken", message, place, Severity.WARNING, Unit.IMAGE, hint="copy it again")
        )
        return placing.placed(record, options, None, None, done.problems)
    problem = findings.size_unlike(record, real) if options.exif == "as_shown" else None
    if problem is not None:
        done.problems(problem)
    record = placing.placed(record, options, path, real, done.problems)
    if record.width is not None and record.height is not None:
        return record
    return msgspec.structs.replace(record, width=real[0], height=real[1])


def _place(path: AnyPath, target: Path, how: str) -> None:
    """Put an image file into the output, whole or not at all; a hard link that cannot be made across disks becomes a copy."""
    if target.exists():  # two records of one image, or a worker that died after it
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if how == LINK and isinstance(path, Path):
        try:
            os.link(path, target)
        except OSError:
            _copy(path, target)
    else:
        _copy(path, target)


def _copy(path: AnyPath, target: Path) -> None:
    part = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if isinstance(path, Far):
            with path.open() as stream, part.open("wb") as copy:
                shutil.copyfileobj(stream, copy, 1 << 20)
        else:
            shutil.copyfile(path, part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
