"""What each PICSELLIA fixture means, object by object and answer by answer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.errors import InputError
from picsellia_ingest.model import (
    ImageRecord,
    Instance,
    MultipleChoice,
    Polygon,
    RangeAnswer,
    Rectangle,
    Ring,
    SingleChoice,
    TextAnswer,
)
from picsellia_ingest.parsers import find_format
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.parsers.picsellia import Picsellia
from picsellia_ingest.problems import Problem, ProblemLog, Severity, Unit
from tests.parsers.passing import read_with
from tests.paths import FIXTURES

ROOT = FIXTURES / "PICSELLIA"
TRIANGLE = Polygon((Ring((4, 4, 20, 4, 12, 18)),))
OBJECT = {"type": "classification", "label": "crane"}


def read(path: Path) -> tuple[list[ImageRecord], Picsellia, ProblemLog]:
    return read_with(Picsellia(path))


def case(name: str) -> tuple[list[ImageRecord], Picsellia, ProblemLog]:
    return read(ROOT / name / "annotations.json")


def document(tmp_path: Path, value: Any) -> Path:
    path = tmp_path / "annotations.json"
    path.write_text(value if isinstance(value, str) else json.dumps(value))
    return path


def rejected(path: Path) -> Problem:
    with pytest.raises(InputError) as caught:
        read(path)
    return caught.value.problem


def test_a_dictionary_gives_every_type_with_its_answers() -> None:
    records, _, log = case("dictionary")
    crane, puddle = records[0].instances
    assert crane == Instance(
        "crane",
        Rectangle(402, 88, 250, 510),
        qa=(SingleChoice("Is it moving?", "no", ("yes", "no")), RangeAnswer("Rust level", 36.5, 0, 100)),
    )
    assert puddle == Instance("puddle", polygon=Polygon((Ring((90, 640, 310, 628.5, 340, 700, 120, 711)),)))
    assert records[0].qa == (
        TextAnswer("Camera tilt?", "about 3 degrees"),
        MultipleChoice("Conditions", ("wet",), ("wet", "foggy", "dry")),
    )
    assert [found.kind for found in records[1].instances] == ["classification", "classification"]
    assert not log.kept


def test_counters_and_unknown_keys_stay_in_the_attributes() -> None:
    records, parser, _ = case("dictionary")
    assert records[0].attributes["nb_labels"] == 2
    assert records[0].attributes["time_spent"] == 41.5
    assert records[1].attributes["is_accepted"] is True
    assert records[1].instances[1].attributes == {"confidence": 0.5}
    assert records[0].attributes["image"]["signed_url"].startswith("https://")
    assert parser.header().labels[1].attributes == {"colour": "#00f"}


def test_an_image_gives_its_size_to_its_record_and_is_one_without_instances_if_it_has_none() -> None:
    records, parser, _ = case("dictionary")
    assert (records[0].width, records[0].height) == (1280, 720)
    last = records[2]
    assert (last.file_name, last.width, last.height, last.instances) == ("dock_009.jpg", 640, 480, ())
    assert parser.names() == ["dock_007.jpg", "dock_008.jpg", "dock_009.jpg"]


def test_labels_come_in_the_order_of_the_categories_with_the_kinds_they_have() -> None:
    _, parser, _ = case("dictionary")
    found = [(label.name, sorted(label.kinds)) for label in parser.header().labels]
    assert found == [
        ("crane", ["classification", "rectangle"]),
        ("puddle", ["polygon"]),
        ("overcast", ["classification"]),
        ("unused", []),
    ]


def test_a_snapshot_has_neither_images_nor_counters() -> None:
    records, parser, log = read(ROOT / "snapshot" / "snapshot.json")
    assert [len(record.instances) for record in records] == [1, 0]
    assert parser.header().attributes == {"total_assets": 2}
    assert not log.kept


def test_a_bare_list_is_read_with_a_warning() -> None:
    records, _, log = read(ROOT / "bare_list" / "records.json")
    with_images, _, _ = case("dictionary")
    assert [record.instances for record in records] == [record.instances for record in with_images[:2]]
    assert [(problem.code, problem.severity) for problem in log.kept] == [("bare_list", Severity.WARNING)]


def test_an_object_with_both_shapes_keeps_both_and_its_type_where_it_matters() -> None:
    records, _, log = case("both_shapes")
    as_box, as_polygon, alone = records[0].instances
    assert as_box == Instance("sail", Rectangle(4, 4, 16, 14), TRIANGLE, attributes={"type": "rectangle"})
    assert as_polygon == Instance("sail", Rectangle(4, 4, 16, 14), TRIANGLE)
    assert alone == Instance("sail", polygon=TRIANGLE)
    assert not log.kept


def test_tokens_that_json_does_not_know_cost_one_object_each() -> None:
    records, parser, log = case("nan")
    assert [len(record.instances) for record in records] == [2, 1]
    assert log.lost == {"box_invalid": 2}
    assert parser.instance_count() == 5


ANSWERS: dict[int, tuple[str | None, bool]] = {
    0: ("answer_not_a_choice", False),
    1: ("answer_in_a_list", True),
    2: ("answer_not_in_a_list", True),
    3: ("range_invalid", False),
    4: ("range_invalid", False),
    5: ("answer_out_of_range", False),
    6: ("choices_invalid", False),
    7: ("question_missing", False),
    8: ("answer_as_text", True),
    9: (None, True),
    10: ("answer_not_a_choice", False),
    11: ("choices_invalid", False),
    12: ("answer_type_unknown", False),
    13: ("answer_missing", False),
    14: ("answer_invalid", False),
    15: ("answer_invalid", False),
    16: ("answer_invalid", False),
    17: ("number_as_text", True),
    18: ("answer_not_in_a_list", True),
    19: ("answer_invalid", False),
}


@pytest.mark.parametrize("number", ANSWERS)
def test_a_bad_answer_goes_alone_and_its_object_stays(number: int) -> None:
    records, _, log = case("answers")
    code, kept = ANSWERS[number]
    pointer = f"/annotations/0/annotations/{number}/qa"
    found = [
        p for p in log.kept if p.place.pointer == pointer or str(p.place.pointer).startswith(f"{pointer}/")
    ]
    assert [problem.code for problem in found[:1]] == ([code] if code else [])
    assert all(problem.unit is Unit.ANSWER and problem.lost == 0 for problem in found)
    assert len(records[0].instances) == 20
    assert bool(records[0].instances[number].qa) is kept


def test_answers_are_repaired_only_where_that_is_certain() -> None:
    records, _, log = case("answers")
    qa = [found.qa[0] if found.qa else None for found in records[0].instances]
    assert qa[1] == SingleChoice("Which?", "no", ("yes", "no"))
    assert qa[2] == MultipleChoice("Which?", ("no",), ("yes", "no"))
    assert qa[8] == TextAnswer("What color ?", "12")
    assert qa[17] == RangeAnswer("How much?", 5, 0, 10)
    near = next(problem for problem in log.kept if "'No '" in problem.message)
    assert near.hint == "is 'no' meant?"
    assert "'yes', 'no'" in near.message


def test_an_answer_for_the_image_is_checked_as_one_for_an_object() -> None:
    records, _, log = case("answers")
    assert records[0].qa == (MultipleChoice("What color ?", (), ("yes", "no")),)
    assert [p.code for p in log.kept if p.place.pointer == "/annotations/0/image_qa/0/answer"] == [
        "answer_out_of_range"
    ]


BAD = {
    1: ("type_unlike_geometry", "type"),
    2: ("type_unlike_geometry", "type"),
    3: ("type_unlike_geometry", "type"),
    4: ("no_geometry", "type"),
    5: ("ring_flat", "polygon"),
    6: ("polygon_invalid", "polygon"),
    7: ("label_blank", "label"),
    8: ("label_blank", "label"),
    9: ("label_blank", "label"),
    10: ("label_blank", "label"),
    12: ("annotation_invalid", ""),
    13: ("annotation_invalid", ""),
    14: ("type_unknown", "type"),
    16: ("type_unknown", "type"),
    19: ("box_empty", "rectangle"),
    20: ("box_invalid", "rectangle"),
    21: ("box_invalid", "rectangle"),
    22: ("box_outside", ""),
    24: ("box_invalid", "rectangle"),
    25: ("box_invalid", "rectangle"),
}
REPAIRED = {
    11: "label_number",
    15: "type_missing",
    17: "number_as_text",
    18: "box_negative",
    23: "box_overhangs",
}


@pytest.mark.parametrize("number", BAD)
def test_each_bad_object_is_rejected_by_itself_with_its_place(number: int) -> None:
    _, _, log = case("bad_among_good")
    code, field = BAD[number]
    pointer = f"/annotations/0/annotations/{number}" + (f"/{field}" if field else "")
    (found,) = [problem for problem in log.kept if problem.place.pointer == pointer]
    assert (found.code, found.lost, found.severity) == (code, 1, Severity.ERROR)
    lines = (ROOT / "bad_among_good" / "annotations.json").read_text().splitlines()
    assert found.place.line is not None
    assert lines[found.place.line - 1].strip() in ("{", "null,", "[")


@pytest.mark.parametrize("number", REPAIRED)
def test_what_is_certain_is_repaired_with_a_warning(number: int) -> None:
    records, _, log = case("bad_among_good")
    prefix = f"/annotations/0/annotations/{number}"
    found = [
        p
        for p in log.kept
        if p.place.pointer in (prefix, f"{prefix}/type", f"{prefix}/rectangle", f"{prefix}/label")
    ]
    assert [(problem.code, problem.lost, problem.severity) for problem in found] == [
        (REPAIRED[number], 0, Severity.WARNING)
    ]
    assert len(records[0].instances) == 1 + len(REPAIRED)


def test_a_negative_width_is_drawn_from_the_other_corner() -> None:
    records, _, _ = case("bad_among_good")
    assert records[0].instances[4].rectangle == Rectangle(30, 1, 30, 40)


def test_bad_records_and_images_cost_only_themselves() -> None:
    records, parser, log = case("bad_among_good")
    assert parser.names() == ["a.jpg", "b.jpg", "d.jpg", "d.jpg", "e.jpg", "f.jpg"]
    assert [len(record.instances) for record in records] == [6, 0, 1, 2, 1, 0]
    assert log.lost["image_unnamed"] == 3
    assert log.counts["image_unnamed"] == 4
    assert log.counts["annotations_invalid"] == log.counts["annotations_missing"] == 1
    assert log.counts["image_repeated"] == 2
    assert log.counts["image_size_invalid"] == 2
    assert records[4].attributes["rotation"] == 90


@pytest.mark.parametrize(
    "broken",
    [b'{"type":"classification","label":"\xff"}', b'{"type":"classification","label":"a","score":1e999}'],
)
def test_an_object_that_cannot_be_decoded_costs_only_itself(tmp_path: Path, broken: bytes) -> None:
    good = json.dumps(OBJECT).encode()
    path = tmp_path / "annotations.json"
    path.write_bytes(
        b'{"annotations":[{"external_picture_url":"a.jpg","time_spent":1e999,"annotations":[%s,%s]}]}'
        % (broken, good)
    )
    records, parser, log = read(path)
    assert [found.label for found in records[0].instances] == ["crane"]
    assert log.lost == {"annotation_invalid": 1}
    assert log.counts["value_unreadable"] == 1
    assert parser.instance_count() == 2


def test_records_of_pictures_with_one_name_are_joined_with_their_images_by_id(tmp_path: Path) -> None:
    def named(picture: str, **more: Any) -> dict[str, Any]:
        return {"external_picture_url": "a.jpg", "internal_picture_id": picture, **more}

    path = document(
        tmp_path,
        {
            "images": [named("2", width=20, height=2), named("1", width=10, height=1)],
            "annotations": [named("1", annotations=[OBJECT]), named("2", annotations=[])],
        },
    )
    records, _, log = read(path)
    assert [(record.width, len(record.instances)) for record in records] == [(10, 1), (20, 0)]
    assert log.counts == {"image_repeated": 1}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ({"images": []}, "no_annotations"),
        ({"annotations": {"a": 1}}, "not_an_array"),
        ({"external_picture_url": "a.jpg", "annotations": [OBJECT]}, "one_record"),
        ('{"annotations": [], "annotations": []}', "key_repeated"),
        ("", "empty_file"),
        ("<html>", "not_json"),
        ('{"annotations": [', "json_syntax"),
    ],
)
def test_a_file_whose_structure_is_lost_is_rejected_whole(tmp_path: Path, value: Any, code: str) -> None:
    assert rejected(document(tmp_path, value)).code == code


def test_a_folder_is_its_only_file() -> None:
    folder = ROOT / "dictionary"
    assert find_format(folder) is Picsellia
    records = [read(path)[0] for path in (folder, folder / "annotations.json")]
    assert records[0] == records[1]
    assert rejected(ROOT / "gone.json").code == "missing"


def test_the_only_file_may_lie_deeper_as_it_may_where_the_format_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "export").mkdir()
    source = ROOT / "dictionary" / "annotations.json"
    (tmp_path / "export" / "a.json").write_bytes(source.read_bytes())
    assert find_format(tmp_path) is Picsellia
    assert [record.file_name for record in read(tmp_path)[0]] == [
        record.file_name for record in read(source)[0]
    ]


def test_a_folder_of_several_files_is_refused_and_they_are_named(tmp_path: Path) -> None:
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes((ROOT / "dictionary" / "annotations.json").read_bytes())
    assert find_format(tmp_path) is Picsellia
    problem = rejected(tmp_path)
    assert (problem.code, problem.hint) == ("is_a_folder", "give the file: a.json, b.json")


def test_a_folder_with_another_formats_files_is_not_taken_for_one_of_ours(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes((ROOT / "dictionary" / "annotations.json").read_bytes())
    coco = FIXTURES / "COCO" / "demo" / "instances.json"
    (tmp_path / "b.json").write_bytes(coco.read_bytes())
    assert find_format(tmp_path) is Coco


def test_points_may_be_pairs_and_extra_keys_of_a_shape_are_kept(tmp_path: Path) -> None:
    triangle = [[4, 4], [20, 4], [12, 18]]
    objects = [
        {"type": "polygon", "label": "a", "polygon": {"geometry": triangle, "closed": True}},
        {"type": "polygon", "label": "a", "polygon": triangle},
        {
            "type": "rectangle",
            "label": "a",
            "rectangle": {"left": 1, "top": 2, "width": 3, "height": 4, "angle": 0},
        },
    ]
    path = document(tmp_path, {"annotations": [{"external_picture_url": "a.jpg", "annotations": objects}]})
    records, _, log = read(path)
    closed, plain, box = records[0].instances
    assert (closed.polygon, closed.attributes) == (TRIANGLE, {"polygon": {"closed": True}})
    assert plain.polygon == TRIANGLE
    assert (box.rectangle, box.attributes) == (Rectangle(1, 2, 3, 4), {"rectangle": {"angle": 0}})
    assert log.counts == {"polygon_without_geometry": 1}


def test_a_file_that_changed_after_it_was_planned_is_reported_and_accounted_for(tmp_path: Path) -> None:
    value = {"annotations": [{"external_picture_url": name, "annotations": [OBJECT]} for name in ("a", "b")]}
    path = document(tmp_path, value)
    parser, log = Picsellia(path), ProblemLog()
    parser.prepare(log)
    path.write_text(path.read_text().replace('"b"', '"c"'))
    assert [record.file_name for record in parser.read(Shard(0, 2), log)] == ["a"]
    assert log.lost == {"file_changed": 1}
    assert list(parser.read(Shard(0, 0), log)) == []


RECORD = '{"external_picture_url": "a.jpg", "annotations": []}'


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f'{{"annotations": [{RECORD}]}}', True),
        (f"[{RECORD}]", True),
        (f'{{"notes": "{"x" * 100_000}", "annotations": [{RECORD}]}}', True),
        ('{"annotations": [], "total_assets": 0}', True),
        ('{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [], "categories": []}', False),
        ('{"annotations": [], "nb_pages": 1, "images": [{"file_name": "a"}]}', False),
        ("external_picture_url", False),
        ("", False),
    ],
)
def test_a_file_is_recognised_by_keys_at_either_end(tmp_path: Path, text: str, expected: bool) -> None:
    assert Picsellia.recognises(document(tmp_path, text)) is expected
    (tmp_path / "wide.json").write_bytes(text.encode("utf-16"))
    assert Picsellia.recognises(tmp_path / "wide.json") is expected


def test_recognising_raises_nothing(tmp_path: Path) -> None:
    (tmp_path / "self").symlink_to(tmp_path / "self")
    for path in (tmp_path, tmp_path / "gone", tmp_path / "self"):
        assert not Picsellia.recognises(path)


@pytest.mark.parametrize(
    ("polygon", "code"),
    [
        ({"geometry": []}, "no_geometry"),
        ({"geometry": None}, "no_geometry"),
        ({"geometry": {"x": 1}}, "polygon_invalid"),
        ({"geometry": [1, 2, 3, 4, 5, 6]}, "polygon_invalid"),
        ({"points": [[4, 4], [20, 4], [12, 18]]}, "polygon_invalid"),
        ("POLYGON((0 0))", "polygon_invalid"),
    ],
)
def test_a_polygon_that_is_none_costs_its_object(tmp_path: Path, polygon: Any, code: str) -> None:
    found = {"type": "polygon", "label": "a", "polygon": polygon}
    value = {"annotations": [{"external_picture_url": "a.jpg", "annotations": [found]}]}
    _, _, log = read(document(tmp_path, value))
    assert log.lost == {code: 1}


def test_points_written_as_text_and_answers_of_the_wrong_shape_are_reported(tmp_path: Path) -> None:
    corners = [{"x": "4", "y": 4}, {"x": 20, "y": 4}, {"x": 12, "y": 18}]
    qa = [{"type": "mc", "question": "Which?", "answer": 3, "choices": ["3"]}]
    found = {"type": "polygon", "label": "a", "polygon": {"geometry": corners}, "qa": qa}
    value = {"annotations": [{"external_picture_url": "a.jpg", "annotations": [found]}]}
    records, _, log = read(document(tmp_path, value))
    assert records[0].instances == (Instance("a", polygon=TRIANGLE),)
    assert log.counts == {"number_as_text": 1, "answer_invalid": 1}


def test_labels_that_the_categories_do_not_list_are_added_and_noted(tmp_path: Path) -> None:
    record = {"external_picture_url": "a.jpg", "annotations": [OBJECT]}
    _, parser, _ = read(document(tmp_path, {"categories": [{"name": "ship"}], "annotations": [record]}))
    assert [label.name for label in parser.header().labels] == ["ship", "crane"]
    assert parser.notes == ["labels that 'categories' does not list: crane"]
