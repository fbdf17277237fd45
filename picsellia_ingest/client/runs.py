"""Runs that changed something: found in the journals of this machine, and undone by their name."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import platformdirs

from ..errors import InvalidQueryError, ResourceNotFoundError
from ..upload import journal_schema, made
from ..upload.journal import Journal
from ..upload.made import RunMade
from ..upload.progress import Progress
from ..upload.undo import Undo
from ..upload.undo_report import UndoReport
from . import local
from .session import Session


@dataclass(frozen=True, slots=True)
class Known:
    """A run, the journal that remembers it, and where it sent."""

    run: RunMade
    journal: Path
    host: str
    organization_id: str

    def line(self) -> str:
        """The run in one line."""
        counts = ", ".join(f"{count} {made.many(kind, count)}" for kind, count in self.run.made.items())
        state = (
            "undone"
            if not self.run.left
            else ""
            if self.run.left == sum(self.run.made.values()) + self.run.unsure
            else "undone in part"
        )
        if self.run.unsure:
            counts += f"; {self.run.unsure} more were being sent when it was interrupted"
        tail = f" ({state})" if state else ""
        return f"{self.run.name}  {self.run.when}  {self.run.dataset}/{self.run.version} at {self.host}: {counts}{tail}"


def folder() -> Path:
    """Where journals are that were not named."""
    return platformdirs.user_state_path("picsellia_ingest")


def known(journal: str | Path | None = None) -> list[Known]:
    """The runs in a journal, or in all that were not named, oldest first."""
    if journal is not None and not Path(journal).is_file():
        raise ResourceNotFoundError(f"there is no journal {journal}", "check --journal")
    paths = sorted(folder().glob("*.db")) if journal is None else [Path(journal)]
    return sorted(
        (one for path in paths for one in _read(path)), key=lambda one: (one.run.begun, one.run.name)
    )


def _read(path: Path) -> Iterator[Known]:
    """The runs of one journal; a file that is none, or of another version, has none that could be undone."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path.resolve()))}?mode=ro", uri=True)) as base:
            base.row_factory = sqlite3.Row
            held = (
                base.execute("PRAGMA application_id").fetchone()[0],
                base.execute("PRAGMA user_version").fetchone()[0],
            )
            if held != (journal_schema.APPLICATION_ID, journal_schema.VERSION):
                return
            destination = base.execute("SELECT value FROM meta WHERE key='destination'").fetchone()[0]
            host, organization_id = [*str(destination).split("\n"), "", ""][:2]
            for run in made.runs(base):
                yield Known(run, path, host, organization_id)
    except journal_schema.DAMAGED:
        return


def find(name: str, journal: str | Path | None = None) -> Known:
    """The run of this name. Raises ResourceNotFoundError, InvalidQueryError."""
    found = [one for one in known(journal) if one.run.name == name]
    if not found:
        raise ResourceNotFoundError(
            f"no journal here knows a run {name!r} that made something",
            "picsellia-ingest undo lists those that are known; name the --journal of the upload if it had one",
        )
    if len(found) > 1:
        raise InvalidQueryError(f"{len(found)} journals know a run {name!r}", "name one with --journal")
    return found[0]


def check(session: Session, run: Known) -> None:
    """Raise InvalidQueryError where the session is not where the run sent to."""
    host = local.destination(session.host)
    if host.rstrip("/") != run.host.rstrip("/"):
        raise InvalidQueryError(f"the run {run.run.name} sent to {run.host}, not to {host}", "give that host")
    if session.identity.organization_id != run.organization_id:
        raise InvalidQueryError(
            f"the run {run.run.name} sent to the organization {run.run.organization!r}, not to"
            f" {session.identity.organization_name!r}",
            "give that organization",
        )


def undo(
    session: Session,
    run: Known,
    nb_jobs: int = 5,
    progress: Progress | None = None,
    *,
    dry_run: bool = False,
) -> UndoReport:
    """Undo a run; with ``dry_run`` only say what would be removed."""
    check(session, run)
    with Journal(run.journal, None) as opened:
        undoing = Undo(session.connection, session.identity, opened, run.run, nb_jobs, progress)
        return undoing.look() if dry_run else undoing.carry_out()
