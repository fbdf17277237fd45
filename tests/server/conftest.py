"""A platform of its own for each test, with its owner and with a stranger in another organization.

What the store promises is tested on SQLite and on PostgreSQL; without Debian's ``postgresql`` the latter is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from picsellia_ingest.server import RunningPlatform, accounts_of, start
from picsellia_ingest.server.database import Database
from picsellia_ingest.server.postgresql import postgresql_url
from picsellia_ingest.server.sqlite import sqlite_url
from tests.leaks import _no_secret_is_left  # noqa: F401 - a fixture for all that is tested here
from tests.server.browser import Browser
from tests.server.caller import Caller
from tests.server.postgres import Postgres, programs, running_server

STRANGER = "5" * 40
# The modules whose tests are about what is stored.
ON_BOTH = (
    "annotations", "counters", "datasets", "drift", "every_route", "experiments", "lake", "multipart", "networks", "pages",
    "projects",
    "training",
)  # fmt: skip


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    name = metafunc.module.__name__.rpartition("test_")[2]
    if "database" in metafunc.fixturenames and name in ON_BOTH:
        databases = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]
        metafunc.parametrize("database", databases, indirect=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    found = programs()
    if found is None:
        pytest.skip("no PostgreSQL server is installed (Debian's package postgresql)")
    with running_server(found) as server:
        yield server


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "platform"


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """The address of a database for the rows, None for the file in the folder."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
    else:
        with request.getfixturevalue("postgres").database() as address:
            yield address


@pytest.fixture
def tables(root: Path, database: str | None) -> Iterator[Database]:
    """The rows themselves, as an oracle."""
    url = sqlite_url(root / "platform.db") if database is None else postgresql_url(database)
    with closing(Database(url)) as found:
        yield found


@pytest.fixture
def running(root: Path, database: str | None) -> Iterator[RunningPlatform]:
    with start(root, database=database) as running:
        yield running


@pytest.fixture
def owner(running: RunningPlatform) -> Iterator[Caller]:
    caller = Caller.of(running)
    with caller.session:
        yield caller


@pytest.fixture
def browser(running: RunningPlatform) -> Browser:
    return Browser(running)


@pytest.fixture
def stranger(running: RunningPlatform, root: Path, database: str | None) -> Iterator[Caller]:
    with accounts_of(root, database_address=database) as accounts:
        accounts.ensure("stranger", "elsewhere", [STRANGER])
    caller = Caller(running.address, STRANGER)
    with caller.session:
        yield caller
