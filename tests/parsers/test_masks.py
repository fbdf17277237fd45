"""MASKS: index masks and masks of single objects, hostile pictures, and what comes back of what is written."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco

from picsellia_ingest import geometry, raster, tracing
from picsellia_ingest.errors import InputError
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Polygon, Rectangle, Ring, TextAnswer
from picsellia_ingest.parsers import find_format
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.masks import PngMasks
from picsellia_ingest.parsers.masks_writer import MasksWriter
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, write_with
from tests.paths import FIXTURES, dataset, expected

CASES = FIXTURES / "MASKS"


def read(path: Path) -> tuple[list[ImageRecord], PngMasks, ProblemLog]:
    return read_with(PngMasks(path))


def write(
    records: list[ImageRecord], out: Path, header: Header | None = None, source: str = "COCO"
) -> Losses:
    return write_with(MasksWriter(header or Header(), None, source), records, out)


def save(path: Path, mask: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(mask)).save(path)


def pixels(record: ImageRecord, label: str) -> int:
    """The pixels of a label, counted by pycocotools on every ring by itself."""
    assert record.width is not None
    assert record.height is not None
    total = 0
    for one in record.instances:
        for ring in one.polygon.rings if one.polygon and one.label == label else ():
            encoded = coco.frPyObjects([list(map(float, ring.points))], record.height, record.width)
            total += int(coco.area(encoded)[0]) * (-1 if ring.hole else 1)
    return total


def test_index_masks_have_exactly_the_pixels_that_were_counted_independently() -> None:
    name = "instance_segmentation/data_dataset_voc/SegmentationClass"
    stated = expected("labelme_examples")[f"{name}/*.png"]
    path = dataset("labelme_examples") / name
    assert find_format(path) is PngMasks
    records, parser, log = read(path)
    listed = (path.parent / "class_names.txt").read_text().splitlines()
    assert [label.name for label in parser.header().labels] == listed[1:]
    assert len(records) == stated["files"]
    assert not log.counts
    found = {value: sum(pixels(record, label) for record in records) for value, label in enumerate(listed)}
    void_or_nothing = ("0", "255")
    assert {str(value): count for value, count in found.items() if count} == {
        value: count for value, count in stated["pixels_per_value"].items() if value not in void_or_nothing
    }


def test_real_masks_are_written_and_read_back_bit_for_bit(tmp_path: Path) -> None:
    records, parser, _ = read(
        dataset("labelme_examples") / "instance_segmentation/data_dataset_voc/SegmentationClass"
    )
    assert not write(records, tmp_path / "out", parser.header(), "MASKS")
    assert find_format(tmp_path / "out") is PngMasks
    back, again, log = read(tmp_path / "out")
    assert back == records
    assert again.header() == parser.header()
    assert not log.counts


def test_objects_are_read_in_the_order_of_their_numbers_with_their_labels_and_holes() -> None:
    records, parser, log = read(CASES / "demo")
    assert [(r.file_name, r.width, r.height) for r in records] == [
        ("quay", 32, 24), ("train/empty", 12, 10), ("train/pier.v2", 20, 16),
    ]  # fmt: skip
    assert [[one.label for one in record.instances] for record in records] == [
        ["crate", "crate", "buoy/red"], [], ["boat"],
    ]  # fmt: skip
    first, _, parts = (one.polygon for one in records[0].instances)
    assert first == Polygon((Ring((2, 2, 12, 2, 12, 12, 2, 12)), Ring((5, 5, 8, 5, 8, 8, 5, 8), hole=True)))
    assert parts is not None
    assert [geometry.ring_area(ring.points) for ring in parts.rings] == [9, 4]
    assert [(label.name, bool(label.kinds)) for label in parser.header().labels] == [
        ("boat", True), ("crate", True), ("buoy/red", True), ("never seen", False),
    ]  # fmt: skip
    assert not log.counts


def test_a_masks_pixels_are_those_that_are_not_zero_or_at_least_half_opaque() -> None:
    records, parser, log = read(CASES / "odd")
    by_name = {record.file_name: record for record in records}
    assert list(by_name) == ["a", "b", "c", "d", "masks"]
    areas = [(one.label, geometry.area(one.polygon)) for one in by_name["a"].instances if one.polygon]
    assert areas == [("cat", 9), ("dog", 16), ("dog", 4), ("cat", 4)]
    assert [one.label for one in by_name["b"].instances] == ["Cat é"]
    assert by_name["c"] == ImageRecord("c")
    assert by_name["masks"].instances[0].label == "cat"
    assert by_name["d"].instances[0].label == ".hidden"
    assert parser.notes == ["pictures that are no masks are passed over: other.png"]
    assert not log.counts


def test_every_bad_mask_is_named_with_its_file_and_costs_only_itself() -> None:
    records, parser, log = read(CASES / "bad_among_good")
    where = {str(Path(p.place.file).relative_to(CASES / "bad_among_good")): p.code for p in log.kept}
    assert where == {
        "a/3_dog.png": "size_differs", "a/4_dog.png": "mask_empty", "a/5_.png": "label_blank",
        "a/6_%01.png": "label_blank", "a/7_dog.png": "mask_invalid", "a/8_dog.png": "mask_invalid",
        "a/9_dog.png": "mask_invalid", "a/11_dog.png": "mask_invalid", "a/cat.png": "mask_unnamed",
        "1_cat.png": "mask_unnamed", "e/0_.png": "mask_invalid",
    }  # fmt: skip
    assert log.lost.total() == len(where)
    assert [len(record.instances) for record in records] == [2, 2, 2, 2, 0]
    assert parser.instance_count() == 8 + len(where)


def test_bad_index_masks_are_named_and_classes_without_a_name_are_left_out() -> None:
    records, parser, log = read(CASES / "bad_index")
    where = {Path(p.place.file).name: (p.code, p.lost) for p in log.kept}
    assert where == {
        "a.png": ("mask_class_unknown", 1), "coloured.png": ("mask_coloured", 0), "text.png": ("mask_invalid", 0),
        "cut.png": ("mask_invalid", 0),
    }  # fmt: skip
    assert [len(record.instances) for record in records] == [1] * 5
    assert parser.instance_count() == 6


def test_masks_whose_classes_have_no_names_are_refused_with_the_remedy(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a.png", np.eye(4, dtype=np.uint8))
    with pytest.raises(InputError, match=r"class_names\.txt"):
        read(tmp_path / "in")
    assert not PngMasks.recognises(tmp_path / "in")
    (tmp_path / "class_names.txt").write_text("background\nx\n")
    assert read(tmp_path / "in")[0][0].instances[0].label == "x"


def test_what_is_no_source_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such folder"):
        read(tmp_path / "gone")
    with pytest.raises(InputError, match=r"no \*.png"):
        read(tmp_path)


def test_pictures_are_not_taken_for_masks(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    for name in ("a/1_dog", "a/2_dog", "b/1_cat"):
        save(tmp_path / f"{name}.png", noise)
    assert not PngMasks.recognises(tmp_path)
    for name in ("a/1_dog", "a/2_dog", "b/1_cat"):
        save(tmp_path / f"{name}.png", noise > 254)
    assert PngMasks.recognises(tmp_path)
    (tmp_path / "SegmentationClass").mkdir()
    assert not PngMasks.recognises(tmp_path)


def test_numbers_alone_are_labels_only_where_a_list_says_so(tmp_path: Path) -> None:
    for name in ("x/2011_000003", "x/2011_000006"):
        save(tmp_path / f"{name}.png", np.eye(4, dtype=np.uint8))
    assert not PngMasks.recognises(tmp_path)
    (tmp_path / "class_names.txt").write_text("background\ncar\n")
    assert [record.file_name for record in read(tmp_path)[0]] == ["x/2011_000003", "x/2011_000006"]
    (tmp_path / "class_names.txt").write_text("000003\n000006\n")
    assert [one.label for one in read(tmp_path)[0][0].instances] == ["000003", "000006"]


def chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")


def bomb(width: int, height: int) -> bytes:
    head = width.to_bytes(4, "big") + height.to_bytes(4, "big") + b"\x08\x00\x00\x00\x00"
    text = chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1 << 28), 1))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + text + chunk(b"IDAT", zlib.compress(bytes(1 << 20)))


def test_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    save(tmp_path / "a" / "1_cat.png", np.eye(8, dtype=bool))
    save(tmp_path / "a" / "2_cat.png", np.eye(8, dtype=bool))
    (tmp_path / "a" / "3_cat.png").write_bytes(bomb(8, 8))
    (tmp_path / "a" / "4_cat.png").write_bytes(bomb(60_000, 60_000))
    records, _, log = read(tmp_path)
    assert len(records[0].instances) == 2
    assert log.lost == {"mask_invalid": 2}


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_bytes_a_mask_has_the_account_adds_up(data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray((CASES / "odd" / "b" / "7_Cat%20%C3%A9.PNG").read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(8, len(content) - 1))] = data.draw(st.integers(0, 255))
    (tmp_path / "a").mkdir(exist_ok=True)
    (tmp_path / "a" / "1_cat.png").write_bytes(content[: data.draw(st.integers(0, len(content)))])
    records, parser, log = read(tmp_path)
    assert parser.instance_count() == 1 == len(records[0].instances) + log.lost.total()


def test_an_image_with_a_hundred_masks_is_one_record(tmp_path: Path) -> None:
    for number in range(100):
        mask = np.zeros((20, 20), bool)
        mask[number // 10 * 2, number % 10 * 2] = True
        save(tmp_path / "a" / f"{number}_x.png", mask)
    records, parser, _ = read(tmp_path)
    assert parser.instance_count() == 100
    places = [one.polygon.rings[0].points[:2] for one in records[0].instances if one.polygon]
    assert places == [(number % 10 * 2, number // 10 * 2) for number in range(100)]


def test_hidden_and_linked_folders_are_passed_over_and_links_reported(tmp_path: Path) -> None:
    save(tmp_path / "in" / "a" / "1_x.png", np.eye(4, dtype=bool))
    save(tmp_path / "in" / ".b" / "1_x.png", np.eye(4, dtype=bool))
    (tmp_path / "in" / "c").symlink_to(tmp_path / "in" / "a")
    records, _, log = read(tmp_path / "in")
    assert [record.file_name for record in records] == ["a"]
    assert log.counts == {"link_not_followed": 1}


def test_a_mask_that_changed_since_the_first_pass_is_left_out_and_named(tmp_path: Path) -> None:
    save(tmp_path / "a.png", np.eye(4, dtype=np.uint8))
    (tmp_path / "class_names.txt").write_text("background\nx\n")
    parser, log = PngMasks(tmp_path), ProblemLog()
    parser.prepare(log)
    save(tmp_path / "a.png", np.zeros((4, 4), np.uint8))
    assert not list(parser.read(Shard(0, 1), log))
    assert log.lost == {"file_changed": 1}


SQUARE = Polygon((Ring((1, 1, 5, 1, 5, 5, 1, 5)),))


def test_what_masks_have_no_place_for_is_counted(tmp_path: Path) -> None:
    instances = (
        Instance("x", Rectangle(0, 0, 2, 2)),
        Instance("x"),
        Instance("x", Rectangle(0, 0, 2, 2), SQUARE, (TextAnswer("q", "a"),), {"colour": "red"}),
        Instance("x", Rectangle(1, 1, 4, 4), SQUARE),
        Instance("x", None, Polygon((Ring((0.5, 0.5, 6, 1, 4, 6)),))),
        Instance("x", None, Polygon((Ring((6, 6, 12, 6, 12, 8, 6, 8)),))),
        Instance("x", None, Polygon((Ring((0, 0, 4, 0, 4, 4, 0, 4)), Ring((2, 2, 6, 2, 6, 6, 2, 6))))),
        Instance("x", None, Polygon((Ring((20, 20, 22, 20, 22, 22, 20, 22)),))),
        Instance("\n", None, SQUARE),
        Instance("é" * 140, None, SQUARE),
    )
    records = [
        ImageRecord("a.jpg", 10, 8, instances, (TextAnswer("q", "b"),), {"camera": 3}, ("train",)),
        ImageRecord("b.jpg", None, 8, (Instance("x", None, SQUARE),)),
        ImageRecord("c.jpg"),
        ImageRecord(".d/e.png.jpg", 1, 1),
    ]
    header = Header(
        (Label("x", frozenset({"polygon"}), {"more": 1}), Label(" y"), Label("z")), {"licence": "CC0"}
    )
    losses = write(records, tmp_path / "out", header)
    assert losses.dropped == {
        "shape_not_held": 2, "classification_not_held": 1, "label_not_held": 2, "size_unknown": 1,
    }  # fmt: skip
    assert losses.changed == {
        "box_not_held": 1, "answers_not_held": 1, "attributes_not_held": 1, "rasterised": 3, "splits_not_held": 1,
        "image_answers_not_held": 1, "image_attributes_not_held": 1, "header_not_held": 1, "labels_not_held": 1,
        "label_attributes_not_held": 1, "size_not_held": 2, "name_changed": 2,
    }  # fmt: skip
    back, parser, log = read(tmp_path / "out")
    assert {record.file_name: (record.width, record.height, len(record.instances)) for record in back} == {
        "a": (10, 8, 5), "b": (None, None, 0), "c": (None, None, 0), "_.d/e.png_": (None, None, 0),
    }  # fmt: skip
    areas = [geometry.area(one.polygon) for record in back for one in record.instances if one.polygon]
    assert areas[:2] == [16, 16]
    assert areas[3:] == [8, 28]
    assert [label.name for label in parser.header().labels] == ["x", "z"]
    assert not log.counts


def test_images_whose_names_could_be_taken_for_masks_are_kept_apart(tmp_path: Path) -> None:
    names = [
        "a.jpg",
        "a/1_x.png.jpg",
        "a/1_x.png_.jpg",
        "masks.jpg",
        "b/masks.jpg",
        "class_names.txt",
        "b.jpg",
        "a.png",
    ]
    records = [ImageRecord(name, 8, 8, (Instance("x", None, SQUARE),) * 2) for name in names]
    assert write(records, tmp_path / "out").changed == {"name_changed": 3}
    back, _, log = read(tmp_path / "out")
    assert sorted(record.file_name for record in back) == [
        "a", "a/1_x.png_", "a/1_x.png__", "a_png", "b", "b/masks", "class_names", "masks",
    ]  # fmt: skip
    assert all(record.instances == records[0].instances for record in back)
    assert not log.counts


@st.composite
def masks(draw: st.DrawFn) -> np.ndarray:
    """Masks of many islands and holes, some of which touch at corners and edges of the picture."""
    height, width = draw(st.integers(1, 14)), draw(st.integers(1, 14))
    bits = draw(st.lists(st.booleans(), min_size=height * width, max_size=height * width))
    mask = np.array(bits).reshape(height, width)
    mask.flat[draw(st.integers(0, height * width - 1))] = True
    return mask


def fortran(mask: np.ndarray) -> bytes:
    encoded: dict[str, bytes] = coco.encode(np.asfortranarray(mask.astype(np.uint8)))
    return encoded["counts"]


LABELS = st.text(min_size=1, max_size=12).filter(lambda text: text.isprintable() and text.strip() == text)


@given(mask=masks(), labels=st.lists(LABELS, min_size=1, max_size=3, unique=True))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_masks_are_written_and_read_bit_for_bit(mask: np.ndarray, labels: list[str], tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    polygon = tracing.mask_polygon(mask)
    height, width = mask.shape
    record = ImageRecord(
        "sub/a.jpg", width, height, tuple(Instance(label, None, polygon) for label in labels)
    )
    header = Header(tuple(Label(label, frozenset({"polygon"})) for label in labels))
    assert not write([record], tmp_path / "out", header)
    back, parser, log = read(tmp_path / "out")
    assert back == [ImageRecord("sub/a", width, height, record.instances)]
    assert [label.name for label in parser.header().labels] == labels
    assert not log.counts
    for file in (tmp_path / "out" / "sub" / "a").iterdir():
        with Image.open(file) as image:
            assert fortran(np.asarray(image)) == fortran(mask)


@given(mask=masks(), second=masks())
@settings(max_examples=60, deadline=None)
def test_parts_that_overlap_fill_what_either_fills(mask: np.ndarray, second: np.ndarray) -> None:
    height, width = max(mask.shape[0], second.shape[0]), max(mask.shape[1], second.shape[1])
    both = np.zeros((height, width), bool)
    polygons = []
    for one in (mask, second):
        both[: one.shape[0], : one.shape[1]] |= one
        polygons.append(tracing.mask_polygon(one))
    polygon = Polygon(tuple(ring for one in polygons if one for ring in one.rings))
    filled, is_exact = raster.filled(polygon, height, width)
    assert (filled == both).all()
    assert is_exact == (int(mask.sum() + second.sum()) == int(both.sum()))
