"""A box of another format is written without a mapping: the same as with one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Rectangle
from picsellia_ingest.parsers.coco_writer import CocoWriter, _open
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
