from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from picsellia_ingest.server import start
from picsellia_ingest.server.database import Database
from tests.server.caller import RECTANGLE, Caller

POLYGON = {
    "type": "polygon",
    "label": "puddle",
    "rectangle": [],
    "polygon": {"geometry": [{"x": 90, "y": 640}, {"x": 310, "y": 628.5}, {"x": 340, "y": 700}]},
    "qa": [],
}
CLASSIFICATION = {"type": "classification", "label": "overcast", "qa": []}
QUESTION = {"type": "text", "question": "Camera tilt?", "answer": "about 3 degrees"}
NAMES = [
    "a b.jpg",
    "été.jpg",
    "sub/a.jpg",
    "../a.jpg",
    "a%20b.jpg",
    "a#1.jpg",
    "a?x.jpg",
    "%2e%2e",
    "/a.jpg",
    "a/",
    "a//b",
    "a\nb",
]


def test_a_record_has_every_key_and_the_objects_as_they_were_sent(owner: Caller) -> None:
    dataset = owner.dataset("dock_007.jpg")
    picture = owner.ok("GET", f"picture/{dataset}")["pictures"][0]
    assert owner.record(dataset, "dock_007.jpg") is None
    more = {"picture_id": "dock_007.jpg", "nb_instances": 99, "duration": 41.5, "image_qa": [QUESTION]}
    answer = owner.annotate(dataset, "dock_007.jpg", RECTANGLE, POLYGON, CLASSIFICATION, more=more)
    assert answer.json()["message"] == "annotation saved"
    assert owner.record(dataset, "dock_007.jpg") == {
        "external_picture_url": "dock_007.jpg",
        "internal_picture_id": picture["picture_id"],
        "nb_labels": 3,
        "time_spent": 41.5,
        "annotations": [RECTANGLE, POLYGON, CLASSIFICATION],
        "image_qa": [QUESTION],
        "creation_date": picture["creation_date"],
    }


def test_objects_keep_unknown_keys_and_the_spelling_of_numbers(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    text = (
        '{"label": "x",  "type":"rectangle", "mine": [1.50, 123456789012345678901234567890, "\\u00e9", {"a":null}],'
        ' "rectangle": {"top": 1e2, "left": -0.0, "width": 3.0, "height": 0.1000}}'
    )
    path = f"{owner.address}annotation/new/{dataset}/a.jpg"
    assert owner.session.put(path, data=f'{{"data": [{text}]}}', timeout=5).status_code == 200
    assert text in owner.session.get(path, timeout=5).text


def test_a_second_request_adds_objects_duration_and_new_answers(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    other = QUESTION | {"answer": "none"}
    for qa in ([QUESTION], [dict(reversed(QUESTION.items())), other]):
        more = {"duration": 1.5, "image_qa": qa}
        assert owner.annotate(dataset, "a.jpg", RECTANGLE, more=more).status_code == 200
    record = owner.record(dataset, "a.jpg")
    assert (record["nb_labels"], record["time_spent"]) == (2, 3.0)
    assert record["annotations"] == [RECTANGLE, RECTANGLE]
    assert record["image_qa"] == [QUESTION, other]


def test_a_key_that_was_applied_is_answered_as_the_first_time_and_changes_nothing(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    answers = [owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k") for _ in range(3)]
    assert {(answer.status_code, answer.text) for answer in answers} == {(200, answers[0].text)}
    assert owner.record(dataset, "a.jpg")["nb_labels"] == 1
    assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="other").status_code == 200
    assert owner.record(dataset, "a.jpg")["nb_labels"] == 2


def test_a_key_with_another_request_is_400(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg", "b.jpg")
    assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200
    for name, objects in (("a.jpg", [CLASSIFICATION]), ("b.jpg", [RECTANGLE])):
        assert owner.annotate(dataset, name, *objects, Idempotency_Key="k").status_code == 400
    assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k" * 256).status_code == 400
    assert owner.record(dataset, "a.jpg")["nb_labels"] == 1
    assert owner.record(dataset, "b.jpg") is None


def test_a_refused_request_does_not_use_up_its_key(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    assert owner.annotate(dataset, "b.jpg", RECTANGLE, Idempotency_Key="k").status_code == 404
    assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200


def test_a_key_is_free_again_when_the_annotation_was_deleted(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    for _ in range(2):
        assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200
        assert owner.record(dataset, "a.jpg")["nb_labels"] == 1
        deleted = owner.ok("DELETE", f"annotation/{dataset}")
        assert deleted == {"success": "annotations deleted"}
        assert owner.record(dataset, "a.jpg") is None


@pytest.mark.parametrize("name", NAMES)
def test_any_picture_name_goes_into_an_address_encoded_and_back(owner: Caller, name: str) -> None:
    decoys = [decoy for decoy in ("a b.jpg", "a.jpg", "a", "b") if decoy != name]
    dataset = owner.dataset(name, *decoys)
    assert owner.annotate(dataset, name, RECTANGLE).status_code == 200
    assert owner.record(dataset, name)["external_picture_url"] == name
    assert [owner.record(dataset, decoy) for decoy in decoys] == [None] * len(decoys)


def test_names_may_come_with_slashes_as_they_are(owner: Caller) -> None:
    dataset = owner.dataset("sub/deep/a b.jpg")
    assert owner.ok("PUT", f"annotation/new/{dataset}/sub/deep/a b.jpg", {"data": [RECTANGLE]})
    assert owner.record(dataset, "sub/deep/a b.jpg")["nb_labels"] == 1


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), min_size=1, max_size=20))
def test_every_text_is_a_label_and_a_picture_name(owner: Caller, name: str) -> None:
    if name in (".", ".."):
        return
    assert owner.store("k.jpg") == 204
    picture = owner.register(name, "k.jpg").json()
    body = {"dataset_name": "d" + name, "pictures": [picture]}
    dataset = owner.ok("PUT", f"dataset/{owner.org}", body)["pk"]
    assert owner.annotate(dataset, name, RECTANGLE | {"label": name}).status_code == 200
    assert owner.record(dataset, name)["external_picture_url"] == name
    owner.ok("PUT", f"label/{dataset}/{quote(name, safe='')}/rectangle")
    assert owner.ok("GET", f"label/{dataset}")["labels"] == [{"name": name, "type": "rectangle"}]
    owner.ok("DELETE", f"dataset/{owner.org}/{quote('d' + name, safe='')}/first")


def test_a_picture_is_also_addressed_by_its_id(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg", "b.jpg")
    id_ = owner.ok("GET", f"picture/{dataset}")["pictures"][0]["picture_id"]
    owner.ok("PUT", f"annotation/{dataset}/{id_}", {"data": [RECTANGLE]})
    assert owner.annotate(dataset, "b.jpg", RECTANGLE).status_code == 200
    assert owner.ok("DELETE", f"annotation/{dataset}/{id_}") == {"success": "annotations deleted"}
    assert owner.ok("DELETE", f"annotation/{dataset}/{id_}") == {"success": "annotations deleted"}
    assert owner.record(dataset, "a.jpg") is None
    assert owner.record(dataset, "b.jpg")["nb_labels"] == 1


def test_a_picture_outside_the_dataset_is_404(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    outside = owner.picture("b.jpg")["picture_id"]
    body = {"data": [RECTANGLE]}
    for method, path in [
        ("PUT", f"annotation/new/{dataset}/b.jpg"),
        ("GET", f"annotation/new/{dataset}/b.jpg"),
        ("PUT", f"annotation/{dataset}/{outside}"),
        ("DELETE", f"annotation/{dataset}/{outside}"),
    ]:
        assert owner.call(method, path, body if method == "PUT" else None).status_code == 404


def changed(thing: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {name: value for name, value in (thing | changes).items() if value is not None}


WRONG: list[Any] = [
    5,
    None,
    [],
    changed(RECTANGLE, type=None),
    changed(RECTANGLE, type="ellipse"),
    changed(RECTANGLE, label=None),
    changed(RECTANGLE, label=""),
    changed(RECTANGLE, label=5),
    changed(RECTANGLE, label="a\x00b"),
    changed(RECTANGLE, rectangle=None),
    changed(RECTANGLE, rectangle=[]),
    changed(RECTANGLE, rectangle={"top": 1, "left": 1, "width": 1}),
    changed(RECTANGLE, rectangle={"top": 1, "left": 1, "width": 1, "height": "1"}),
    changed(RECTANGLE, rectangle={"top": 1, "left": 1, "width": 1, "height": True}),
    changed(POLYGON, polygon=None),
    changed(POLYGON, polygon={"geometry": []}),
    changed(POLYGON, polygon={"geometry": [{"x": 1, "y": 1}] * 2}),
    changed(POLYGON, polygon={"geometry": [{"x": 1}] * 3}),
    changed(POLYGON, polygon={"geometry": [[1, 2]] * 3}),
]


@pytest.mark.parametrize("wrong", WRONG)
def test_an_object_of_a_wrong_shape_is_400_with_its_index_and_nothing_is_kept(
    owner: Caller, wrong: Any
) -> None:
    dataset = owner.dataset("a.jpg")
    answer = owner.annotate(dataset, "a.jpg", RECTANGLE, wrong)
    assert answer.status_code == 400
    assert "data[1]" in answer.json()["error"]
    assert owner.record(dataset, "a.jpg") is None


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"data": {}}',
        b'{"data": [], "duration": -1}',
        b'{"data": [], "image_qa": [5]}',
        b'{"data": [], "image_qa": "x"}',
        b'{"data": [{"type": "classification", "label": "x", "n": NaN}]}',
        b'{"data": [{"type": "classification", "label": "x", "n": "\\ud83d"}]}',
        b'{"data": [{"type": "classification", "label": "x", "n": "\xff"}]}',
        b'{"data": [{"type": "classification", "label": "x", "n": '
        + b"[" * 100_000
        + b"]" * 100_000
        + b"}]}",
        b'{"data": [{"type": "rectangle", "label": "x", "rectangle":'
        b' {"top": 1e999, "left": 0, "width": 0, "height": 0}}]}',
    ],
)
def test_a_body_that_is_not_sound_json_is_400(owner: Caller, body: bytes) -> None:
    dataset = owner.dataset("a.jpg")
    path = f"{owner.address}annotation/new/{dataset}/a.jpg"
    assert owner.session.put(path, data=body, timeout=5).status_code == 400


def test_a_picture_without_objects_can_be_annotated(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    assert owner.annotate(dataset, "a.jpg").status_code == 200
    assert (owner.record(dataset, "a.jpg")["nb_labels"], owner.record(dataset, "a.jpg")["annotations"]) == (
        0,
        [],
    )


def test_pages_hold_annotated_pictures_in_a_stable_order(owner: Caller) -> None:
    names = [f"{n}.jpg" for n in range(7)]
    dataset = owner.dataset(*names)
    for name in reversed(names[:5]):
        assert owner.annotate(dataset, name, RECTANGLE).status_code == 200
    assert owner.annotate(dataset, "4.jpg", RECTANGLE).status_code == 200
    pages = [
        owner.ok("GET", f"annotation/{dataset}?limit=2&offset={offset}&snapshot=False")
        for offset in (0, 2, 4, 6)
    ]
    assert [page["nb_pages"] for page in pages] == [3] * 4
    found = [[record["external_picture_url"] for record in page["annotations"]] for page in pages]
    assert found == [["4.jpg", "3.jpg"], ["2.jpg", "1.jpg"], ["0.jpg"], []]
    assert len(owner.ok("GET", f"annotation/{dataset}")["annotations"]) == 5


def test_pages_are_right_after_any_change_whatever_was_read_before(owner: Caller) -> None:
    names = [f"{number}.jpg" for number in range(6)]
    dataset = owner.dataset(*names)
    ids = {
        one["external_url"]: one["picture_id"] for one in owner.ok("GET", f"picture/{dataset}")["pictures"]
    }

    def read(size: int) -> tuple[list[str], int]:
        found, pages = [], 0
        for offset in range(0, 8, size):
            page = owner.ok("GET", f"annotation/{dataset}?limit={size}&offset={offset}&snapshot=False")
            found += [record["external_picture_url"] for record in page["annotations"]]
            pages = page["nb_pages"]
        return found, pages

    assert read(2) == ([], 0)
    for name in names[:5]:
        assert owner.annotate(dataset, name, RECTANGLE).status_code == 200
    assert read(2) == read(2) == (names[:5], 3)
    assert owner.annotate(dataset, names[5], RECTANGLE).status_code == 200
    assert (read(2), read(4)) == ((names, 3), (names, 2))
    owner.ok("DELETE", f"annotation/{dataset}/{ids['1.jpg']}")
    assert read(2) == (["0.jpg", *names[2:]], 3)
    owner.ok("POST", f"datalake/delete/{owner.org}", {"to_delete": [ids["2.jpg"], ids["5.jpg"]]})
    assert read(2) == (["0.jpg", "3.jpg", "4.jpg"], 2)
    assert owner.annotate(dataset, "1.jpg", RECTANGLE).status_code == 200
    assert read(2) == (["0.jpg", "3.jpg", "4.jpg", "1.jpg"], 2)
    owner.ok("DELETE", f"annotation/{dataset}")
    assert read(2) == ([], 0)


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "offset=-1", "limit=99999999999"])
def test_a_page_that_cannot_be_meant_is_400(owner: Caller, query: str) -> None:
    dataset = owner.dataset("a.jpg")
    assert owner.call("GET", f"annotation/{dataset}?{query}").status_code == 400


def test_an_unknown_label_is_made_for_each_type_it_is_used_with(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    owner.ok("PUT", f"label/{dataset}/crane/polygon")
    for _ in range(2):
        assert owner.annotate(dataset, "a.jpg", RECTANGLE, CLASSIFICATION, RECTANGLE).status_code == 200
    assert owner.ok("GET", f"label/{dataset}")["labels"] == [
        {"name": "crane", "type": "polygon"},
        {"name": "crane", "type": "rectangle"},
        {"name": "overcast", "type": "classification"},
    ]


def test_the_strict_mode_refuses_a_label_that_was_not_made_and_names_it(root: Path) -> None:
    with start(root, strict=True) as running:
        owner = Caller.of(running)
        with owner.session:
            dataset = owner.dataset("a.jpg")
            for kind in ("polygon", "rectangle"):
                answer = owner.annotate(dataset, "a.jpg", RECTANGLE)
                assert answer.status_code == 400
                assert "crane" in answer.json()["error"]
                assert owner.record(dataset, "a.jpg") is None
                owner.ok("PUT", f"label/{dataset}/crane/{kind}")
            assert owner.annotate(dataset, "a.jpg", RECTANGLE).status_code == 200


def test_the_tables_can_be_read_as_an_oracle(owner: Caller, tables: Database) -> None:
    dataset = owner.dataset("a.jpg")
    assert owner.annotate(dataset, "a.jpg", RECTANGLE, POLYGON).status_code == 200
    with tables.reading() as conn:
        (row,) = conn.execute(text("SELECT objects, nb_instances FROM annotation"))
    assert (json.loads(row.objects), row.nb_instances) == ([RECTANGLE, POLYGON], 2)
