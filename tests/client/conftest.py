"""A platform of its own for each test, reached as a folder, and a working directory that tests may fill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picsellia_ingest.api import transport
from picsellia_ingest.client import Client
from picsellia_ingest.server import running, start
from tests.client.sources import Uploads
from tests.leaks import _no_secret_is_left  # noqa: F401 - a fixture for all that is tested here
from tests.upload.faults import Faults


@pytest.fixture(autouse=True)
def _no_platform_is_left() -> Iterator[None]:
    """Those of folders would run until the process ends, each with two dozen files open."""
    yield
    transport.close_idle_connections()
    running._stop_shared()


@pytest.fixture
def host(tmp_path: Path) -> str:
    return f"local:{tmp_path / 'platform'}"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def project(host: str) -> str:
    """The id of a project."""
    return Client.Project(host=host).create("cranes", type="detection").project_id


@pytest.fixture
def uploads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Uploads]:
    """Uploads to a platform that refuses labels nobody made, and fails when it is told to."""
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    faults = Faults()
    with start(tmp_path / "strict", strict=True, wrap=faults.wrap) as platform:
        yield Uploads(platform, tmp_path, faults)
        transport.close_idle_connections()
