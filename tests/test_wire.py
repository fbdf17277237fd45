"""What goes over the wire for each kind of instance, and what comes back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest import wire
from picsellia_ingest.model import (
    Answer,
    ImageRecord,
    Instance,
    MultipleChoice,
    Polygon,
    RangeAnswer,
    Rectangle,
    Ring,
    SingleChoice,
    TextAnswer,
)
from tests import reading_back

BOX = Rectangle(1, 2, 3.5, 4)
SQUARE = Ring((0, 0, 4, 0, 4, 4, 0, 4))
HOLE = Ring((1, 1, 1, 2, 2, 2, 2, 1), hole=True)
FAR = Ring((10, 10, 14, 10, 14, 14))

texts = st.text(min_size=1, max_size=8)
numbers = st.one_of(st.integers(-1000, 1000), st.floats(-1e6, 1e6))
sizes = st.one_of(st.integers(1, 1000), st.floats(0.5, 1e6))
answers: st.SearchStrategy[Answer] = st.one_of(
    st.builds(TextAnswer, texts, texts),
    st.builds(MultipleChoice, texts, st.tuples(texts), st.tuples(texts, texts)),
    st.builds(SingleChoice, texts, texts, st.tuples(texts, texts)),
    st.builds(RangeAnswer, texts, numbers, numbers, numbers),
)
rings = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=8, unique=True).map(
    lambda points: Ring(tuple(value for point in points for value in point))
)
shapes: st.SearchStrategy[dict[str, Any]] = st.one_of(
    st.builds(dict),
    st.builds(Rectangle, numbers, numbers, sizes, sizes).map(lambda box: {"rectangle": box}),
    rings.map(lambda ring: {"polygon": Polygon((ring,))}),
)


def sent(instance: Instance, *, rectangle: bool = False) -> tuple[list[dict[str, Any]], Counter[str]]:
    notes: Counter[str] = Counter()
    return wire.objects(instance, rectangle=rectangle, notes=notes), notes


@given(texts, shapes, st.lists(answers, max_size=3))
def test_an_instance_of_one_shape_comes_back_as_it_was_sent(
    label: str, shape: dict[str, Any], qa: list[Answer]
) -> None:
    instance = Instance(label, qa=tuple(qa), **shape)
    objects, notes = sent(instance)
    assert [reading_back.instance(found) for found in objects] == [instance]
    assert not notes


def test_the_polygon_is_sent_where_there_is_one_and_the_box_where_rectangles_are_preferred() -> None:
    both = Instance("a", BOX, Polygon((SQUARE,)))
    objects, notes = sent(both)
    assert [found["type"] for found in objects] == ["polygon"]
    assert notes == {wire.BOX_NOT_SENT: 1}
    objects, notes = sent(both, rectangle=True)
    assert objects[0]["rectangle"] == {"top": 2, "left": 1, "width": 3.5, "height": 4}
    assert notes == {wire.POLYGON_NOT_SENT: 1}


def test_the_box_of_a_polygon_without_one_is_its_bounds() -> None:
    objects, notes = sent(Instance("a", polygon=Polygon((SQUARE, FAR))), rectangle=True)
    assert objects[0]["rectangle"] == {"top": 0, "left": 0, "width": 14, "height": 14}
    assert notes[wire.BOX_FROM_POLYGON] == 1


def test_a_polygon_is_preferred_per_instance_and_a_box_stays_a_box() -> None:
    objects, notes = sent(Instance("a", BOX))
    assert objects[0]["type"] == "rectangle"
    assert not notes


def test_an_instance_without_geometry_is_a_classification() -> None:
    objects, _ = sent(Instance("a"))
    assert objects == [{"type": "classification", "label": "a", "qa": []}]


def test_parts_are_sent_as_one_object_each_and_counted() -> None:
    objects, notes = sent(Instance("a", polygon=Polygon((SQUARE, HOLE, FAR))))
    assert [len(found["polygon"]["geometry"]) for found in objects] == [10, 3]
    assert notes == {wire.SPLIT_IN_PARTS: 1, wire.HOLES_BRIDGED: 1}


def test_attributes_that_are_not_sent_are_counted() -> None:
    _, notes = sent(Instance("a", BOX, attributes={"score": 0.5}))
    assert notes == {wire.ATTRIBUTES_NOT_SENT: 1}


@pytest.mark.parametrize(
    "attributes", [{"id": 7, "image_id": 3, "area": 4.5}, {"iscrowd": 0}, {"score": None}]
)
def test_bookkeeping_and_flags_that_are_not_set_are_no_loss(attributes: dict[str, Any]) -> None:
    _, notes = sent(Instance("a", BOX, attributes=attributes))
    assert not notes


def test_a_document_knows_how_many_objects_each_instance_became() -> None:
    parts = Polygon((SQUARE, FAR))
    record = ImageRecord("a.jpg", instances=(Instance("a", BOX), Instance("b", polygon=parts)))
    assert wire.document(record, rectangle=False, notes=Counter()).parts == [1, 2]


@pytest.mark.parametrize(
    ("stated", "sent"), [(41.5, 41.5), (0, 0), (-1, None), (10**30, None), (True, None), ("3", None)]
)
def test_only_a_possible_time_is_sent(stated: Any, sent: float | None) -> None:
    document = wire.document(
        ImageRecord("a.jpg", attributes={"time_spent": stated}), rectangle=False, notes=Counter()
    )
    assert document.duration == sent
    assert wire.decode(wire.encode(document)) == document
