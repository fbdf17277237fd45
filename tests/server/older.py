"""Databases as older versions left them: what is newer is taken out of a database of now."""

from __future__ import annotations

import sqlite3

COUNTERS = (
    ("organization", "pictures"),
    ("dataset", "size"),
    ("dataset", "annotated"),
    ("label", "instances"),
    ("label", "pictures"),
)


def without_counters(database: sqlite3.Connection) -> None:
    """Make a SQLite file one of version 3."""
    for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        database.execute(f"DROP TRIGGER {name}")
    for table in ("dataset_tag", "lake_tag"):
        database.execute(f"DROP TABLE {table}")
    for table, column in COUNTERS:
        database.execute(f"ALTER TABLE {table} DROP COLUMN {column}")
    database.execute("PRAGMA user_version = 3")
