"""Real datasets arrive on the platform, read back through its API, with the counts an independent program made."""

from __future__ import annotations

import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from picsellia_ingest import geometry
from picsellia_ingest.api import transport
from picsellia_ingest.client import Client
from picsellia_ingest.server import start
from picsellia_ingest.upload.report import Report
from tests.paths import dataset, expected

pytestmark = pytest.mark.slow


class Lake:
    """A strict platform, and what it holds."""

    def __init__(self, client: Client.Datalake, folder: Path) -> None:
        self.client, self.folder = client, folder

    def upload(self, name: str, **more: Any) -> Report:
        return self.client.upload(name, journal=self.folder / f"{name}.db", quiet=True, **more)

    def objects(self, name: str) -> list[dict[str, Any]]:
        found = self.client.dataset.fetch(name)
        assert found is not None
        return [item for record in found.get_annotations() for item in record["annotations"]]

    def pictures(self, name: str) -> list[dict[str, Any]]:
        found = self.client.dataset.fetch(name)
        assert found is not None
        return list(found.list_pictures()["pictures"])


@pytest.fixture
def lake(tmp_path: Path) -> Iterator[Lake]:
    with start(tmp_path / "platform", strict=True) as running:
        yield Lake(Client.Datalake(running.token, host=running.address), tmp_path)
        transport.close_idle_connections()


def box_sum(objects: list[dict[str, Any]]) -> float:
    return sum(
        float(item["rectangle"]["width"]) * float(item["rectangle"]["height"])
        for item in objects
        if item["type"] == "rectangle"
    )


def ring_areas(objects: list[dict[str, Any]]) -> float:
    rings = [
        [v for point in item["polygon"]["geometry"] for v in (point["x"], point["y"])]
        for item in objects
        if item["type"] == "polygon"
    ]
    return sum(abs(geometry.ring_area(ring)) for ring in rings)


def png(size: tuple[int, int]) -> bytes:
    made = io.BytesIO()
    Image.new("1", size).save(made, "PNG")
    return made.getvalue()


def test_raccoons_from_voc(lake: Lake) -> None:
    folder = dataset("raccoon_voc")
    stated = expected("raccoon_voc")["Annotations/*.xml"]
    report = lake.upload(
        "raccoons", imgdir=folder / "JPEGImages", ann_path=folder / "Annotations", ann_format="PASCAL-VOC"
    )
    assert (report.images.uploaded, report.instances.uploaded, report.exit_code) == (200, 217, 0)
    objects = lake.objects("raccoons")
    assert Counter(item["label"] for item in objects) == stated["labels"]
    assert box_sum(objects) == stated["sum_wh"] == 22419091
    assert len(lake.pictures("raccoons")) == 200


def test_cartons_from_coco_with_pictures_that_have_no_annotation(lake: Lake) -> None:
    folder = dataset("picsellia_cartons_coco") / "test"
    stated = expected("picsellia_cartons_coco")["test/_annotations.coco.json"]
    report = lake.upload(
        "cartons", imgdir=folder, ann_path=folder / "_annotations.coco.json", ann_format="COCO"
    )
    assert (report.images.uploaded, report.instances.uploaded, report.exit_code) == (153, 382, 0)
    assert box_sum(lake.objects("cartons")) == pytest.approx(stated["sum_wh"])
    found = lake.client.dataset.fetch("cartons")
    assert found is not None
    annotated = {record["external_picture_url"] for record in found.get_annotations()}
    assert len(lake.pictures("cartons")) - len(annotated) == stated["images_without_annotation"] == 9


@pytest.mark.parametrize("file", ["instances.json", "rle.json"])
def test_every_polygon_and_every_mask_of_coco_arrives_with_its_area(lake: Lake, file: str) -> None:
    folder = dataset("coco_val_labelbox")
    stated = expected("coco_val_labelbox")[file]
    report = lake.upload("val", imgdir=folder / "images", ann_path=folder / file, ann_format="COCO")
    assert (report.instances.uploaded, report.exit_code) == (stated["annotations"], 0)
    objects = lake.objects("val")
    assert ring_areas(objects) == pytest.approx(stated["polygon_area"] + stated["rle_area"])
    assert len(objects) == report.objects_planned
    again = lake.upload("val boxes", imgdir=folder / "images", ann_path=folder / file, rectangle=True)
    assert (again.instances.uploaded, again.images.already_there, again.exit_code) == (
        stated["annotations"],
        20,
        0,
    )
    assert box_sum(lake.objects("val boxes")) == pytest.approx(stated["sum_wh"])


def test_annotations_alone_reach_pictures_that_are_there(lake: Lake, tmp_path: Path) -> None:
    source = dataset("taco_coco") / "annotations.json"
    stated = expected("taco_coco")["annotations.json"]
    pictures = json.loads(source.read_text())["images"]
    of_size = {size: png(size) for size in {(image["width"], image["height"]) for image in pictures}}
    for image in pictures:
        path = tmp_path / "images" / image["file_name"]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(of_size[image["width"], image["height"]])
    lake.upload("taco", imgdir=tmp_path / "images", nb_jobs=-1)
    report = lake.upload("taco", ann_path=source, ann_format="COCO")
    assert (report.images.came_in, report.images.already_there) == (1500, 1500)
    assert (report.instances.came_in, report.instances.uploaded, report.exit_code) == (4784, 4784, 0)
    objects = lake.objects("taco")
    assert ring_areas(objects) == pytest.approx(stated["polygon_area"])
    assert len(objects) == stated["counts"]["polygon_rings"] == report.objects_planned
    assert {item["label"] for item in objects} == set(stated["labels"])
