from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
import requests
from sqlalchemy import text

from picsellia_ingest.server.database import Database
from tests.server.caller import JPEG, RECTANGLE, Caller

NAMES = [
    "harbour",
    "a b",
    "été",
    "sub/folder",
    "100%",
    "a%20b",
    "x#1",
    "what?",
    "%2F",
    "..%2e",
    "a//b",
    "/a",
    "x\ny",
]


def fetch(owner: Caller, name: str, version: str = "latest") -> Any:
    return owner.ok("GET", f"dataset/{owner.org}/{quote(name, safe='')}/{quote(version, safe='')}")["dataset"]


def test_create_answers_the_dataset_and_its_id_on_top(owner: Caller) -> None:
    picture = owner.picture("a.jpg")
    body = {"dataset_name": "harbour", "description": "d", "private": False, "pictures": [picture, picture]}
    answer = owner.ok("PUT", f"dataset/{owner.org}", body)
    assert answer["dataset"] == {
        "dataset_id": answer["pk"],
        "dataset_name": "harbour",
        "version": "first",
        "size": 1,
        "description": "d",
        "private": False,
    }
    assert fetch(owner, "harbour") == fetch(owner, "harbour", "first") == answer["dataset"]
    assert owner.ok("GET", f"dataset/{owner.org}") == {"datasets": [answer["dataset"]]}
    assert owner.ok("GET", f"picture/{answer['pk']}") == {"pictures": [picture]}


def test_a_name_that_exists_and_one_that_is_empty_are_400(owner: Caller) -> None:
    owner.dataset("a.jpg")
    for name in ("harbour", ""):
        answer = owner.call("PUT", f"dataset/{owner.org}", {"dataset_name": name, "pictures": []})
        assert (answer.status_code, list(answer.json())) == (400, ["error"])


def test_a_create_sent_again_with_its_key_makes_one_dataset(owner: Caller) -> None:
    body = {"dataset_name": "harbour", "pictures": []}
    first, again = (owner.call("PUT", f"dataset/{owner.org}", body, Idempotency_Key="k") for _ in range(2))
    assert (first.status_code, first.json()) == (again.status_code, again.json())
    other = owner.call("PUT", f"dataset/{owner.org}", body | {"private": False}, Idempotency_Key="k")
    assert other.status_code == 400
    owner.ok("DELETE", f"dataset/{owner.org}/harbour/first")
    anew = owner.ok("PUT", f"dataset/{owner.org}", body, Idempotency_Key="k")
    assert anew["pk"] != first.json()["pk"]


def test_a_new_version_sent_again_with_its_key_makes_one(owner: Caller) -> None:
    owner.ok("PUT", f"dataset/{owner.org}", {"dataset_name": "harbour", "pictures": []})
    path, body = f"dataset/{owner.org}/new_version", {"name": "harbour", "version": "second"}
    first, again = (owner.ok("PUT", path, body, Idempotency_Key="k") for _ in range(2))
    assert first == again
    assert len(owner.ok("GET", f"dataset/{owner.org}")["datasets"]) == 2


@pytest.mark.parametrize("name", NAMES)
def test_any_name_goes_into_an_address_encoded_and_back(owner: Caller, name: str) -> None:
    owner.ok("PUT", f"dataset/{owner.org}", {"dataset_name": name, "pictures": []})
    assert fetch(owner, name)["dataset_name"] == name
    owner.ok("PUT", f"dataset/{owner.org}/new_version", {"name": name, "version": "v 2?", "pictures": []})
    assert fetch(owner, name)["version"] == "v 2?"
    path = f"dataset/{owner.org}/{quote(name, safe='')}/{quote('v 2?')}"
    assert owner.ok("GET", path + "/download") == {"images": []}
    owner.ok("DELETE", path)
    assert fetch(owner, name)["version"] == "first"


def test_a_slash_may_come_as_it_is(owner: Caller) -> None:
    owner.ok("PUT", f"dataset/{owner.org}", {"dataset_name": "sub/folder", "pictures": []})
    assert (
        owner.ok("GET", f"dataset/{owner.org}/sub/folder/latest")["dataset"]["dataset_name"] == "sub/folder"
    )


def test_a_new_version_copies_pictures_labels_and_annotations_and_adds_pictures(owner: Caller) -> None:
    source = owner.dataset("a.jpg", "b.jpg")
    owner.ok("PUT", f"label/{source}/bridge/polygon")
    assert owner.annotate(source, "b.jpg", RECTANGLE).status_code == 200
    assert owner.annotate(source, "a.jpg", RECTANGLE, RECTANGLE).status_code == 200
    third = owner.picture("c.jpg")
    body = {"name": "harbour", "version": "second", "pictures": [third], "from_version": "latest"}
    made = owner.ok("PUT", f"dataset/{owner.org}/new_version", body)
    copy = made["pk"]
    assert made["dataset"]["size"] == 3
    assert fetch(owner, "harbour")["version"] == "second"
    assert owner.ok("GET", f"label/{copy}") == owner.ok("GET", f"label/{source}")
    assert owner.ok("GET", f"annotation/{copy}") == owner.ok("GET", f"annotation/{source}")
    assert owner.annotate(copy, "c.jpg", RECTANGLE).status_code == 200
    assert owner.record(copy, "c.jpg")["nb_labels"] == 1
    assert owner.annotate(source, "c.jpg", RECTANGLE).status_code == 404


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"version": "first"}, 400),
        ({"version": "latest"}, 400),
        ({"version": "download"}, 400),
        ({"version": ""}, 400),
        ({"name": "unknown"}, 404),
        ({"from_version": "unknown"}, 404),
        ({"pictures": ["0b9d6a1e-52f4-4c0e-8a3b-7f1d2c9e4a10"]}, 404),
    ],
)
def test_a_new_version_that_cannot_be_is_refused(owner: Caller, change: Any, status: int) -> None:
    owner.ok("PUT", f"dataset/{owner.org}", {"dataset_name": "harbour", "pictures": []})
    body = {"name": "harbour", "version": "second", "pictures": [], "from_version": "latest"} | change
    assert owner.call("PUT", f"dataset/{owner.org}/new_version", body).status_code == status
    assert len(owner.ok("GET", f"dataset/{owner.org}")["datasets"]) == 1


def test_pictures_are_added_once_by_name_or_by_pk(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    more = [owner.picture("b.jpg"), owner.picture("c.jpg")["picture_id"]]
    for body in (
        {"name": "harbour", "version": "latest", "pictures": more[:1], "pk": ""},
        {"name": "ignored", "version": "latest", "pictures": more, "pk": dataset},
    ):
        owner.ok("POST", f"dataset/{owner.org}", body)
    assert fetch(owner, "harbour")["size"] == 3


def test_download_gives_each_picture_with_an_address_that_works(owner: Caller) -> None:
    dataset = owner.dataset("sub/a 1.jpg", "b.jpg")
    pictures = owner.ok("GET", f"picture/{dataset}")["pictures"]
    images = owner.ok("GET", f"dataset/{owner.org}/harbour/latest/download")["images"]
    assert [image["external_picture_url"] for image in images] == ["sub/a 1.jpg", "b.jpg"]
    assert [image["internal_picture_id"] for image in images] == [one["picture_id"] for one in pictures]
    assert {(image["width"], image["height"]) for image in images} == {(1920, 1080)}
    assert [requests.get(image["signed_url"], timeout=5).content for image in images] == [JPEG, JPEG]


def test_a_deleted_dataset_leaves_nothing_but_its_pictures(owner: Caller, tables: Database) -> None:
    dataset = owner.dataset("a.jpg")
    assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200
    owner.ok("DELETE", f"dataset/{owner.org}/harbour/latest")
    assert owner.call("GET", f"dataset/{owner.org}/harbour/latest").status_code == 404
    assert owner.call("DELETE", f"dataset/{owner.org}/harbour/latest").status_code == 404
    assert len(owner.ok("GET", f"datalake/{owner.org}")["pictures"]) == 1
    with tables.reading() as conn:
        for table in ("annotation", "label", "dataset_picture", "reply"):
            assert conn.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table


def test_statistics_are_replaced(owner: Caller, tables: Database) -> None:
    dataset = owner.dataset("a.jpg")
    for count in (1, 2):
        body = {"repartition": {"car": count}, "nb_annotations": 1, "nb_objects": count}
        owner.ok("POST", f"dataset/{dataset}/update_stats", body)
    with tables.reading() as conn:
        assert json.loads(conn.execute(text("SELECT statistics FROM dataset")).scalar_one()) == body
    wrong = {"repartition": {"car": -1}, "nb_annotations": 1, "nb_objects": 1}
    assert owner.call("POST", f"dataset/{dataset}/update_stats", wrong).status_code == 400


@pytest.mark.parametrize("name", NAMES)
def test_any_label_name_is_made_once_for_each_type(owner: Caller, name: str) -> None:
    dataset = owner.ok("PUT", f"dataset/{owner.org}", {"dataset_name": "d", "pictures": []})["pk"]
    words = ["rectangle", "detection", "polygon", "segmentation", "classification", "rectangle"]
    for word in words:
        owner.ok("PUT", f"label/{dataset}/{quote(name, safe='')}/{word}")
    kinds = ["rectangle", "polygon", "classification"]
    expected = [{"name": name, "type": kind} for kind in kinds]
    assert owner.ok("GET", f"label/{dataset}") == {"labels": expected}


def test_a_label_of_an_unknown_type_is_400(owner: Caller) -> None:
    dataset = owner.ok("PUT", f"dataset/{owner.org}", {"dataset_name": "d", "pictures": []})["pk"]
    assert owner.call("PUT", f"label/{dataset}/car/ellipse").status_code == 400
    assert owner.call("PUT", f"label/{dataset}/a%00b/rectangle").status_code == 400
    assert owner.ok("PUT", f"label/{dataset}/a/b/rectangle")
    assert owner.ok("GET", f"label/{dataset}") == {"labels": [{"name": "a/b", "type": "rectangle"}]}
