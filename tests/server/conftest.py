"""A platform of its own for each test, with its owner and with a stranger in another organization."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from picsellia_ingest.server import RunningPlatform, start
from picsellia_ingest.server.database import Database, sqlite_url
from picsellia_ingest.server.store.accounts import Accounts
from tests.server.browser import Browser
from tests.server.caller import Caller

STRANGER = "5" * 40


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "platform"


@pytest.fixture
def running(root: Path) -> Iterator[RunningPlatform]:
    with start(root) as running:
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
def stranger(running: RunningPlatform, root: Path) -> Iterator[Caller]:
    with closing(Database(sqlite_url(root / "platform.db"))) as database:
        Accounts(database).ensure("stranger", "elsewhere", [STRANGER])
    caller = Caller(running.address, STRANGER)
    with caller.session:
        yield caller
