"""VOC files are text put together: the same, byte for byte, as a tree of elements that lxml writes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from picsellia_ingest import bridges, geometry
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.base import Options, Shard
from picsellia_ingest.parsers.coco_rings import GEOMETRY, Rings
from picsellia_ingest.parsers.cvat_writer import append
from picsellia_ingest.parsers.pascal_voc import PascalVoc
from picsellia_ingest.parsers.voc_writer import VocWriter
from picsellia_ingest.parsers.writer import Output, encode
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import write_with

NUMBERS = st.one_of(
    st.integers(-50, 2000),
    st.decimals(-50, 2000, places=2).map(float),
    st.floats(-1e9, 1e9),
    st.sampled_from([1e-5, 0.0001, 1e16, -0.0]),
)
LENGTHS = st.decimals("0.01", 900, places=2).map(float)
BOXES = st.builds(Rectangle, NUMBERS, NUMBERS, LENGTHS, LENGTHS)
POINTS = st.lists(NUMBERS, min_size=6, max_size=30).map(lambda values: tuple(values[: len(values) // 2 * 2]))
RINGS = POINTS.map(Ring)
HOLE = st.just([Ring((0, 0, 90, 0, 90, 90, 0, 90)), Ring((10, 10, 10, 20, 20, 20), hole=True)])
POLYGONS = st.one_of(HOLE, st.lists(RINGS, min_size=1, max_size=3)).map(lambda rings: Polygon(tuple(rings)))
LABELS = st.sampled_from(["car", "a & <b>", "Größe", "x\ty", "é\r"])
SAID = st.sampled_from(
    [
        {},
        {"id": 1, "iscrowd": 0},
        {"iscrowd": 1},
        {"truncated": True, "colour": "red & <b>", "n": 2},
        {"deep": {"a": [1]}},
    ]
)
INSTANCES = st.builds(
    Instance,
    LABELS.filter(lambda label: label.strip() == label),
    st.one_of(st.none(), BOXES),
    POLYGONS,
    st.just(()),
    SAID,
)


def text_of(record: ImageRecord, rule: str = "as_written", source: str = "") -> str:
    writer = VocWriter(Header(), Options(voc_coordinates=rule), source)
    return writer.encode(record, "k", Losses()).files[0][1].decode()


def tree_of(record: ImageRecord, shift: int) -> str:
    """A file of another format's record as a tree."""
    root = etree.Element("annotation")
    append(root, "filename", record.file_name)
    append(root, "size", {"width": record.width, "height": record.height})
    for instance in record.instances:
        said = dict(instance.attributes)
        flags = {"pose": "Unspecified", "truncated": str(int(said.pop("truncated", 0))), "difficult": "0"}
        texts = {name: str(int(value) if value is True else value) for name, value in said.items()
                 if isinstance(value, (str, int)) and name != "id" and (name, value) != ("iscrowd", 0)}  # fmt: skip
        named = {"attributes": {"attribute": [{"name": name, "value": text} for name, text in texts.items()]}}
        assert instance.polygon is not None
        box = instance.rectangle or geometry.bounds(instance.polygon)
        corners = (box.left + shift, box.top + shift, geometry.far_edge(box.left, box.width),
                   geometry.far_edge(box.top, box.height))  # fmt: skip
        lines = [bridges.line(outer, holes) for outer, holes in geometry.parts(instance.polygon)]
        members: dict[str, Any] = {
            "name": instance.label, **flags, **(named if texts else {}),
            "bndbox": dict(zip(("xmin", "ymin", "xmax", "ymax"), map(repr, corners), strict=True)),
            "polygon": [{f"{'xy'[at % 2]}{at // 2 + 1}": repr(value) for at, value in enumerate(line)} for line in lines],
        }  # fmt: skip
        append(root, "object", members)
    etree.indent(root, "\t")
    return etree.tostring(root, encoding="utf-8").decode() + "\n"


@given(st.lists(INSTANCES, max_size=3), st.sampled_from(["a.jpg", "a & <b>.jpg"]), st.booleans())
def test_a_record_is_written_as_lxml_writes_its_tree(
    instances: list[Instance], name: str, inclusive: bool
) -> None:
    record = ImageRecord(name, 64, 48, tuple(instances))
    assert text_of(record, "inclusive" if inclusive else "as_written") == tree_of(record, int(inclusive))


@given(st.lists(NUMBERS.map(repr), min_size=6, max_size=20))
def test_a_ring_that_is_text_is_written_as_its_points_are(numbers: list[str]) -> None:
    found = Rings([b"[%b]" % ",".join(numbers).encode()]).written()[0]
    if found is None:
        return
    ring = Ring(None, text=GEOMETRY % found)
    as_points = Ring(Ring(None, text=GEOMETRY % found).points)
    written = [
        text_of(ImageRecord("a", 1, 1, (Instance("car", None, Polygon((one,))),)), source=VocWriter.name)
        for one in (ring, as_points)
    ]
    assert written[0] == written[1]


def test_a_ring_whose_text_has_other_words_for_a_number_is_written_by_its_points() -> None:
    text = b'[{"x":0.00001,"y":2},{"x":1e16,"y":4},{"x":5,"y":60}]'
    record = ImageRecord("a", 1, 1, (Instance("car", None, Polygon((Ring(None, text=text),))),))
    assert "<x1>1e-05</x1>" in text_of(record)
    assert "<x2>1e+16</x2>" in text_of(record)


def test_more_points_than_usual_are_written_all(tmp_path: Path) -> None:
    points = tuple(range(2400))
    record = ImageRecord("a", 1, 1, (Instance("car", None, Polygon((Ring(points),))),))
    rows = list(encode(VocWriter(Header()), [(record, "deep/a")], tmp_path, Losses()))
    assert rows == [("deep/a", ())]
    text = (tmp_path / "Annotations" / "deep" / "a.xml").read_text()
    assert text == text_of(record)
    assert "<y1200>2399</y1200>" in text


@pytest.mark.parametrize("own", ["<xmax>7</xmax>", "<xmax><b>3</b></xmax>", "<ymax/>"])
def test_a_tag_of_an_object_that_is_called_as_a_corner_stays_its_own(tmp_path: Path, own: str) -> None:
    box = "<bndbox><xmin>1</xmin><ymin>2</ymin><xmax>30</xmax><ymax>40.3</ymax></bndbox>"
    source, again = tmp_path / "source", tmp_path / "again"
    source.mkdir()
    (source / "a.xml").write_text(
        "<annotation><filename>a.jpg</filename><size><width>50</width><height>50</height></size>"
        f"<object><name>car</name>{own}{box}</object></annotation>"
    )
    (was,) = read(source)
    assert was.instances[0].rectangle == Rectangle(1, 2, 29, 40.3 - 2)
    with Output(VocWriter(Header(), None, "PASCAL-VOC"), again) as output:
        output.write([was], ["a"])
    assert read(again) == [was]


def read(folder: Path) -> list[ImageRecord]:
    parser, log = PascalVoc(folder), ProblemLog()
    parser.begin(log)
    found = list(parser.read(Shard(0, parser.count()), log))
    assert not log.counts
    return found


def test_an_image_is_on_no_list_of_another_split(tmp_path: Path) -> None:
    records = [ImageRecord("a.jpg", 9, 9, splits=("x\x01y",)), ImageRecord("b.jpg", 9, 9, splits=("x_y",))]
    losses = write_with(VocWriter(Header(), None, "COCO"), records, tmp_path / "out")
    assert losses.changed["splits_not_held"] == 1
    (listed,) = (tmp_path / "out" / "ImageSets" / "Main").iterdir()
    assert listed.read_text().split() == ["b"]
