"""``picsellia-ingest serve``: the embedded platform."""

from __future__ import annotations

import os
import signal
import sys
import threading
from pathlib import Path

import click

from . import main
from .ends import told

database = click.option(
    "--database",
    envvar="PICSELLIA_DATABASE",
    help="PostgreSQL database for the rows (postgresql://user@host:port/name); a file in the folder if not given."
    " A password is better left to ~/.pgpass or PGPASSWORD. Also PICSELLIA_DATABASE.",
)


@main.command()
@click.option(
    "--root", required=True, type=click.Path(path_type=Path), help="Folder that holds the platform's data."
)
@database
@click.option("--port", default=8000, show_default=True, help="Port on 127.0.0.1; 0 for any free one.")
def serve(root: Path, database: str | None, port: int) -> None:
    """Run the embedded platform until it is interrupted, under http://127.0.0.1:PORT/sdk/v2/.

    \b
    picsellia-ingest serve --root platform --port 8000
    picsellia-ingest serve --root platform --database postgresql://me@localhost/picsellia

    A browser is shown what is there under http://127.0.0.1:PORT/; in a terminal an address is printed that signs in, once.

    The owner's token is PICSELLIA_TOKEN where that is set; otherwise one is made, kept in the folder, and printed once.
    """
    with told():
        from ..server import start

        given = os.environ.get("PICSELLIA_TOKEN") or None
        made = given is None and not (root / "token").exists()
        ended = _end_signal()
        with start(root, port=port, token=given, database=database) as running:
            click.echo(f"serving {root} at {running.address}")
            if made:
                click.echo(f"token: {running.token} (kept in {root / 'token'}; shown this once)")
            elif given is None:
                click.echo(f"the token is in {root / 'token'}")
            # What is not read by a person is kept: in a log, an address that signs in would be a secret.
            page = running.entrance() if sys.stdout.isatty() else running.page
            click.echo(f"look at it in a browser: {page}")
            ended.wait()


def _end_signal() -> threading.Event:
    """Set by SIGINT and SIGTERM."""
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended
