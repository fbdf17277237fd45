"""How commands end and print: deliberate errors as one line and an exit code, results as lines or JSON."""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import click

from ..conventions import CONVENTIONS
from ..errors import Action, InvalidQueryError, PicselliaError, exit_code

F = TypeVar("F", bound=Callable[..., Any])


@contextmanager
def told() -> Iterator[None]:
    """Deliberate errors, and what the system is short of, become one line and an exit code."""
    try:
        yield
    except PicselliaError as error:
        click.echo(f"error: {error}", err=True)
        if error.action is Action.RETRY:
            click.echo("incomplete: run the same command again", err=True)
        sys.exit(exit_code(error))
    except Exception as error:
        why = _short_of(error)
        if why is None:
            raise
        click.echo(f"error: the system refuses: {why}", err=True)
        click.echo("incomplete: run the same command again", err=True)
        sys.exit(4)
    except KeyboardInterrupt:
        # Whoever asks twice does not want to wait for what is still under way.
        signal.signal(signal.SIGINT, lambda *_: os._exit(130))
        click.echo("interrupted: run the same command again, it goes on where it stopped", err=True)
        sys.exit(130)


def _short_of(error: BaseException | None) -> str | None:
    """What the system did not give; None when an error has another reason. Pools that lack a thread fail at cleaning up too."""
    while error is not None:
        if isinstance(error, OSError):
            return error.strerror or "it gives no reason"
        if isinstance(error, MemoryError):
            return "there is not enough memory"
        if isinstance(error, RuntimeError) and "start new thread" in str(error):
            return "there is not enough memory for another thread"
        error = error.__context__
    return None


def _all(*options: Callable[[F], F]) -> Callable[[F], F]:
    """Several options as one, in the order in which the help shows them."""

    def add(command: F) -> F:
        for option in reversed(options):
            command = option(command)
        return command

    return add


labels_chosen = _all(
    click.option(
        "--labels",
        type=click.Path(path_type=Path),
        help='TOML file of new names: car = "vehicle"; false leaves a label out.',
    ),
    click.option("--only", multiple=True, help="Label to keep, all others are left out; may be repeated."),
    click.option("--drop", multiple=True, help="Label to leave out; may be repeated."),
)
"""The options that choose and rename labels."""

machines = _all(
    click.option(
        "--nb-jobs",
        default=5,
        show_default=True,
        help="Parallel requests, of each worker; -1 for all that make sense.",
    ),
    click.option(
        "--backend",
        type=click.Choice(["threading", "loky", "dask", "ray"]),
        default="threading",
        show_default=True,
        help="Who does the work: threads, processes, or the workers of a Dask or a Ray cluster.",
    ),
    click.option(
        "--scheduler",
        help="Address of the cluster's scheduler, as tcp://HOST:8786 (Dask) or HOST:6379 (Ray).",
    ),
)
"""The options that say which machines do the work, and how much at a time."""

evidence = _all(
    click.option(
        "--report",
        type=click.Path(path_type=Path),
        help="Where the page of evidence goes (HTML, and its data as JSON beside it); beside the journals by default.",
    ),
    click.option("--no-report", is_flag=True, help="Write no page."),
)
"""The options that say where the page of evidence goes."""


def keep_evidence(name: str, path: Path | None, write: Callable[[Path], None]) -> None:
    """Write a page where it was asked for, or beside the journals, and say where; without a place that is no reason to fail."""
    from ..client import evidence as pages

    try:
        where = path or pages.place(name)
        write(where)
    except OSError as error:
        if path is not None:
            raise InvalidQueryError(
                f"the page {path} cannot be written: {error.strerror}", "name another file"
            ) from None
        click.echo(f"the page of evidence cannot be written: {error.strerror}", err=True)
        return
    click.echo(f"evidence: {where}", err=True)


def say(line: str = "") -> None:
    """Print a line. Whoever reads may have seen enough, as ``head`` has: the command goes on, and ends as it would."""
    try:
        click.echo(line)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def show(found: Any, as_json: bool) -> None:
    """Print a result as its lines, or as JSON."""
    if as_json:
        say(json.dumps(found.to_dict(), indent=2, default=_plain))
    else:
        for line in found.lines():
            say(line)


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


FORMATS = "Format of the annotations; recognised when not given."


def convention(name: str) -> Callable[[F], F]:
    """The option of one convention."""
    known = CONVENTIONS[name]
    return click.option(
        f"--{name.replace('_', '-')}",
        type=click.Choice(known),
        default=known[0],
        show_default=True,
        help=_MEANINGS[name],
    )


_MEANINGS = {
    "exif": "Whether shapes lie on images as they are shown, or as they are stored before EXIF data turn them.",
    "coordinates": "Whether numbers are pixels, or fractions of the picture in a format of pixels.",
    "voc_coordinates": "Whether PASCAL-VOC corners are edges, or the devkit's 1-based pixels, both included.",
}

conventions = _all(*map(convention, reversed(_MEANINGS)))
"""The options that declare what a source's coordinates mean."""
