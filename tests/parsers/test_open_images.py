"""OPEN-IMAGES: what rows mean, what is written, and real files against independent counts."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from picsellia_ingest.errors import InputError
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Polygon, Rectangle, Ring, TextAnswer
from picsellia_ingest.parsers.base import Options, Shard
from picsellia_ingest.parsers.open_images import OpenImages
from picsellia_ingest.parsers.open_images_index import look
from picsellia_ingest.parsers.open_images_writer import OpenImagesWriter
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, write_with
from tests.paths import FIXTURES, dataset, expected

CASES = sorted(path for path in (FIXTURES / "OPEN-IMAGES").iterdir() if path.is_dir())
HEADING = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n"


def read(path: Path, imgdir: Path | None = None) -> tuple[list[ImageRecord], OpenImages, ProblemLog]:
    return read_with(OpenImages(path, Options(imgdir=imgdir)))


def write(records: list[ImageRecord], header: Header, out: Path, source: str = "COCO") -> Losses:
    return write_with(OpenImagesWriter(header, None, source), records, out)


def plain(column: str, cell: str) -> Any:
    return float(cell) if column in ("XMin", "XMax", "YMin", "YMax") else cell


def rows(folder: Path, without: frozenset[tuple[str, int | None]] = frozenset()) -> list[Any]:
    """All rows of a dataset as data: by kind and split. An empty cell says nothing, and neither does the order of columns."""
    found = []
    for path in folder.rglob("*.csv"):
        file = look(path, path.name)
        if file is None:
            continue
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for at, row in enumerate(csv.DictReader(stream), 2):
                said = {key: plain(key, cell.strip()) for key, cell in row.items() if cell and cell.strip()}
                if said and (str(path), at) not in without:
                    found.append((file.kind, file.split, sorted(said.items())))
    return sorted(found, key=repr)


@pytest.mark.parametrize(
    "where",
    [*(case for case in CASES if case.name != "bad_among_good"), "v6"],
    ids=lambda where: getattr(where, "name", where),
)
def test_what_is_written_of_files_is_the_same_as_data(where: Any, tmp_path: Path) -> None:
    path = where if isinstance(where, Path) else dataset("datumaro_assets") / "open_images_dataset" / where
    records, parser, log = read(path)
    assert not log.lost
    assert not write(records, parser.header(), tmp_path / "out", "OPEN-IMAGES")
    listed = any(record.attributes["image"].get("listed") for record in records)
    written, was = rows(tmp_path / "out"), rows(path)
    if listed and where == "v6":  # one list of all splits becomes a list for each
        written, was = ([row for row in side if row[0] != "images"] for side in (written, was))
    assert written == was
    back, again, _ = read(tmp_path / "out")
    assert sorted(back, key=lambda one: one.file_name) == sorted(records, key=lambda one: one.file_name)
    assert {label.name for label in again.header().labels} == {label.name for label in parser.header().labels}


@pytest.mark.parametrize("split", ["train", "test"])
def test_boxes_labels_and_sums_are_those_counted_independently(split: str) -> None:
    file = {"train": "oidv6-train", "test": "test"}[split]
    stated = expected("datumaro_assets")[f"open_images_dataset/v6/annotations/{file}-annotations-bbox.csv"]
    records, parser, log = read(dataset("datumaro_assets") / "open_images_dataset" / "v6")
    mine = [
        (record, one)
        for record in records
        if record.splits == (split,)
        for one in record.instances
        if one.rectangle
    ]
    keys = {label.name: label.attributes["id"] for label in parser.header().labels}
    assert len(mine) == stated["rows"] == stated["boxes_valid"]
    assert len({record.file_name for record, _ in mine}) == stated["images"]
    assert Counter(keys[one.label] for _, one in mine) == stated["labels"]
    boxes = [(record.width or 0, record.height or 0, one.rectangle) for record, one in mine if one.rectangle]
    assert sum(box.width * box.height / width / height for width, height, box in boxes) == pytest.approx(
        stated["sum_wh"]
    )
    assert sum(box.left / width for width, _, box in boxes) == pytest.approx(stated["sum_x"])
    assert sum(box.top / height for _, height, box in boxes) == pytest.approx(stated["sum_y"])
    assert log.counts == {"masks_not_read": 1}


def test_a_file_without_its_images_is_counted_and_read_with_imgdir(tmp_path: Path) -> None:
    path = dataset("panlabel_fixtures") / "sample_valid.openimages.csv"
    stated = expected("panlabel_fixtures")[path.name]
    records, parser, log = read(path)
    assert not records
    assert log.lost == {"size_unknown": stated["rows"]}
    for name in ("abc123", "def456"):
        Image.new("1", (100, 100)).save(tmp_path / f"{name}.png")
    records, parser, log = read(path, tmp_path)
    found = [one for record in records for one in record.instances]
    boxes = [one.rectangle for one in found if one.rectangle]
    assert [record.file_name for record in records] == ["abc123.png", "def456.png"]
    assert len(found) == parser.instance_count() == stated["rows"]
    assert Counter(one.label for one in found) == stated["labels"]
    assert sum(box.width * box.height for box in boxes) == pytest.approx(stated["sum_wh"] * 10_000)
    assert sum(box.left for box in boxes) == pytest.approx(stated["sum_x"] * 100)
    assert sum(box.top for box in boxes) == pytest.approx(stated["sum_y"] * 100)
    assert not log.kept


def test_labels_of_whole_images_are_classifications_and_absent_ones_are_none() -> None:
    records, parser, _ = read(FIXTURES / "OPEN-IMAGES" / "demo")
    assert [one.kind for one in records[0].instances] == ["rectangle", "rectangle", "classification"]
    assert [row["LabelName"] for row in records[0].attributes["absent"]] == ["/m/02"]
    assert [(label.name, label.attributes) for label in parser.header().labels] == [
        ("Boat", {"id": "/m/01"}), ("Buoy, red", {"id": "/m/02"}), ("Never seen", {"id": "/m/03"}),
    ]  # fmt: skip
    assert records[1].instances == ()
    assert records[1].file_name == "images/train/0a2.jpg"


def test_every_bad_row_is_named_with_its_line_and_costs_only_itself() -> None:
    records, parser, log = read(FIXTURES / "OPEN-IMAGES" / "bad_among_good")
    assert {problem.place.line: problem.code for problem in log.kept if problem.place.line} == {
        3: "label_blank", 4: "box_invalid", 5: "box_invalid", 6: "box_empty", 7: "box_empty", 8: "row_in_pixels",
        9: "box_outside", 10: "box_overhangs", 11: "row_invalid", 12: "row_invalid", 13: "size_unknown",
        14: "size_unknown", 16: "label_blank",
    }  # fmt: skip
    assert log.lost["size_unknown"] == 4
    assert [len(record.instances) for record in records] == [3, 1]
    assert parser.instance_count() == 4 + log.lost.total() == 18


def test_an_image_is_found_where_its_id_and_split_say(tmp_path: Path) -> None:
    for place, width in (
        ("images/train/a", 10),
        ("images/test/a", 20),
        ("images/train/sub/a", 30),
        ("images/test/b", 40),
    ):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        Image.new("1", (width, 10)).save(tmp_path / f"{place}.png")
    box = ",x,X,1,0,1,0,1\n"
    (tmp_path / "train-annotations-bbox.csv").write_text(HEADING + f"a{box}sub/a{box}b{box}")
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    records, _, _ = read(tmp_path)
    assert [record.width for record in records] == [10, 30, 40]


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "gone")
    with pytest.raises(InputError, match="no CSV file"):
        read(tmp_path)
    assert not OpenImages.recognises(dataset("datumaro_assets") / "open_images_dataset" / "v5")


def test_rows_that_changed_since_the_first_pass_are_left_out_and_named(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    path.write_text("ImageID,LabelName,Confidence\na,X,1\nb,X,1\n")
    parser, log = OpenImages(path), ProblemLog()
    parser.prepare(log)
    path.write_text("ImageID,LabelName,Confidence\na,X,1\nb,X,0\n")
    assert [record.file_name for record in parser.read(Shard(0, 2), log)] == ["a"]
    assert log.counts == {"file_changed": 1}


def test_what_open_images_has_no_place_for_is_counted(tmp_path: Path) -> None:
    triangle = Polygon((Ring((1, 1, 9, 1, 9, 9)),))
    instances = (
        Instance(
            "x",
            Rectangle(0, 0, 20, 20),
            triangle,
            (TextAnswer("q", "a"),),
            {"colour": "red", "tags": [1], "score": 0.5},
        ),
        Instance("x", None, triangle),
        Instance("x"),
        Instance(" x", Rectangle(0, 0, 2, 2)),
    )
    record = ImageRecord(
        "a.jpg", 20, 20, instances, (TextAnswer("q", "b"),), {"camera": 3, "lens": {"f": 2}}, ("holdout",)
    )
    bare = ImageRecord("b.jpg", None, None, (Instance("x", Rectangle(0, 0, 2, 2)), Instance("x")))
    header = Header((Label("x", frozenset({"polygon"})), Label("y"), Label(" x")), {"licence": "CC0"})
    losses = write([record, bare], header, tmp_path / "out")
    assert losses.changed == {
        "polygon_not_held": 2, "box_from_polygon": 1, "splits_not_held": 1, "header_not_held": 1,
        "image_answers_not_held": 1, "image_attributes_not_held": 1, "answers_not_held": 1, "attributes_not_held": 1,
        "attributes_as_text": 1,
    }  # fmt: skip
    assert losses.dropped == {"label_not_held": 1, "size_unknown": 1}
    back = read(tmp_path / "out")[0]
    assert back[0].attributes["camera"] == "3"
    assert back[0].instances[0].attributes["colour"] == "red"
    assert back[0].instances[0].attributes["Confidence"] == "0.5"
    assert [one.rectangle for one in back[0].instances] == [
        Rectangle(0, 0, 20, 20),
        Rectangle(1, 1, 8, 8),
        None,
    ]
    assert [one.kind for one in back[1].instances] == ["classification"]


SHARES = st.integers(1, 999).map(lambda number: number / 1000)


@st.composite
def records(draw: st.DrawFn) -> list[ImageRecord]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        width, height = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
        instances = [
            Instance(draw(st.sampled_from(["x", "y, z", "é"])), draw(st.sampled_from([None, Rectangle(width * draw(SHARES) / 2, height * draw(SHARES) / 2, width * draw(SHARES), height * draw(SHARES))])))
            for _ in range(draw(st.integers(0, 3)))
        ]  # fmt: skip
        instances.sort(key=lambda one: one.rectangle is None)
        splits = draw(st.sampled_from([(), ("train",), ("validation",), ("test",)]))
        name = draw(st.sampled_from(["{}.jpg", "sub/{}.png", "{}.x.jpeg", "train/{}.png"])).format(number)
        found.append(ImageRecord(name, width, height, tuple(instances), splits=splits))
    return found


@given(given_records=records())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_of_any_format_are_read_back_as_they_were(
    given_records: list[ImageRecord], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    losses = write(given_records, Header(tuple(map(Label, ("x", "y, z", "é")))), tmp_path / "out")
    boxless = sum(all(one.rectangle is None for one in record.instances) for record in given_records)
    assert (losses.changed.total(), losses.changed["size_not_held"]) == (boxless, boxless)
    assert not losses.dropped
    back, parser, log = read(tmp_path / "out")
    assert not log.lost
    assert [label.name for label in parser.header().labels] == ["x", "y, z", "é"]
    found = {record.file_name: record for record in back}
    for record in given_records:
        one = found["/".join(["images", *record.splits, record.file_name])]
        assert one.splits == record.splits
        assert [(each.label, each.kind) for each in one.instances] == [
            (was.label, was.kind) for was in record.instances
        ]
        for each, was in zip(one.instances, record.instances, strict=True):
            if was.rectangle is not None and each.rectangle is not None:
                size = max(record.width or 0, record.height or 0)
                for side in ("left", "top", "width", "height"):
                    assert getattr(each.rectangle, side) == pytest.approx(
                        getattr(was.rectangle, side), abs=1e-11 * size
                    )


CELLS = st.sampled_from(
    ["a", "", "0.5", "1", "nan", "-1", "9" * 70, '"', '""', "é", "x,y", "1e99", "\r", "\x00"]
)


@given(lines=st.lists(st.lists(CELLS, max_size=9).map(",".join), max_size=6))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_rows_hold_the_account_adds_up(lines: list[str], tmp_path: Path) -> None:
    Image.new("1", (64, 48)).save(tmp_path / "a.png")
    (tmp_path / "boxes.csv").write_bytes((HEADING + "\n".join(lines)).encode())
    found, parser, log = read(tmp_path)
    kept = sum(len(record.instances) for record in found)
    assert parser.instance_count() == kept + log.lost.total()
    assert parser.instance_count() == sum(bool(line.strip()) for line in lines)
