"""CVAT for images: what each shape means, every bad one with its place, and the file written as it was."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from picsellia_ingest import geometry
from picsellia_ingest.errors import InputError
from picsellia_ingest.model import ImageRecord, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.cvat import Cvat
from picsellia_ingest.parsers.numbers import number
from picsellia_ingest.problems import Problem, ProblemLog
from tests.parsers.passing import read_with, records_of
from tests.parsers.test_writers import written
from tests.paths import FIXTURES, dataset, expected

CVAT = FIXTURES / "CVAT"
REAL = {
    ("datumaro_assets", "cvat_dataset/for_images/export_project/annotations.xml"),
    ("datumaro_assets", "cvat_dataset/for_images/export_task/train.xml"),
    ("panlabel_fixtures", "sample_valid.cvat.xml"),
    ("panlabel_fixtures", "sample_no_meta.cvat.xml"),
    ("panlabel_fixtures", "sample_with_meta.cvat.xml"),
}


def read(path: Path) -> tuple[list[ImageRecord], Cvat, ProblemLog]:
    return read_with(Cvat(path))


def test_a_task_is_read_whole() -> None:
    records, parser, log = read(CVAT / "demo")
    assert not log.kept
    assert [record.file_name for record in records] == ["pier 1.jpg", "pier 2.jpg", "empty.jpg"]
    assert [record.splits for record in records] == [("train",), ("val",), ()]
    crane, puddle, sky = records[0].instances
    assert (crane.label, crane.rectangle, crane.kind) == ("crane", Rectangle(40, 8, 25, 40.5), "rectangle")
    assert crane.attributes == {
        "source": "manual", "occluded": "1", "z_order": "0", "attributes": {"moving": "true"},
    }  # fmt: skip
    assert puddle.polygon == Polygon((Ring((5, 40, 30, 38.5, 32, 52, 8, 55)),))
    assert (sky.label, sky.kind) == ("overcast", "classification")
    assert [label.name for label in parser.header().labels] == ["crane", "puddle", "overcast", "buoy"]
    assert parser.header().labels[0].attributes["color"] == "#ff0000"


def test_a_rotated_box_is_the_polygon_of_its_corners_turned_clockwise() -> None:
    records, _, _ = read(CVAT / "shapes")
    sign = records[0].instances[0]
    assert sign.rectangle is None
    assert sign.polygon is not None
    assert sign.polygon.rings[0].points == pytest.approx((17, 7, 17, 17, 13, 17, 13, 7))
    assert sign.attributes["rotation"] == "90.0"


def test_masks_become_exact_rings_and_a_bridged_hole_is_a_hole_again() -> None:
    records, _, _ = read(CVAT / "shapes")
    _, two_rows, with_hole, lake = records[0].instances
    assert two_rows.polygon is not None
    assert geometry.area(two_rows.polygon) == 12
    assert with_hole.polygon is not None
    assert [ring.hole for ring in with_hole.polygon.rings] == [False, True]
    assert geometry.area(with_hole.polygon) == 8
    assert lake.polygon is not None
    assert [ring.hole for ring in lake.polygon.rings] == [False, True]
    assert geometry.area(lake.polygon) == 16 * 16 - 16


def with_mask(folder: Path, rle: str) -> tuple[ImageRecord, ProblemLog]:
    """A record with one mask, of five columns and two rows."""
    mask = f'<mask label="a" rle="{rle}" left="10" top="20" width="5" height="2"/>'
    image = f'<image name="a.jpg" width="64" height="64">{mask}</image>'
    (folder / "one.xml").write_text(f"<annotations>{image}</annotations>")
    (record,), _, log = read(folder / "one.xml")
    return record, log


@pytest.mark.parametrize("rle", ["6, 3, 1", "6,3,1", " 6 ,3, 1,", "06,3,1", "6, 3, 1, 0", "+6,,3,1"])
def test_run_lengths_are_read_however_they_are_spelled(rle: str, tmp_path: Path) -> None:
    record, log = with_mask(tmp_path, rle)
    assert not log.kept
    assert record.instances[0].polygon == Polygon((Ring((11, 21, 14, 21, 14, 22, 11, 22)),))


@pytest.mark.parametrize(
    "rle", ["6, 3, 1.0", "6, 3, 1e0", "6, 3, [1]", "6, 3], [1", "6; 3; 1", "1" * 5000, ""]
)
def test_run_lengths_that_are_no_whole_numbers_are_refused(rle: str, tmp_path: Path) -> None:
    record, log = with_mask(tmp_path, rle)
    assert not record.instances
    assert log.lost == Counter(mask_invalid=1)


def test_every_bad_thing_is_rejected_by_itself_with_its_line_and_the_good_ones_are_kept() -> None:
    records, parser, log = read(CVAT / "bad_among_good")
    assert [len(record.instances) for record in records] == [2, 1]
    assert [found.rectangle for found in records[0].instances] == [Rectangle(1, 2, 10, 20)] * 2
    assert log.lost == Counter(
        box_invalid=3, box_empty=1, box_outside=1, label_blank=1, shape_not_supported=3, ring_flat=1, polygon_invalid=2,
        mask_invalid=4, mask_empty=1, image_unnamed=1, track_not_supported=2,
    )  # fmt: skip
    assert {code: log.counts[code] for code in ("box_swapped", "image_size_invalid")} == {
        "box_swapped": 1, "image_size_invalid": 1,
    }  # fmt: skip
    assert parser.instance_count() == 3 + log.lost.total()
    lines = (CVAT / "bad_among_good" / "bad.xml").read_text().splitlines()
    flat = next(problem for problem in log.kept if problem.code == "ring_flat")
    assert flat.place.line is not None
    assert 'points="1,1;2,2"' in lines[flat.place.line - 1]
    assert flat.place.pointer == "/annotations/image[1]/*[12]/@points"


def test_a_folder_of_exports_is_one_source() -> None:
    records, _, _ = read(CVAT / "folder")
    assert [record.file_name for record in records] == ["a.jpg", "b/c.jpg"]
    assert records[1].instances[0].label == "dog & cat"
    assert records[1].instances[0].attributes["attributes"] == {"colour": "<red>"}


@pytest.mark.parametrize(("name", "file"), sorted(REAL))
def test_images_shapes_labels_and_sums_are_those_counted_independently(name: str, file: str) -> None:
    stated: dict[str, Any] = expected(name)[file]
    records, parser, log = read(dataset(name) / file)
    instances = [found for record in records for found in record.instances]
    boxes = [found.rectangle for found in instances if found.rectangle]
    unsupported = sum(
        count for kind, count in stated["shape_types"].items() if kind in ("points", "polyline")
    )
    unlabelled = log.lost["label_blank"]
    assert len(records) == stated["images"]
    assert parser.instance_count() == stated["objects"]
    assert log.lost["shape_not_supported"] == unsupported
    assert len(instances) == stated["objects"] - unsupported - unlabelled
    assert (len(boxes), sum(box.width * box.height for box in boxes)) == (
        stated["boxes_valid"],
        stated["sum_wh"],
    )
    assert sum(box.left for box in boxes) == stated["sum_x"]
    assert sum(box.top for box in boxes) == stated["sum_y"]
    if not unlabelled:
        area = sum(geometry.area(found.polygon) for found in instances if found.polygon)
        assert area == stated.get("polygon_area", 0)


def test_a_video_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="CVAT for video: 3 tracks"):
        read(dataset("datumaro_assets") / "cvat_dataset" / "for_video" / "annotations.xml")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotations><image name="&x;"/></annotations>',
            "xml_entities",
        ),
        ("<annotations><image></annotations>", "xml_syntax"),
        ("<annotations><image", "xml_syntax"),
        ("<project><image/></project>", "other_root"),
        ("<annotations>" + "<a>" * 300 + "</a>" * 300 + "</annotations>", "nested_too_deep"),
        ("", "empty_file"),
        ('{"a": 1}', "not_xml"),
    ],
)
def test_a_file_that_cannot_be_trusted_or_read_is_rejected_whole(
    tmp_path: Path, text: str, code: str
) -> None:
    path = tmp_path / "file.xml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read(path)
    assert caught.value.problem.code == code


def test_a_file_that_changes_between_index_and_reading_costs_only_what_changed(tmp_path: Path) -> None:
    path = tmp_path / "file.xml"
    text = (CVAT / "demo" / "annotations.xml").read_text()
    path.write_text(text)
    parser = Cvat(path)
    parser.prepare(lambda _: None)
    path.write_text(text.replace('<tag label="overcast"', '<tag <abel="overcast"'))
    problems: list[Problem] = []
    records = list(parser.read(Shard(0, 3), problems.append))
    assert [record.file_name for record in records] == ["pier 2.jpg", "empty.jpg"]
    assert [(problem.code, problem.lost) for problem in problems] == [("file_changed", 3)]


def data(path: Path) -> Any:
    """A file as plain values: attributes by name, numbers as numbers, elements in their order, white space left out."""
    return plain(etree.parse(path, etree.XMLParser(remove_comments=True)).getroot())


def plain(element: etree._Element) -> Any:
    said = {str(key): spelled(str(value)) for key, value in element.items()}
    return element.tag, said, (element.text or "").strip(), [plain(child) for child in element]


def spelled(value: str) -> Any:
    numbers = [number(part) for part in value.replace(";", ",").split(",")]
    return value if None in numbers else numbers


@pytest.mark.parametrize("file", ["demo/annotations.xml", "shapes/shapes.xml", "folder/two.xml"])
def test_a_fixture_is_written_as_it_was(file: str, tmp_path: Path) -> None:
    parser, log = Cvat(CVAT / file), ProblemLog()
    parser.prepare(log)
    losses = written(parser, records_of(parser)[0], "CVAT", tmp_path / "out.xml")
    before, after = data(CVAT / file), data(tmp_path / "out.xml")
    assert set(losses.changed) <= {"holes_bridged"}
    if (
        "shapes" not in file
    ):  # a bridge may be laid from another corner, which the records prove to be the same
        assert after == before


@pytest.mark.parametrize(
    ("name", "file"), sorted(REAL - {("panlabel_fixtures", "sample_invalid_polygon.cvat.xml")})
)
def test_real_files_are_written_as_they_were_but_for_what_is_rejected(
    name: str, file: str, tmp_path: Path
) -> None:
    parser, log = Cvat(dataset(name) / file), ProblemLog()
    parser.prepare(log)
    records, more = records_of(parser)
    written(parser, records, "CVAT", tmp_path / "out.xml")
    before, after = data(dataset(name) / file), data(tmp_path / "out.xml")
    rejected = [child for image in before[3] if image[0] == "image" for child in image[3] if refused(child)]
    assert len(rejected) == more.lost.total()
    assert after == (
        *before[:3],
        [(*one[:3], [c for c in one[3] if one[0] != "image" or not refused(c)]) for one in before[3]],
    )


def refused(shape: Any) -> bool:
    return shape[0] in ("points", "polyline") or not shape[1].get("label")
