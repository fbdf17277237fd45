"""YOLO: what rows mean, where files are found, what is written, and real datasets against independent counts."""

from __future__ import annotations

import shutil
from collections import Counter
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from picsellia_ingest import geometry
from picsellia_ingest.errors import InputError
from picsellia_ingest.geometry import is_flat
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.base import Options
from picsellia_ingest.parsers.yolo import Yolo
from picsellia_ingest.parsers.yolo_names import NAME_FILES
from picsellia_ingest.parsers.yolo_rows import DIGITS, Classes, instance, shown
from picsellia_ingest.parsers.yolo_writer import YoloWriter
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, write_with
from tests.paths import FIXTURES, dataset, expected

CASES = sorted(path for path in (FIXTURES / "YOLO").iterdir() if path.is_dir())
REAL = {
    ("sharks_three_formats", "yolov9/train"): ("yolov9", "train/"),
    ("sharks_three_formats", "yolov9/valid"): ("yolov9", "valid/"),
    ("sharks_three_formats", "yolov9/test"): ("yolov9", "test/"),
    ("yolo_mark", "img/*.txt"): ("", ""),
    ("datumaro_assets", "yolo_dataset/strict"): ("yolo_dataset/strict", ""),
    ("datumaro_assets", "roboflow_dataset/yolo/train"): ("roboflow_dataset/yolo", "train/"),
    ("datumaro_assets", "roboflow_dataset/yolo/val"): ("roboflow_dataset/yolo", "val/"),
    ("labelstudio_converter", "yolo/labels/*.txt"): ("yolo", ""),
}
FOLDERS = [*CASES, *sorted({(name, folder) for (name, _), (folder, _) in REAL.items()})]


def read(path: Path, imgdir: Path | None = None) -> tuple[list[ImageRecord], Yolo, ProblemLog]:
    return read_with(Yolo(path, Options(imgdir=imgdir)))


def write(records: list[ImageRecord], header: Header, out: Path, source: str = "COCO") -> Losses:
    return write_with(YoloWriter(header, None, source), records, out)


def small(folder: Path, rows: str, name: str = "a", size: tuple[int, int] = (64, 48)) -> Path:
    """A dataset of one image, with the classes x, y and z."""
    for part in ("images", "labels"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    Image.new("1", size).save(folder / "images" / f"{name}.png")
    (folder / "labels" / f"{name}.txt").write_text(rows)
    (folder / "classes.txt").write_text("x\ny\nz\n")
    return folder


def rows(folder: Path, files: set[str], without: frozenset[tuple[str, int | None]] = frozenset()) -> Any:
    """Label files as data: only the spelling of numbers, blanks and blank lines have no meaning. Some lines are left out."""
    found = {}
    for name in files:
        lines = (folder / name).read_text("utf-8-sig").splitlines()
        kept = [
            line
            for at, line in enumerate(lines, 1)
            if line.strip() and (str(folder / name), at) not in without
        ]
        found[name] = [[float(word) for word in line.split()] for line in kept]
    return found


def folder_of(where: Any) -> Path:
    return where if isinstance(where, Path) else dataset(where[0]) / where[1]


@pytest.mark.parametrize(
    "where", FOLDERS, ids=lambda where: where.name if isinstance(where, Path) else "-".join(where)
)
def test_what_is_written_of_a_dataset_is_the_dataset_as_data(where: Any, tmp_path: Path) -> None:
    folder = folder_of(where)
    records, parser, log = read(folder)
    losses = write(records, parser.header(), tmp_path / "out", "YOLO")
    assert not losses
    back, again, _ = read(tmp_path / "out")
    files = {name for record in records if (name := record.attributes["image"].get("labels"))}
    rejected = frozenset((one.place.file, one.place.line) for one in log.kept if one.lost and one.place.line)
    assert rows(tmp_path / "out", files) == rows(folder, files, rejected)
    written = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.txt")}
    assert {name for name in written if "/" in name} == files
    assert again.header().labels == parser.header().labels
    assert parser.header().attributes in ({}, again.header().attributes)
    assert back == records


@pytest.mark.parametrize(("name", "entry"), REAL)
def test_rows_labels_and_sums_are_those_counted_independently(name: str, entry: str) -> None:
    stated = expected(name)[entry]
    folder, below = REAL[name, entry]
    records, _, log = read(dataset(name) / folder)
    records = [record for record in records if record.attributes["image"]["path"].startswith(below)]
    instances = [(record, found) for record in records for found in record.instances]
    boxes = [(record, found.rectangle) for record, found in instances if found.rectangle]
    polygons = [found.polygon for _, found in instances if found.polygon]
    lost = log.lost["size_unknown"]
    assert len(records) + log.counts["size_unknown"] == stated["label_files"]
    assert len(records) == stated["image_files_found"]
    assert len(instances) + lost == stated["objects"]
    assert sum(box.width * box.height for _, box in boxes) == pytest.approx(stated["sum_wh_pixels"], rel=1e-6)
    assert len(polygons) == stated["counts"].get("polygons", 0)
    points = [
        len(str(found.attributes.get("segmentation", "")).split()) or len(found.polygon.rings[0].points)
        for _, found in instances
        if found.polygon
    ]  # closed rings, whose last point is not one of the model's, are kept as they are spelled
    assert sum(points) == 2 * stated["counts"].get("polygon_points", 0)
    if lost:
        return  # the rest is counted over rows that have no image here
    assert Counter(found.label for _, found in instances) == stated["labels"]
    assert len(boxes) == stated["boxes_valid"]
    for side, least, most in (("sum_x", "left", "width"), ("sum_y", "top", "height")):
        edges = sum(getattr(box, least) / getattr(record, most) for record, box in boxes)
        assert edges == pytest.approx(stated[side], abs=1e-3)


def test_every_yolo_entry_of_the_datasets_is_checked() -> None:
    for name in {name for name, _ in REAL}:
        entries = {entry for entry, stated in expected(name).items() if stated["format"] == "yolo"}
        assert entries == {entry for each, entry in REAL if each == name}


def test_a_folder_of_rows_without_names_is_refused_with_a_remedy() -> None:
    path = dataset("datumaro_assets") / "kaggle_dataset" / "relaxed_yolo"
    assert Yolo.recognises(path)
    with pytest.raises(InputError, match=r"numbers of the classes mean.*classes\.txt"):
        Yolo(path).prepare(ProblemLog())


def test_labels_in_doubly_named_folders_find_their_images() -> None:
    records, _, _ = read(dataset("datumaro_assets") / "yolo_dataset" / "labels")
    assert [(record.file_name, record.splits, len(record.instances)) for record in records] == [
        ("images/train/1.jpg", ("train",), 2), ("images/val/1.jpg", ("val",), 2),
    ]  # fmt: skip
    records, _, _ = read(dataset("datumaro_assets") / "yolo_dataset" / "annotations")
    assert [(record.file_name, record.width) for record in records] == [("Images/1.jpg", 15)]


def test_dota_files_are_not_taken_for_yolo() -> None:
    assert not Yolo.recognises(dataset("datumaro_assets") / "roboflow_dataset" / "yolo_obb")


def test_fractions_become_pixels_as_a_person_reckons_them(tmp_path: Path) -> None:
    text = "0 0.109375 0.25 0.078125 0.125\n1 0.1 0.2 0.4 0.2 0.3 0.7 0.9\n2 0.3 0.1 0.2 0.1 0.75\n"
    records, _, log = read(small(tmp_path, text, size=(640, 480)))
    assert records[0].instances == (
        Instance("x", Rectangle(45, 90, 50, 60)),
        Instance("y", None, Polygon((Ring((64, 96, 256, 96, 192, 336)),)), (), {"score": 0.9}),
        Instance("z", Rectangle(128, 24, 128, 48), None, (), {"score": 0.75}),
    )
    assert not log.kept


_FRACTIONS = st.builds(
    lambda form, digits, zeros: f"{form}{digits}{'0' * zeros}",
    st.sampled_from(["0.", "0.0", "0.00", ".", "00."]), st.integers(1, 10**17), st.integers(0, 2),
).filter(lambda word: len(word) < 24) | st.sampled_from(["1", "1.0", "0.5e-1", "0.125"])  # fmt: skip


@given(st.lists(_FRACTIONS, min_size=6, max_size=8), st.integers(1, 9000), st.integers(1, 9000))
def test_pixels_are_the_decimals_of_a_row_times_the_pictures_size_rounded_once(
    words: list[str], width: int, height: int
) -> None:
    words, size = words[: len(words) // 2 * 2], (width, height)
    points = [float(Fraction(word) * size[at % 2]) for at, word in enumerate(words)]
    if len(set(zip(points[0::2], points[1::2], strict=True))) == len(points) // 2 and not is_flat(points):
        found = row_of(words, size)
        assert found.polygon == Polygon((Ring(tuple(points)),))
        again = [value / size[at % 2] for at, value in enumerate(points)]
        assert ("segmentation" in found.attributes) == differ(again, words)
    x, y, across, down = map(Fraction, words[:4])
    sides = ((x - across / 2) * width, (y - down / 2) * height, across * width, down * height)
    found, box = row_of(words[:4], size), Rectangle(*map(float, sides))
    assert found.rectangle == box
    again = [
        (box.left + box.width / 2) / width, (box.top + box.height / 2) / height, box.width / width, box.height / height,
    ]  # fmt: skip
    assert ("bbox" in found.attributes) == differ(again, words[:4])


def row_of(words: list[str], size: tuple[int, int]) -> Instance:
    return instance(" ".join(["0", *words]), Classes({0: "x"}), size, 0, lambda *_: None)


def differ(values: list[float], words: list[str]) -> bool:
    return [round(value, DIGITS) for value in values] != list(map(float, words))


@given(
    st.lists(
        st.floats(-2, 2) | st.integers(-3, 300) | st.integers(-40, 40).map(lambda n: n / 2e13), min_size=1
    )
)
def test_numbers_are_written_as_plain_decimals_without_zeros_at_their_ends(values: list[float]) -> None:
    words = shown(values).split(" ")
    assert [float(word) for word in words] == [round(float(value), DIGITS) for value in values]
    for word in words:
        assert word == "0" or not word.endswith(("0", ".")) or "." not in word
        assert word != "-0"


def test_every_bad_row_is_named_with_its_line_and_costs_only_itself() -> None:
    records, parser, log = read(FIXTURES / "YOLO" / "bad_among_good")
    text = FIXTURES / "YOLO" / "bad_among_good" / "labels" / "train" / "rows.txt"
    at = {problem.place.line: problem.code for problem in log.kept if problem.place.file == str(text)}
    assert at == {
        2: "row_repeated", 3: "label_blank", 4: "label_unknown", 5: "label_unknown", 6: "label_unknown", 7: "row_invalid",
        8: "row_invalid", 9: "row_invalid", 10: "row_invalid", 11: "row_invalid", 13: "row_invalid", 15: "row_invalid",
        16: "row_in_pixels", 17: "box_empty", 18: "box_empty", 19: "box_outside", 20: "box_overhangs",
    }  # fmt: skip
    assert log.lost["size_unknown"] == 3
    assert log.lost["image_ambiguous"] == 1
    assert log.counts["encoding"] == 1
    assert parser.instance_count() == 7 + sum(log.lost.values())
    assert [len(record.instances) for record in records] == [1, 0, 6]


@pytest.mark.parametrize("source", ["YOLO", "COCO"])
def test_images_without_rows_are_records_and_stay_so(source: str, tmp_path: Path) -> None:
    records, parser, _ = read(FIXTURES / "YOLO" / "demo")
    empty = [record.attributes["image"] for record in records if not record.instances]
    assert empty == [
        {"path": "images/train/empty.png", "labels": "labels/train/empty.txt"}, {"path": "images/val/unlabelled.png"},
    ]  # fmt: skip
    write(records, parser.header(), tmp_path / "out", source)
    assert [len(record.instances) for record in read(tmp_path / "out")[0]] == [
        len(one.instances) for one in records
    ]


def test_names_are_relative_to_imgdir_wherever_that_is(tmp_path: Path) -> None:
    demo = FIXTURES / "YOLO" / "demo"
    inside, _, _ = read(demo, demo / "images")
    assert [record.file_name for record in inside][:3] == [
        "train/empty.png",
        "train/yard 01.png",
        "train/yard 02.png",
    ]
    shutil.copytree(demo / "images", tmp_path / "elsewhere")
    shutil.copytree(demo / "labels", tmp_path / "set" / "labels")
    (tmp_path / "set" / "classes.txt").write_text("a\nb\nc\n")
    outside, _, log = read(tmp_path / "set", tmp_path / "elsewhere")
    assert [record.file_name for record in outside] == [
        record.file_name for record in inside if "unlabelled" not in record.file_name
    ]
    assert [len(record.instances) for record in outside] == [0, 2, 3, 1]
    assert not log.kept
    _, _, log = read(tmp_path / "set")
    assert log.lost["size_unknown"] == 6


def test_an_imgdir_of_one_split_never_gives_its_images_to_another(tmp_path: Path) -> None:
    for split, width in (("train", 10), ("val", 20)):
        folder = small(tmp_path / split, "0 0.5 0.5 1 1\n", size=(width, 10))
        shutil.move(folder / "classes.txt", tmp_path / "classes.txt")
    records, _, _ = read(tmp_path, tmp_path / "train" / "images")
    assert [(record.file_name, record.width) for record in records] == [
        ("a.png", 10),
        ("val/images/a.png", 20),
    ]


def test_paths_in_data_yaml_are_compared_and_never_opened(tmp_path: Path) -> None:
    outside = small(tmp_path / "outside", "0 0.5 0.5 1 1\n")
    inside = small(tmp_path / "inside", "0 0.5 0.5 1 1\n", "b")
    (inside / "classes.txt").unlink()
    yaml = (
        f"names: [x]\npath: {outside}\ntrain: {outside}/images\nval: ../../etc\ntest: ../outside/list.txt\n"
    )
    (outside / "list.txt").write_text("b.png\n")
    (inside / "data.yaml").write_text(yaml)
    records, _, _ = read(inside)
    assert [(record.file_name, record.splits) for record in records] == [("images/b.png", ("train",))]


def test_lists_make_splits_and_an_image_may_be_in_several(tmp_path: Path) -> None:
    for name in "abc":
        small(tmp_path, "0 0.5 0.5 1 1\n", name)
    (tmp_path / "data.yaml").write_text(
        "names: [x, y, z]\ntrain: [one.txt, two.txt]\nval: /elsewhere/two.txt\n"
    )
    (tmp_path / "one.txt").write_text("./images/a.png\n")
    (tmp_path / "two.txt").write_text("C:\\data\\images\\b.jpg\r\nimages/gone.png\n")
    records, parser, log = read(tmp_path)
    assert [record.splits for record in records] == [("train",), ("train", "val"), ()]
    assert log.counts == {"listed_image_missing": 2}
    assert not parser.notes
    losses = write(records, parser.header(), tmp_path / "out")
    assert losses.changed == {"further_splits_not_held": 1, "header_not_held": 1}


def test_what_holds_every_image_in_every_split_divides_nothing() -> None:
    records, _, log = read(dataset("yolo_mark"))
    assert {record.splits for record in records} == {()}
    assert log.counts == {"listed_image_missing": 1}


@pytest.mark.parametrize(
    ("yaml", "line", "what"),
    [
        ("names: &all [a]\n", 1, "not understood"),
        ("nc: 1\nnames:\n  - [a]\n", 3, "not understood"),
        ("names:\n  one: a\n", 1, "by number"),
        ("names: [a]\nnames: [b]\n", 2, "twice"),
        ("names: [a]\ntrain: |\n  x\n", 2, "several lines"),
        ("names: [a]\nkpt_shape: 17\n", 2, "kpt_shape"),
    ],
)
def test_what_data_yaml_says_beyond_the_subset_is_refused_with_its_line(
    tmp_path: Path, yaml: str, line: int, what: str
) -> None:
    (small(tmp_path, "0 0.5 0.5 1 1\n") / "data.yaml").write_text(yaml)
    with pytest.raises(InputError, match=what) as caught:
        read(tmp_path)
    assert caught.value.problem.place.line == line
    assert caught.value.problem.place.file.endswith("data.yaml")


def test_lists_of_names_that_differ_are_refused(tmp_path: Path) -> None:
    (small(tmp_path, "0 0.5 0.5 1 1\n") / "obj.names").write_text("other\n")
    with pytest.raises(InputError, match="differ"):
        read(tmp_path)
    assert "classes.txt" in NAME_FILES


def test_one_text_file_is_no_dataset(tmp_path: Path) -> None:
    path = small(tmp_path, "0 0.5 0.5 1 1\n") / "labels" / "a.txt"
    assert not Yolo.recognises(path)
    with pytest.raises(InputError, match="give the dataset's folder"):
        read(path)
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "gone")


def test_parts_and_holes_become_one_line_and_are_parts_and_holes_again_when_read(tmp_path: Path) -> None:
    square = Ring((10, 10, 30, 10, 30, 30, 10, 30))
    hole = Ring((15, 15, 20, 15, 20, 20, 15, 20), hole=True)
    parts = (square, hole, Ring((40, 10, 50, 10, 50, 20)), Ring((60, 60, 60, 50, 50, 60)))
    found = Instance("x", Rectangle(0, 0, 99, 99), Polygon(parts), (), {"score": 0.5, "colour": "red"})
    record = ImageRecord("a.jpg", 100, 100, (found, Instance("x")), (), {"camera": 1})
    losses = write([record], Header((Label("x"),)), tmp_path / "out")
    assert losses.changed == {
        "holes_bridged": 1, "parts_joined": 1, "box_not_held": 1, "score_not_held": 1, "attributes_not_held": 1,
        "image_attributes_not_held": 1,
    }  # fmt: skip
    assert losses.dropped == {"classification_not_held": 1}
    back = read(tmp_path / "out")[0][0].instances[0].polygon
    assert back is not None
    assert geometry.area(back) == pytest.approx(400 - 25 + 50 + 50)
    rows = (tmp_path / "out" / "labels" / "default" / "a.txt").read_text().splitlines()
    assert len(rows) == 1
    assert [ring.hole for ring in back.rings] == [False, True, False, False]
    for ring, was in zip(back.rings, parts, strict=True):
        assert set(zip(ring.points[::2], ring.points[1::2], strict=True)) == set(
            zip(was.points[::2], was.points[1::2], strict=True)
        )


def test_instances_of_images_without_a_size_are_counted_and_not_written(tmp_path: Path) -> None:
    record = ImageRecord("a.jpg", None, None, (Instance("x", Rectangle(1, 1, 2, 2)),))
    losses = write([record], Header((Label("x"),)), tmp_path / "out")
    assert losses.dropped == {"size_unknown": 1}
    assert not list((tmp_path / "out").rglob("*.txt"))


def test_data_yaml_names_labels_in_their_order_and_splits_by_folder(tmp_path: Path) -> None:
    header = Header((Label("b: c"), Label("yes"), Label("née")))
    box = Instance("yes", Rectangle(1, 1, 2, 2))
    names = {
        "a.jpg": "train",
        "b.jpg": "valid",
        "c.jpg": "hold/out",
        "d.jpg": "names",
        "e.jpg": "",
        "f.jpg": "val",
    }
    records = [
        ImageRecord(name, 10, 10, (box,), splits=(split,) if split else ()) for name, split in names.items()
    ]
    losses = write(records, header, tmp_path / "out")
    assert (tmp_path / "out" / "data.yaml").read_text("utf-8") == (
        'train: images/train\nval: ["images/valid", images/val]\n"hold/out": "images/hold%2Fout"\nnc: 3\nnames:\n'
        '  0: "b: c"\n  1: "yes"\n  2: "née"\n'
    ).replace('"images/valid"', "images/valid").replace('"hold/out"', "hold/out")
    assert losses.changed == {"splits_not_held": 1}
    back, parser, _ = read(tmp_path / "out")
    assert [label.name for label in parser.header().labels] == ["b: c", "yes", "née"]
    found = {record.file_name.rpartition("/")[2]: record.splits for record in back}
    assert found == {name: (split,) if split not in ("", "names") else () for name, split in names.items()}


NUMBERS = st.integers(0, 10**6).map(lambda number: number / 10**6)
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=8, unique=True)


@st.composite
def records(draw: st.DrawFn) -> list[ImageRecord]:
    found = []
    for number in range(draw(st.integers(1, 4))):
        width, height = draw(st.integers(1, 5000)), draw(st.integers(1, 5000))
        instances = []
        for label in draw(st.lists(st.sampled_from("xyz"), max_size=4)):
            points = draw(POINTS)
            flat = tuple(value for x, y in points for value in (x * width, y * height))
            if draw(st.booleans()) and abs(geometry.ring_area(flat)) > 1e-6 * width * height:
                instances.append(Instance(label, None, Polygon((Ring(flat),))))
            else:
                left, top = points[0][0] * width * 0.9, points[0][1] * height * 0.9
                instances.append(
                    Instance(label, Rectangle(left, top, width / 20, height * draw(st.floats(1e-3, 0.1))))
                )
        splits = draw(st.sampled_from([(), ("train",), ("val",), ("valid",), ("extra set",)]))
        name = draw(st.sampled_from(["{}.jpg", "sub/{}.png", "images/{}.x.jpeg", "labels/{}.bmp"])).format(
            number
        )
        found.append(ImageRecord(name, width, height, tuple(instances), splits=splits))
    return found


@given(given_records=records())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_of_any_format_are_read_back_as_they_were(
    given_records: list[ImageRecord], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    given_records.append(ImageRecord("last.jpg", 10, 10, (Instance("z", Rectangle(1, 1, 5, 5)),)))
    losses = write(given_records, Header(tuple(map(Label, "xyz"))), tmp_path / "out")
    assert losses.changed.keys() <= {"name_changed"}
    back, parser, log = read(tmp_path / "out")
    assert not log.counts.keys() - {"row_repeated", "box_sliver"}
    assert [label.name for label in parser.header().labels] == ["x", "y", "z"]
    found = {
        record.file_name.split("/", 2)[2].rpartition(".")[0] or record.file_name.split("/", 2)[2]: record
        for record in back
    }
    together = len({record.splits for record in given_records}) == 1
    for record in given_records:
        one = found[record.file_name.rpartition(".")[0] or record.file_name]
        assert (one.width, one.height) == (record.width, record.height)
        assert one.splits == record.splits or (together and not one.splits)
        assert [(each.label, each.kind) for each in one.instances] == [
            (each.label, each.kind) for each in record.instances
        ]
        for each, was in zip(one.instances, record.instances, strict=True):
            for shape, before in ((each.polygon, was.polygon), (each.rectangle, was.rectangle)):
                assert numbers(shape) == pytest.approx(numbers(before), rel=1e-9, abs=1e-8)


def numbers(shape: Rectangle | Polygon | None) -> tuple[float, ...]:
    if isinstance(shape, Polygon):
        return shape.rings[0].points
    return () if shape is None else (shape.left, shape.top, shape.width, shape.height)


WORDS = st.sampled_from(
    [
        "0",
        "1",
        "2",
        "0.5",
        "1e-1",
        ".25",
        "-0.1",
        "nan",
        "x",
        "1e99",
        "-1e99",
        "9" * 70,
        "0,5",
        "٣",
        "0x1",
        "1_0",
    ]
)


@given(text=st.lists(st.lists(WORDS, max_size=12).map(" ".join), max_size=6).map("\n".join))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_rows_hold_the_account_adds_up(text: str, tmp_path: Path) -> None:
    records, parser, log = read(small(tmp_path, text))
    kept = sum(len(record.instances) for record in records)
    assert parser.instance_count() == sum(bool(line.strip()) for line in text.split("\n"))
    assert parser.instance_count() == kept + sum(log.lost.values())
