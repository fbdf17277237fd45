"""Label Studio: what each result means, every bad one with its place, and the tasks written as they were."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from picsellia_ingest import geometry
from picsellia_ingest.errors import InputError, ItemError
from picsellia_ingest.model import ImageRecord, Instance, Polygon, Rectangle, Ring
from picsellia_ingest.parsers import brush, find_format
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.parsers.labelstudio import LabelStudio, image_name
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, records_of
from tests.parsers.test_writers import written
from tests.paths import FIXTURES, dataset, expected

CASES = FIXTURES / "LABEL-STUDIO"
REAL = {
    "labelstudio_converter": [
        "test_export_csv/csv_test.json",
        "test_export_csv/csv_test_history.json",
        "test_export_json_min/data.json",
        "test_export_yolo/data.json",
        "test_export_yolo/data_obb.json",
        "test_export_yolo/data_polygons.json",
    ],
    "panlabel_fixtures": [
        "sample_invalid_multi_annotation_sets.label_studio.json",
        "sample_invalid_result_type.label_studio.json",
        "sample_legacy_completions.label_studio.json",
        "sample_rotated.label_studio.json",
        "sample_valid.label_studio.json",
    ],
}
FILES = [(name, file) for name, files in REAL.items() for file in files]


def read(path: Path) -> tuple[list[ImageRecord], LabelStudio, ProblemLog]:
    return read_with(LabelStudio(path))


def case(name: str) -> tuple[list[ImageRecord], LabelStudio, ProblemLog]:
    return read(CASES / name / "tasks.json")


def test_results_are_read_in_pixels() -> None:
    records, parser, log = case("demo")
    assert not log.kept
    assert [(record.file_name, record.width, record.height) for record in records] == [
        ("pier 1.jpg", 200, 100), ("pier 2.png", 40, 30), ("empty.jpg", None, None),
    ]  # fmt: skip
    crane, puddle, turned, sky = records[0].instances
    assert crane.rectangle is not None
    assert (crane.rectangle.left, crane.rectangle.top) == (21, 20)
    assert (crane.rectangle.width, crane.rectangle.height) == pytest.approx((50.6, 30.1))
    assert puddle.polygon == Polygon((Ring((10, 40, 61, 38.5, 64, 52.25)),))
    assert turned.polygon is not None
    assert turned.polygon.rings[0].points == pytest.approx((100, 50, 100, 70, 80, 70, 80, 50))
    assert (sky.label, sky.kind) == ("overcast", "classification")
    assert parser.notes == ["1 tasks hold predictions: they are kept as attributes, and are no instances."]


def test_a_rotation_is_clockwise_around_the_top_left_corner() -> None:
    records, _, _ = case("demo")
    polygon = records[0].instances[2].polygon
    assert polygon is not None
    around = geometry.bounds(polygon)
    assert (around.left, around.top, around.width, around.height) == pytest.approx((80, 50, 20, 20))


def test_a_brush_mask_becomes_exact_rings_with_its_hole() -> None:
    records, _, _ = case("demo")
    polygon = records[1].instances[0].polygon
    assert polygon is not None
    assert [ring.hole for ring in polygon.rings] == [False, True]
    assert geometry.area(polygon) == 15 * 20 - 4 * 5


@given(arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=20)))
def test_a_mask_survives_its_stream(mask: NDArray[np.bool_]) -> None:
    assert (brush.decode(brush.encode(mask), *mask.shape) == mask).all()


@pytest.mark.parametrize(
    ("pixels", "runs"),
    [
        ([1, 0, 0, 0, 0], [(255, 4), (0, 16)]),
        ([0] * 5 + [1] * 64, [(0, 20), (255, 256)]),
        ([0] * 65 + [1] * 1024, [(0, 260), (255, 4096)]),
        ([1] * 1025 + [0] * 16384, [(255, 4100), (0, 65536)]),
        ([1] * 40_000, [(255, 65536), (255, 65536), (255, 160_000 - 2 * 65536)]),
    ],
)
def test_a_run_has_the_shortest_length_that_holds_it_and_one_too_long_is_several(
    pixels: list[int], runs: list[tuple[int, int]]
) -> None:
    bits = f"{4 * len(pixels):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (4, 8, 12, 16))
    for value, length in runs:
        kind = next(kind for kind in range(4) if length <= 1 << 4 * (kind + 1))
        bits += f"1{kind:02b}{length - 1:0{4 * (kind + 1)}b}{value:08b}"
    bits += "0" * (-len(bits) % 8)
    mask = np.array([pixels], np.bool_)
    assert brush.encode(mask) == [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    assert (brush.decode(brush.encode(mask), *mask.shape) == mask).all()


def test_a_stream_may_hold_its_values_one_by_one() -> None:
    head = f"{8:032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in (3, 4, 8, 16))
    bits = head + "0" + "00" + f"{7:03b}" + "".join(f"{value:08b}" for value in (9, 9, 9, 0, 1, 1, 1, 255))
    bits += "0" * (-len(bits) % 8)
    stream = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    assert brush.decode(stream, 1, 2).tolist() == [[False, True]]


def test_a_stream_that_holds_more_than_it_says_is_refused() -> None:
    stream = brush.encode(np.ones((1, 3), np.bool_))
    stream[3] = 8  # of 12 values
    with pytest.raises(ValueError, match="more values than it says"):
        brush.decode(stream, 1, 2)


RUNS = st.one_of(
    st.tuples(st.integers(0, 255), st.integers(1, 40)).map(lambda run: [run[0]] * run[1]),
    st.lists(st.integers(0, 255), min_size=1, max_size=9),
)


@given(
    st.lists(RUNS, min_size=1, max_size=8),
    st.lists(st.integers(6, 16), min_size=4, max_size=4),
    st.sampled_from([1, 2, 5, 1 << 16]),
    st.data(),
)
def test_a_stream_of_any_runs_is_read_as_it_is_specified_in_windows_of_any_size(
    runs: list[list[int]], sizes: list[int], window: int, data: st.DataObject
) -> None:
    runs.append([0] * (-sum(map(len, runs)) % 4 or 4))
    values = [value for run in runs for value in run]
    bits = f"{len(values):032b}{7:05b}" + "".join(f"{size - 1:04b}" for size in sizes)
    for run in runs:
        kind = data.draw(st.integers(0, 3))
        is_repeated = len(set(run)) == 1
        bits += f"{is_repeated:b}{kind:02b}{len(run) - 1:0{sizes[kind]}b}"
        bits += "".join(f"{value:08b}" for value in (run[:1] if is_repeated else run))
    bits += "0" * (-len(bits) % 8)
    stream = [int(bits[at : at + 8], 2) for at in range(0, len(bits), 8)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(brush, "_WINDOW", window)
        assert brush.decode(stream, 1, len(values) // 4).tolist() == [[value > 0 for value in values[3::4]]]
        with pytest.raises(ValueError, match="early"):
            brush.decode(stream[:-2], 1, len(values) // 4)


@given(st.lists(st.integers(-1, 256), max_size=40))
def test_any_other_stream_is_refused_by_name(stream: list[int]) -> None:
    with pytest.raises(ValueError, match=r"bytes|values|early|bits"):
        brush.decode(stream, 7, 9)


def test_a_folder_of_exports_is_one_source(tmp_path: Path) -> None:
    one, two = (CASES / name / "tasks.json" for name in ("demo", "odd"))
    for name, file in (("a.json", one), ("b/c.json", two)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(file.read_bytes())
    assert find_format(tmp_path) is LabelStudio
    assert read(tmp_path)[0] == [*read(one)[0], *read(two)[0]]


def test_a_folder_with_another_formats_files_is_not_taken_for_exports(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes((CASES / "demo" / "tasks.json").read_bytes())
    coco = FIXTURES / "COCO" / "demo" / "instances.json"
    (tmp_path / "b.json").write_bytes(coco.read_bytes())
    assert find_format(tmp_path) is Coco


def test_all_annotations_but_cancelled_ones_are_kept_and_told_apart() -> None:
    records, _, log = case("odd")
    assert [found.attributes["annotation"] for found in records[0].instances] == [0, 2]
    assert log.counts == {"annotations_several": 1}


def test_a_region_takes_the_label_of_the_result_of_its_id_and_what_else_is_said_of_it_is_kept() -> None:
    records, _, _ = case("odd")
    (plate,) = records[1].instances
    assert (plate.label, plate.rectangle) == ("plate", Rectangle(20, 10, 40, 20))
    others = records[1].attributes["annotations"][0]["result"]
    assert [row["type"] for row in others] == ["labels", "textarea", "choices"]


def test_two_labels_on_one_region_are_two_instances() -> None:
    records, parser, _ = case("odd")
    assert [found.label for found in records[2].instances] == ["cat", "pet"]
    assert parser.instance_count() == 5


def test_an_address_names_an_image_and_is_never_more_than_a_name() -> None:
    records, _, _ = case("odd")
    assert [record.file_name for record in records] == ["0a1b2c3d-dock 01.jpg", "night.jpg", "day/dock.jpg"]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ({"image": "a.jpg", "thumb": "b.jpg"}, "a.jpg"),
        ({"text": "no image", "photo": "x/y.png"}, "x/y.png"),
        ({"picture": "without extension"}, "without extension"),
        ({"image": "s3://bucket/folder/a%20b.jpg"}, "a b.jpg"),
        ({"image": "http://[broken.jpg"}, None),
        ({"left": "a.jpg", "right": "b.jpg"}, None),
        ({"image": 7}, None),
        (None, None),
    ],
)
def test_the_image_of_a_task_is_named_or_the_task_is_refused(data: Any, name: str | None) -> None:
    if name is None:
        with pytest.raises(ItemError):
            image_name(data)
    else:
        assert image_name(data) == name


def test_every_bad_result_is_rejected_by_itself_with_its_place_and_the_good_ones_are_kept() -> None:
    records, parser, log = case("bad_among_good")
    assert [(record.file_name, len(record.instances)) for record in records] == [
        ("a.jpg", 1), ("b.jpg", 0), ("c.jpg", 0), ("f.jpg", 0),
    ]  # fmt: skip
    assert log.lost == Counter(
        label_blank=1, box_invalid=1, box_empty=1, box_outside=1, ring_flat=1, polygon_invalid=2, shape_not_supported=2,
        mask_invalid=2, region_invalid=3, image_turned=1, size_unknown=3, image_unnamed=2,
    )  # fmt: skip
    assert log.counts["task_invalid"] == log.counts["sizes_differ"] == 1
    assert parser.instance_count() == 1 + log.lost.total()
    empty = next(problem for problem in log.kept if problem.code == "box_empty")
    assert empty.place.pointer == "/0/annotations/0/result/3/value"


@pytest.mark.parametrize(("name", "file"), FILES)
def test_tasks_results_labels_and_sums_are_those_counted_independently(name: str, file: str) -> None:
    stated: dict[str, Any] = expected(name)[file]
    records, parser, log = read(dataset(name) / file)
    drawn = [found for record in records for found in record.instances if found.kind != "classification"]
    regions = sum(
        count for kind, count in stated["result_types"].items() if kind not in ("choices", "taxonomy")
    )
    assert len(records) == stated["tasks"]
    assert len(drawn) == regions
    assert Counter(found.label for found in drawn) == stated["labels"]
    assert sum(
        found.attributes["value"].get("width", 0) * found.attributes["value"].get("height", 0)
        for found in drawn
    ) == (pytest.approx(stated["sum_wh"]))
    boxes = [found for found in drawn if found.attributes["type"] == "rectanglelabels"]
    assert sum(map(area, boxes)) == pytest.approx(stated["sum_wh_pixels"])
    choices = sum(count for kind, count in stated["result_types"].items() if kind == "choices")
    assert parser.instance_count() == regions + choices
    assert not log.lost


def area(found: Instance) -> float:
    if found.polygon is not None:
        return geometry.area(found.polygon)
    assert found.rectangle is not None
    return found.rectangle.width * found.rectangle.height


def data(path: Path) -> Any:
    """The tasks; results are a set, for their order says nothing."""
    tasks = json.loads(path.read_text())
    for task in tasks:
        for key in ("annotations", "completions"):
            for one in task.get(key) or ():
                one["result"] = sorted(json.dumps(row, sort_keys=True) for row in one["result"])
    return tasks


@pytest.mark.parametrize("name", ["demo", "odd"])
def test_a_fixture_is_written_as_it_was(name: str, tmp_path: Path) -> None:
    parser, _ = LabelStudio(CASES / name / "tasks.json"), None
    parser.prepare(lambda _: None)
    assert not written(parser, records_of(parser)[0], "LABEL-STUDIO", tmp_path / "out.json")
    assert data(tmp_path / "out.json") == data(CASES / name / "tasks.json")


@pytest.mark.parametrize(("name", "file"), FILES)
def test_a_real_export_is_written_as_it_was(name: str, file: str, tmp_path: Path) -> None:
    parser = LabelStudio(dataset(name) / file)
    parser.prepare(lambda _: None)
    written(parser, records_of(parser)[0], "LABEL-STUDIO", tmp_path / "out.json")
    assert data(tmp_path / "out.json") == data(dataset(name) / file)


def test_a_task_about_something_else_than_an_image_is_refused_by_name() -> None:
    records, _, log = read(dataset("labelstudio_converter") / "test_export_csv" / "csv_test2.json")
    assert not records
    assert log.lost == {"image_unnamed": 1}


def test_a_task_with_several_images_is_refused_by_name() -> None:
    records, _, log = read(dataset("labelstudio_converter") / "test_export_json_min" / "data_repeater.json")
    assert not records
    assert log.lost == {"image_unnamed": 1}


@pytest.mark.parametrize(
    ("text", "words"), [('{"data": 1}', "not a list"), ("[1", "ends early|broken"), ("", "empty")]
)
def test_a_file_that_is_no_export_is_rejected_whole(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    with pytest.raises(InputError, match=words):
        read(path)
