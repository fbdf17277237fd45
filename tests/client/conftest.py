"""A platform of its own for each test, reached as a folder, and a working directory that tests may fill."""

from __future__ import annotations

from pathlib import Path

import pytest

from picsellia_ingest.client import Client


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
