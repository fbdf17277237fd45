"""The quick way to an annotation gives what the long way gives, or nothing."""

from __future__ import annotations

import json
import pickle
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from picsellia_ingest import wire
from picsellia_ingest.errors import ItemError
from picsellia_ingest.model import Instance, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.coco_plain import PlainAnnotations
from picsellia_ingest.parsers.coco_shapes import instance
from picsellia_ingest.prepared import Stated
from tests.parsers.prepared import in_a_file, sent_and_counted

CATEGORIES: dict[Any, Any] = {1: "crate", 2: "pallet", 3: ItemError("category_ambiguous", "two names")}
NUMBERS = st.one_of(
    st.integers(-3, 110),
    st.floats(-3, 110, allow_nan=False),
    st.sampled_from(
        [0, 0.0, -0.0, 0.05, 1e9, -1e9, 1.5e9, 10**12, 100, 100.5, 100.6, -0.5, -0.6, True, "7", None]
    ),
)
RINGS = st.lists(st.lists(NUMBERS, max_size=12), max_size=3)
PLAIN_RING = [10.5, 10, 20, 10.25, 20, 21, 11, 20.5]
CLOSED_RING = [*PLAIN_RING, *PLAIN_RING[:2]]
LONG_RING = [10.123456789012345, 10, 20, 10.25, 20, 0.1 + 0.2, 11, 20.5]
OTHERS: dict[str, Any] = {
    "score": 0.5,
    "keypoints": [1, 2, 2, 0, 0, 0],
    "num_keypoints": 1,
    "ignore": 0,
    "attributes": {"occluded": False, "colour": '"red"', "bbox": [1, 2, 3, 4]},
    "caption": "a crate",
    "picsellia_qa": [{"type": "text", "question": "q", "answer": "a"}],
    "deep": None,
    'a "name"': "",
}
for _ in range(40):
    OTHERS["deep"] = [OTHERS["deep"]]


@st.composite
def annotation_rows(draw: st.DrawFn) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": draw(st.integers(0, 9)),
        "image_id": 1,
        "category_id": draw(st.sampled_from([1, 2, 2, 3, 9, "1", 1.0])),
        "bbox": draw(st.one_of(st.just([10, 10.5, 20, 30]), st.lists(NUMBERS, min_size=3, max_size=5))),
        "segmentation": draw(
            st.one_of(
                st.sampled_from([[PLAIN_RING], [PLAIN_RING, PLAIN_RING], [], {}, None]),
                st.sampled_from(
                    [[CLOSED_RING], [PLAIN_RING, CLOSED_RING], [LONG_RING], [CLOSED_RING + CLOSED_RING[:2]]]
                ),
                RINGS,
            )
        ),
        "area": draw(st.sampled_from([100, 12.5])),
        "iscrowd": draw(st.sampled_from([0, 1])),
    }
    for key in draw(st.sets(st.sampled_from(sorted(row)), max_size=2)):
        del row[key]
    if draw(st.booleans()):
        others = draw(st.sets(st.sampled_from(sorted(OTHERS)), max_size=2))
        row |= {key: OTHERS[key] for key in sorted(others)}
    return row


def long_way(row: dict[str, Any], size: tuple[int | None, int | None]) -> Instance | None:
    """What the long way makes of it without a word; None where it has something to say."""
    label = CATEGORIES.get(row.pop("category_id", None))
    if not isinstance(label, str):
        return None
    said: list[Any] = []
    try:
        found = instance(row, label, size, lambda *what: said.append(what))
    except ItemError:
        return None
    return None if said else found


SIZES = st.sampled_from([(100, 100), (None, None), (100, None), (1000, 40)])


def plain_instance(text: bytes, size: tuple[int | None, int | None]) -> Instance | None:
    return plain_instances([text], [size])[0]


def plain_instances(texts: list[bytes], sizes: list[tuple[int | None, int | None]]) -> list[Instance | None]:
    batch = PlainAnnotations(texts, CATEGORIES, sizes, [1] * len(texts))
    return [batch.instance(number) if plain else None for number, plain in enumerate(batch.are_plain())]


@given(st.lists(st.tuples(annotation_rows(), SIZES), max_size=5))
@example(
    [
        (
            {"image_id": 1, "category_id": 1, "bbox": [0.0, -0.0, 5, 5], "segmentation": [PLAIN_RING]},
            (100, 100),
        ),
        (
            {"image_id": 1, "category_id": 1, "bbox": [99.9, 1, 0.5, 5], "segmentation": [PLAIN_RING]},
            (100, 100),
        ),
        (
            {"image_id": 1, "category_id": 1, "bbox": [10**400, 1, 2, 5], "segmentation": [PLAIN_RING]},
            (100, 100),
        ),
    ]
)
def test_what_is_plain_is_what_the_long_way_makes_of_it(
    rows: list[tuple[dict[str, Any], tuple[int | None, int | None]]],
) -> None:
    texts = [json.dumps(row).encode() for row, _ in rows]
    batch = plain_instances(texts, [size for _, size in rows])
    for text, (_, size), found in zip(texts, rows, batch, strict=True):
        assert found == plain_instance(text, size)
        if found is not None:
            expected = long_way(json.loads(text), size)
            assert found == expected
            assert expected is not None
            # Whole numbers stay whole: 1 and 1.0 are equal, and not the same in a file.
            assert repr((found.rectangle, found.polygon)) == repr((expected.rectangle, expected.polygon))
            assert repr(sorted(found.attributes.items())) == repr(sorted(expected.attributes.items()))
            assert sent(found) == sent(expected)


MASKS = st.sampled_from(
    [
        {"size": [4, 4], "counts": [3, 2, 11]},
        {"size": [4, 4], "counts": "0b"},
        {"counts": '"', "size": [1, 1], "more": {}},
    ]
)


@given(
    st.lists(annotation_rows() | annotation_rows().flatmap(lambda row: st.tuples(st.just(row), MASKS).map(
        lambda found: {**found[0], "segmentation": found[1]})), min_size=1, max_size=6),
    st.sets(st.integers(0, 5)), st.sampled_from(['"area": 1, ', '"id": 3, ', '"bbox": [1, 2, 3, 4], ', '"score": 1, ', ""]),
)  # fmt: skip
def test_which_are_plain_does_not_depend_on_what_they_are_looked_at_with(
    rows: list[dict[str, Any]], twice: set[int], key: str
) -> None:
    texts = [json.dumps(row) for row in rows]
    given_twice = [
        f"{{{key}{text[1:]}".encode() if at in twice else text.encode() for at, text in enumerate(texts)
    ]
    together = PlainAnnotations(given_twice, CATEGORIES, [(100, 100)], [len(texts)]).are_plain()
    assert together == [
        PlainAnnotations([text], CATEGORIES, [(100, 100)], [1]).are_plain()[0] for text in given_twice
    ]
    for at, is_plain in enumerate(together):
        assert not (is_plain and at in twice and key and key.split('"')[1] in rows[at])


def sent(found: Instance) -> bytes:
    return msgspec.json.encode(wire.objects(found, rectangle=False, notes=Counter()))


@given(st.lists(annotation_rows(), min_size=1, max_size=5), st.integers(0, 4), st.booleans())
def test_what_is_prepared_is_written_sent_and_counted_as_its_instances_are(
    rows: list[dict[str, Any]], place: int, rectangle: bool
) -> None:
    texts = [json.dumps(row).encode() for row in rows]
    batch = PlainAnnotations(texts, CATEGORIES, [(100, 100)], [len(texts)])
    plain = [number for number, is_plain in enumerate(batch.are_plain()) if is_plain]
    other = Instance("other", Rectangle(1, 2, 3, 4), None, (), {"score": 0.5})
    rings = (Ring((1, 1, 9, 1, 9, 9)), Ring((20, 20, 30, 20, 30, 30)))
    mask = Instance("mask", None, Polygon(rings), (), {"iscrowd": 1})
    several: list[Sequence[Instance | int]] = [[mask, *plain[:place], other, *plain[place:]]]
    if len(plain) == len(texts):
        several.append(range(len(texts)))
    for members in several:
        found = batch.prepared(members)
        assert in_a_file(found, rectangle=rectangle) == in_a_file(tuple(found), rectangle=rectangle)
        as_they_are = sent_and_counted(found, rectangle=rectangle)
        assert as_they_are == sent_and_counted(tuple(found), rectangle=rectangle)


def test_what_is_prepared_is_a_sequence_of_its_instances() -> None:
    batch = PlainAnnotations([text(), text(id=2)], CATEGORIES, [(100, 100)], [2])
    prepared, first = batch.prepared(range(2)), batch.instance(0)
    kinds = ("objects", "outlines", "boxes")
    members = {
        kind: msgspec.json.decode(getattr(prepared, kind)()[0]).keys() & {"polygon", "rectangle"}
        for kind in kinds
    }
    assert members == {"objects": {"polygon", "rectangle"}, "outlines": {"polygon"}, "boxes": {"rectangle"}}
    assert prepared.stated()[0] == Stated("crate", (10, 10, 20, 20), has_box=True, has_polygon=True)
    assert prepared.attributes() == {}
    scored = PlainAnnotations([text(), text(score=0.5)], CATEGORIES, [(100, 100)], [2])
    assert scored.prepared([first, 1]).attributes() == {1: {"score": 0.5}}
    assert (len(prepared), prepared[0], prepared[:1]) == (2, first, (first,))
    assert prepared == tuple(prepared) == (first, batch.instance(1))
    assert prepared == batch.prepared(range(2))
    assert prepared != [first, first]
    assert repr(prepared) == repr(tuple(prepared))
    assert pickle.loads(pickle.dumps(prepared)) == prepared
    assert batch.prepared([first, 1]) == prepared
    assert batch.prepared([first, 1]).objects() == [None, prepared.objects()[1]]


def text(**changes: Any) -> bytes:
    row = {
        "id": 1,
        "image_id": 1,
        "category_id": 1,
        "bbox": [10, 10, 20, 20],
        "segmentation": [PLAIN_RING],
        "area": 9.5,
        "iscrowd": 0,
    }
    return json.dumps(row | changes).encode()


def test_what_nearly_every_file_holds_is_plain() -> None:
    assert plain_instance(text(), (100, 100)) is not None
    assert plain_instance(text(segmentation=[PLAIN_RING] * 3), (100, 100)) is not None
    assert plain_instance(text(segmentation=[]), (100, 100)) is not None
    assert (
        plain_instance(
            text().replace(b', "segmentation": [[10.5, 10, 20, 10.25, 20, 21, 11, 20.5]]', b""), (100, 100)
        )
        is not None
    )
    assert plain_instance(text(), (None, None)) is not None
    assert plain_instance(text(segmentation=[CLOSED_RING]), (100, 100)) is not None
    assert plain_instance(text(segmentation=[LONG_RING]), (100, 100)) is not None
    assert plain_instance(text(score=0.5, keypoints=[1, 2, 2], attributes={"a": '"'}), (100, 100)) is not None


@pytest.mark.parametrize(
    "odd",
    [
        text(segmentation=[CLOSED_RING + CLOSED_RING[:2]]),
        text(segmentation=[[0, 0, 1, 1, 2, 2]]),
        text(segmentation={"size": [2, 2], "counts": [0, 4]}),
        text(segmentation={}),
        text(segmentation=[[]]),
        text(segmentation=None),
        text(bbox=[90, 10, 20, 20]),
        text(bbox=[1e308, 10, 1e308, 20]),
        text(bbox=[10, 10, -5, 5]),
        text(bbox=[10, 10, 5, 5, 0.5]),
        text(category_id=9),
        text(caption="a crate"),
        text(picsellia_qa=[]),
        text(deep=json.loads("[" * 100 + "]" * 100)),
        text(score=1)[:-1] + b', "score": 2}',
        text()[:-1] + b', "name": "\xff"}',
        text()[:-1] + b', "\xff": 1}',
        text(iscrowd=True),
        text()[:-1] + b', "bbox": [1, 1, 2, 2]}',
        text().replace(b'"area"', b'"bbox": [1, 1, 2, 2], "area"'),
        text()[:-1],
        b"{}",
        b"",
    ],
)  # fmt: skip
def test_what_has_anything_to_be_said_of_is_not_plain(odd: bytes) -> None:
    assert plain_instance(odd, (100, 100)) is None
