"""Connections and transactions; with ``postgresql`` and ``sqlite``, all that knows which database it is.

Writers come one after the other, so that a transaction may read and then write what follows from it: a lock keeps
those of this process in line, and the database those of others. An acknowledged change is on the disk. What a
database cannot hold (a number of 70 bits, a name too long for an index) is the request's fault, not the server's.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

from sqlalchemy import URL, Connection, Table, create_engine, create_mock_engine, inspect
from sqlalchemy.dialects import postgresql as postgresql_dialect
from sqlalchemy.dialects import sqlite as sqlite_dialect
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.schema import ExecutableDDLElement
from sqlalchemy.sql.dml import Insert

from ..errors import InvalidQueryError, ServerError
from . import counters, postgresql, sqlite
from .schema import metadata


def insert_new(conn: Connection, table: Table) -> Insert:
    """An insert that leaves out rows which are there already."""
    if conn.dialect.name == "sqlite":
        return sqlite_dialect.insert(table).on_conflict_do_nothing()
    return postgresql_dialect.insert(table).on_conflict_do_nothing()


def _make_tables(conn: Connection) -> None:
    """Make the tables that are not there."""
    if not metadata.tables.keys().isdisjoint(inspect(conn).get_table_names()):
        metadata.create_all(conn)
        return
    for statement in _statements(conn.engine.url.drivername):
        conn.exec_driver_sql(statement)


@cache
def _statements(driver: str) -> list[str]:
    """What makes all tables; to put it into words takes longer than to have it done."""
    found: list[str] = []

    def note(statement: ExecutableDDLElement, *_: object) -> None:
        found.append(str(statement.compile(dialect=engine.dialect)))

    engine = create_mock_engine(f"{driver}://", note)
    metadata.create_all(engine, checkfirst=False)
    return found


class Database:
    """Reading and writing transactions over one engine. Raises ServerError when it cannot be used."""

    def __init__(self, url: URL) -> None:
        self._kind: ModuleType = sqlite if url.get_backend_name() == "sqlite" else postgresql
        self._engine = create_engine(url, pool_size=16, hide_parameters=True, **self._kind.OPTIONS)
        self._writer = threading.RLock()
        self._kind.prepare(self._engine)
        try:
            with self.writing() as conn:
                self._kind.bring_up_to_date(conn)
                _make_tables(conn)
                counters.keep(conn)
        except OperationalError as error:
            self.close()
            said = " ".join(str(error.orig).split())
            raise ServerError(
                f"the database cannot be used: {said}",
                "check that it runs, and the address, user and password",
            ) from None
        except ServerError:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One consistent view."""
        with _asked(), self._engine.connect() as conn:
            conn = conn.execution_options(**self._kind.READING)
            with conn.begin():
                yield conn

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One change, on the disk when the block is left; nothing of it if the block raises."""
        with _asked(), self._writer, self._engine.connect() as conn:
            conn.execution_options(writing=True)
            with conn.begin():
                yield conn

    def belongs_to(self, folder: str) -> None:
        """Let a database of its own server belong to the folder of this mark, and to no other."""
        with self.writing() as conn:
            postgresql.bind(conn, folder)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """Keep other writers out for longer than one transaction."""
        with self._writer:
            yield

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


@contextmanager
def _asked() -> Iterator[None]:
    try:
        yield
    except (DataError, OverflowError):
        raise InvalidQueryError("a number or a text is beyond what the database can hold") from None
    except OperationalError as error:
        if not postgresql.is_too_long(error):
            raise
        raise InvalidQueryError("a name is longer than the database can index") from None
