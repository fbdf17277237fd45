"""Objects that are decoded together are what the general path makes of them, object by object."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
from hypothesis import example, given, settings
from hypothesis import strategies as st

from picsellia_ingest import geometry, wire
from picsellia_ingest.errors import ItemError
from picsellia_ingest.model import ImageRecord, Instance
from picsellia_ingest.parsers.checks import Size
from picsellia_ingest.parsers.picsellia_objects import instance
from picsellia_ingest.parsers.picsellia_plain import PlainObjects
from tests.parsers.prepared import in_a_file, sent_and_counted

NUMBERS: st.SearchStrategy[Any] = st.one_of(
    st.integers(-3, 110),
    st.floats(-3, 110, allow_nan=False),
    st.sampled_from(
        [
            0.0,
            -0.0,
            0.05,
            0.1,
            1e8,
            -1e8,
            1e9,
            -1e9,
            1000000000.0000001,
            1.5e9,
            10**12,
            10**30,
            10**400,
            100.5,
            100.6,
            -0.6,
            True,
            "7",
            None,
        ]
    ),
)
FEW = st.integers(0, 3)
PLAIN_CORNERS = [{"x": 10.5, "y": 10}, {"x": 20, "y": 10.25}, {"x": 20, "y": 21.0}, {"x": 11, "y": 20}]
CORNERS = st.one_of(
    st.lists(st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS}), max_size=6),
    st.lists(st.fixed_dictionaries({"x": FEW, "y": FEW}), min_size=2, max_size=5),
    st.builds(lambda corner: [*PLAIN_CORNERS, corner], st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS})),
)
SHAPES = st.one_of(
    CORNERS.map(lambda corners: {"geometry": corners}),
    st.sampled_from([{}, [], None, {"geometry": []}, {"geometry": PLAIN_CORNERS, "more": 1}, PLAIN_CORNERS]),
)
BOXES = st.one_of(
    st.fixed_dictionaries({"left": NUMBERS, "top": NUMBERS, "width": NUMBERS, "height": NUMBERS}),
    st.sampled_from([{"left": 1, "top": 2.5, "width": 30, "height": 4}, {}, None, {"left": 1}]),
)
POLYGON = {"type": "polygon", "label": "crate", "polygon": {"geometry": PLAIN_CORNERS}, "qa": []}
BOX = {
    "type": "rectangle",
    "label": "pallet",
    "rectangle": {"left": 1, "top": 2.5, "width": 30, "height": 4},
    "qa": [],
}
CHANGES: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.fixed_dictionaries({"polygon": SHAPES}),
    st.fixed_dictionaries({"rectangle": BOXES}),
    st.sampled_from(["a b", " crate", "", "\u200b", 7, "x" * 2000]).map(lambda label: {"label": label}),
    st.sampled_from(["polygon", "rectangle", "classification", "line", None]).map(
        lambda kind: {"type": kind}
    ),
    st.sampled_from([None, [{"type": "text", "question": "q", "answer": "a"}]]).map(lambda qa: {"qa": qa}),
    st.just({"area": 7}),
    st.sampled_from([{"score": 0.5}, {"iscrowd": 1}, {"occluded": False}, {"a": None}, {"label": "b"}]).map(
        lambda said: {"attributes": said, "id": 1.0}
    ),
)
OBJECTS = st.builds(
    lambda plain, *changes: plain | changes[0] | changes[1],
    st.sampled_from([POLYGON, BOX]),
    CHANGES,
    st.just({}) | CHANGES,
)
SIZES = st.sampled_from(
    [(100, 100), (None, None), (20, 21), (5, 5), (100, None), (2_000_000_000, 2_000_000_000)]
)


def long_way(rows: list[dict[str, Any]], size: Size) -> list[Instance] | None:
    """What the general path makes of them without a word; None where it has something to say, or answers to read."""
    said: list[Any] = []
    rows = json.loads(json.dumps(rows))
    try:
        if any(row.pop("qa", None) for row in rows):
            return None
        found = [instance(row, size, lambda *problem: said.append(problem)) for row in rows]
    except ItemError:
        return None
    return None if said else found


def read(rows: Any, size: Size = (100, 100)) -> list[Instance] | None:
    found = PlainObjects([json.dumps(rows).encode()]).of(0, size)
    if found is None:
        return None
    for rectangle in (False, True):
        assert sent_and_counted(found, rectangle=rectangle) == sent_and_counted(
            tuple(found), rectangle=rectangle
        )
        for source in ("COCO", "PICSELLIA"):
            as_they_are = in_a_file(found, rectangle=rectangle, source=source)
            assert as_they_are == in_a_file(tuple(found), rectangle=rectangle, source=source)
    return [*found]


@settings(max_examples=400)
@given(st.lists(OBJECTS, min_size=1, max_size=2), SIZES)
@example([POLYGON, POLYGON], (100, 100))
@example([POLYGON | {"polygon": {"geometry": [*PLAIN_CORNERS, PLAIN_CORNERS[0]]}}], (100, 100))
@example([POLYGON | {"polygon": {"geometry": [{"x": n, "y": 2 * n} for n in (1, 3, 4)]}}], (100, 100))
@example([POLYGON | {"polygon": {"geometry": [*PLAIN_CORNERS, {"x": 1.5e9, "y": 3}]}}], (None, None))
@example([POLYGON | {"polygon": {"geometry": [*PLAIN_CORNERS, {"x": 1.5e9, "y": 3}]}}], (2_000_000_000, 100))
@example([POLYGON | {"polygon": {"geometry": [*PLAIN_CORNERS, {"x": 9e8, "y": 3}]}}], (2_000_000_000, 100))
@example([BOX | {"rectangle": {"left": 1.5e9, "top": 2, "width": 3, "height": 4}}], (2_000_000_000, 100))
@example([BOX | {"rectangle": {"left": 0.0, "top": 2, "width": 0.1, "height": 4}}], (100, 100))
@example([POLYGON | {"polygon": {"geometry": [*PLAIN_CORNERS, {"x": 10**400, "y": 3}]}}], (None, None))
@example([BOX | {"rectangle": {"left": 10**400, "top": 2.5, "width": 30, "height": 4}}], (100, 100))
@example([BOX | {"rectangle": {"left": 1.5e9, "top": 2.5, "width": 30, "height": 4}}], (None, None))
@example([BOX | {"rectangle": {"left": 100, "top": 2.5, "width": 0.3, "height": 4}}], (100, 100))
def test_what_is_read_is_what_the_general_path_reads_without_a_word_and_is_sent_as_its_instances_are(
    rows: list[dict[str, Any]], size: Size
) -> None:
    found, expected = read(rows, size), long_way(rows, size)
    if found is not None:
        assert expected is not None
        assert repr(bounds(found)) == repr(bounds(expected))
        assert sent(found) == sent(expected)
        assert repr(found) == repr(expected)


def bounds(instances: list[Instance]) -> list[Any]:
    return [geometry.around(None, found.polygon) for found in instances]


def sent(instances: list[Instance]) -> bytes:
    """The instances as an upload encodes them."""
    record = ImageRecord("a.jpg", instances=instances)
    return wire.encode(wire.document(record, rectangle=False, notes=Counter()))


def test_what_the_platform_writes_is_read() -> None:
    both = POLYGON | {"rectangle": BOX["rectangle"]}
    found = read([POLYGON, BOX, both])
    assert found is not None
    assert [one.kind for one in found] == ["polygon", "rectangle", "polygon"]
    assert found[2] == msgspec.structs.replace(found[0], rectangle=found[1].rectangle)
    assert read([both | {"type": "rectangle"}]) is None
    assert read([]) == []


def test_what_stands_under_other_keys_is_kept_unless_it_may_be_nested_too_deeply() -> None:
    found = read([BOX, BOX | {"attributes": {"score": 1.0}, "id": "7"}, POLYGON])
    assert found is not None
    assert [one.attributes for one in found] == [{}, {"attributes": {"score": 1.0}, "id": "7"}, {}]
    deep: list[Any] = []
    for _ in range(97):
        deep = [deep]
    assert read([BOX | {"deep": deep}]) is not None
    assert read([BOX | {"deep": [deep]}]) is None
    for other in (b'"b":"\\ud800"', b'"b":"\xff"', b'"b\xff":1', b'"\\ud800":1'):
        box = b'{"type":"rectangle","label":"a","rectangle":{"left":1,"top":1,"width":1,"height":1},%b}'
        assert PlainObjects([b"[%b]" % (box % b'"b":1')]).of(0, (None, None)) is not None
        assert PlainObjects([b"[%b]" % (box % other)]).of(0, (None, None)) is None


def test_what_cannot_be_told_in_types_is_left_to_the_general_path() -> None:
    assert read([POLYGON, 7]) is None
    assert read({"a": POLYGON}) is None
    assert PlainObjects([b"[" * 5]).of(0, (None, None)) is None
    assert read([POLYGON] * 10_000) is None


@given(st.lists(st.tuples(st.lists(OBJECTS, max_size=2), SIZES), max_size=4))
def test_records_that_are_decoded_together_are_read_as_each_alone(
    records: list[tuple[list[dict[str, Any]], Size]],
) -> None:
    raws = [json.dumps(rows).encode() for rows, _ in records]
    together = PlainObjects(raws)
    for number, (raw, (_, size)) in enumerate(zip(raws, records, strict=True)):
        found, alone = together.of(number, size), PlainObjects([raw]).of(0, size)
        assert repr(found) == repr(alone)
        assert found is None or [*found.stated()] == [*(alone or found).stated()]
