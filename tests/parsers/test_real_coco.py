"""Real COCO files, against counts made by an independent program."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest import geometry
from picsellia_ingest.errors import InputError
from picsellia_ingest.model import Instance
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.problems import ProblemLog
from tests.paths import dataset, expected

DATASETS = [
    "picsellia_cartons_coco", "picsellia_coco_exports", "coco_val_labelbox", "taco_coco", "coco_keypoints_mmpose",
    "labelme_examples", "datumaro_assets", "sharks_three_formats", "panlabel_fixtures",
]  # fmt: skip


def sums(instances: list[Instance], *, from_mask: bool) -> float:
    chosen = [
        found.polygon
        for found in instances
        if found.polygon and bool(found.attributes.get("iscrowd")) == from_mask
    ]
    return sum(geometry.area(polygon) for polygon in chosen)


def check(path: Path, stated: dict[str, Any]) -> None:
    parser, log = Coco(path), ProblemLog()
    parser.prepare(log)
    records = list(parser.read(Shard(0, parser.count()), log))
    instances = [found for record in records for found in record.instances]
    boxes = [found.rectangle for found in instances if found.rectangle]
    captions = sum(len(record.attributes.get("captions", ())) for record in records)
    assert len(records) == stated["images"]
    assert len(instances) + sum(log.lost.values()) + captions == stated["annotations"], log.counts
    if log.lost:
        return  # what is rejected is checked by name below
    if not captions:
        assert Counter(found.label for found in instances) == stated["labels"]
    assert sum(box.width * box.height for box in boxes) == pytest.approx(stated["sum_wh"])
    assert sum(box.left for box in boxes) == pytest.approx(stated["sum_x"])
    assert sum(box.top for box in boxes) == pytest.approx(stated["sum_y"])
    assert sums(instances, from_mask=False) == pytest.approx(stated["polygon_area"])
    assert sums(instances, from_mask=True) == stated["rle_area"]


@pytest.mark.parametrize("name", DATASETS)
def test_images_objects_labels_boxes_polygons_and_masks_are_those_counted(name: str) -> None:
    checked = 0
    for file, stated in expected(name).items():
        if stated["format"] == "coco" and "panoptic" not in file:
            path = dataset(name) / file
            check(path / "_annotations.coco.json" if path.is_dir() else path, stated)
            checked += 1
    assert checked


def test_the_one_box_of_the_platforms_own_export_that_is_off_its_picture_is_rejected_and_named() -> None:
    parser, log = Coco(dataset("picsellia_coco_exports") / "yolov8-detection.json"), ProblemLog()
    parser.prepare(log)
    records = list(parser.read(Shard(0, parser.count()), log))
    assert sum(len(record.instances) for record in records) == 329
    outside = [problem for problem in log.kept if problem.lost]
    assert [(problem.code, problem.place.pointer) for problem in outside] == [
        ("box_outside", "/annotations/89/bbox")
    ]


def test_a_results_list_is_refused_and_called_one() -> None:
    for file in expected("coco_results"):
        with pytest.raises(InputError, match="results list"):
            Coco(dataset("coco_results") / file).prepare(ProblemLog())


def test_a_panoptic_file_is_refused_and_called_one() -> None:
    with pytest.raises(InputError, match="panoptic"):
        Coco(dataset("coco_val_labelbox") / "panoptic.json").prepare(ProblemLog())


@pytest.mark.parametrize(
    "file",
    [
        "captions_val2014_fakecap_results.json",
        "instances_val2014_fakebbox100_results.json",
        "instances_val2014_fakesegm100_results.json",
        "person_keypoints_val2014_fakekeypoints100_results.json",
    ],
)
def test_a_real_list_of_results_is_refused_as_what_it_is(file: str) -> None:
    assert file in expected("coco_results")
    with pytest.raises(InputError, match="results list"):
        Coco(dataset("coco_results") / file).prepare(lambda _: None)


@pytest.mark.parametrize("file", ["panoptic_train.json", "panoptic_val.json"])
def test_a_real_panoptic_file_is_refused_as_what_it_is(file: str) -> None:
    path = dataset("datumaro_assets") / "coco_dataset" / "coco_panoptic" / "annotations" / file
    with pytest.raises(InputError, match="panoptic"):
        Coco(path).prepare(lambda _: None)
