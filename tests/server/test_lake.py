from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from sqlalchemy import text

from picsellia_ingest.server.database import Database
from tests.server.caller import RECTANGLE, Caller


def names(pictures: Any) -> list[str]:
    return [picture["external_url"] for picture in pictures]


def search(owner: Caller, tags: list[str], quantity: float = 1) -> list[str]:
    body = {"tags": tags, "quantity": quantity}
    return names(owner.ok("POST", f"datalake/search/{owner.org}", body)["pictures"])


def test_a_registered_picture_is_201_and_has_the_published_keys(owner: Caller) -> None:
    key = "2f0c3f5e-6d1b-4a3e-9d55-0c8f7a1b2c3d.jpg"
    assert owner.store(key) == 204
    answer = owner.register("street 01.jpg", key, ["2021-09-14"])
    picture = answer.json()
    assert answer.status_code == 201
    assert list(picture) == [
        "picture_id",
        "internal_key",
        "external_url",
        "creation_date",
        "height",
        "width",
        "tag",
    ]
    assert (picture["internal_key"], picture["height"], picture["width"]) == (key, 1080, 1920)
    assert (picture["external_url"], picture["tag"]) == ("street 01.jpg", ["2021-09-14"])
    assert owner.ok("GET", f"datalake/{owner.org}") == {"pictures": [picture]}


def test_a_name_that_is_in_the_lake_is_208_with_the_picture_that_has_it(owner: Caller) -> None:
    first = owner.picture("a.jpg", ["x"])
    assert owner.store("other.jpg") == 204
    other = owner.register("a.jpg", "other.jpg", ["y"])
    assert (other.status_code, other.json()) == (208, first)
    same = owner.register("a.jpg", first["internal_key"], ["x", "z"])
    assert (same.status_code, same.json()) == (208, first | {"tag": ["x", "z"]})
    assert owner.register("a.jpg", "never-stored.jpg").status_code == 208


def test_two_registrations_of_one_name_at_once_make_one_picture(owner: Caller) -> None:
    assert owner.store("k.jpg") == 204
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: owner.register("a.jpg", "k.jpg"), range(16)))
    assert sorted(answer.status_code for answer in answers) == [201] + [208] * 15
    assert len({answer.json()["picture_id"] for answer in answers}) == 1


def test_a_picture_whose_bytes_are_not_stored_is_400(owner: Caller) -> None:
    answer = owner.register("a.jpg", "nowhere.jpg")
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert owner.ok("GET", f"datalake/{owner.org}") == {"pictures": []}


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 0},
        {"height": -1},
        {"width": 1.5},
        {"width": True},
        {"width": "640"},
        {"height": None},
        {"external_url": ""},
        {"external_url": "a\x00b"},
        {"internal_key": 5},
        {"tags": "x"},
        {"tags": [1]},
    ],
)
def test_a_registration_that_cannot_be_meant_is_400(owner: Caller, wrong: dict[str, Any]) -> None:
    assert owner.store("k.jpg") == 204
    body = {"internal_key": "k.jpg", "external_url": "a.jpg", "height": 1, "width": 1, "tags": []} | wrong
    assert owner.call("PUT", f"picture/upload/{owner.org}", body).status_code == 400


def test_search_wants_all_tags_and_gives_the_newest_first(owner: Caller) -> None:
    for name, tags in (("1", ["x"]), ("2", ["x", "y"]), ("3", ["y", "x"]), ("4", [])):
        owner.picture(name, tags)
    assert search(owner, ["x"]) == ["3", "2", "1"]
    assert search(owner, ["x", "y"]) == ["3", "2"]
    assert search(owner, ["x", "x"]) == ["3", "2", "1"]
    assert search(owner, []) == ["4", "3", "2", "1"]
    assert search(owner, ["unknown"]) == []
    assert search(owner, ["X"]) == []


@pytest.mark.parametrize(
    ("quantity", "count"), [(1, 3), (6, 3), (0.5, 2), (0.34, 2), (0.33, 1), (0, 0), (1e300, 3)]
)
def test_quantity_is_a_share_rounded_up(owner: Caller, quantity: float, count: int) -> None:
    for name in "abc":
        owner.picture(name)
    assert search(owner, [], quantity) == ["c", "b", "a"][:count]


@pytest.mark.parametrize("body", [{"quantity": -1}, {"quantity": "1"}, {"quantity": True}, {"tags": [None]}])
def test_a_search_that_cannot_be_meant_is_400(owner: Caller, body: Any) -> None:
    assert owner.call("POST", f"datalake/search/{owner.org}", body).status_code == 400


def test_tags_are_added_once_and_removed_by_objects_or_ids(owner: Caller) -> None:
    pictures = [owner.picture(name, ["x"]) for name in "ab"]
    either = [pictures[0], pictures[1]["picture_id"]]
    for _ in range(2):
        owner.ok("POST", f"datalake/tag/{owner.org}", {"tags": ["x", "é t"], "to_tag": either})
    found = owner.ok("GET", f"datalake/{owner.org}")["pictures"]
    assert [picture["tag"] for picture in found] == [["x", "é t"]] * 2
    for _ in range(2):
        owner.ok("POST", f"datalake/delete_tag/{owner.org}", {"tags": ["x"], "to_delete_tag": either})
    assert search(owner, ["x"]) == []
    assert search(owner, ["é t"]) == ["b", "a"]


@pytest.mark.parametrize("item", [5, None, {}, {"picture_id": 1}])
def test_what_is_no_picture_is_400(owner: Caller, item: Any) -> None:
    assert owner.call("POST", f"datalake/delete/{owner.org}", {"to_delete": [item]}).status_code == 400


def test_a_deleted_picture_leaves_no_row_and_no_bytes(owner: Caller, tables: Database) -> None:
    dataset = owner.dataset("a.jpg", "b.jpg")
    assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200
    gone, stays = owner.ok("GET", f"picture/{dataset}")["pictures"]
    owner.ok("POST", f"datalake/tag/{owner.org}", {"tags": ["x"], "to_tag": [gone]})
    owner.ok("POST", f"datalake/delete/{owner.org}", {"to_delete": [gone]})
    assert owner.ok("GET", f"picture/{dataset}")["pictures"] == [stays]
    assert owner.ok("GET", f"dataset/{owner.org}/harbour/latest")["dataset"]["size"] == 1
    with tables.reading() as conn:
        for table in ("annotation", "picture_tag", "reply"):
            assert conn.execute(text(f"SELECT count(*) FROM {table}")).scalar() == 0, table
    assert requests.get(owner.signed(gone["internal_key"]), timeout=5).status_code == 404
    assert requests.get(owner.signed(stays["internal_key"]), timeout=5).status_code == 200


@pytest.mark.parametrize(
    "content", [b"", b"<html><script>", b"%!PS-Adobe", b"PK\x03\x04", b"<svg xmlns=''/>"]
)
def test_what_is_no_image_becomes_no_picture(owner: Caller, content: bytes) -> None:
    assert owner.store("k.jpg", content) == 204
    answer = owner.register("a.jpg", "k.jpg")
    assert (answer.status_code, "no image" in answer.json()["error"]) == (400, True)
    assert owner.ok("GET", f"datalake/{owner.org}") == {"pictures": []}


def test_bytes_stay_while_another_picture_needs_them(owner: Caller) -> None:
    first = owner.picture("a.jpg")
    second = owner.register("b.jpg", first["internal_key"]).json()
    owner.ok("POST", f"datalake/delete/{owner.org}", {"to_delete": [first]})
    assert requests.get(owner.signed(first["internal_key"]), timeout=5).status_code == 200
    owner.ok("POST", f"datalake/delete/{owner.org}", {"to_delete": [second]})
    assert requests.get(owner.signed(first["internal_key"]), timeout=5).status_code == 404


def test_a_list_with_one_unknown_picture_changes_nothing(owner: Caller) -> None:
    picture = owner.picture("a.jpg")
    body = {"to_delete": [picture, "0b9d6a1e-52f4-4c0e-8a3b-7f1d2c9e4a10"]}
    assert owner.call("POST", f"datalake/delete/{owner.org}", body).status_code == 404
    assert search(owner, []) == ["a.jpg"]
