"""The tables of a new database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import URL, create_engine

from picsellia_ingest.server.database import Database
from picsellia_ingest.server.postgresql import postgresql_url
from picsellia_ingest.server.schema import metadata
from picsellia_ingest.server.sqlite import sqlite_url
from tests.server.postgres import Postgres

SAID = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index')",
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' UNION ALL"
    " SELECT table_name, concat_ws(' ', column_name, data_type, column_default, is_nullable, character_maximum_length)"
    " FROM information_schema.columns WHERE table_schema = 'public' UNION ALL"
    " SELECT conrelid::regclass::text, conname || pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace",
}
Make = Callable[[str], URL]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    """Makes empty databases."""
    if request.param == "sqlite":
        yield lambda name: sqlite_url(tmp_path / name)
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    names: list[str] = []

    def make(name: str) -> URL:
        names.append(f"{name}_{uuid4().hex}")  # the server is that of all tests
        postgres.sql(f"CREATE DATABASE {names[-1]} TEMPLATE template0 ENCODING 'UTF8'")
        return postgresql_url(postgres.address(names[-1]))

    yield make
    for name in names:
        postgres.sql(f"DROP DATABASE {name} WITH (FORCE)")


def said(url: URL) -> list[tuple[str, str]]:
    """All that a database says of its tables and indexes, but for the table that is PostgreSQL's own."""
    engine = create_engine(url)
    with engine.connect() as conn:
        rows = [(str(name), str(sql)) for name, sql in conn.exec_driver_sql(SAID[engine.dialect.name])]
    engine.dispose()
    return sorted(row for row in rows if not row[0].startswith("setting"))


def test_a_new_database_has_the_tables_of_the_schema(empty: Make) -> None:
    url, expected = empty("made"), empty("expected")
    Database(url).close()
    engine = create_engine(expected)
    metadata.create_all(engine)
    engine.dispose()
    assert said(url) == said(expected)
    assert len(said(url)) > len(metadata.tables)


def test_a_table_that_is_missing_is_made_beside_the_others(empty: Make) -> None:
    url = empty("made")
    Database(url).close()
    before = said(url)
    engine = create_engine(url)
    with engine.begin() as conn:
        conn.exec_driver_sql("DROP TABLE upload_part")
    engine.dispose()
    assert said(url) != before
    with closing(Database(url)):
        assert said(url) == before
