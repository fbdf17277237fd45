"""Databases as older versions left them: what is newer is taken out of a database of now."""

from __future__ import annotations

import sqlite3
from typing import Any

COUNTERS = (
    ("organization", "pictures"),
    ("dataset", "size"),
    ("dataset", "annotated"),
    ("label", "instances"),
    ("label", "pictures"),
)


def without_counters(database: Any) -> None:
    """Make a database of a connection to SQLite or PostgreSQL one of version 3."""
    if isinstance(database, sqlite3.Connection):
        triggers, drop = "SELECT name FROM sqlite_master WHERE type = 'trigger'", "DROP TRIGGER {}"
        version = "PRAGMA user_version = 3"
    else:
        triggers = "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal"
        drop, version = "DROP FUNCTION {} CASCADE", "UPDATE setting SET value = '3' WHERE key = 'schema'"
    for (name,) in database.execute(triggers).fetchall():
        database.execute(drop.format(name))
    for table in ("dataset_tag", "lake_tag"):
        database.execute(f"DROP TABLE {table}")
    for table, column in COUNTERS:
        database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    database.execute(version)
