"""LABELME: what shapes mean, what is written, and real files against independent counts."""

from __future__ import annotations

import base64
import io
import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from picsellia_ingest import geometry, tracing
from picsellia_ingest.errors import InputError
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Polygon, Rectangle, Ring, TextAnswer
from picsellia_ingest.parsers.labelme import LabelMe
from picsellia_ingest.parsers.labelme_shapes import SPELLING
from picsellia_ingest.parsers.labelme_writer import LabelMeWriter
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, write_with
from tests.paths import FIXTURES, dataset, expected

CASES = sorted(path for path in (FIXTURES / "LABELME").iterdir() if path.is_dir())
REAL = {
    ("labelme_examples", "bbox_detection/data_annotated/*.json"): "bbox_detection/data_annotated",
    (
        "labelme_examples",
        "instance_segmentation/data_annotated/*.json",
    ): "instance_segmentation/data_annotated",
    ("labelme_examples", "primitives/primitives.json"): "primitives/primitives.json",
    ("panlabel_fixtures", "sample_valid.labelme.json"): "sample_valid.labelme.json",
}


def read(path: Path) -> tuple[list[ImageRecord], LabelMe, ProblemLog]:
    return read_with(LabelMe(path))


def write(records: list[ImageRecord], header: Header, out: Path, source: str = "COCO") -> Losses:
    return write_with(LabelMeWriter(header, None, source), records, out)


def data(path: Path, rejected: set[str]) -> Any:
    """A file as data. A mask's pixels have a meaning, how its PNG packs them has none; a picture is left out, with a warning."""
    document = json.loads(path.read_text())
    shapes = document["shapes"]
    document["shapes"] = [shape for at, shape in enumerate(shapes) if f"/shapes/{at}" not in rejected]
    for shape in document["shapes"]:
        if shape.get("mask"):
            shape["mask"] = (
                np.asarray(Image.open(io.BytesIO(base64.b64decode(shape["mask"])))).astype(bool).tolist()
            )
    if isinstance(document.get("imageData"), str):
        document["imageData"] = None
    return document


def parts(found: Instance) -> int:
    return len(found.attributes.get(SPELLING, {}).get("parts", [0]))


@pytest.mark.parametrize(
    "where", [*CASES, *REAL.items()], ids=lambda where: where.name if isinstance(where, Path) else where[1]
)
def test_what_is_written_of_files_is_the_same_as_data(where: Any, tmp_path: Path) -> None:
    path = where if isinstance(where, Path) else dataset(where[0][0]) / where[1]
    records, parser, log = read(path)
    losses = write(records, parser.header(), tmp_path / "out", "LABELME")
    assert not losses
    root = path if path.is_dir() else path.parent
    made = [str(record.attributes["image"]["file"]) for record in records]
    assert sorted(
        file.relative_to(tmp_path / "out").as_posix() for file in (tmp_path / "out").rglob("*.json")
    ) == sorted(made)
    for name in made:
        told = [one for one in log.kept if one.place.file == str(root / name)]
        rejected = {"/".join(str(one.place.pointer).split("/")[:3]) for one in told if one.lost}
        if any(one.code in ("number_as_text", "image_size_invalid") for one in told):
            continue  # what was repaired is written as it was read
        assert data(tmp_path / "out" / name, set()) == data(root / name, rejected)
    assert read(tmp_path / "out")[0] == records


@pytest.mark.parametrize(("name", "entry"), REAL)
def test_files_shapes_labels_and_sums_are_those_counted_independently(name: str, entry: str) -> None:
    stated = expected(name)[entry]
    records, parser, log = read(dataset(name) / REAL[name, entry])
    instances = [found for record in records for found in record.instances]
    boxes = [found.rectangle for found in instances if found.rectangle]
    outlines = [
        found for found in instances if found.polygon and "mask" not in found.attributes.get(SPELLING, {})
    ]
    assert len(records) == stated["files"]
    labels: Counter[str] = Counter()
    for found in instances:
        labels[found.label] += parts(found)
    kept = {
        kind: count
        for kind, count in stated["shape_types"].items()
        if kind in ("rectangle", "polygon", "mask")
    }
    assert labels.total() == sum(kept.values())
    assert labels.total() + log.lost["shape_not_supported"] == stated["objects"]
    assert parser.instance_count() == len(instances) + log.lost.total()
    assert all(stated["labels"][label] == count for label, count in labels.items())
    assert len(boxes) == stated["boxes_valid"]
    assert sum(box.width * box.height for box in boxes) == pytest.approx(stated["sum_wh"])
    assert sum(box.left for box in boxes) == pytest.approx(stated["sum_x"])
    assert sum(box.top for box in boxes) == pytest.approx(stated["sum_y"])
    rings = [ring for found in outlines if found.polygon for ring in found.polygon.rings]
    assert sum(len(ring.points) for ring in rings) == 2 * stated["polygon_points"]
    assert sum(abs(geometry.ring_area(ring.points)) for ring in rings) == pytest.approx(
        stated["polygon_area"]
    )


def test_every_labelme_entry_of_the_datasets_is_checked() -> None:
    for name in {name for name, _ in REAL}:
        entries = {entry for entry, stated in expected(name).items() if stated["format"] == "labelme json"}
        assert entries == {entry for each, entry in REAL if each == name}


def test_parts_of_a_group_are_the_objects_of_the_masks_of_the_same_dataset() -> None:
    records, _, _ = read(dataset("labelme_examples") / "instance_segmentation" / "data_annotated")
    coco = expected("labelme_examples")["instance_segmentation/data_dataset_coco/annotations.json"]
    labels = Counter(found.label for record in records for found in record.instances)
    del labels["__ignore__"]
    assert labels == coco["labels"]


def test_masks_become_rings_that_hold_exactly_their_pixels() -> None:
    records, _, _ = read(dataset("labelme_examples") / "primitives" / "primitives.json")
    shape = next(
        shape
        for shape in json.loads((dataset("labelme_examples") / "primitives" / "primitives.json").read_text())[
            "shapes"
        ]
        if shape["shape_type"] == "mask"
    )
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(shape["mask"]))))
    octagon = next(found.polygon for found in records[0].instances if found.label == "octagon")
    assert octagon is not None
    assert geometry.area(octagon) == pixels.astype(bool).sum()
    box = geometry.bounds(octagon)
    assert (box.left, box.top, box.width, box.height) == (417, 305, 100, 100)


def test_corners_may_stand_in_any_order() -> None:
    records, _, log = read(FIXTURES / "LABELME" / "spellings")
    boxes = [found.rectangle for found in records[0].instances[:3]]
    assert boxes == [Rectangle(4, 5, 16, 25), Rectangle(4, 5.3, 20.1 - 4, 30 - 5.3), Rectangle(4, 5, 16, 25)]
    assert [found.kind for found in records[0].instances[3:5]] == ["polygon"] * 2
    assert not log.kept


def test_only_polygons_of_one_label_and_group_are_one_instance() -> None:
    records, _, _ = read(FIXTURES / "LABELME" / "spellings")
    found = [
        (one.label, one.kind, len(one.polygon.rings) if one.polygon else 0) for one in records[1].instances
    ]
    assert found == [
        ("x", "polygon", 1), ("x", "polygon", 2), ("y", "polygon", 1), ("x", "rectangle", 0), ("x", "polygon", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("where", "path", "name"),
    [
        ("a.json", "a.jpg", "a.jpg"),
        ("night/a.json", "a.jpg", "night/a.jpg"),
        ("labels/a.json", "../images/a.jpg", "images/a.jpg"),
        ("a.json", "..\\..\\etc\\passwd", "etc/passwd"),
        ("n/a.json", "C:\\photos\\a.jpg", "C:\\photos\\a.jpg"),
        ("n/a.json", "/photos/a.jpg", "/photos/a.jpg"),
        ("n/a.json", " ", "n/a"),
        ("n/a.json", None, "n/a"),
        ("n/a.json", 7, "n/a"),
    ],
)
def test_the_images_name_counts_from_the_file_as_text(
    tmp_path: Path, where: str, path: object, name: str
) -> None:
    (tmp_path / where).parent.mkdir(exist_ok=True)
    (tmp_path / where).write_text(json.dumps({"shapes": [], "imagePath": path}))
    assert [record.file_name for record in read(tmp_path)[0]] == [name]


def test_every_bad_shape_is_named_with_its_place_and_costs_only_itself() -> None:
    records, parser, log = read(FIXTURES / "LABELME" / "bad_among_good")
    assert log.counts == {
        "json_syntax": 1, "not_labelme": 2, "not_an_array": 1, "shape_not_supported": 6, "label_blank": 2, "ring_flat": 2,
        "box_invalid": 4, "box_rotated": 1, "box_empty": 1, "box_outside": 1, "number_as_text": 1, "box_overhangs": 1,
        "shape_invalid": 1, "mask_invalid": 4, "mask_size": 1, "mask_empty": 1, "image_size_invalid": 2,
    }  # fmt: skip
    assert [len(record.instances) for record in records] == [4, 1, 1]
    assert parser.instance_count() == 6 + log.lost.total()
    pointers = {problem.place.pointer for problem in log.kept if problem.code == "mask_invalid"}
    assert pointers == {"/shapes/21/mask", "/shapes/22/mask", "/shapes/25/points", "/shapes/26/mask"}


def test_one_file_that_is_rejected_is_refused_whole(tmp_path: Path) -> None:
    for name in ("c_cut", "d_other", "e_shapes", "f_list"):
        with pytest.raises(InputError):
            read(FIXTURES / "LABELME" / "bad_among_good" / f"{name}.json")
    with pytest.raises(InputError, match="no such file"):
        read(tmp_path / "gone")
    with pytest.raises(InputError, match=r"no \*\.json"):
        read(tmp_path)


def test_a_picture_in_the_file_is_left_out_and_that_is_said() -> None:
    records, _, log = read(FIXTURES / "LABELME" / "old")
    assert log.counts == {"image_data_left_out": 1}
    assert records[0].attributes["image"]["imageData"] is None


def test_what_labelme_has_no_place_for_is_counted(tmp_path: Path) -> None:
    triangle = Polygon((Ring((1, 1, 9, 1, 9, 9)),))
    hole = Ring((3.5, 2, 5, 2, 5, 3), hole=True)
    instances = (
        Instance(
            "x", Rectangle(0, 0, 20, 20), triangle, (TextAnswer("q", "a"),), {"colour": "red", "score": 0.5}
        ),
        Instance("x", None, Polygon((Ring((1, 1, 9, 1, 9, 9, 1, 9)), hole))),
        Instance("x"),
    )
    record = ImageRecord("a.jpg", 20, 20, instances, (TextAnswer("q", "b"),), {"camera": 3}, ("train",))
    header = Header((Label("x", frozenset({"polygon"})), Label("y")), {"licence": "CC0"})
    losses = write([record], header, tmp_path / "out")
    assert losses.changed == {
        "box_not_held": 1, "rasterised": 1, "splits_not_held": 1, "header_not_held": 1, "labels_not_held": 1,
    }  # fmt: skip
    assert losses.dropped == {"classification_not_held": 1}
    back = read(tmp_path / "out")[0][0]
    assert back.qa == record.qa
    assert back.attributes["attributes"] == {"camera": 3}
    assert back.instances[0].qa == instances[0].qa
    assert back.instances[0].attributes["attributes"] == {"colour": "red"}
    assert back.instances[0].attributes["score"] == 0.5


COORDINATES = st.one_of(st.integers(-50, 5000), st.floats(0, 5000, allow_subnormal=False))


@st.composite
def polygons(draw: st.DrawFn) -> Polygon:
    """Parts with whole or broken coordinates; or the outline of a mask, with its holes."""
    if draw(st.booleans()):
        rows = draw(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=6))
        found = tracing.mask_polygon(np.array(rows), draw(st.integers(0, 40)), draw(st.integers(0, 40)))
        if found is not None:
            return found
    rings = []
    for _ in range(draw(st.integers(1, 3))):
        x, y = draw(COORDINATES), draw(COORDINATES)
        rings.append(Ring((x, y, x + 10, y + draw(st.integers(0, 5)), x + 5, y + 20)))
    return Polygon(tuple(rings))


@st.composite
def records(draw: st.DrawFn) -> list[ImageRecord]:
    found = []
    for number in range(draw(st.integers(1, 3))):
        instances = []
        for label in draw(st.lists(st.sampled_from(["x", "y", "__ignore__"]), max_size=4)):
            if draw(st.booleans()):
                instances.append(Instance(label, None, draw(polygons())))
            else:
                sizes = draw(st.tuples(st.integers(1, 99), st.floats(0.01, 99)))
                instances.append(Instance(label, Rectangle(draw(COORDINATES), draw(COORDINATES), *sizes)))
        name = draw(st.sampled_from(["{}.jpg", "sub/{}.png", "{}"])).format(number)
        found.append(ImageRecord(name, None, None, tuple(instances), (), {"k": number}))
    return found


@given(given_records=records())
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_of_any_format_are_read_back_as_they_were(
    given_records: list[ImageRecord], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    header = Header(tuple(Label(name, frozenset({"polygon"})) for name in ("x", "y", "__ignore__")))
    losses = write(given_records, header, tmp_path / "out")
    assert not losses
    back, _, log = read(tmp_path / "out")
    assert log.counts.keys() <= {"box_sliver"}
    found = {record.file_name: record for record in back}
    for record in given_records:
        one = found[record.file_name]
        assert one.attributes["attributes"] == record.attributes
        assert [(each.label, each.polygon) for each in one.instances] == [
            (was.label, was.polygon) for was in record.instances
        ]
        for each, was in zip(one.instances, record.instances, strict=True):
            if was.rectangle is not None and each.rectangle is not None:
                assert (each.rectangle.left, each.rectangle.top) == (was.rectangle.left, was.rectangle.top)
                assert each.rectangle.width == pytest.approx(was.rectangle.width, abs=1e-9)
                assert each.rectangle.height == pytest.approx(was.rectangle.height, abs=1e-9)
