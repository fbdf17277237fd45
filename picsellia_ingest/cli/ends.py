"""How commands end and print: deliberate errors as one line and an exit code, results as lines or JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from ..errors import (
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

_CODES: tuple[tuple[type[PicselliaError] | tuple[type[PicselliaError], ...], int], ...] = (
    (LedgerError, 1),
    (InputError, 3),
    ((InvalidQueryError, ResourceNotFoundError, WrongHostError), 2),
    ((AuthenticationError, UnauthorizedError, ForbiddenError, UnsufficientRessourcesError), 5),
    ((JournalError, ServerError), 4),
)


@contextmanager
def told() -> Iterator[None]:
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


def show(found: Any, as_json: bool) -> None:
    """Print a result as its lines, or as JSON."""
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2, default=_plain))
    else:
        for line in found.lines():
            click.echo(line)


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)


FORMATS = "Format of the annotations; recognised when not given."
