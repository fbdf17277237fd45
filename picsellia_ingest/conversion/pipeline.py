"""From one format to another: read by shards, choose, write, account, and only then let the result appear.

What the target cannot hold is known before anything appears at the destination: the output is made beside it, the loss
report is given, and then it is renamed into place, or with ``strict`` thrown away. Large sources are worked on by
processes, small ones here; the order of the rows, and so the bytes, are the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import InvalidQueryError
from ..losses import Losses
from ..parsers import formats, load, reader
from ..parsers.base import Options, Parser, Shard
from ..parsers.image_files import image_folder, images_below
from ..parsers.writer import Output, Writer
from ..selection import Selection, selection
from ..sources import AnyPath, find
from ..upload import forks, matching, placing, reading, shared, workers
from . import shards
from .report import Conversion

_WORTH_STARTING = 24 << 20
"""Bytes of a source for which processes are started before it is known how much is in it."""

Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Request:
    """A checked request for a conversion. ``before`` is called with the report when all is ready and nothing is there yet."""

    source: AnyPath
    destination: Path
    parser: Parser
    recognised: bool
    to: type[Writer]
    selection: Selection
    imgdir: AnyPath | None = None
    images: str = shards.LEAVE
    strict: bool = False
    dry_run: bool = False
    overwrite: bool = False
    nb_jobs: int = -1
    rename: bool = False
    """Whether records take the names of the images they were matched with, also where those are left."""


def convert(
    source: str | Path,
    destination: str | Path,
    to: str,
    *,
    ann_format: str | None = None,
    imgdir: str | Path | None = None,
    images: str = shards.LEAVE,
    rectangle: bool = False,
    labels: Mapping[str, str | None] | str | Path | None = None,
    only: Iterable[str] = (),
    drop: Iterable[str] = (),
    strict: bool = False,
    dry_run: bool = False,
    overwrite: bool = False,
    nb_jobs: int = -1,
    voc_coordinates: str = "as_written",
    coordinates: str = "pixels",
    exif: str = "as_shown",
) -> Conversion:
    """Write the annotations of ``source`` to ``destination`` in the format ``to``; the answer accounts for every instance.

    ``ann_format`` names the source's format, which is recognised where it is not given. ``imgdir`` is the folder of images:
    their sizes are read where the source does not state them, and ``images`` says whether the files are put into the
    destination ("copy", "link") or left ("leave"). ``rectangle`` writes boxes; ``labels`` maps label names (a mapping, or
    the path of a TOML file); ``only`` and ``drop`` choose labels by their names in the source. With ``strict`` nothing is
    written when something would be lost, with ``dry_run`` nothing in any case. ``voc_coordinates``, ``coordinates`` and
    ``exif`` declare what the source's numbers mean (parsers.base.Options). ``nb_jobs`` is the number of processes
    for large sources, -1 for one on each core. The destination appears whole or not at all.

    Raises InvalidQueryError, ResourceNotFoundError, FormatError, InputError.
    """
    asked = request(
        source, destination, to, ann_format=ann_format, imgdir=imgdir, images=images, strict=strict, dry_run=dry_run,
        overwrite=overwrite, nb_jobs=nb_jobs, voc_coordinates=voc_coordinates, coordinates=coordinates, exif=exif,
        chosen=selection(rectangle=rectangle, labels=labels, only=only, drop=drop),
    )  # fmt: skip
    return run(asked)


def request(
    source: str | Path, destination: str | Path, to: str, *, chosen: Selection, ann_format: str | None = None,
    imgdir: str | Path | None = None, images: str = shards.LEAVE, strict: bool = False, dry_run: bool = False,
    overwrite: bool = False, nb_jobs: int = -1, voc_coordinates: str = "as_written", coordinates: str = "pixels",
    exif: str = "as_shown",
) -> Request:  # fmt: skip
    """Check the arguments of ``convert``."""
    where, folder = find(source), None if imgdir is None else image_folder(imgdir)
    if images not in (shards.COPY, shards.LINK, shards.LEAVE):
        raise InvalidQueryError(f"images is {images!r}", "write copy, link or leave")
    if images != shards.LEAVE and folder is None:
        raise InvalidQueryError(f"images cannot be {images!r} without their folder", "give imgdir")
    workers.jobs(nb_jobs)
    writer = load(to).writer()
    if writer is None:
        able = ", ".join(name for name in sorted(formats()) if load(name).writer() is not None)
        raise InvalidQueryError(f"{load(to).name} can be read, not written", f"choose one of {able}")
    if images != shards.LEAVE and writer.suffix and Path(destination).suffix.lower() == writer.suffix:
        raise InvalidQueryError("the destination is one file: images have no place in it", "give a folder")
    options = Options(voc_coordinates, folder, coordinates, exif)
    options.check()
    parser = reader(where, ann_format, options)
    return Request(
        where, Path(destination), parser, ann_format is None, writer, chosen, folder, images, strict,
        dry_run, overwrite, nb_jobs,
    )  # fmt: skip


def run(
    asked: Request, before: Callable[[Conversion], None] | None = None, step: Step = lambda _: None
) -> Conversion:
    """Do it. ``before`` sees the report before anything appears; ``step`` is told of records that are done."""
    with asked.parser:
        return _run(asked, before, step)


def _run(asked: Request, before: Callable[[Conversion], None] | None, step: Step) -> Conversion:
    parser = asked.parser
    report = Conversion(str(asked.source), str(asked.destination), parser.name, format=asked.to.name)
    report.recognised_by = parser.recognised_by if asked.recognised else ""
    with reading.indexing(parser, asked.nb_jobs, asked.to, least=_WORTH_STARTING, copied=True):
        parser.begin(report.problems)
    header = parser.header()
    asked.selection.check(header)
    report.images, report.instances = parser.count(), parser.instance_count()
    report.notes = [*parser.notes, *placing.declared(parser.options)]
    if asked.to.needs_images and asked.images == shards.LEAVE:
        report.notes.append(
            f"{asked.to.name} says all only beside its images: copy or link them, or name their folder when reading."
        )
    writer = asked.to(asked.selection.header(header), parser.options, parser.name)
    with Output(writer, asked.destination, overwrite=asked.overwrite) as output, forks.to_the_end():
        for done in _in_order(asked, output, report.losses):
            for row in done.rows:
                writer.add(row)
            _take(report, done)
            step(done.records)
        report.losses.add(output.losses)
        report.check()
        report.dry_run, report.refused = asked.dry_run, asked.strict and bool(report.losses)
        if before is not None:
            before(report)
        if report.dry_run or report.refused:
            output.discard()
    return report


def _take(report: Conversion, done: shards.Done) -> None:
    report.images_written += done.records
    report.images_placed += done.placed
    report.instances_written += done.instances
    report.choices.update(done.choices)
    report.losses.add(done.losses)
    report.problems.add(done.problems)


def _in_order(asked: Request, output: Output, losses: Losses) -> Iterator[shards.Done]:
    """The shards' results in the order of the records, however they were worked on."""
    parser = asked.parser
    names = parser.names()
    matches = _matches(asked, names)
    renamed = asked.rename or asked.images != shards.LEAVE
    shown = [_name(name, matches.get(name)) for name in names] if renamed else names
    keys = output.writer.keys(shown, losses)
    work = shards.Work(
        parser,
        output.writer,
        asked.selection,
        output.staging.folder,
        asked.imgdir,
        asked.images,
        asked.rename,
    )
    jobs = reading.readers(parser, asked.nb_jobs)
    with shared.by(work, jobs, output.staging.folder) as given:
        tasks = (
            (given, number, shard, *_of_shard(names, keys, matches, shard))
            for number, shard in enumerate(parser.shards())
        )
        yield from reading.spread(shards.run, tasks, jobs, shards.died)


def _matches(asked: Request, names: Sequence[str]) -> dict[str, matching.Match]:
    if asked.imgdir is None:
        return {}
    return matching.pair(names, matching.NameIndex(images_below(asked.imgdir)))


def _of_shard(
    names: Sequence[str], keys: Sequence[str], matches: Mapping[str, matching.Match], shard: Shard
) -> tuple[list[tuple[str, str]], list[matching.Match | None]]:
    """The names and keys of a shard's records, and their images."""
    own = names[shard.start : shard.stop]
    named = list(zip(own, keys[shard.start : shard.stop], strict=True))
    return named, [matches.get(name) for name in own]


def _name(name: str, match: matching.Match | None) -> str:
    return match[0] if isinstance(match, tuple) else name
