"""``picsellia-ingest undo``: the runs that are known, and the removal of what one of them made."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InvalidQueryError
from . import main
from .ends import say, show, told

if TYPE_CHECKING:
    from ..client.runs import Known
    from ..upload.undo_report import UndoReport


@main.command()
@click.argument("run", required=False)
@click.option(
    "--journal", type=click.Path(path_type=Path), help="The journal of the upload, if it had one of its own."
)
@click.option("--name", help="List only runs of this dataset.")
@click.option("--host", help="List only runs to this host; where the run sent to by default.")
@click.option("--organization", help="Organization that the run sent to; the run knows it by default.")
@click.option(
    "--nb-jobs", default=5, show_default=True, help="Parallel requests; -1 for all that make sense."
)
@click.option("--dry-run", is_flag=True, help="Say what would be removed, remove nothing.")
@click.option("--yes", is_flag=True, help="Remove it without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def undo(
    run: str | None, journal: Path | None, name: str | None, host: str | None, organization: str | None, nb_jobs: int,
    dry_run: bool, yes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Remove what one run made, after showing it; without a run, list those that are known.

    \b
    picsellia-ingest undo
    picsellia-ingest undo 20261124-7f3a90
    picsellia-ingest undo 20261124-7f3a90 --yes

    What others use or added to meanwhile stays, and is named. Ends with 3 when something stays. Running the same command
    again goes on where an interrupted one stopped.
    """
    with told():
        from ..client import runs
        from ..client.progress import progress
        from ..client.session import open_session

        if run is None:
            _list([one for one in runs.known(journal) if _wanted(one, name, host)], as_json)
            return
        found = runs.find(run, journal)
        session = open_session(None, organization or found.run.organization or None, host or found.host)
        with progress() as shown:
            report = runs.undo(session, found, nb_jobs, shown, dry_run=True)
        if dry_run:
            show(report, as_json)
            sys.exit(report.exit_code)
        if report.to_remove:
            _ask(report, yes=yes, as_json=as_json)
        with progress() as shown:
            report = runs.undo(session, found, nb_jobs, shown)
        show(report, as_json)
        sys.exit(report.exit_code)


def _wanted(one: Known, name: str | None, host: str | None) -> bool:
    from ..client import local

    return (not name or one.run.dataset == name) and (
        not host or one.host.rstrip("/") == local.destination(host).rstrip("/")
    )


def _list(found: list[Known], as_json: bool) -> None:
    if as_json:
        rows = [{**asdict(one.run), "host": one.host, "journal": str(one.journal)} for one in found]
        say(json.dumps(rows, indent=2))
        return
    for one in found:
        say(one.line())
    if not found:
        say("no run that made something is known here")


def _ask(report: UndoReport, *, yes: bool, as_json: bool) -> None:
    """Show what would be removed, and go on only if it is meant."""
    for line in report.lines():
        click.echo(line, err=as_json)
    if yes:
        return
    if not sys.stdin.isatty():
        raise InvalidQueryError("nobody can be asked whether this is meant", "say so with --yes")
    if not click.confirm("remove it?", err=True):
        click.echo("nothing was removed", err=True)
        sys.exit(0)
