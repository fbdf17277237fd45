"""The published 2021 clients work against the embedded platform, and what one client uploads the other reads."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api import platform as endpoints
from picsellia_ingest.api import storage, transport
from picsellia_ingest.api.connection import Connection, Secret
from picsellia_ingest.client import Client
from picsellia_ingest.model import Rectangle, Ring
from picsellia_ingest.server import RunningPlatform, start
from picsellia_ingest.wire import instance
from tests.paths import FIXTURES, ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).with_name("published_client.py")
NEEDS = ["setuptools", "numpy", "scipy", "Pillow", "requests", "tqdm", "beartype==0.9.1"]
DEMO = FIXTURES / "COCO" / "demo"


def interpreter(version: str) -> Path:
    """Python of an environment with that client; kept under .venv, made when it is not there."""
    home = ROOT / ".venv" / "published" / version
    if not (home / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        install = [str(home / "bin" / "pip"), "install", "--quiet", *NEEDS, f"picsellia=={version}"]
        done = subprocess.run(install, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"picsellia {version} cannot be installed here: {done.stderr[-200:]}")
        (home / "ready").touch()
    return home / "bin" / "python"


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningPlatform]:
    with start(tmp_path / "platform") as found:
        yield found
        transport.close_idle_connections()


def run(version: str, running: RunningPlatform, *arguments: str) -> str:
    done = subprocess.run(
        [str(interpreter(version)), str(SCRIPT), running.address, running.token, *arguments],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def small_dataset(folder: Path) -> tuple[Path, Path]:
    """The demo's images in one folder, under plain names: what the published clients can do."""
    images = folder / "images"
    images.mkdir()
    document: dict[str, Any] = {"images": [], "annotations": [], "categories": [{"id": 1, "name": "crate"}]}
    for number, path in enumerate(sorted((DEMO / "images").rglob("*.jpg"))):
        (images / f"p{number}.jpg").write_bytes(path.read_bytes())
        document["images"].append({"id": number, "file_name": f"p{number}.jpg", "width": 64, "height": 64})
        ring = [[number, 2, 11, 2.5, 11, 14]]
        document["annotations"].append(
            {
                "id": number,
                "image_id": number,
                "category_id": 1,
                "bbox": [number, 2, 10, 12],
                "segmentation": ring,
            }
        )
    (folder / "a.json").write_text(json.dumps(document))
    return images, folder / "a.json"


@pytest.mark.parametrize("version", ["5.0.8"])
def test_what_the_published_client_uploads_ours_reads_equal(
    version: str, running: RunningPlatform, tmp_path: Path
) -> None:
    images, source = small_dataset(tmp_path)
    run(version, running, "upload", "theirs", str(images), str(source), "COCO")
    dataset = Client(running.token, host=running.address).datalake.dataset.fetch("theirs")
    assert dataset is not None
    pictures = {found["external_url"]: found for found in dataset.list_pictures()["pictures"]}
    assert sorted(pictures) == ["p0.jpg", "p1.jpg", "p2.jpg"]
    connection = Connection(running.address, Secret(running.token))
    for name, picture in pictures.items():
        stored = storage.fetch(
            connection.traffic, endpoints.presign(connection, "get", picture["internal_key"])
        )
        assert stored == (images / name).read_bytes()
    for record in dataset.get_annotations():
        number = int(record["external_picture_url"][1])
        found = [instance(item) for item in record["annotations"]]
        assert [(item.label, item.polygon and item.polygon.rings) for item in found] == [
            ("crate", (Ring((number, 2, 11, 2.5, 11, 14)),))
        ]


@pytest.mark.parametrize("version", ["5.0.8", "5.0.22"])
def test_what_ours_uploads_the_published_client_reads(
    version: str, running: RunningPlatform, tmp_path: Path
) -> None:
    images, source = small_dataset(tmp_path)
    datalake = Client.Datalake(running.token, host=running.address)
    report = datalake.upload(
        "ours",
        imgdir=images,
        ann_path=source,
        tags=["ours"],
        rectangle=True,
        journal=tmp_path / "j.db",
        quiet=True,
    )
    assert report.exit_code == 0
    output = run(version, running, "read", "ours", str(tmp_path / "downloaded"))
    seen = json.loads(output.split("SEEN ")[1])
    assert seen["fetched"]["size"] == 3
    assert sorted(seen["listed"]) == sorted(seen["tagged"]) == ["p0.jpg", "p1.jpg", "p2.jpg"]
    for path in images.iterdir():
        assert (tmp_path / "downloaded" / path.name).read_bytes() == path.read_bytes()
    if version == "5.0.22":
        boxes = [instance(item).rectangle for record in seen["annotations"] for item in record["annotations"]]
        assert sorted(boxes, key=str) == [Rectangle(number, 2, 10, 12) for number in range(3)]


def test_our_client_completes_what_the_published_one_began(running: RunningPlatform, tmp_path: Path) -> None:
    images, source = small_dataset(tmp_path)
    run("5.0.8", running, "upload", "both", str(images), str(source), "COCO")
    datalake = Client.Datalake(running.token, host=running.address)
    report = datalake.upload("both", imgdir=images, ann_path=source, journal=tmp_path / "j.db", quiet=True)
    assert (report.images.already_there, report.instances.already_there) == (3, 3)
    assert (report.picture_bytes, report.exit_code) == (0, 0)
