"""A strict platform for each test, and uploads to it over real HTTP."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api import pages, platform, transport
from picsellia_ingest.api.connection import Connection, Secret
from picsellia_ingest.api.platform import Identity
from picsellia_ingest.parsers import find_format
from picsellia_ingest.server import RunningPlatform, start
from picsellia_ingest.upload import pipeline
from picsellia_ingest.upload.journal import Journal
from picsellia_ingest.upload.plan import Job
from picsellia_ingest.upload.report import Report
from tests.leaks import _no_secret_is_left  # noqa: F401 - a fixture for all that is tested here


class Destination:
    """The platform of a test, and the journal of what was uploaded to it."""

    def __init__(self, running: RunningPlatform, folder: Path) -> None:
        self.running, self.folder = running, folder
        self.connection = Connection(running.address, Secret(running.token))
        self.identity: Identity = platform.identify(self.connection)
        self.journal = folder / "journal.db"

    def upload(
        self, source: Path | None = None, imgdir: Path | None = None, name: str = "d", **more: Any
    ) -> Report:
        """One run of the same command; ``source`` is read in the format it is recognised as."""
        parser = None if source is None else find_format(source, None)(source)
        job = Job(name=name, imgdir=imgdir, parser=parser, tags=("t",), **more)
        with Journal(self.journal, "test") as journal:
            return pipeline.run(job, self.connection, self.identity, journal)

    def dataset(self, name: str = "d", version: str | None = None) -> platform.Dataset:
        return platform.fetch_dataset(self.connection, self.identity.organization_id, name, version)

    def pictures(self, name: str = "d") -> dict[str, dict[str, Any]]:
        listed = platform.dataset_pictures(self.connection, self.dataset(name).id)
        return {picture["external_url"]: picture for picture in listed}

    def objects(self, name: str = "d") -> dict[str, list[dict[str, Any]]]:
        """The objects the platform holds, by picture."""
        records = list(pages.all_annotations(self.connection, self.dataset(name).id))
        return {record["external_picture_url"]: record["annotations"] for record in records}

    def forget(self) -> None:
        """Lose the journal."""
        for path in self.folder.glob("journal.db*"):
            path.unlink()

    def journal_rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(self.journal) as base:
            rows = base.execute(query).fetchall()
        base.close()
        return rows


Faulty = Callable[..., Destination]


@pytest.fixture
def platforms(tmp_path: Path) -> Iterator[Callable[..., Destination]]:
    """Makes destinations; the arguments are those of ``server.start``."""
    running: list[RunningPlatform] = []

    def make(**settings: Any) -> Destination:
        running.append(start(tmp_path / "platform", strict=True, **settings))
        return Destination(running[-1], tmp_path)

    yield make
    transport.close_idle_connections()
    for found in running:
        found.stop()


@pytest.fixture
def destination(platforms: Callable[..., Destination]) -> Destination:
    """A platform without faults."""
    return platforms()
