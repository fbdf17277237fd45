"""Real VOC data, against counts made by an independent program."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from picsellia_ingest import geometry, parsers
from picsellia_ingest.model import ImageRecord
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.pascal_voc import PascalVoc
from picsellia_ingest.problems import Problem, ProblemLog
from tests.paths import dataset, expected

SOURCES = {
    ("raccoon_voc", "Annotations/*.xml"): "",
    ("voc2007_official", "Annotations/*.xml"): "",
    ("voc_polygon_modelarts", "image_0006.xml"): "image_0006.xml",
    ("voc_polygon_modelarts", "supervision_object.xml"): "supervision_object.xml",
    (
        "labelme_examples",
        "bbox_detection/data_dataset_voc/Annotations/*.xml",
    ): "bbox_detection/data_dataset_voc",
    ("datumaro_assets", "voc_dataset/voc_dataset1"): "voc_dataset/voc_dataset1",
    ("datumaro_assets", "voc_dataset/voc_dataset2"): "voc_dataset/voc_dataset2",
    ("datumaro_assets", "voc_dataset/voc_dataset3"): "voc_dataset/voc_dataset3",
    ("datumaro_assets", "roboflow_dataset/voc/train"): "roboflow_dataset/voc/train",
    ("datumaro_assets", "roboflow_dataset/voc/val"): "roboflow_dataset/voc/val",
}
MASKS = "instance_segmentation/data_dataset_voc"


def read(path: Path) -> tuple[list[ImageRecord], PascalVoc, list[Problem]]:
    problems: list[Problem] = []
    parser = PascalVoc(path)
    parser.prepare(problems.append)
    return list(parser.read(Shard(0, parser.count()), problems.append)), parser, problems


@pytest.mark.parametrize(("name", "entry"), SOURCES)
def test_files_objects_labels_and_sums_are_those_counted_independently(name: str, entry: str) -> None:
    stated: dict[str, Any] = expected(name)[entry]
    path = dataset(name) / SOURCES[name, entry]
    records, parser, problems = read(path)
    instances = [found for record in records for found in record.instances]
    boxes = [found.rectangle for found in instances if found.rectangle]
    rings = [ring for found in instances if found.polygon for ring in found.polygon.rings]
    assert len(records) == stated["xml_files"]
    assert len(instances) == parser.instance_count() == stated["objects"]
    assert Counter(found.label for found in instances) == stated["labels"]
    assert len(boxes) == stated["boxes_valid"]
    assert sum(box.width * box.height for box in boxes) == pytest.approx(stated["sum_wh"])
    assert sum(box.left for box in boxes) == pytest.approx(stated["sum_x"], abs=1e-3)
    assert sum(box.top for box in boxes) == pytest.approx(stated["sum_y"], abs=1e-3)
    assert sum(abs(geometry.ring_area(ring.points)) for ring in rings) == stated["polygon_area"]
    assert len({record.file_name for record in records}) == stated["distinct_filenames"]
    assert not [problem for problem in problems if problem.lost]


def test_every_voc_entry_of_the_datasets_is_checked() -> None:
    for name in {name for name, _ in SOURCES}:
        entries = {entry for entry, stated in expected(name).items() if stated["format"] == "voc"}
        assert entries == {entry for each, entry in SOURCES if each == name}


def test_flags_are_kept_on_every_object_that_has_them() -> None:
    counts = expected("voc2007_official")["Annotations/*.xml"]["counts"]
    records, _, _ = read(dataset("voc2007_official"))
    for flag in ("truncated", "difficult"):
        found = [one for record in records for one in record.instances if one.attributes[flag] == "1"]
        assert len(found) == counts[flag]


def test_masks_of_objects_become_rings_that_hold_exactly_their_pixels() -> None:
    folder = dataset("labelme_examples") / MASKS
    records, parser, problems = read(folder)
    stated = expected("labelme_examples")[f"{MASKS}/SegmentationObject/*.png"]
    areas: Counter[int] = Counter()
    for record in records:
        with Image.open(folder / "SegmentationObject" / f"{record.file_name}.png") as image:
            pixels = np.asarray(image)
        numbers = [int(number) for number in np.unique(pixels) if number not in (0, 255)]
        assert len(record.instances) == len(numbers)
        for number, instance in zip(numbers, record.instances, strict=True):
            assert instance.polygon is not None
            assert geometry.area(instance.polygon) == (pixels == number).sum()
            areas[number] += int(geometry.area(instance.polygon))
    assert len(records) == stated["files"]
    assert dict(areas) == {int(k): v for k, v in stated["pixels_per_value"].items() if k != "0"}
    assert parser.instance_count() == 12
    assert not problems


def test_labels_of_masks_are_those_of_the_same_objects_in_coco() -> None:
    records, parser, _ = read(dataset("labelme_examples") / MASKS)
    entries = expected("labelme_examples")
    coco = entries["instance_segmentation/data_dataset_coco/annotations.json"]
    assert Counter(found.label for record in records for found in record.instances) == coco["labels"]
    assert len(parser.header().labels) == coco["categories"] - 1  # all but _background_
    classes = entries[f"{MASKS}/SegmentationClass/*.png"]["pixels_per_value"]
    area = sum(geometry.area(one.polygon) for record in records for one in record.instances if one.polygon)
    assert area == sum(pixels for value, pixels in classes.items() if value not in ("0", "255"))


@pytest.mark.parametrize("folder", ["kaggle_dataset/relaxed_voc1", "kaggle_dataset/relaxed_voc2"])
def test_a_folder_of_files_beside_their_images_is_recognised(folder: str) -> None:
    path = dataset("datumaro_assets") / folder
    assert parsers.find_format(path).name == "PASCAL-VOC"
    records, _, problems = read(path)
    assert [len(record.instances) for record in records] == [2]
    assert not problems


@pytest.mark.parametrize("folder", ["for_images", "for_video"])
def test_cvat_files_are_not_taken_for_voc(folder: str) -> None:
    path = dataset("datumaro_assets") / "cvat_dataset" / folder
    assert not PascalVoc.recognises(path)
    parser, log = PascalVoc(path), ProblemLog()
    parser.prepare(log)
    assert parser.count() == 0
    assert log.counts.keys() == {"not_voc"}
    assert all("CVAT" in problem.message for problem in log.kept)
