from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest

from tests.server.caller import Caller


@pytest.fixture
def made(owner: Caller) -> dict[str, Any]:
    return dict(owner.ok("PUT", "project/null", {"project_name": "cranes"}))


def test_a_new_project_has_every_documented_key(owner: Caller, made: dict[str, Any]) -> None:
    organization = owner.ok("POST", "get_organization", {"organization": None})["organization_name"]
    someone = {"username": owner.ok("GET", "ping")["username"]}
    (contributor,) = made["contributors"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", contributor["creation_date"])
    assert made == {
        "organization": {"name": organization},
        "project_name": "cranes",
        "description": "This is a real game changer",
        "project_id": made["project_id"],
        "project_manager": someone,
        "contributors": [{"user": someone, "is_active": True, "creation_date": contributor["creation_date"]}],
        "datasets": [],
        "type": "classification",
        "creation_date": contributor["creation_date"][:10],
    }
    assert owner.ok("GET", f"worker/{made['project_id']}") == {"workers": made["contributors"]}


def test_a_project_is_found_in_every_spelling_of_the_organization(
    owner: Caller, made: dict[str, Any]
) -> None:
    for org in ("null", "none", owner.org, quote(made["organization"]["name"])):
        assert owner.ok("GET", f"project/{org}") == {"projects": [made]}
        assert owner.ok("GET", f"project/by_name/{org}/cranes") == made


def test_properties_are_set_on_making_and_by_change(owner: Caller) -> None:
    name = "a#1?b=c&d e%20/f"
    body = {"project_name": name, "organization": "null", "type": "detection", "description": None}
    made = owner.ok("PUT", "project/null", body)
    assert (made["type"], made["description"]) == ("detection", None)
    path = f"project/by_name/null/{quote(name, safe='')}"
    changed = owner.ok("PATCH", path, {"description": "texte é"})
    assert changed == {"project": made | {"description": "texte é"}}
    assert owner.ok("PATCH", path, {}) == changed
    renamed = owner.ok("PATCH", path, {"project_name": "plain", "type": "x"})["project"]
    assert owner.ok("GET", "project/by_name/null/plain") == renamed
    assert owner.call("GET", path).status_code == 404


def test_a_name_is_taken_once(owner: Caller, made: dict[str, Any]) -> None:
    owner.ok("PUT", "project/null", {"project_name": "other"})
    again = owner.call("PUT", "project/null", {"project_name": "cranes"})
    assert (again.status_code, list(again.json())) == (400, ["error"])
    taken = owner.call("PATCH", "project/by_name/null/other", {"project_name": "cranes"})
    assert taken.status_code == 400
    assert [one["project_name"] for one in owner.ok("GET", "project/null")["projects"]] == ["cranes", "other"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"project_name": ""},
        {"project_name": "a\x00"},
        {"project_name": "n", "type": ""},
        {"project_name": "n", "descripton": "typo"},
        {"project_name": "n", "description": 7},
        [],
    ],
)
def test_a_project_of_the_wrong_shape_is_not_made(owner: Caller, made: dict[str, Any], body: Any) -> None:
    assert owner.call("PUT", "project/null", body).status_code == 400
    if body:
        assert owner.call("PATCH", "project/by_name/null/cranes", body).status_code == 400
    assert owner.ok("GET", "project/null") == {"projects": [made]}


def test_a_dataset_is_attached_once_and_leaves_when_it_is_deleted(
    owner: Caller, made: dict[str, Any]
) -> None:
    owner.dataset("a.jpg", called="har/bour")
    path = f"project/attach_dataset/{made['project_id']}"
    for _ in range(2):
        owner.ok("POST", path, {"dataset_name": "har/bour", "version": "first"})
    assert owner.ok("GET", "project/null")["projects"][0]["datasets"] == [
        {"dataset_name": "har/bour", "description": "", "private": True}
    ]
    assert owner.call("POST", path, {"dataset_name": "har/bour", "version": "no"}).status_code == 404
    assert owner.call("POST", path, {"version": "first"}).status_code == 400
    owner.ok("DELETE", f"dataset/null/{quote('har/bour', safe='')}/first")
    assert owner.ok("GET", "project/by_name/null/cranes") == made


def test_a_deleted_project_is_gone_and_its_datasets_stay(owner: Caller, made: dict[str, Any]) -> None:
    owner.dataset("a.jpg")
    owner.ok(
        "POST",
        f"project/attach_dataset/{made['project_id']}",
        {"dataset_name": "harbour", "version": "latest"},
    )
    deleted = owner.call("DELETE", "project/by_name/null/cranes")
    assert (deleted.status_code, deleted.json()) == (200, {"success": "project deleted"})
    for method in ("GET", "DELETE"):
        assert owner.call(method, "project/by_name/null/cranes").status_code == 404
    assert owner.call("GET", f"worker/{made['project_id']}").status_code == 404
    assert owner.ok("GET", "dataset/null/harbour/first")["dataset"]["size"] == 1
    owner.ok("PUT", "project/null", {"project_name": "cranes"})


def test_deleting_an_organization_is_not_served(owner: Caller, made: dict[str, Any]) -> None:
    for org in ("null", owner.org):
        assert owner.call("DELETE", f"project/{org}").status_code == 404
    assert owner.ok("GET", "project/null") == {"projects": [made]}


def test_nothing_of_another_organization_can_be_seen_or_changed(
    owner: Caller, stranger: Caller, made: dict[str, Any]
) -> None:
    stranger.dataset("b.jpg", called="theirs")
    id_, org = made["project_id"], stranger.org
    attach = f"project/attach_dataset/{id_}"
    tries = [
        ("GET", f"project/{owner.org}", None),
        ("PUT", f"project/{owner.org}", {"project_name": "n"}),
        ("PUT", f"project/{org}", {"project_name": "n", "organization": owner.org}),
        ("GET", f"project/by_name/{org}/cranes", None),
        ("PATCH", f"project/by_name/{org}/cranes", {"description": "x"}),
        ("DELETE", f"project/by_name/{org}/cranes", None),
        ("POST", attach, {"dataset_name": "theirs", "version": "first"}),
        ("GET", f"worker/{id_}", None),
    ]
    assert [stranger.call(*one).status_code for one in tries] == [404] * len(tries)
    assert owner.call("POST", attach, {"dataset_name": "theirs", "version": "first"}).status_code == 404
    assert stranger.ok("GET", f"project/{org}") == {"projects": []}
    assert owner.ok("GET", "project/null") == {"projects": [made]}
