"""PostgreSQL: the same tables on a server, for ``--database postgresql://...``.

Every writing transaction takes one advisory lock, also across processes, as SQLite's own lock would have it.
``setting`` holds the version of the schema, and the mark of the folder whose objects the rows speak of: a database
that belongs to another folder is refused, since its pictures would have no bytes. A password is best left to
libpq's own places (``~/.pgpass``, ``PGPASSWORD``), because command lines can be read by others.
"""

from __future__ import annotations

import importlib.util
from typing import Any

from sqlalchemy import URL, Connection, Engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, OperationalError

from ..errors import InvalidQueryError, ServerError
from . import counters

SCHEMA_VERSION = "4"
OPTIONS: dict[str, Any] = {
    "pool_pre_ping": True,
    "connect_args": {"connect_timeout": 10, "options": "-c synchronous_commit=on -c timezone=UTC"},
}
READING: dict[str, Any] = {"isolation_level": "REPEATABLE READ"}
# Any number that other programs do not take: the first bytes of "picsellia".
_LOCK = int.from_bytes(b"picselli", "big") >> 1
_TOO_LONG = "54000"  # program_limit_exceeded


def postgresql_url(address: str) -> URL:
    """The address of a PostgreSQL database, of the form ``postgresql://user@host:port/name``.

    Raises InvalidQueryError for any other, ServerError when the driver is not installed.
    """
    try:
        url = make_url(address)
    except ArgumentError:
        raise InvalidQueryError("the database's address cannot be read", _FORM) from None
    if url.drivername not in ("postgresql", "postgres") or not url.database:
        raise InvalidQueryError("the database's address is not of a PostgreSQL database", _FORM)
    if importlib.util.find_spec("psycopg") is None:
        raise ServerError("PostgreSQL needs a driver", "pip install 'picsellia_ingest[postgresql]'")
    return url.set(drivername="postgresql+psycopg")


_FORM = "write postgresql://user@host:port/name"


def prepare(engine: Engine) -> None:
    """Let a writing transaction begin with the lock of all writers."""

    def begun(conn: Connection) -> None:
        if conn.get_execution_options().get("writing"):
            conn.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_LOCK})")

    event.listen(engine, "begin", begun)


def bring_up_to_date(conn: Connection) -> None:
    """Migrate the version before, or note this one. Raises ServerError for a newer one and for an encoding other than UTF-8."""
    encoding = conn.exec_driver_sql("SHOW server_encoding").scalar_one()
    if encoding != "UTF8":
        raise ServerError(f"the database is encoded in {encoding}", "make one with ENCODING 'UTF8'")
    conn.exec_driver_sql("CREATE TABLE IF NOT EXISTS setting (key TEXT PRIMARY KEY, value TEXT NOT NULL)")
    version = _setting(conn, "schema", SCHEMA_VERSION)
    if version == "3":
        for step in counters.MIGRATION:
            conn.exec_driver_sql(step)
        counters.fill(conn)
        version = SCHEMA_VERSION
        conn.execute(text("UPDATE setting SET value = :value WHERE key = 'schema'"), {"value": version})
    if version != SCHEMA_VERSION:
        raise ServerError(
            f"the database was written by another version (schema {version})", "install that version"
        )


def bind(conn: Connection, folder: str) -> None:
    """Let the database belong to the folder of this mark. Raises ServerError when it belongs to another."""
    if _setting(conn, "folder", folder) != folder:
        raise ServerError(
            "the database belongs to a platform in another folder", "give that folder, or another database"
        )


def _setting(conn: Connection, key: str, value: str) -> str:
    """What stands under a key; ``value`` when nothing stood there."""
    new = text("INSERT INTO setting VALUES (:key, :value) ON CONFLICT DO NOTHING")
    conn.execute(new, {"key": key, "value": value})
    kept = conn.execute(text("SELECT value FROM setting WHERE key = :key"), {"key": key})
    return str(kept.scalar_one())


def is_too_long(error: OperationalError) -> bool:
    """Whether a text was longer than an index takes (about 2,700 bytes)."""
    return getattr(error.orig, "sqlstate", None) == _TOO_LONG
