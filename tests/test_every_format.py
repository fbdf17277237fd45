"""Every format that can be read is uploaded without being named, and arrives as the dataset it was made from."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

import picsellia_ingest
from picsellia_ingest import parsers
from picsellia_ingest.api import transport
from picsellia_ingest.client import Client
from picsellia_ingest.server import start
from tests.paths import FIXTURES

DEMO = FIXTURES / "COCO" / "demo"
SHAPES_LOST = {
    "CREATEML": "boxes only", "KITTI": "boxes only", "OPEN-IMAGES": "boxes only", "MASKS": "polygons only",
}  # fmt: skip


def made(name: str, folder: Path) -> tuple[Path, picsellia_ingest.conversion.report.Conversion]:
    """The demo in a format, with its images: what a user would point at, and how it was made."""
    report = picsellia_ingest.convert(
        DEMO / "instances.json", folder / "out", name, imgdir=DEMO / "images", images="copy"
    )
    assert parsers.find_format(folder / "out").name == name
    return folder / "out", report


@pytest.mark.parametrize("name", sorted(parsers.FORMATS))
def test_a_dataset_in_any_format_is_recognised_uploaded_and_read_back(name: str, tmp_path: Path) -> None:
    source, made_of = made(name, tmp_path)
    with start(tmp_path / "platform", strict=True) as running:
        lake = Client.Datalake(running.token, host=running.address)
        imgdir = tmp_path / "out" / ("images" if name == "MASKS" else "")  # masks are pictures too
        report = lake.upload("d", imgdir=imgdir, ann_path=source, journal=tmp_path / "j.db", quiet=True)
        assert report.verified
        assert report.images.uploaded == 4
        assert f"annotations read as {name}, recognised by" in report.notes[0]
        found = lake.dataset.fetch("d")
        assert found is not None
        held = [item for record in found.get_annotations() for item in record["annotations"]]
        transport.close_idle_connections()
    assert report.instances.came_in == report.instances.uploaded == made_of.instances_written
    assert len(held) == report.objects_planned
    if name not in SHAPES_LOST:
        assert made_of.instances_written == 7
        assert Counter(item["label"] for item in held) == Counter(labels(DEMO / "instances.json"))
        assert total_area(held) == pytest.approx(expected_area())


def labels(path: Path) -> list[str]:
    """The label of every wire object that the source becomes."""
    return [item["label"] for item in sent(path)]


def expected_area() -> float:
    return total_area(sent(DEMO / "instances.json"))


def sent(path: Path) -> list[dict[str, Any]]:
    from picsellia_ingest import wire
    from picsellia_ingest.parsers.base import Shard

    parser = parsers.find_format(path)(path)
    parser.prepare(lambda _: None)
    records = parser.read(Shard(0, parser.count()), lambda _: None)
    documents = [wire.document(record, rectangle=False, notes=Counter()).data for record in records]
    return [item for data in documents for item in msgspec.json.decode(msgspec.json.encode(data))]


def total_area(objects: list[dict[str, Any]]) -> float:
    total = 0.0
    for item in objects:
        if item["type"] == "rectangle":
            total += item["rectangle"]["width"] * item["rectangle"]["height"]
        elif item["type"] == "polygon":
            points = [(point["x"], point["y"]) for point in item["polygon"]["geometry"]]
            pairs = zip(points, points[1:] + points[:1], strict=True)
            total += abs(sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in pairs)) / 2
    return total
