"""KITTI: what rows mean, what is written, and real files against independent counts."""

from __future__ import annotations

import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picsellia_ingest.errors import InputError
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Polygon, Rectangle, Ring, TextAnswer
from picsellia_ingest.parsers.base import Options
from picsellia_ingest.parsers.kitti import Kitti, KittiWriter
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, write_with
from tests.paths import FIXTURES, dataset, expected

CASES = sorted(path for path in (FIXTURES / "KITTI").iterdir() if path.is_dir())
REAL = {
    ("datumaro_assets", "kitti_dataset/kitti_detection"): "kitti_dataset/kitti_detection",
    ("panlabel_fixtures", "sample_valid.kitti"): "sample_valid.kitti",
}


def read(path: Path, imgdir: Path | None = None) -> tuple[list[ImageRecord], Kitti, ProblemLog]:
    return read_with(Kitti(path, Options(imgdir=imgdir)))


def write(records: list[ImageRecord], header: Header, out: Path, source: str = "COCO") -> Losses:
    return write_with(KittiWriter(header, None, source), records, out)


def rows(path: Path, without: set[int | None]) -> list[Any]:
    """A label file as data: only the spelling of numbers and blanks have no meaning."""
    lines = [
        line.split()
        for at, line in enumerate(path.read_text().splitlines(), 1)
        if line.strip() and at not in without
    ]
    return [[line[0], *map(float, line[1:])] for line in lines]


@pytest.mark.parametrize(
    "where", [*CASES, *REAL.items()], ids=lambda where: where.name if isinstance(where, Path) else where[1]
)
def test_what_is_written_of_files_is_the_same_as_data(where: Any, tmp_path: Path) -> None:
    path = where if isinstance(where, Path) else dataset(where[0][0]) / where[1]
    records, parser, log = read(path)
    assert not write(records, parser.header(), tmp_path / "out", "KITTI")
    made = sorted(file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.txt"))
    assert made == sorted(record.attributes["image"]["labels"] for record in records)
    for name in made:
        rejected = {one.place.line for one in log.kept if one.lost and one.place.file == str(path / name)}
        repaired = any(one.code == "box_swapped" and one.place.file == str(path / name) for one in log.kept)
        if not repaired:  # what was repaired is written as it was read
            assert rows(tmp_path / "out" / name, set()) == rows(path / name, rejected)
    assert read(tmp_path / "out")[0] == records


@pytest.mark.parametrize(("name", "entry"), REAL)
def test_files_objects_labels_and_sums_are_those_counted_independently(name: str, entry: str) -> None:
    stated = expected(name)[entry]
    records, parser, log = read(dataset(name) / REAL[name, entry])
    found = [one for record in records for one in record.instances]
    boxes = [one.rectangle for one in found if one.rectangle]
    assert len(records) == stated["files"]
    assert len(boxes) == parser.instance_count() == stated["objects"] == stated["boxes_valid"]
    assert Counter(one.label for one in found) == stated["labels"]
    assert sum(box.width * box.height for box in boxes) == pytest.approx(stated["sum_wh"])
    assert sum(box.left for box in boxes) == pytest.approx(stated["sum_x"])
    assert sum(box.top for box in boxes) == pytest.approx(stated["sum_y"])
    assert not log.kept


def test_every_kitti_entry_of_the_datasets_is_checked() -> None:
    for name in {name for name, _ in REAL}:
        entries = {entry for entry, stated in expected(name).items() if stated["format"] == "kitti"}
        assert entries == {entry for each, entry in REAL if each == name}


def test_all_that_is_said_of_a_box_in_space_is_kept() -> None:
    records, parser, log = read(FIXTURES / "KITTI" / "demo")
    assert [record.file_name for record in records] == [f"training/image_2/00000{at}.png" for at in range(3)]
    assert records[0].instances[1] == Instance(
        "DontCare", Rectangle(50.5, 7, 9.75, 2), None, (),
        {"truncated": -1, "occluded": -1, "alpha": -10, "dimensions": [-1] * 3, "location": [-1000] * 3, "rotation_y": -10},
    )  # fmt: skip
    assert records[2].instances == ()
    assert any("DontCare" in note for note in parser.notes)
    assert not log.kept


def test_names_are_relative_to_imgdir(tmp_path: Path) -> None:
    demo = FIXTURES / "KITTI" / "demo"
    names = [f"00000{at}.png" for at in range(3)]
    assert [record.file_name for record in read(demo, demo / "training" / "image_2")[0]] == names
    shutil.copytree(demo / "training" / "image_2", tmp_path / "elsewhere")
    assert [record.file_name for record in read(demo, tmp_path / "elsewhere")[0]] == names
    assert next(record.file_name for record in read(demo, tmp_path / "elsewhere" / "none")[0]).startswith(
        "training/"
    )


def test_every_bad_row_is_named_with_its_line_and_costs_only_itself() -> None:
    records, parser, log = read(FIXTURES / "KITTI" / "bad_among_good")
    assert {problem.place.line: problem.code for problem in log.kept if problem.place.line} == {
        2: "row_invalid", 3: "row_invalid", 4: "row_invalid", 5: "row_invalid", 6: "box_swapped", 7: "box_empty",
        8: "row_invalid", 10: "label_blank",
    }  # fmt: skip
    assert log.counts["encoding"] == 1
    assert [len(record.instances) for record in records] == [3]
    assert parser.instance_count() == 3 + log.lost.total() == 10


def test_one_file_is_a_dataset_and_what_is_none_is_refused(tmp_path: Path) -> None:
    records, _, _ = read(FIXTURES / "KITTI" / "demo" / "training" / "label_2" / "000001.txt")
    assert [(record.file_name, len(record.instances)) for record in records] == [("000001", 2)]
    with pytest.raises(InputError, match="UTF-8"):
        read(FIXTURES / "KITTI" / "bad_among_good" / "label_2" / "b.txt")
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "gone")
    with pytest.raises(InputError, match="no label file"):
        read(tmp_path)


def test_what_kitti_has_no_place_for_is_counted(tmp_path: Path) -> None:
    triangle = Polygon((Ring((1, 1, 9, 1, 9, 9)),))
    instances = (
        Instance(
            "x", Rectangle(0, 0, 20, 20), triangle, (TextAnswer("q", "a"),), {"colour": "red", "score": 0.5}
        ),
        Instance("x", None, triangle),
        Instance("x"),
        Instance("two words", Rectangle(0, 0, 20, 20)),
    )
    record = ImageRecord("a.jpg", 20, 20, instances, (TextAnswer("q", "b"),), {"camera": 3}, ("holdout",))
    header = Header((Label("x", frozenset({"polygon"})), Label("y")), {"licence": "CC0"})
    losses = write([record], header, tmp_path / "out")
    assert losses.changed == {
        "polygon_not_held": 2, "box_from_polygon": 1, "splits_not_held": 1, "header_not_held": 1, "labels_not_held": 1,
        "size_not_held": 1, "image_answers_not_held": 1, "image_attributes_not_held": 1, "answers_not_held": 1,
        "attributes_not_held": 1,
    }  # fmt: skip
    assert losses.dropped == {"classification_not_held": 1, "label_not_held": 1}
    back = read(tmp_path / "out")[0]
    assert back[0].file_name == "image_2/a.jpg"
    assert back[0].instances[0].attributes["score"] == 0.5
    assert [one.rectangle for one in back[0].instances] == [Rectangle(0, 0, 20, 20), Rectangle(1, 1, 8, 8)]


EDGES = st.one_of(st.integers(-50, 5000), st.decimals(-50, 5000, places=3).map(float))
SIDES = st.one_of(st.integers(1, 5000), st.decimals("0.001", 5000, places=3).map(float))
BOXES = st.builds(Rectangle, EDGES, EDGES, SIDES, SIDES)
INSTANCES = st.lists(st.builds(Instance, st.sampled_from(["x", "y", "é"]), BOXES), max_size=4).map(tuple)
RECORDS = st.lists(
    st.builds(
        lambda name, found, splits: ImageRecord(name, None, None, found, splits=splits),
        st.sampled_from(["a.jpg", "sub/b.png", "c.jpeg"]), INSTANCES, st.sampled_from([(), ("train",), ("val2017",)]),
    ),
    min_size=1, max_size=3, unique_by=lambda record: record.file_name,
)  # fmt: skip


@given(given_records=RECORDS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_of_any_format_are_read_back_as_they_were(
    given_records: list[ImageRecord], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    header = Header(tuple(Label(name, frozenset({"rectangle"})) for name in ("x", "y", "é")))
    assert not write(given_records, header, tmp_path / "out")
    back, _, log = read(tmp_path / "out")
    assert not log.kept
    where = {
        (f"{one.splits[0]}/" if one.splits else "") + f"image_2/{one.file_name}": one for one in given_records
    }
    assert {one.file_name: one.splits for one in back} == {name: one.splits for name, one in where.items()}
    for record in back:
        for each, was in zip(record.instances, where[record.file_name].instances, strict=True):
            assert each.label == was.label
            assert each.rectangle is not None
            assert was.rectangle is not None
            assert (each.rectangle.left, each.rectangle.top) == (was.rectangle.left, was.rectangle.top)
            assert each.rectangle.width == pytest.approx(was.rectangle.width, rel=1e-9)
            assert each.rectangle.height == pytest.approx(was.rectangle.height, rel=1e-9)
