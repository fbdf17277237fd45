"""The journal's tables, and how a file becomes a journal: made new, recognised, or brought up to date.

Version 2 added what each run made. A journal of version 1 is first copied beside itself (``VACUUM INTO``), then
changed in one transaction; a newer version than ours is refused, since what it means is not known.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import JournalError

APPLICATION_ID = 0x50586C49
VERSION = 2
DAMAGED = (sqlite3.DatabaseError, UnicodeDecodeError)
"""What reading a damaged file raises: Python decodes what SQLite says of it, which may be no text either."""
ELSEWHERE = "name another file with --journal"

ITEM = """
CREATE TABLE item(
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,            -- external_url: the path relative to the image folder, with /
  path BLOB,                            -- as the system gave it; NULL for a picture that is already on the platform
  size INTEGER, mtime_ns INTEGER, inode INTEGER, sha256 BLOB, width INTEGER, height INTEGER,
  object_key TEXT, picture_id TEXT,
  document BLOB,                        -- wire.Document as JSON; NULL when there is nothing to annotate
  instances INTEGER NOT NULL DEFAULT 0,
  state INTEGER NOT NULL DEFAULT 0,
  run INTEGER NOT NULL,                 -- the run whose plan the item belongs to
  picture_there INTEGER NOT NULL DEFAULT 0, instances_there INTEGER NOT NULL DEFAULT 0,
  instances_sent INTEGER NOT NULL DEFAULT 0, partly_held INTEGER NOT NULL DEFAULT 0,
  code TEXT, error TEXT);
"""

_MADE = """
CREATE TABLE made(
  run INTEGER NOT NULL,
  kind TEXT NOT NULL,                   -- one of made.KINDS
  name TEXT NOT NULL,
  ref TEXT,                             -- the id of the picture, or of the dataset that the thing is in
  detail BLOB,                          -- a picture's object name, an annotation's fingerprints, tags as JSON
  objects INTEGER NOT NULL DEFAULT 0,
  before INTEGER NOT NULL DEFAULT 0,    -- 1: the annotation held objects before
  sure INTEGER NOT NULL DEFAULT 0,      -- 0 being sent, 1 made, 2 found there when it was sent
  gone INTEGER NOT NULL DEFAULT 0,      -- 1 undone, or gone by itself; 2 cannot go by itself
  PRIMARY KEY(run, kind, name)) WITHOUT ROWID;
"""

_NAMED = ("name TEXT", "begun TEXT", "organization TEXT", "dataset TEXT", "version TEXT", "tags TEXT")

_SCHEMA = f"""
CREATE TABLE meta(key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE run(id INTEGER PRIMARY KEY, pid INTEGER NOT NULL, sealed INTEGER NOT NULL DEFAULT 0, exit INTEGER,
  {", ".join(_NAMED)});
{ITEM}
CREATE INDEX item_todo ON item(run, state, id);
CREATE TABLE label(dataset TEXT, name TEXT, kind TEXT, PRIMARY KEY(dataset, name, kind));
{_MADE}
"""


@contextmanager
def told(path: Path) -> Iterator[None]:
    """What SQLite cannot do with a journal becomes one sentence that says what to do. Raises JournalError."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise JournalError(
            f"the journal {path} cannot be written or read: {error}",
            "is the disk full, or not writable? Make room or name another place with --journal, and run the same command again",
        ) from error
    except DAMAGED as error:
        raise _damaged(path, str(error)) from error


def _damaged(path: Path, why: str) -> JournalError:
    return JournalError(
        f"the journal {path} cannot be used: {why}", "move it away: the next run asks the platform instead"
    )


def prepare(base: sqlite3.Connection, path: Path, destination: str | None) -> str:
    """Make the file a journal of the destination, or see that it is one; its destination. Raises JournalError.

    Without a destination the journal must be there, whatever it is for.
    """
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        base.execute(f"PRAGMA {pragma}")
    application = base.execute("PRAGMA application_id").fetchone()[0]
    version = base.execute("PRAGMA user_version").fetchone()[0]
    empty = application == 0 and not base.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if empty and destination is not None:
        statements = [*_statements(_SCHEMA), f"PRAGMA application_id={APPLICATION_ID}"]
        _together(base, [*statements, f"PRAGMA user_version={VERSION}"], destination)
        return destination
    if application != APPLICATION_ID:
        raise JournalError(f"{path} is not a journal of this program", ELSEWHERE)
    if version not in (1, VERSION):
        raise JournalError(
            f"the journal {path} has version {version}, this program writes {VERSION}",
            f"use the newer program, or {ELSEWHERE}",
        )
    found = base.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _damaged(path, found)
    held = base.execute("SELECT value FROM meta WHERE key='destination'").fetchone()
    if held is None or (destination is not None and held[0] != destination):
        raise JournalError(f"the journal {path} belongs to another destination", ELSEWHERE)
    if version == 1:
        _migrate(base, path)
    return str(held[0])


def _migrate(base: sqlite3.Connection, path: Path) -> None:
    copy = path.with_name(f"{path.name}.version1")
    copy.unlink(missing_ok=True)
    copy.touch(mode=0o600)
    base.execute("VACUUM INTO ?", (str(copy),))
    columns = [f"ALTER TABLE run ADD COLUMN {column}" for column in _NAMED]
    _together(base, [*columns, *_statements(_MADE), f"PRAGMA user_version={VERSION}"], None)


def _statements(schema: str) -> list[str]:
    return [statement for statement in schema.split(";\n") if statement.strip()]


def _together(base: sqlite3.Connection, statements: list[str], destination: str | None) -> None:
    base.execute("BEGIN IMMEDIATE")
    try:
        for statement in statements:
            base.execute(statement)
        if destination is not None:
            base.execute("INSERT INTO meta VALUES('destination', ?)", (destination,))
        base.execute("COMMIT")
    except BaseException:
        if base.in_transaction:
            base.execute("ROLLBACK")
        raise
