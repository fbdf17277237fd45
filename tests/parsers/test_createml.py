"""CREATEML: what boxes mean, what is written, and real documents against independent counts."""

from __future__ import annotations

import json
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
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.createml import CreateMl, CreateMlWriter
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, write_with
from tests.paths import FIXTURES, dataset, expected

CASES = sorted(path for path in (FIXTURES / "CREATEML").iterdir() if path.is_dir())
REAL = {
    ("sharks_three_formats", "createml/train"): "createml/train",
    ("sharks_three_formats", "createml/valid"): "createml/valid",
    ("sharks_three_formats", "createml/test"): "createml/test",
    (
        "datumaro_assets",
        "roboflow_dataset/createml/train/_annotations.createml.json",
    ): "roboflow_dataset/createml/train/_annotations.createml.json",
    (
        "datumaro_assets",
        "roboflow_dataset/createml/val/_annotations.createml.json",
    ): "roboflow_dataset/createml/val/_annotations.createml.json",
    ("panlabel_fixtures", "sample_valid.createml.json"): "sample_valid.createml.json",
}


def read(path: Path) -> tuple[list[ImageRecord], CreateMl, ProblemLog]:
    return read_with(CreateMl(path))


def write(records: list[ImageRecord], header: Header, out: Path, source: str = "COCO") -> Losses:
    return write_with(CreateMlWriter(header, None, source), records, out)


def rows(path: Path) -> list[Any]:
    """The images of every document below a folder as data; in which file of one folder a row stands has no meaning."""
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    root = path if path.is_dir() else path.parent
    found = [
        (file.relative_to(root).parent.as_posix(), row)
        for file in files
        for row in json.loads(file.read_text())
    ]
    return sorted(found, key=repr)


@pytest.mark.parametrize(
    "where",
    [*CASES, *REAL.items(), (("sharks_three_formats", ""), "createml")],
    ids=lambda w: w.name if isinstance(w, Path) else w[1],
)
@pytest.mark.parametrize("suffix", ["", ".json"])
def test_what_is_written_of_documents_is_the_same_as_data(where: Any, suffix: str, tmp_path: Path) -> None:
    path = where if isinstance(where, Path) else dataset(where[0][0]) / where[1]
    records, parser, log = read(path)
    out = tmp_path / f"out{suffix}"
    losses = write(records, parser.header(), out, "CREATEML")
    assert losses.changed.keys() <= ({"splits_not_held"} if suffix else set())
    assert not losses.dropped
    back, _, _ = read(out)
    assert [(one.file_name, one.instances, one.attributes) for one in back] == [
        (one.file_name, one.instances, one.attributes) for one in records
    ]
    if not log.lost and not suffix:
        cleaned = [(folder, {key: value or [] for key, value in row.items()}) for folder, row in rows(path)]
        assert rows(out) == sorted(cleaned, key=repr)  # annotations that are null are none


@pytest.mark.parametrize(("name", "entry"), REAL)
def test_images_boxes_labels_and_sums_are_those_counted_independently(name: str, entry: str) -> None:
    stated = expected(name)[entry]
    records, parser, log = read(dataset(name) / REAL[name, entry])
    boxes = [found.rectangle for record in records for found in record.instances if found.rectangle]
    assert len(records) == stated["images"]
    assert len(boxes) == parser.instance_count() == stated["objects"] == stated["boxes_valid"]
    assert Counter(found.label for record in records for found in record.instances) == stated["labels"]
    assert sum(box.width * box.height for box in boxes) == pytest.approx(stated["sum_wh"])
    assert sum(box.left for box in boxes) == pytest.approx(stated["sum_x"], abs=1e-3)
    assert sum(box.top for box in boxes) == pytest.approx(stated["sum_y"], abs=1e-3)
    assert not log.kept


def test_every_createml_entry_of_the_datasets_is_checked() -> None:
    for name in {name for name, _ in REAL}:
        entries = {entry for entry, stated in expected(name).items() if stated["format"] == "createml"}
        assert entries == {entry for each, entry in REAL if each == name}


def test_a_centre_becomes_an_edge_as_a_person_reckons_it() -> None:
    records, _, _ = read(FIXTURES / "CREATEML" / "odd")
    assert records[0].instances[0].rectangle == Rectangle(-0.05, -0.15, 0.3, 0.7)
    assert records[1].instances[0].rectangle == Rectangle(116.2925, 61.3175, 408.9475, 346.6825)


def test_names_count_from_the_document_and_splits_are_its_folder() -> None:
    records, _, _ = read(FIXTURES / "CREATEML" / "demo")
    assert [(record.file_name, record.splits) for record in records] == [
        ("train/plate 1.png", ("train",)), ("train/plate 2.png", ("train",)), ("valid/plate 3.png", ("valid",)),
    ]  # fmt: skip


def test_every_bad_box_is_named_with_its_place_and_costs_only_itself() -> None:
    records, parser, log = read(FIXTURES / "CREATEML" / "bad_among_good")
    assert log.counts == {
        "image_unnamed": 2, "annotations_invalid": 1, "row_invalid": 1, "json_syntax": 1, "not_createml": 1,
        "label_blank": 2, "box_empty": 2, "number_as_text": 1, "box_invalid": 5, "annotation_invalid": 2,
    }  # fmt: skip
    assert [len(record.instances) for record in records] == [3, 1]
    assert parser.instance_count() == 4 + log.lost.total() == 17


def test_one_document_that_is_rejected_is_refused_whole(tmp_path: Path) -> None:
    for name in ("b_cut", "c"):
        with pytest.raises(InputError):
            read(FIXTURES / "CREATEML" / "bad_among_good" / f"{name}.json")
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "gone")
    with pytest.raises(InputError, match=r"no \*\.json"):
        read(tmp_path)


def test_a_row_that_changed_since_the_first_pass_is_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        json.dumps([{"image": "a.jpg", "annotations": []}, {"image": "b.jpg", "annotations": []}])
    )
    parser, log = CreateMl(path), ProblemLog()
    parser.prepare(log)
    path.write_text(path.read_text().replace("b.jpg", "c.jpg"))
    assert [record.file_name for record in parser.read(Shard(0, 2), log)] == ["a.jpg"]
    assert log.counts == {"file_changed": 1}


def test_what_createml_has_no_place_for_is_counted(tmp_path: Path) -> None:
    triangle = Polygon((Ring((1, 1, 9, 1, 9, 9)),))
    instances = (
        Instance(
            "x", Rectangle(0, 0, 20, 20), triangle, (TextAnswer("q", "a"),), {"colour": "red", "score": 0.5}
        ),
        Instance("x", None, triangle),
        Instance("x"),
    )
    record = ImageRecord("a.jpg", 20, 20, instances, (TextAnswer("q", "b"),), {"camera": 3}, ("holdout",))
    header = Header((Label("x", frozenset({"polygon"})), Label("y")), {"licence": "CC0"})
    losses = write([record], header, tmp_path / "out")
    assert losses.changed == {
        "polygon_not_held": 2, "box_from_polygon": 1, "splits_not_held": 1, "header_not_held": 1, "labels_not_held": 1,
        "size_not_held": 1, "image_answers_not_held": 1, "image_attributes_not_held": 1, "answers_not_held": 1,
        "attributes_not_held": 1, "score_not_held": 1,
    }  # fmt: skip
    assert losses.dropped == {"classification_not_held": 1}
    back = read(tmp_path / "out")[0]
    assert [found.rectangle for found in back[0].instances] == [
        Rectangle(0, 0, 20, 20),
        Rectangle(1, 1, 8, 8),
    ]


EDGES = st.one_of(st.integers(-50, 5000), st.decimals(-50, 5000, places=6).map(float))
SIDES = st.one_of(st.integers(1, 5000), st.decimals("0.000001", 5000, places=6).map(float))
BOXES = st.builds(Rectangle, EDGES, EDGES, SIDES, SIDES)
INSTANCES = st.lists(st.builds(Instance, st.sampled_from(["x", "y", "é"]), BOXES), max_size=4).map(tuple)
RECORDS = st.lists(
    st.builds(
        lambda name, found, splits: ImageRecord(name, None, None, found, splits=splits),
        st.sampled_from(["a.jpg", "sub/b.png", "train/c.jpg"]), INSTANCES, st.sampled_from([(), ("train",), ("val2017",)]),
    ),
    min_size=1, max_size=4, unique_by=lambda record: record.file_name,
)  # fmt: skip


@given(given_records=RECORDS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_of_any_format_are_read_back_as_they_were(
    given_records: list[ImageRecord], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    header = Header(tuple(Label(name, frozenset({"rectangle"})) for name in ("x", "y", "é")))
    assert not write(given_records, header, tmp_path / "out")
    back, _, log = read(tmp_path / "out")
    assert not log.lost
    where = {(f"{one.splits[0]}/" if one.splits else "") + one.file_name: one for one in given_records}
    assert {one.file_name: (one.instances, one.splits) for one in back} == {
        name: (one.instances, one.splits) for name, one in where.items()
    }
