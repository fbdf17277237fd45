"""The 23 COCO files that lose objects elsewhere: what each must give, to the last number."""

from __future__ import annotations

import sys

import pytest

from picsellia_ingest import geometry
from picsellia_ingest.model import ImageRecord, Instance, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.problems import Problem, Severity, Unit
from tests.paths import FIXTURES

CASES = {
    "01": ("boxes", "box_without_a_segmentation_key"),
    "02": ("boxes", "box_with_an_empty_segmentation"),
    "03": ("float_polygon", "fractional_polygon_is_not_rounded"),
    "04": ("polygons", "polygon_of_two_parts_is_one_instance"),
    "05": ("hole_as_ring", "second_ring_is_a_second_part_kept_as_written"),
    "06": ("masks", "uncompressed_mask_of_a_crowd_becomes_exact_rings"),
    "07": ("masks", "compressed_mask_with_a_hole_keeps_the_hole"),
    "08": ("boxes", "attributes_and_score_are_kept"),
    "09": ("keypoints", "keypoints_are_kept"),
    "10": ("strange_ids", "category_0_is_a_category"),
    "11": ("polygons", "iscrowd_and_area_may_be_absent"),
    "12": ("no_sizes", "image_may_have_no_size"),
    "13": ("no_sizes", "same_name_in_two_folders_is_two_images"),
    "14": ("no_sizes", "accents_and_blanks_in_a_name_are_kept"),
    "15": ("boxes", "image_without_annotations_is_a_record"),
    "16": ("string_ids", "texts_are_ids"),
    "17": ("category_names_repeated", "two_categories_of_one_name_are_one_label_with_a_warning"),
    "18": ("polygons", "info_and_licenses_may_be_absent"),
    "19": ("boxes", "sparse_category_ids_lead_to_their_names"),
    "20": ("no_sizes", "backslash_in_a_name_is_kept"),
    "21": ("annotation_ids_repeated", "repeated_annotation_ids_cost_nothing_and_are_warned_of_once"),
    "22": ("image_unknown", "annotation_of_a_missing_image_costs_only_itself"),
    "23": ("polygons", "polygon_without_a_box_is_kept"),
}  # fmt: skip
TRIANGLE = Ring((4, 4, 20, 4, 12, 18))


def read(name: str) -> tuple[list[ImageRecord], Coco, list[Problem]]:
    problems: list[Problem] = []
    parser = Coco(FIXTURES / "COCO" / name / "instances.json")
    parser.prepare(problems.append)
    return list(parser.read(Shard(0, parser.count()), problems.append)), parser, problems


def case(number: str) -> tuple[list[ImageRecord], Coco, list[Problem]]:
    return read(CASES[number][0])


@pytest.mark.parametrize("number", [f"{number:02}" for number in range(1, 24)])
def test_every_case_has_its_fixture_and_its_test(number: str) -> None:
    fixture, fact = CASES[number]
    assert (FIXTURES / "COCO" / fixture / "instances.json").is_file()
    assert callable(getattr(sys.modules[__name__], f"test_{number}_{fact}"))


def test_01_box_without_a_segmentation_key() -> None:
    records, _, problems = case("01")
    assert records[0].instances[1] == Instance(
        "pallet", Rectangle(30.25, 5.5, 12.5, 7), attributes={"id": 2, "image_id": 1}
    )
    assert not problems


def test_02_box_with_an_empty_segmentation() -> None:
    records, _, _ = case("02")
    found = records[0].instances[0]
    assert (found.label, found.rectangle, found.polygon) == ("crate", Rectangle(1, 2, 10, 20), None)


def test_03_fractional_polygon_is_not_rounded() -> None:
    records, _, problems = case("03")
    (found,) = records[0].instances
    assert found.polygon == Polygon((Ring((4.25, 4.1, 20.373456789, 4.1, 12.3, 18.0)),))
    assert found.rectangle == Rectangle(4.25, 4.1, 16.123456789, 13.9)
    assert not problems


def test_04_polygon_of_two_parts_is_one_instance() -> None:
    records, _, _ = case("04")
    assert records[0].instances[1].polygon == Polygon((TRIANGLE, Ring((30, 20, 50, 20, 50, 34))))


def test_05_second_ring_is_a_second_part_kept_as_written() -> None:
    records, _, problems = case("05")
    (found,) = records[0].instances
    assert found.polygon == Polygon(
        (Ring((4, 4, 44, 4, 44, 34, 4, 34)), Ring((14, 14, 14, 24, 34, 24, 34, 14)))
    )
    assert found.attributes["area"] == 1000
    assert not problems


def test_06_uncompressed_mask_of_a_crowd_becomes_exact_rings() -> None:
    records, _, problems = case("06")
    found = records[0].instances[0]
    assert found.polygon is not None
    assert [ring.hole for ring in found.polygon.rings] == [False, True, False, False]
    assert geometry.area(found.polygon) == found.attributes["area"] == 601
    assert found.attributes["iscrowd"] == 1
    assert not problems


def test_07_compressed_mask_with_a_hole_keeps_the_hole() -> None:
    records, _, _ = case("07")
    plain, packed = records[0].instances
    assert packed.polygon == plain.polygon
    assert packed.polygon is not None
    assert packed.polygon.rings[1].hole


def test_08_attributes_and_score_are_kept() -> None:
    records, _, _ = case("08")
    found = records[2].instances[0].attributes
    assert (found["attributes"], found["score"]) == ({"colour": "red"}, 0.75)


def test_09_keypoints_are_kept() -> None:
    records, parser, _ = case("09")
    found = records[0].instances[0]
    assert (found.rectangle, found.attributes["keypoints"]) == (Rectangle(1, 1, 20, 20), [3, 3, 2, 9, 9, 1])
    assert parser.header().labels[0].attributes["skeleton"] == [[1, 2]]


def test_10_category_0_is_a_category() -> None:
    records, _, _ = case("10")
    assert {found.label for record in records for found in record.instances} == {"crate"}
    assert sum(len(record.instances) for record in records) == 4


def test_11_iscrowd_and_area_may_be_absent() -> None:
    records, _, problems = case("11")
    assert len(records[0].instances) == 5
    assert all(not found.attributes.keys() & {"iscrowd", "area"} for found in records[0].instances)
    assert not [problem for problem in problems if problem.severity is Severity.ERROR]


def test_12_image_may_have_no_size() -> None:
    records, _, problems = case("12")
    assert {(record.width, record.height) for record in records} == {(None, None)}
    assert records[0].instances[0].rectangle == Rectangle(1, 1, 5, 5)
    assert not problems


def test_13_same_name_in_two_folders_is_two_images() -> None:
    records, _, _ = case("13")
    assert [record.file_name for record in records[2:]] == ["one/c.jpg", "two/c.jpg"]


def test_14_accents_and_blanks_in_a_name_are_kept() -> None:
    records, _, _ = case("14")
    assert records[0].file_name == "é x.jpg"


def test_15_image_without_annotations_is_a_record() -> None:
    records, _, _ = case("15")
    assert (records[1].file_name, records[1].instances) == ("b.jpg", ())


def test_16_texts_are_ids() -> None:
    records, _, problems = case("16")
    assert [(record.file_name, record.instances[0].label) for record in records] == [
        ("a.jpg", "crate"),
        ("b.jpg", "pallet"),
    ]
    assert not problems


def test_17_two_categories_of_one_name_are_one_label_with_a_warning() -> None:
    records, parser, problems = case("17")
    assert [found.label for found in records[0].instances] == ["crate", "crate"]
    assert [label.name for label in parser.header().labels] == ["crate"]
    (problem,) = problems
    assert (problem.code, problem.severity) == ("label_repeated", Severity.WARNING)
    assert (problem.place.line, problem.place.column, problem.place.pointer) == (9, 3, "/categories/1")


def test_18_info_and_licenses_may_be_absent() -> None:
    records, parser, _ = case("18")
    assert parser.header().attributes == {}
    assert len(records) == 1


def test_19_sparse_category_ids_lead_to_their_names() -> None:
    records, parser, _ = case("19")
    assert [found.label for record in records for found in record.instances] == ["crate", "pallet", "crate"]
    assert [label.name for label in parser.header().labels] == ["crate", "pallet", "never used"]


def test_20_backslash_in_a_name_is_kept() -> None:
    records, _, _ = case("20")
    assert records[1].file_name == "in\\b.jpg"


def test_21_repeated_annotation_ids_cost_nothing_and_are_warned_of_once() -> None:
    records, _, problems = case("21")
    assert [[found.rectangle for found in record.instances] for record in records] == [
        [Rectangle(1, 1, 5, 5), Rectangle(2, 2, 5, 5)],
        [Rectangle(3, 3, 5, 5), Rectangle(4, 4, 5, 5)],
    ]
    (problem,) = problems
    assert (problem.code, problem.severity, problem.unit) == (
        "annotation_id_repeated", Severity.WARNING, Unit.FILE,
    )  # fmt: skip
    assert "2 annotations" in problem.message
    assert (problem.place.line, problem.place.pointer) == (9, "/annotations/2/id")


def test_22_annotation_of_a_missing_image_costs_only_itself() -> None:
    records, parser, problems = case("22")
    assert [found.rectangle for found in records[0].instances] == [Rectangle(1, 1, 5, 5)]
    (problem,) = problems
    assert (problem.code, problem.severity, problem.lost) == ("image_unknown", Severity.ERROR, 1)
    assert (problem.place.line, problem.place.column) == (5, 3)
    assert problem.place.pointer == "/annotations/1/image_id"
    assert parser.instance_count() == 2


def test_23_polygon_without_a_box_is_kept() -> None:
    records, _, _ = case("23")
    found = records[0].instances[2]
    assert (found.polygon, found.rectangle) == (Polygon((TRIANGLE,)), None)
