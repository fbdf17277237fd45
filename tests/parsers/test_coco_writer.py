"""What is written by a shorter way is what the long one writes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest import convert
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Corner, Header, ImageRecord, Instance, Label, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.base import Options
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.parsers.coco_shapes import CLOSED
from picsellia_ingest.parsers.coco_writer import CocoWriter, _open
from picsellia_ingest.parsers.writer import json_bytes
from picsellia_ingest.selection import Selection
from tests.parsers.passing import read_with, write_with
from tests.parsers.test_coco_plain import CLOSED_RING, PLAIN_RING, annotation_rows

TEXTS = st.one_of(st.text(max_size=5), st.sampled_from(["0", "1", "Unspecified", "é", "x" * 300]))
NAMES = st.one_of(
    st.text(max_size=5), st.sampled_from(["pose", "truncated", "iscrowd", "score", "id", "attributes"])
)
VALUES = st.one_of(
    TEXTS, TEXTS, TEXTS, st.integers(), st.floats(), st.booleans(), st.none(), st.just({"a": "b"})
)
NUMBERS = st.one_of(st.integers(-5, 5000), st.floats(-1e6, 1e6))
BOXES = st.builds(Rectangle, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
RINGS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=5).map(lambda points: sum(points, ()))
POLYGONS = st.lists(st.builds(Ring, RINGS, st.booleans()), min_size=1, max_size=3).map(
    lambda rings: Polygon(tuple(rings))
)
INSTANCES = st.builds(
    Instance,
    st.just("car"),
    st.none() | BOXES,
    st.none() | POLYGONS,
    st.just(()),
    st.dictionaries(NAMES, VALUES, max_size=3),
)


@given(st.lists(INSTANCES, max_size=4))
def test_a_shape_is_written_as_its_mapping_is(instances: list[Instance]) -> None:
    writer = CocoWriter(Header((Label("car"),)))
    record = ImageRecord("a.jpg", 60, 40, tuple(instances))
    _, (_, _, rows) = writer.encode(record, "a", Losses()).row
    mappings = [writer._annotation(one, record, Losses()) for one in instances]
    assert rows == [(one.pop("id", None), None, _open(one, "image_id")) for one in mappings]


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


PLAIN = st.fixed_dictionaries(
    {
        "category_id": st.sampled_from([1, 2, 7]),
        "bbox": st.sampled_from([[10, 10, 20, 30], [1.5, 2.0, 3, 4]]),
        "segmentation": st.sampled_from([[], [PLAIN_RING], [CLOSED_RING], [PLAIN_RING, PLAIN_RING]]),
    },
    optional={"area": st.just(5), "iscrowd": st.sampled_from([0, 1]), "score": st.just(0.5)},
)


@given(
    st.lists(
        st.tuples(PLAIN | PLAIN | annotation_rows(), st.sampled_from([1, 1, 2, 2, 3]), st.integers(1, 7)),
        min_size=1,
        max_size=8,
    ),
    st.sampled_from([[1, 2, 3], [1, 2, "3"], [1, 3, 2], [2, 1.0, 3]]),
    st.sampled_from([[1, 2], [2, 7, 1], [1, 2, 9]]),
    st.sampled_from([{}, {"crate": "pallet"}, {"pallet": None}, {"crate": "pallet", "pallet": "crate"}]),
)
def test_an_annotation_is_passed_on_as_it_is_spelled_where_that_is_what_its_instance_says(
    rows: list[tuple[dict[str, Any], int, int]], images: list[Any], categories: list[int], labels: Any
) -> None:
    """Be ids repeated, be the images' ids texts, be labels given to others: read again, both files say the same."""
    document = {
        "images": [
            {"id": id_, "file_name": f"{at}.jpg", "width": 100, "height": 100}
            for at, id_ in enumerate(images)
        ],
        "annotations": [row | {"image_id": image, "id": own} for row, image, own in rows],
        "categories": [{"id": id_, "name": name} for id_, name in zip(categories, NAMED, strict=False)],
    }
    with TemporaryDirectory() as folder:
        (Path(folder) / "a.json").write_text(json.dumps(document, indent=1))
        with Coco(Path(folder) / "a.json", Options()) as parser:
            records, _, _ = read_with(parser)
            chosen = [Selection(labels=labels).apply(record, Counter()) for record in records]
            as_told = _written(parser.header(), chosen, Path(folder) / "told.json")
            made = [msgspec.structs.replace(record, instances=tuple(record.instances)) for record in chosen]
            as_made = _written(parser.header(), made, Path(folder) / "made.json")
    assert as_told == as_made


NAMED = ("crate", "pallet", "crate")


def _written(header: Header, records: list[ImageRecord], path: Path) -> tuple[Any, Any]:
    losses = write_with(CocoWriter(header, source="COCO"), records, path)
    return json.loads(path.read_text()), losses.to_dict()


@pytest.mark.parametrize("labels", [{}, {"crate": "box"}])
def test_a_plain_annotation_keeps_its_spelling_also_under_another_label(
    tmp_path: Path, labels: dict[str, str | None]
) -> None:
    row = '{"id": 7,\n "bbox": [1e0, 2.50, 3, 4], "score":0.10, "image_id":4, "category_id":1, "segmentation":[]}'
    (tmp_path / "a.json").write_text(
        f'{{"images": [{{"id": 4, "file_name": "a.jpg"}}], "annotations": [{row}],'
        ' "categories": [{"id": 1, "name": "crate"}]}'
    )
    convert(tmp_path / "a.json", tmp_path / "b.json", "COCO", labels=labels)
    assert f'"annotations":[\n{row}\n]' in (tmp_path / "b.json").read_text()
