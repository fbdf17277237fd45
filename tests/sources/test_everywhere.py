"""The same dataset from a folder, an archive, memory, a web server and S3 makes the same platform."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.client import ingest
from picsellia_ingest.client.session import Session
from picsellia_ingest.upload.report import Report
from tests.paths import FIXTURES
from tests.sources.served import Bucket, Files
from tests.upload.conftest import Destination

DEMO = FIXTURES / "COCO" / "demo"


def session(destination: Destination) -> Session:
    return Session(destination.connection, destination.identity, destination.connection.host)


def upload(destination: Destination, imgdir: str | Path, ann_path: str | Path | None, **more: Any) -> Report:
    job = ingest.job(
        more.pop("name", "d"), None, imgdir, ann_path, more.pop("ann_format", None), ["t"], 4, **more
    )
    return ingest.upload(session(destination), job, destination.journal)


def held(destination: Destination) -> tuple[Any, Any]:
    """What the platform holds, but for ids and times: pictures by name with their stored content, and objects."""
    pictures = {
        key: {part: one[part] for part in ("internal_key", "width", "height")}
        for key, one in destination.pictures().items()
    }
    return pictures, destination.objects()


@pytest.fixture
def packed(tmp_path: Path) -> Callable[[Path, str], Path]:
    """Makes an archive of a folder."""

    def make(folder: Path, kind: str) -> Path:
        return Path(shutil.make_archive(str(tmp_path / f"{folder.name}-{kind}"), kind, folder))

    return make


Same = Callable[[str, str], None]


@pytest.fixture
def same(destination: Destination, elsewhere: Destination) -> Same:
    """That a far source arrives as the folder does, and that running it again sends nothing."""

    def check(imgdir: str, ann_path: str) -> None:
        near = upload(elsewhere, DEMO / "images", DEMO / "instances.json")
        assert (near.exit_code, near.images.uploaded, near.instances.uploaded) == (0, 4, 7)
        far = upload(destination, imgdir, ann_path)
        assert (far.exit_code, far.images.uploaded, far.instances.uploaded) == (0, 4, 7), str(far)
        assert (far.labels, far.picture_bytes) == (near.labels, near.picture_bytes)
        assert held(destination) == held(elsewhere)
        again = upload(destination, imgdir, ann_path)
        assert (again.images.already_there, again.instances.already_there, again.picture_bytes) == (4, 7, 0)

    return check


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_arrives_as_its_folder_does(
    same: Same, packed: Callable[[Path, str], Path], kind: str
) -> None:
    archive = packed(DEMO, kind)
    same(f"{archive}/images", f"{archive}/instances.json")


def test_images_of_an_archive_are_sent_from_it_with_the_names_they_have_inside(
    destination: Destination, packed: Callable[[Path, str], Path], temporary: Path
) -> None:
    report = upload(destination, packed(DEMO, "zip"), None)
    assert (report.exit_code, report.images.uploaded) == (0, 4)
    assert "images/night/empty.png" in destination.pictures()
    assert list(temporary.iterdir()) == []


def test_memory_arrives_as_its_folder_does(same: Same, memory: Callable[[str, bytes], None]) -> None:
    for path in DEMO.rglob("*.*"):
        memory(f"lake/{path.relative_to(DEMO)}", path.read_bytes())
    same("memory://lake/images", "memory://lake/instances.json")


def test_an_archive_on_a_web_server_is_read_by_ranges(
    same: Same, packed: Callable[[Path, str], Path], web: tuple[Files, str]
) -> None:
    files, address = web
    files.held["/data.zip"] = packed(DEMO, "zip").read_bytes()
    files.held["/instances.json"] = (DEMO / "instances.json").read_bytes()
    same(f"{address}/data.zip/images", f"{address}/instances.json")
    assert all(wanted.startswith("bytes=") for method, wanted in files.asked if method == "GET")


def test_a_bucket_arrives_as_its_folder_does(same: Same, bucket: Bucket) -> None:
    bucket.put_all(DEMO, "crates/")
    same(f"{bucket.address}/crates/images", f"{bucket.address}/crates")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_an_archive_in_a_bucket_arrives_as_its_folder_does(
    same: Same, bucket: Bucket, packed: Callable[[Path, str], Path], kind: str
) -> None:
    bucket.put(f"old/data.{kind}", packed(DEMO, kind).read_bytes())
    same(f"{bucket.address}/old/data.{kind}/images", f"{bucket.address}/old/data.{kind}")


def test_an_address_that_ends_in_a_query_names_what_lies_in_its_archive_before_it(
    same: Same, packed: Callable[[Path, str], Path], web: tuple[Files, str]
) -> None:
    files, address = web
    files.held["/data"] = packed(DEMO, "zip").read_bytes()
    same(f"zip://images::{address}/data?signature=s3cr3t", f"zip://instances.json::{address}/data?x=1")
