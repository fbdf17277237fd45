"""The command line: one command for each verb. Options carry the names of the Python arguments.

The token comes from PICSELLIA_TOKEN, never from the command line, where every user of the machine can read it. Exit
codes: 0 complete and verified, 1 unexpected, 2 usage, 3 input was rejected, 4 incomplete, 5 not allowed, 6 the platform
differs, 130 interrupted.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

from . import __version__, problems
from .errors import (
    Action,
    AuthenticationError,
    ForbiddenError,
    InputError,
    InvalidQueryError,
    JournalError,
    LedgerError,
    PicselliaError,
    ResourceNotFoundError,
    ServerError,
    UnauthorizedError,
    UnsufficientRessourcesError,
    WrongHostError,
)
from .problems import ProblemLog

_CODES: tuple[tuple[type[PicselliaError] | tuple[type[PicselliaError], ...], int], ...] = (
    (LedgerError, 1),
    (InputError, 3),
    ((InvalidQueryError, ResourceNotFoundError, WrongHostError), 2),
    ((AuthenticationError, UnauthorizedError, ForbiddenError, UnsufficientRessourcesError), 5),
    ((JournalError, ServerError), 4),
)


@contextmanager
def _told() -> Iterator[None]:
    """Deliberate errors become one line and their exit code."""
    try:
        yield
    except PicselliaError as error:
        click.echo(f"error: {error}", err=True)
        code = next((code for kinds, code in _CODES if isinstance(error, kinds)), 1)
        if error.action is Action.RETRY:
            click.echo("incomplete: run the same command again", err=True)
            code = 4
        sys.exit(code)
    except KeyboardInterrupt:
        click.echo("interrupted: run the same command again, it goes on where it stopped", err=True)
        sys.exit(130)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Put any labelled image dataset, whole and provably, on a Picsellia data lake."""


_FORMATS = "COCO, PASCAL-VOC or PICSELLIA; recognised when not given."


@main.command()
@click.option("--name", required=True, help="Dataset to make, or to fetch when only annotations are given.")
@click.option("--dataset-version", help="Version to fetch; the newest by default.")
@click.option("--imgdir", type=click.Path(path_type=Path), help="Folder of images; sub-folders are followed.")
@click.option("--ann-path", type=click.Path(path_type=Path), help="Annotation file or folder.")
@click.option("--ann-format", help=_FORMATS)
@click.option("--tags", multiple=True, help="Tag for the pictures, may be repeated; the date by default.")
@click.option(
    "--nb-jobs", default=5, show_default=True, help="Parallel requests; -1 for all that make sense."
)
@click.option("--rectangle", is_flag=True, help="Send the box where an instance has a box and a polygon.")
@click.option("--host", help="Address of the platform, or local:FOLDER for the embedded one.")
@click.option("--organization", help="Organization to work in; your own by default.")
@click.option(
    "--voc-coordinates",
    type=click.Choice(["as_written", "inclusive"]),
    default="as_written",
    show_default=True,
    help="Whether PASCAL-VOC corners are edges, or the devkit's 1-based pixels, both included.",
)
@click.option("--journal", type=click.Path(path_type=Path), help="Where the run remembers what is done.")
@click.option("--dry-run", is_flag=True, help="Make the whole plan and report, change nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def upload(
    name: str, dataset_version: str | None, imgdir: Path | None, ann_path: Path | None, ann_format: str | None,
    tags: tuple[str, ...], nb_jobs: int, rectangle: bool, host: str | None, organization: str | None,
    voc_coordinates: str, journal: Path | None, dry_run: bool, as_json: bool,
) -> None:  # fmt: skip
    """Upload a labelled dataset: images, annotations, or both.

    \b
    picsellia-ingest upload --name cars --imgdir images --ann-path instances.json
    picsellia-ingest upload --name cars --ann-path Annotations --ann-format PASCAL-VOC
    picsellia-ingest upload --host local:platform --name cars --imgdir images

    Running the same command again goes on where an interrupted run stopped, and sends nothing when all is there.
    """
    with _told():
        from .client import ingest
        from .client.progress import progress
        from .client.session import open_session

        job = ingest.job(
            name, dataset_version, imgdir, ann_path, ann_format, list(tags), nb_jobs,
            rectangle=rectangle, dry_run=dry_run, voc_coordinates=voc_coordinates,
        )  # fmt: skip
        session = open_session(None, organization, host)
        with progress() as shown:
            report = ingest.upload(session, job, journal, shown)
        _print(report, as_json)
        if host and host.startswith("local:") and not as_json:
            click.echo(f"look at it: picsellia-ingest serve --root {host.removeprefix('local:')}")
        sys.exit(report.exit_code)


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--ann-format", help=_FORMATS)
@click.option("--imgdir", type=click.Path(path_type=Path), help="Folder of images, to see which are missing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was found as JSON.")
def inspect(path: Path, ann_format: str | None, imgdir: Path | None, as_json: bool) -> None:
    """Say what an annotation file or folder is: images, instances, labels, and what is wrong with it.

    \b
    picsellia-ingest inspect instances.json --imgdir images
    """
    with _told():
        from .client.inspect import inspect as look

        found = look(path, ann_format, imgdir)
        _print(found, as_json)
        sys.exit(3 if found.problems.rejected else 0)


@main.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--imgdir", type=click.Path(path_type=Path), help="Folder of images, to see which are missing.")
@click.option("--format", "ann_format", help=_FORMATS)
@click.option(
    "--output",
    type=click.Choice(["text", "json", "jsonl", "csv", "sarif"]),
    default="text",
    show_default=True,
    help="How the problems are printed: at most 20 of a kind as text, all of them otherwise.",
)
def validate(path: Path, imgdir: Path | None, ann_format: str | None, output: str) -> None:
    """Check an annotation file or folder: every problem with its place. Ends with 3 when something is rejected.

    \b
    picsellia-ingest validate instances.json --imgdir images
    picsellia-ingest validate Annotations --output sarif > problems.sarif
    """
    with _told():
        from .client.inspect import inspect as look

        try:
            found = look(path, ann_format, imgdir, keep=20 if output == "text" else sys.maxsize)
            log, hints = found.problems, found.hints
        except InputError as error:
            log, hints = ProblemLog(), []
            log(error.problem)
        for hint in hints:
            click.echo(f"hint: {hint}", err=True)
        for line in _as(output, log):
            click.echo(line)
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


@main.command()
@click.option(
    "--root", required=True, type=click.Path(path_type=Path), help="Folder that holds the platform's data."
)
@click.option("--port", default=8000, show_default=True, help="Port on 127.0.0.1; 0 for any free one.")
def serve(root: Path, port: int) -> None:
    """Run the embedded platform until it is interrupted, under http://127.0.0.1:PORT/sdk/v2/.

    \b
    picsellia-ingest serve --root platform --port 8000

    The owner's token is PICSELLIA_TOKEN where that is set; otherwise one is made, kept in the folder, and printed once.
    """
    with _told():
        from .server import start

        given = os.environ.get("PICSELLIA_TOKEN") or None
        made = given is None and not (root / "token").exists()
        ended = _end_signal()
        with start(root, port=port, token=given) as running:
            click.echo(f"serving {root} at {running.address}")
            if made:
                click.echo(f"token: {running.token} (kept in {root / 'token'}; shown this once)")
            elif given is None:
                click.echo(f"the token is in {root / 'token'}")
            ended.wait()


def _end_signal() -> threading.Event:
    """Set by SIGINT and SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended


def _print(found: Any, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, default=_plain))
    else:
        for line in found.lines():
            click.echo(line)


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)
