"""What is written by a shorter way is what the long one writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Corner, Header, ImageRecord, Instance, Label, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.coco_shapes import CLOSED
from picsellia_ingest.parsers.coco_writer import CocoWriter, _open
from picsellia_ingest.parsers.writer import json_bytes
from tests.parsers.passing import write_with

TEXTS = st.one_of(st.text(max_size=5), st.sampled_from(["0", "1", "Unspecified", "é", "x" * 300]))
NAMES = st.one_of(
    st.text(max_size=5), st.sampled_from(["pose", "truncated", "iscrowd", "score", "id", "attributes"])
)
VALUES = st.one_of(
    TEXTS, TEXTS, TEXTS, st.integers(), st.floats(), st.booleans(), st.none(), st.just({"a": "b"})
)
NUMBERS = st.one_of(st.integers(-5, 5000), st.floats(-1e6, 1e6))
BOXES = st.builds(Rectangle, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
INSTANCES = st.builds(
    Instance, st.just("car"), BOXES, st.none(), st.just(()), st.dictionaries(NAMES, VALUES, max_size=3)
)


@given(st.lists(INSTANCES, max_size=4))
def test_a_box_is_written_as_its_mapping_is(instances: list[Instance]) -> None:
    writer = CocoWriter(Header((Label("car"),)))
    record = ImageRecord("a.jpg", instances=tuple(instances))
    _, (_, _, rows) = writer.encode(record, "a", Losses()).row
    mappings = [writer._annotation(one, record, Losses()) for one in instances]
    assert rows == [(one.pop("id", None), _open(one, "image_id")) for one in mappings]


RINGS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=5).map(lambda points: sum(points, ()))


@given(
    st.lists(st.tuples(RINGS, st.integers(0, 2)), min_size=1, max_size=3), st.sampled_from(["COCO", "VIA"])
)
def test_a_ring_is_written_from_its_json_as_it_is_from_its_numbers(
    drawn: list[tuple[tuple[float, ...], int]], source: str
) -> None:
    says = {"image_id": 1, "segmentation": {CLOSED: [again for _, again in drawn]}}
    as_numbers = [Ring(points) for points, _ in drawn]
    as_json = [
        Ring(None, text=json_bytes([Corner(x, y) for x, y in zip(points[0::2], points[1::2], strict=True)]))
        for points, _ in drawn
    ]
    writer, box = CocoWriter(Header((Label("car"),)), source=source), Rectangle(1, 2, 3, 4)
    found = [
        writer.encode(
            ImageRecord("a.jpg", instances=(Instance("car", box, Polygon(tuple(rings)), (), says),)),
            "a",
            Losses(),
        ).row
        for rings in (as_numbers, as_json)
    ]
    assert found[0] == found[1]


def test_the_annotations_of_all_images_stand_behind_one_another(tmp_path: Path) -> None:
    boxes: list[list[Any]] = [[1, 2], [], [3], [], []]
    records = [
        ImageRecord(f"{at}.jpg", instances=tuple(Instance("car", Rectangle(left, 0, 5, 5)) for left in lefts))
        for at, lefts in enumerate(boxes)
    ]
    write_with(CocoWriter(Header((Label("car", frozenset({"rectangle"})),))), records, tmp_path / "a.json")
    found = json.loads((tmp_path / "a.json").read_text())["annotations"]
    assert [(one["image_id"], one["id"], one["bbox"][0]) for one in found] == [
        (1, 1, 1),
        (1, 2, 2),
        (3, 3, 3),
    ]
