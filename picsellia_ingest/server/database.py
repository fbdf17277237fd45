"""Connections and transactions; the only module that knows which database it is.

SQLite: WAL, every commit on the disk before the answer (``synchronous=FULL``), and every write begins with
``BEGIN IMMEDIATE``, because a transaction that starts by reading and goes on to write is refused, not
queued, when another one wrote in between. A lock in the process keeps writers from waiting on busy loops.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.dml import Insert

from ..errors import ServerError
from .label_counts import fill
from .schema import metadata

SCHEMA_VERSION = 3
_MIGRATIONS: dict[int, tuple[str | Callable[[Connection], None], ...]] = {
    1: (
        "ALTER TABLE token ADD COLUMN name VARCHAR(16)",
        "ALTER TABLE token ADD COLUMN expires INTEGER",
        "CREATE UNIQUE INDEX token_by_name ON token (name)",
    ),
    2: (fill,),
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
    """The address of a SQLite file; the file is made so that only its owner can read it."""
    path.touch(mode=0o600)
    return URL.create("sqlite", database=str(path))


def insert_new(conn: Connection, table: Table) -> Insert:
    """An insert that leaves out rows which are there already."""
    if conn.dialect.name == "sqlite":
        return sqlite.insert(table).on_conflict_do_nothing()
    return postgresql.insert(table).on_conflict_do_nothing()


class Database:
    """Reading and writing transactions over one engine."""

    def __init__(self, url: URL) -> None:
        self.engine = create_engine(url, pool_size=16)
        self._writer = threading.RLock()
        if url.get_backend_name() == "sqlite":
            _prepare_sqlite(self.engine)
        with self.writing() as conn:
            _bring_up_to_date(conn)
            metadata.create_all(conn)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view."""
        with self.engine.connect() as conn, conn.begin():
            yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One change, on the disk when the block is left; nothing of it if the block raises."""
        with self._writer, self.engine.connect() as conn:
            conn.execution_options(writing=True)
            with conn.begin():
                yield conn

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other writers out for longer than one transaction."""
        with self._writer:
            yield

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


def _prepare_sqlite(engine: Engine) -> None:
    def connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        for pragma in _PRAGMAS:
            connection.execute(f"PRAGMA {pragma}").close()

    def begun(conn: Connection) -> None:
        writing = conn.get_execution_options().get("writing")
        conn.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")

    event.listen(engine, "connect", connected)
    event.listen(engine, "begin", begun)


def _bring_up_to_date(conn: Connection) -> None:
    if conn.dialect.name != "sqlite":
        return
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
