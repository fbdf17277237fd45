"""SQLite: one file, made so that only its owner can read it.

WAL, every commit on the disk before the answer (``synchronous=FULL``), and every write begins with
``BEGIN IMMEDIATE``, because a transaction that starts by reading and goes on to write is refused, not
queued, when another one wrote in between.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, event

from ..errors import ServerError
from . import counters, label_counts

SCHEMA_VERSION = 4
OPTIONS: dict[str, Any] = {}
READING: dict[str, Any] = {}
_MIGRATIONS: dict[int, tuple[str | Callable[[Connection], None], ...]] = {
    1: (
        "ALTER TABLE token ADD COLUMN name VARCHAR(16)",
        "ALTER TABLE token ADD COLUMN expires INTEGER",
        "CREATE UNIQUE INDEX token_by_name ON token (name)",
    ),
    2: (label_counts.fill, "ALTER TABLE token ADD COLUMN read_only BOOLEAN DEFAULT 0 NOT NULL"),
    3: (*counters.MIGRATION, counters.fill),
}
"""What turns a database of a version into one of the next; tables that are new are made anyway."""
_PRAGMAS = (
    "journal_mode=WAL",
    "synchronous=FULL",
    "foreign_keys=ON",
    "busy_timeout=10000",
    "trusted_schema=OFF",
)


def sqlite_url(path: Path) -> URL:
    """The address of a SQLite file, which is made if need be."""
    path.touch(mode=0o600)
    return URL.create("sqlite", database=str(path))


def prepare(engine: Engine) -> None:
    """Set up each connection, and begin each transaction as its kind asks."""

    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    def begun(conn: Connection) -> None:
        writing = conn.get_execution_options().get("writing")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def bring_up_to_date(conn: Connection) -> None:
    """Migrate an older file. Raises ServerError for a newer one."""
    version = conn.exec_driver_sql("PRAGMA user_version").scalar_one()
    if version > SCHEMA_VERSION:
        raise ServerError(
            f"the platform's folder was written by a newer version (schema {version})",
            "install that version, or choose another folder",
        )
    for old in range(version or SCHEMA_VERSION, SCHEMA_VERSION):
        for step in _MIGRATIONS[old]:
            if isinstance(step, str):
                conn.exec_driver_sql(step)
            else:
                step(conn)
    conn.exec_driver_sql(f"PRAGMA user_version = {SCHEMA_VERSION}")
