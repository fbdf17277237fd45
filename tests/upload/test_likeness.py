"""What the platform holds is told from what was sent in whatever form it comes back."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest import wire
from picsellia_ingest.errors import ProcessingError
from picsellia_ingest.model import Answer, ImageRecord, Instance, Polygon, Rectangle
from picsellia_ingest.upload import likeness
from tests.test_wire import BOX, FAR, SQUARE, answers, numbers, sent, sizes, texts


def held(**record: Any) -> wire.Held:
    return msgspec.json.decode(msgspec.json.encode(record), type=wire.Held)


def test_instances_are_held_when_all_their_objects_are() -> None:
    parts = Polygon((SQUARE, FAR))
    record = ImageRecord("a.jpg", instances=(Instance("a", BOX), Instance("b", polygon=parts)))
    document = wire.document(record, rectangle=False, notes=Counter())
    lacking, questions = likeness.lacks(document, [{"annotations": document.data[:2]}])
    assert (lacking, questions) == ([2], [])
    assert likeness.instances_held(document, lacking) == 1


@given(st.lists(st.builds(Instance, texts, st.builds(Rectangle, numbers, numbers, sizes, sizes)), max_size=3),
       st.lists(answers, max_size=2), st.sampled_from(["as it is", "fewer", "more", "another key"]), st.booleans())  # fmt: skip
def test_what_is_all_of_a_document_by_its_bytes_lacks_nothing(
    instances: list[Instance], questions: list[Answer], change: str, has_blanks: bool
) -> None:
    record = ImageRecord("a.jpg", instances=tuple(instances), qa=tuple(questions))
    document = wire.document(record, rectangle=False, notes=Counter())
    content = wire.encode(document)
    there: dict[str, Any] = {
        "annotations": list(document.data),
        "image_qa": document.image_qa,
        "nb_labels": 9,
    }
    assert likeness.is_all_of(content, held(**there))
    assert likeness.lacks(document, [there]) == ([], [])
    if change == "fewer":
        there["annotations"] = document.data[1:]
    elif change == "more":
        there["annotations"] = [*document.data, {"type": "classification", "label": "more"}]
    elif change == "another key":
        there["annotations"] = [{**one, "id": 7} for one in document.data]
    text = msgspec.json.encode(there)
    found = msgspec.json.decode(msgspec.json.format(text) if has_blanks else text, type=wire.Held)
    assert likeness.is_all_of(content, found) is (there["annotations"] == document.data)
    assert found.record() == {"annotations": there["annotations"], "image_qa": document.image_qa}
    assert found.used() == [(one["label"], one["type"]) for one in there["annotations"]]


def test_nothing_is_held_where_a_record_says_nothing() -> None:
    nothing = wire.encode(wire.Document([], [], None, []))
    records: list[dict[str, Any]] = [{}, {"annotations": None, "image_qa": None}, {"annotations": []}]
    for record in records:
        found = held(external_picture_url=7, **record)
        assert (found.name, found.used(), found.record()) == ("7", [], {"annotations": [], "image_qa": []})
        assert likeness.is_all_of(nothing, found)


def test_a_record_without_objects_in_its_list_is_named() -> None:
    with pytest.raises(ProcessingError, match=r"'a\.jpg' on the platform is no list of objects"):
        held(external_picture_url="a.jpg", annotations=[3]).used()


def test_equal_objects_are_counted_and_not_merged() -> None:
    one = {"type": "classification", "label": "a"}
    assert likeness.missing([one, one], [one]) == [1]


@pytest.mark.parametrize(
    "held",
    [
        {"type": "rectangle", "label": "a", "rectangle": {"top": 2.0, "left": 1, "width": 3.5, "height": 4}},
        {
            "label": "a",
            "type": "rectangle",
            "rectangle": {"height": 4, "left": 1, "width": 3.5, "top": 2},
            "qa": [],
            "id": 7,
        },
        {
            "type": "rectangle",
            "label": "a",
            "rectangle": {"top": 2, "left": 1, "width": 3.5, "height": 4},
            "polygon": {},
        },
    ],
)
def test_an_object_is_found_again_whatever_the_platform_adds_or_reorders(held: dict[str, Any]) -> None:
    objects, _ = sent(Instance("a", BOX))
    assert likeness.missing(objects, [held]) == []


def test_another_coordinate_is_another_object() -> None:
    objects, _ = sent(Instance("a", BOX))
    other, _ = sent(Instance("a", Rectangle(1, 2, 3.5, 4.001)))
    assert likeness.missing(objects, other) == [0]
