"""What each COCO fixture means, item by item."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from picsellia_ingest import geometry
from picsellia_ingest.errors import InputError
from picsellia_ingest.model import ImageRecord, Instance, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.problems import ProblemLog, Severity, Unit
from tests.parsers.passing import read_with

FIXTURES = Path(__file__).parents[2] / "fixtures" / "COCO"
TRIANGLE = Polygon((Ring((4, 4, 20, 4, 12, 18)),))


def read(path: Path) -> tuple[list[ImageRecord], Coco, ProblemLog]:
    return read_with(Coco(path))


def case(name: str) -> tuple[list[ImageRecord], Coco, ProblemLog]:
    return read(FIXTURES / name / "instances.json")


def test_boxes_are_kept_as_written_and_the_rest_of_an_annotation_is_kept_with_them() -> None:
    records, parser, log = case("boxes")
    assert [record.file_name for record in records] == ["a.jpg", "b.jpg", "c.jpg"]
    assert records[1].instances == ()
    assert records[0].instances[1] == Instance(
        "pallet", Rectangle(30.25, 5.5, 12.5, 7), attributes={"id": 2, "image_id": 1}
    )
    assert records[2].instances[0].attributes["attributes"] == {"colour": "red"}
    assert records[2].instances[0].attributes["score"] == 0.75
    assert parser.header().labels[0].attributes == {"id": 1, "supercategory": "box"}
    assert not log.kept


def test_polygons_keep_all_their_rings_and_box_and_polygon_are_both_kept() -> None:
    records, _, log = case("polygons")
    one, two, boxless, flat, closed = records[0].instances
    assert (one.polygon, one.rectangle) == (TRIANGLE, Rectangle(4, 4, 16, 14))
    assert two.polygon == Polygon((*TRIANGLE.rings, Ring((30, 20, 50, 20, 50, 34))))
    assert (boxless.polygon, boxless.rectangle) == (TRIANGLE, None)
    assert flat.polygon == closed.polygon == TRIANGLE
    assert [(problem.code, problem.severity) for problem in log.kept] == [
        ("segmentation_flat", Severity.WARNING)
    ]


def test_masks_of_both_kinds_become_the_same_exact_rings() -> None:
    records, _, _ = case("masks")
    plain, packed = records[0].instances
    assert plain.polygon == packed.polygon is not None
    assert plain.polygon is not None
    assert [ring.hole for ring in plain.polygon.rings] == [False, True, False, False]
    assert geometry.area(plain.polygon) == plain.attributes["area"]
    filled = np.zeros((48, 64), np.int64)
    for ring in plain.polygon.rings:
        rle = coco_mask.frPyObjects([[float(value) for value in ring.points]], 48, 64)
        filled += np.asarray(coco_mask.decode(coco_mask.merge(rle)), np.int64) * (-1 if ring.hole else 1)
    assert sorted(np.unique(filled).tolist()) == [0, 1]
    assert filled.sum() == plain.attributes["area"]


def test_an_annotation_without_box_and_polygon_is_a_classification() -> None:
    records, parser, _ = case("classification")
    assert [[(found.label, found.kind) for found in record.instances] for record in records] == [
        [("crate", "classification")],
        [("pallet", "classification"), ("crate", "classification")],
    ]
    assert all(label.kinds == {"classification"} for label in parser.header().labels)


def test_keypoints_and_captions_go_to_attributes_and_a_caption_is_no_instance() -> None:
    records, parser, _ = case("keypoints")
    assert records[0].instances[0].attributes["keypoints"] == [3, 3, 2, 9, 9, 1]
    assert records[0].attributes["captions"] == [{"id": 2, "image_id": 1, "caption": "two crates"}]
    assert records[0].attributes["license"] == 4
    assert parser.instance_count() == 1
    assert parser.notes == ["1 captions are kept with their images; they are no instances."]


def test_ids_of_any_kind_lead_to_their_image_and_huge_ones_do_not_melt_into_each_other() -> None:
    records, _, log = case("strange_ids")
    assert [record.instances[0].rectangle for record in records] == [
        Rectangle(n, n, 5, 5) for n in (1, 2, 3, 4)
    ]
    assert log.counts == {"annotation_id_repeated": 1}


def test_an_image_may_have_no_size_and_its_name_is_kept_as_written() -> None:
    records, _, log = case("no_sizes")
    assert [record.file_name for record in records] == ["é x.jpg", "in\\b.jpg", "one/c.jpg", "two/c.jpg"]
    assert {(record.width, record.height) for record in records} == {(None, None)}
    assert not log.kept


def test_every_bad_annotation_is_rejected_by_itself_and_the_good_ones_are_kept() -> None:
    records, parser, log = case("bad_among_good")
    assert [record.file_name for record in records] == ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]
    assert [found.rectangle for found in records[0].instances] == [
        Rectangle(1, 2, 10, 20),
        Rectangle(1, 2, 10, 20),
        Rectangle(1, 2, 10, 20),
        Rectangle(-3, 2, 10, 20),
    ]
    assert parser.instance_count() == 25 == 4 + sum(log.lost.values())
    assert log.lost == Counter(
        image_unknown=1, category_unknown=1, box_invalid=3, box_rotated=1, no_geometry=1, ring_flat=2, mask_size=2,
        segmentation_invalid=1, box_outside=1, box_empty=1, annotation_invalid=3, label_blank=1, image_unnamed=1,
        image_id_repeated=1, category_id_repeated=1,
    )  # fmt: skip
    assert [problem.code for problem in log.kept if problem.severity is Severity.WARNING and problem.unit is Unit.INSTANCE] == [
        "number_as_text", "box_negative", "box_overhangs",
    ]  # fmt: skip


def test_a_problem_names_file_line_column_and_pointer() -> None:
    _, _, log = case("bad_among_good")
    problem = next(problem for problem in log.kept if problem.code == "box_empty")
    lines = (FIXTURES / "bad_among_good" / "instances.json").read_text().splitlines()
    assert problem.place.pointer == "/annotations/14/bbox"
    assert problem.place.line is not None
    assert lines[problem.place.line - 1 : problem.place.line + 1] == ["  {", '   "id": 15,']


def test_nan_costs_one_box_and_not_the_file() -> None:
    records, _, log = case("nan")
    assert [found.rectangle for found in records[0].instances] == [Rectangle(1, 2, 3, 4)]
    assert log.lost == {"box_invalid": 2}


def test_in_a_folder_instances_are_read_and_captions_and_panoptic_files_are_named() -> None:
    records, parser, _ = read(FIXTURES / "folder")
    assert [record.file_name for record in records] == ["a.jpg", "b.jpg"]
    assert parser.notes == [
        "annotations/captions_train.json: passed over (captions)",
        "annotations/panoptic_train.json: passed over (panoptic)",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[{"image_id": 1, "category_id": 1, "score": 0.5, "bbox": [1, 2, 3, 4]}]', "results list"),
        ('{"annotations": [], "categories": []}', "no 'images' array"),
        (
            '{"images": [{"id": 1, "file_name": "a"}], "annotations": [{"image_id": 1, "category_id": 1}]}',
            "no 'categories'",
        ),
        ('{"images": {}, "annotations": []}', "not an array"),
        ('{"images": [], "annotations": [{"image_id": 1, "segments_info": []}]}', "panoptic"),
        ('{"images": [{"id": 1,', "ends early"),
        ("", "empty"),
    ],
)
def test_a_file_that_is_no_dataset_is_rejected_whole_and_says_why(
    tmp_path: Path, text: str, words: str
) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_bytes_that_are_no_utf8_cost_only_what_they_stand_in(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    text = (FIXTURES / "boxes" / "instances.json").read_bytes()
    path.write_bytes(text.replace(b'"score"', b'"sc\xffre"').replace(b'"year"', b'"y\xffar"'))
    records, parser, log = read(path)
    assert [len(record.instances) for record in records] == [2, 0, 0]
    assert log.counts == {"annotation_invalid": 1, "value_unreadable": 1}
    assert parser.instance_count() == 3


def test_a_caption_that_cannot_be_read_is_no_lost_instance(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    text = (FIXTURES / "keypoints" / "instances.json").read_bytes()
    path.write_bytes(text.replace(b"two crates", b"two \xffcrates"))
    records, parser, log = read(path)
    assert (len(records[0].instances), parser.instance_count()) == (1, 1)
    assert log.counts == {"annotation_invalid": 1}
    assert not log.lost


def test_a_top_level_key_that_is_no_utf8_rejects_the_file_and_says_so(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(
        (FIXTURES / "boxes" / "instances.json").read_bytes().replace(b'"licenses"', b'"li\xffenses"')
    )
    with pytest.raises(InputError, match="UTF-8"):
        read(path)


def test_what_else_is_said_of_an_image_may_be_unreadable_and_the_image_stays(tmp_path: Path) -> None:
    path = tmp_path / "file.json"
    path.write_bytes(
        b'{"images": [{"id": 1, "file_name": "a.jpg", "\xff": 1}], "annotations": [], "categories": []}'
    )
    records, _, log = read(path)
    assert records[0].file_name == "a.jpg"
    assert log.counts == {"image_unreadable": 1}


def test_a_bad_file_in_a_folder_does_not_stop_the_others(tmp_path: Path) -> None:
    good = (FIXTURES / "boxes" / "instances.json").read_text()
    (tmp_path / "a.json").write_text(good)
    (tmp_path / "b.json").write_text(good[:-40])
    records, _, log = read(tmp_path)
    assert len(records) == 3
    assert log.counts == {"json_syntax": 1}


def test_an_image_with_more_instances_than_memory_should_hold_is_left_out_by_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("picsellia_ingest.parsers.coco_grouping.INSTANCES_MAX", 1)
    records, parser, log = case("boxes")
    crowded = [problem for problem in log.kept if problem.code == "instances_too_many"]
    assert [problem.lost for problem in crowded] == [2]
    assert "/annotations/" in str(crowded[0].place.pointer)
    assert parser.instance_count() == sum(len(record.instances) for record in records) + 2


@pytest.mark.parametrize(
    "extra", ['{"id": "x", "file_name": "x.jpg"}', '{"id": 1, "file_name": "x.jpg"}', '{"id": 999}']
)
def test_images_are_found_whether_or_not_all_ids_are_numbers_of_their_own(tmp_path: Path, extra: str) -> None:
    plain = json.loads((FIXTURES / "boxes" / "instances.json").read_text())
    kept = [row for row in plain["annotations"] if row["image_id"] != 1]
    plain["annotations"], odd = kept, json.loads(extra)
    (tmp_path / "plain.json").write_text(json.dumps(plain))
    plain["images"].append(odd)
    (tmp_path / "odd.json").write_text(json.dumps(plain))
    before, after = read(tmp_path / "plain.json")[0], read(tmp_path / "odd.json")[0]
    assert after[: len(before)] == before
