"""``picsellia-ingest inspect`` and ``validate``: what a source is, and what is wrong with it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from .. import __version__, problems
from ..errors import InputError
from ..problems import ProblemLog
from . import main
from .ends import FORMATS, conventions, say, show, told


@main.command()
@click.argument("path")
@click.option("--ann-format", help=FORMATS)
@click.option("--imgdir", help="Folder of images, to see which are missing.")
@conventions
@click.option(
    "--report",
    type=click.Path(path_type=Path),
    help="Write a page (HTML, and its data as JSON beside it) with the evidence.",
)
@click.option(
    "--quick", is_flag=True, help="Count images, instances and labels, and read no instance: for large files."
)
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def inspect(
    path: str, ann_format: str | None, imgdir: str | None, voc_coordinates: str, coordinates: str, exif: str,
    report: Path | None, quick: bool, as_json: bool,
) -> None:  # fmt: skip
    """Say what an annotation file or folder is: images, instances, labels, and what is wrong with it.

    \b
    picsellia-ingest inspect instances.json --imgdir images
    picsellia-ingest inspect instances.json --imgdir images --report evidence.html
    picsellia-ingest inspect instances.json --quick
    """
    with told():
        from ..client.inspect import inspect as look
        from ..parsers.base import Options

        options = Options(voc_coordinates, None, coordinates, exif)
        found = look(path, ann_format, imgdir, options=options, survey=report is not None, quick=quick)
        show(found, as_json)
        if report is not None:
            from ..client import evidence

            evidence.of_inspection(found, report)
            click.echo(f"the evidence is in {report}", err=True)
        sys.exit(3 if found.problems.rejected else 0)


@main.command()
@click.argument("path")
@click.option("--imgdir", help="Folder of images, to see which are missing.")
@click.option("--ann-format", "--format", help=FORMATS)
@click.option(
    "--output",
    type=click.Choice(["text", "json", "jsonl", "csv", "sarif"]),
    default="text",
    show_default=True,
    help="How the problems are printed: at most 20 of a kind as text, all of them otherwise.",
)
@click.option(
    "--fix",
    type=click.Path(path_type=Path),
    help="Write a copy with what is certain repaired; what is rejected is not in it.",
)
@conventions
def validate(
    path: str, imgdir: str | None, ann_format: str | None, output: str, fix: Path | None, voc_coordinates: str,
    coordinates: str, exif: str,
) -> None:  # fmt: skip
    """Check an annotation file or folder: every problem with its place. Ends with 3 when something is rejected.

    \b
    picsellia-ingest validate instances.json --imgdir images
    picsellia-ingest validate Annotations --output sarif > problems.sarif
    picsellia-ingest validate instances.json --imgdir images --fix repaired.json
    """
    with told():
        from ..client.inspect import inspect as look
        from ..parsers.base import Options

        options = Options(voc_coordinates, None, coordinates, exif)
        try:
            found = look(path, ann_format, imgdir, 20 if output == "text" else sys.maxsize, options)
            log, hints = found.problems, [*found.notes, *(f"hint: {hint}" for hint in found.hints)]
        except InputError as error:
            log, hints = ProblemLog(), []
            log(error.problem)
        for hint in hints:
            click.echo(problems.shown(hint), err=True)
        for line in _as(output, log):
            say(line)
        if fix is not None:
            from ..conversion import repair

            for line in repair.lines(repair.repair(path, fix, ann_format, imgdir)):
                click.echo(problems.shown(line), err=True)
        sys.exit(3 if log.rejected else 0)


def _as(output: str, log: ProblemLog) -> Iterator[str]:
    """The problems in one of the ways they can be printed."""
    if output == "text":
        yield from map(problems.shown, log.summary())
        yield f"{log.rejected} problems cost something, {log.counts.total() - log.rejected} are warnings"
    elif output == "csv":
        yield from problems.as_csv(log.kept)
    elif output == "jsonl":
        yield from problems.as_jsonl(log.kept)
    else:
        found = log.to_dict() if output == "json" else problems.as_sarif(log.kept, __version__)
        yield json.dumps(found, indent=2)
