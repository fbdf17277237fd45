"""Datumaro JSON: what each annotation means, every bad one with its place, and the items written as they were."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest import geometry
from picsellia_ingest.errors import InputError
from picsellia_ingest.model import ImageRecord, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.datumaro import Datumaro
from picsellia_ingest.problems import Problem, ProblemLog
from tests.parsers.passing import read_with, records_of
from tests.parsers.test_writers import written
from tests.paths import FIXTURES, dataset, expected

CASES = FIXTURES / "DATUMARO"
LEGACY = "datumaro_dataset/legacy/annotations"


def read(path: Path) -> tuple[list[ImageRecord], Datumaro, ProblemLog]:
    return read_with(Datumaro(path))


def test_a_folder_of_subsets_is_read_whole_and_subsets_are_splits() -> None:
    records, parser, log = read(CASES / "demo")
    assert not log.kept
    assert [(record.file_name, record.splits) for record in records] == [
        ("pier 2.jpg", ()), ("pier 1.jpg", ("train",)), ("sub/empty.jpg", ("train",)),
    ]  # fmt: skip
    crane, puddle, sky = records[1].instances
    assert (crane.label, crane.rectangle) == ("crane", Rectangle(40, 8, 25.5, 40.5))
    assert crane.attributes["attributes"] == {"occluded": True, "score": 0.5}
    assert puddle.polygon == Polygon((Ring((5, 40, 30, 38.5, 32, 52, 8, 55)),))
    assert sky.kind == "classification"
    assert records[1].attributes["captions"][0]["caption"] == "a pier at noon"
    assert (records[1].width, records[1].height) == (80, 60)
    assert [label.name for label in parser.header().labels] == ["crane", "puddle", "overcast", "buoy"]
    assert parser.instance_count() == 4


def test_what_a_file_says_of_itself_is_kept_in_its_order(tmp_path: Path) -> None:
    names = [f"said {number}" for number in range(8)]
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**dict.fromkeys(names[:5], 1), "items": [], **dict.fromkeys(names[5:], 2)}))
    _, parser, _ = read(path)
    assert [*parser.header().attributes] == names


def test_masks_rotated_boxes_and_bridged_holes_are_exact() -> None:
    records, _, log = read(CASES / "shapes")
    ring, turned, lake = records[0].instances
    assert ring.polygon is not None
    assert turned.polygon is not None
    assert lake.polygon is not None
    assert geometry.area(ring.polygon) == 15 * 20 - 4 * 5
    assert [one.hole for one in ring.polygon.rings] == [False, True]
    assert turned.polygon.rings[0].points == pytest.approx((17, 7, 17, 17, 13, 17, 13, 7))
    assert geometry.area(lake.polygon) == 16 * 16 - 16
    assert not log.kept


def test_every_bad_thing_is_rejected_by_itself_with_its_place_and_the_good_ones_are_kept() -> None:
    records, parser, log = read(CASES / "bad_among_good")
    assert [(record.file_name, len(record.instances)) for record in records] == [("a.jpg", 1), ("b", 0)]
    assert log.lost == Counter(
        label_unknown=3, label_blank=1, box_invalid=3, box_empty=1, box_outside=1, ring_flat=1, polygon_invalid=2,
        shape_not_supported=3, segmentation_invalid=2, mask_invalid=1, annotation_invalid=2, image_unnamed=1,
    )  # fmt: skip
    assert log.counts["item_invalid"] == 1
    assert parser.instance_count() == 1 + log.lost.total()
    flat = next(problem for problem in log.kept if problem.code == "ring_flat")
    assert flat.place.pointer == "/items/0/annotations/8/points"


@pytest.mark.parametrize("subset", ["train", "test", "validation"])
def test_items_annotations_and_labels_are_those_counted_independently(subset: str) -> None:
    stated: dict[str, Any] = expected("datumaro_assets")[f"{LEGACY}/{subset}.json"]
    records, parser, log = read(dataset("datumaro_assets") / LEGACY / f"{subset}.json")
    instances = [found for record in records for found in record.instances]
    assert len(records) == stated["items"]
    assert len(instances) == parser.instance_count() == stated["objects"]
    assert Counter(found.label for found in instances) == stated["labels"]
    assert Counter(found.attributes["type"] for found in instances) == stated["types"]
    assert {record.splits for record in records} == {(subset,)}
    assert not log.kept


@pytest.mark.parametrize(
    "source",
    [CASES / "demo" / "annotations" / "train.json", CASES / "shapes" / "shapes.json"],
    ids=lambda path: path.stem,
)
def test_a_fixture_is_written_as_it_was(source: Path, tmp_path: Path) -> None:
    check(source, tmp_path)


@pytest.mark.parametrize("subset", ["train", "test", "validation"])
def test_a_real_file_is_written_as_it_was(subset: str, tmp_path: Path) -> None:
    check(dataset("datumaro_assets") / LEGACY / f"{subset}.json", tmp_path)


def check(source: Path, tmp_path: Path) -> None:
    parser = Datumaro(source)
    parser.prepare(lambda _: None)
    written(parser, records_of(parser)[0], "DATUMARO", tmp_path / f"{source.stem}.json")
    before, after = json.loads(source.read_text()), json.loads((tmp_path / f"{source.stem}.json").read_text())
    if (
        source.stem == "shapes"
    ):  # a bridge may be laid from another corner, which the records prove to be the same
        for document in (before, after):
            del document["items"][0]["annotations"][2]["points"]
    assert after == before


def test_an_item_that_changed_since_the_index_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "train.json"
    text = (CASES / "demo" / "annotations" / "train.json").read_text()
    path.write_text(text)
    parser = Datumaro(path)
    parser.prepare(lambda _: None)
    path.write_text(text.replace("pier 1.jpg", "pier 9.jpg"))
    problems: list[Problem] = []
    assert [record.file_name for record in parser.read(Shard(0, 2), problems.append)] == ["sub/empty.jpg"]
    assert [(problem.code, problem.lost) for problem in problems] == [("file_changed", 3)]


@pytest.mark.parametrize("text", ['{"items": {}}', '{"categories": {}}', "[1]", '{"items": ['])
def test_a_file_that_is_no_dataset_is_rejected_whole(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(InputError):
        read(path)
