"""What a published client uploads ours reads and completes, and what ours uploads they read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from picsellia_ingest.api import transport
from picsellia_ingest.client import Client
from picsellia_ingest.server import RunningPlatform, start
from tests.published.conftest import run
from tests.published.material import lay_out
from tests.published.scripts.common import OBJECTS
from tests.published.scripts.uploads import SIDES, write_picsellia
from tests.published.shapes import NEW
from tests.reading_back import instance
from tests.server.caller import Caller

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningPlatform]:
    with start(tmp_path / "platform") as found:
        yield found
        transport.close_idle_connections()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    made.mkdir()
    lay_out(made)
    return made


def test_ours_completes_and_reads_what_a_published_client_began(
    version: str, running: RunningPlatform, folder: Path
) -> None:
    run(version, "uploads", running.address, running.token, folder)
    client = Client.Datalake(running.token, host=running.address)
    report = client.upload(
        "picsellia", imgdir=folder / "p", ann_path=folder / "p.json", journal=folder / "j.db", quiet=True
    )
    assert (report.exit_code, report.picture_bytes, report.images.already_there) == (0, 0, 2)
    begun = 0 if version == NEW else 2 * len(OBJECTS)  # 5.0.22 uploads pictures only
    assert report.instances.already_there == begun
    dataset = client.dataset.fetch("picsellia")
    assert dataset is not None
    for record in dataset.get_annotations():
        assert [instance(item) for item in record["annotations"]] == [instance(item) for item in OBJECTS]
    dataset.download("picsellia/first", str(folder / "ours"))
    for name in SIDES:
        assert (folder / "ours" / f"p-{name}").read_bytes() == (folder / name).read_bytes()


def test_a_published_client_reads_what_ours_uploaded(
    version: str, running: RunningPlatform, folder: Path
) -> None:
    images = folder / "images"
    images.mkdir()
    for name in SIDES:
        (images / name).write_bytes((folder / name).read_bytes())
    write_picsellia(folder / "ours.json", *SIDES)
    report = Client.Datalake(running.token, host=running.address).upload(
        "ours",
        imgdir=images,
        ann_path=folder / "ours.json",
        tags=["ours"],
        journal=folder / "j.db",
        quiet=True,
    )
    assert report.exit_code == 0
    seen = run(version, "reading", running.address, running.token, folder)
    assert (seen["fetched"]["dataset_name"], seen["fetched"]["size"]) == ("ours", len(SIDES))
    for key in ("listed", "tagged"):
        assert {found["external_url"] for found in seen[key]} == set(SIDES)
    for name in SIDES:
        assert (folder / "read" / name).read_bytes() == (folder / name).read_bytes()
    read = [[instance(item) for item in record["annotations"]] for record in seen["annotations"] or ()]
    assert read == ([[instance(item) for item in OBJECTS]] * len(SIDES) if version == NEW else [])


def test_annotations_of_several_pages_are_read_by_5_0_22(running: RunningPlatform, folder: Path) -> None:
    owner = Caller.of(running)
    names = [f"{number}.jpg" for number in range(201)]  # a page has 200
    with owner.session:
        dataset = owner.dataset(*names, called="ours")
        for name in names:
            assert owner.annotate(dataset, name, OBJECTS[2]).status_code == 200
    seen = run(NEW, "reading", running.address, running.token, folder)
    assert sorted(record["external_picture_url"] for record in seen["annotations"]) == sorted(names)
