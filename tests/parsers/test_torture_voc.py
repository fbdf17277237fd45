"""The 16 VOC files on which tools disagree or fail: what each must give, to the last number."""

from __future__ import annotations

import sys

import pytest

from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.model import ImageRecord, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.base import Options, Shard
from picsellia_ingest.parsers.pascal_voc import PascalVoc
from picsellia_ingest.problems import Problem, Severity, Unit
from tests.paths import FIXTURES

VOC = FIXTURES / "PASCAL-VOC"
CASES = {
    "01": ("boxes", "corners_are_read_by_the_rule_that_is_stated"),
    "02": ("boxes", "decimals_and_exponents_are_kept"),
    "03": ("boxes", "file_may_have_no_size"),
    "04": ("boxes", "file_without_filename_is_named_by_its_stem"),
    "05": ("boxes", "file_without_objects_is_a_background_image"),
    "06": ("boxes", "flags_may_hold_any_text_or_none"),
    "07": ("polygons", "polygon_is_a_polygon"),
    "08": ("boxes", "parts_are_kept_with_their_boxes"),
    "09": ("boxes", "labels_are_not_only_the_twenty_of_voc"),
    "10": ("boxes", "corners_may_stand_in_any_order"),
    "11": ("boxes", "attributes_of_cvat_are_kept"),
    "12": ("bad_among_good", "truncated_file_is_named_with_line_and_column"),
    "13": ("wrong_extension", "wrong_extension_finds_the_only_image_of_that_stem"),
    "14": ("bad_among_good", "box_outside_is_rejected_and_an_overhanging_one_is_kept_as_written"),
    "15": ("bad_among_good", "swapped_corners_are_put_right_with_a_warning"),
    "16": ("boxes", "actions_are_kept"),
}
GOOD = Rectangle(5, 6, 20, 34)


def read(name: str, rule: str = "as_written") -> tuple[dict[str, ImageRecord], PascalVoc, list[Problem]]:
    problems: list[Problem] = []
    parser = PascalVoc(VOC / name, Options(voc_coordinates=rule))
    parser.prepare(problems.append)
    records = list(parser.read(Shard(0, parser.count()), problems.append))
    return {record.file_name: record for record in records}, parser, problems


def case(number: str) -> tuple[dict[str, ImageRecord], PascalVoc, list[Problem]]:
    return read(CASES[number][0])


def found_in(problems: list[Problem], file: str) -> Problem:
    (problem,) = [problem for problem in problems if problem.place.file.endswith(f"/{file}")]
    return problem


@pytest.mark.parametrize("number", [f"{number:02}" for number in range(1, 17)])
def test_every_case_has_its_fixture_and_its_test(number: str) -> None:
    fixture, fact = CASES[number]
    assert list((VOC / fixture).glob("*.xml"))
    assert callable(getattr(sys.modules[__name__], f"test_{number}_{fact}"))


def test_01_corners_are_read_by_the_rule_that_is_stated() -> None:
    written, parser, _ = read("boxes")
    inclusive, other, _ = read("boxes", "inclusive")
    assert written["a.jpg"].instances[0].rectangle == Rectangle(5, 6, 20, 34)
    assert inclusive["a.jpg"].instances[0].rectangle == Rectangle(4, 5, 21, 35)
    assert parser.notes[0].startswith("corners as written: left = xmin, width = xmax - xmin")
    assert other.notes[0].startswith("inclusive corners counted from 1")


def test_02_decimals_and_exponents_are_kept() -> None:
    records, _, _ = case("02")
    assert records["a.jpg"].instances[1].rectangle == Rectangle(30.25, 5.5, 12.5, 7.0)


def test_03_file_may_have_no_size() -> None:
    records, _, problems = case("03")
    assert (records["c"].width, records["c"].height) == (None, None)
    assert records["c"].instances[0].rectangle == Rectangle(1, 1, 9, 9)
    assert not problems


def test_04_file_without_filename_is_named_by_its_stem() -> None:
    records, _, _ = case("04")
    assert records.keys() == {"a.jpg", "b.jpg", "c", "d"}


def test_05_file_without_objects_is_a_background_image() -> None:
    records, _, _ = case("05")
    assert (records["b.jpg"].instances, records["b.jpg"].width) == ((), 64)


def test_06_flags_may_hold_any_text_or_none() -> None:
    records, _, _ = case("06")
    flagged, occluded, _ = records["a.jpg"].instances
    assert flagged.attributes == {"pose": "Unspecified", "truncated": "Unspecified", "difficult": "0"}
    assert occluded.attributes == {"occluded": ""}


def test_07_polygon_is_a_polygon() -> None:
    records, _, problems = case("07")
    found = records["a.jpg"].instances[0]
    assert (found.polygon, found.rectangle) == (Polygon((Ring((4, 4, 20, 4, 12, 18)),)), None)
    assert not problems


def test_08_parts_are_kept_with_their_boxes() -> None:
    records, _, _ = case("08")
    person = records["a.jpg"].instances[2]
    assert [(part["name"], part["bndbox"]["xmin"]) for part in person.attributes["part"]] == [
        ("head", "50"),
        ("hand", "46"),
    ]
    assert person.rectangle == Rectangle(45, 9, 15, 31)


def test_09_labels_are_not_only_the_twenty_of_voc() -> None:
    _, parser, problems = case("09")
    assert [label.name for label in parser.header().labels] == ["Crane", "crane", "person"]
    assert not problems


def test_10_corners_may_stand_in_any_order() -> None:
    records, _, _ = case("10")
    assert records["a.jpg"].instances[2].rectangle == Rectangle(45, 9, 15, 31)


def test_11_attributes_of_cvat_are_kept() -> None:
    records, _, _ = case("11")
    assert records["a.jpg"].instances[2].attributes["attributes"] == {"colour": "red"}


def test_12_truncated_file_is_named_with_line_and_column() -> None:
    records, _, problems = case("12")
    problem = found_in(problems, "x_cut.xml")
    assert (problem.code, problem.severity, problem.unit) == ("xml_syntax", Severity.ERROR, Unit.FILE)
    assert (problem.place.line, problem.place.column) == (3, 49)
    assert "cut off" in problem.hint
    assert "x.jpg" not in records
    assert records["y.jpg"].instances[0].rectangle == GOOD


def test_13_wrong_extension_finds_the_only_image_of_that_stem() -> None:
    found = inspect(VOC / "wrong_extension", imgdir=VOC / "wrong_extension" / "images")
    assert (found.images, found.images_missing, found.instances) == (1, 0, 1)
    records, _, _ = case("13")
    assert records["a.png"].instances[0].rectangle == Rectangle(2, 3, 18, 18)


def test_14_box_outside_is_rejected_and_an_overhanging_one_is_kept_as_written() -> None:
    records, _, problems = case("14")
    outside, over = found_in(problems, "p_outside.xml"), found_in(problems, "q_overhang.xml")
    assert (outside.code, outside.severity, outside.lost) == ("box_outside", Severity.ERROR, 1)
    assert (outside.place.line, outside.place.pointer) == (4, "/annotation/object[1]")
    assert [found.rectangle for found in records["p_outside.jpg"].instances] == [GOOD]
    assert (over.code, over.severity, over.lost) == ("box_overhangs", Severity.WARNING, 0)
    assert "6 px" in over.message
    assert [found.rectangle for found in records["q_overhang.jpg"].instances] == [
        Rectangle(50, 6, 20, 34),
        GOOD,
    ]


def test_15_swapped_corners_are_put_right_with_a_warning() -> None:
    records, _, problems = case("15")
    problem = found_in(problems, "a_swapped.xml")
    assert (problem.code, problem.severity) == ("box_swapped", Severity.WARNING)
    assert (problem.place.line, problem.place.pointer) == (6, "/annotation/object[1]/bndbox")
    assert [found.rectangle for found in records["a_swapped.jpg"].instances] == [GOOD, GOOD]


def test_16_actions_are_kept() -> None:
    records, _, _ = case("16")
    assert records["a.jpg"].instances[2].attributes["actions"] == {"walking": "1", "running": "0"}
