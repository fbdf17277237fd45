from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests

from picsellia_ingest.server import start
from tests.server.caller import JPEG, Caller, send

ID = "0b9d6a1e-52f4-4c0e-8a3b-7f1d2c9e4a10"
FRESH = {
    "type": "detection",
    "description": "This is a real game changer",
    "private": True,
    "framework": "",
    "tag": None,
    "files": {},
    "labels": {},
    "base_parameters": {},
    "readme_text": "",
    "thumb_object_name": "",
    "model_object_name": "",
    "checkpoint_object_name": "",
    "origin_checkpoint_objects": {},
}


@pytest.fixture
def made(owner: Caller) -> dict[str, Any]:
    return dict(owner.ok("POST", "network/null", {"name": "vizdrone", "type": "detection"}))


def test_a_new_network_has_every_documented_key(owner: Caller, made: dict[str, Any]) -> None:
    account = owner.ok("POST", "get_organization", {"organization": None})
    assert made == {
        "organization": {"name": account["organization_name"]},
        "owner": {"username": owner.ok("GET", "ping")["username"]},
        "model_id": made["model_id"],
        "serving_id": made["model_id"],
        "network_name": "vizdrone",
        **FRESH,
    }


def test_a_network_is_found_by_id_and_by_name_in_every_spelling_of_the_organization(
    owner: Caller, made: dict[str, Any]
) -> None:
    name = made["organization"]["name"]
    for org in ("null", "none", owner.org, quote(name)):
        assert owner.ok("GET", f"network/{org}") == {"networks": [made]}
        assert owner.ok("GET", f"network/{org}/{made['model_id']}") == made
        assert owner.ok("GET", f"network/by_name/{org}/vizdrone") == made
    listed = owner.session.get(
        f"{owner.address}network/{quote(name)}", data={"organization": name}, timeout=5
    )
    assert listed.json() == {"networks": [made]}


def test_a_network_may_have_any_name_once(owner: Caller, made: dict[str, Any]) -> None:
    for name in ("a#1?b=c&d e%20/f", "сеть", "."):
        other = owner.ok("POST", "network/null", {"name": name, "type": "my own"})
        encoded = quote(name, safe="").replace(".", "%2E")
        if name != ".":
            assert owner.ok("GET", f"network/by_name/null/{encoded}") == other
    again = owner.call("POST", "network/null", {"name": "vizdrone", "type": "detection"})
    assert (again.status_code, list(again.json())) == (400, ["error"])
    other_id = other["model_id"]
    taken = owner.call("PATCH", f"network/null/{other_id}", {"network_name": "vizdrone"})
    assert taken.status_code == 400
    assert len(owner.ok("GET", "network/null")["networks"]) == 4


@pytest.mark.parametrize(
    "body", [{}, {"name": "n"}, {"name": "", "type": "t"}, {"name": "n", "type": ""}, []]
)
def test_a_network_without_a_name_or_a_type_is_not_made(owner: Caller, body: Any) -> None:
    assert owner.call("POST", "network/null", body).status_code == 400
    assert owner.ok("GET", "network/null") == {"networks": []}


def test_a_post_without_a_body_deploys_the_network_of_the_id(owner: Caller, made: dict[str, Any]) -> None:
    assert owner.ok("POST", f"network/{made['model_id']}").keys() == {"success"}
    assert owner.call("POST", f"network/{ID}").status_code == 404
    assert owner.call("POST", "network/null").status_code == 404
    assert owner.ok("GET", "network/null") == {"networks": [made]}


def test_properties_are_set_and_the_others_stay(owner: Caller, made: dict[str, Any]) -> None:
    path = f"network/null/{made['model_id']}"
    change = {"labels": {"1": "person"}, "tag": ["d2"], "private": False, "model_id": made["model_id"]}
    wrapped = owner.ok("PATCH", path, change)
    assert wrapped == {"network": made | change}
    assert owner.ok("PUT", path, {"description": None}) == made | change | {"description": None}
    renamed = owner.ok("PUT", "network/by_name/null/vizdrone", {"network_name": "other"})
    assert renamed["network_name"] == "other"
    assert owner.ok("PATCH", "network/by_name/null/other", {"framework": "pytorch"})["network"] == owner.ok(
        "GET", path
    )


def test_numbers_come_back_as_they_were_sent(owner: Caller, made: dict[str, Any]) -> None:
    path = f"{owner.address}network/null/{made['model_id']}"
    sent = '{"base_parameters":{"rate":1.0e-4,"seed":123456789012345678901234567890}}'
    assert owner.session.patch(path, data=sent, timeout=5).status_code == 200
    assert sent[1:-1] in owner.session.get(path, timeout=5).text


@pytest.mark.parametrize(
    "body",
    [
        {"descripton": "typo"},
        {"serving_id": ID},
        {"model_id": ID},
        {"network_name": ""},
        {"network_name": "a\x00"},
        {"type": None},
        {"private": "no"},
        {"tag": "d2"},
        {"files": None},
        {"files": {"config": 7}},
        {"labels": ["person"]},
        [],
    ],
)
def test_a_property_that_is_none_is_refused_and_changes_nothing(
    owner: Caller, made: dict[str, Any], body: Any
) -> None:
    path = f"network/null/{made['model_id']}"
    assert owner.call("PATCH", path, body).status_code == 400
    assert owner.ok("GET", path) == made


def test_nothing_of_another_organization_can_be_seen_or_changed(
    owner: Caller, stranger: Caller, made: dict[str, Any]
) -> None:
    id_, org = made["model_id"], stranger.org
    tries = [
        ("GET", f"network/{owner.org}", None),
        ("POST", f"network/{owner.org}", {"name": "n", "type": "t"}),
        ("POST", f"network/{id_}", None),
        ("GET", f"network/{org}/{id_}", None),
        ("GET", f"network/by_name/{org}/vizdrone", None),
        ("PATCH", f"network/{org}/{id_}", {"private": False}),
        ("PUT", f"network/{org}/{id_}", {"private": False}),
        ("PATCH", f"network/by_name/{org}/vizdrone", {"private": False}),
        ("DELETE", f"network/{org}/{id_}", None),
    ]
    assert [stranger.call(*one).status_code for one in tries] == [404] * len(tries)
    assert stranger.ok("GET", f"network/{org}") == {"networks": []}
    assert owner.ok("GET", f"network/null/{id_}") == made
    stranger.ok("POST", f"network/{org}", {"name": "vizdrone", "type": "detection"})


def test_a_deleted_network_takes_its_own_files_and_no_others(
    owner: Caller, made: dict[str, Any], root: Path
) -> None:
    own, foreign = f"{made['model_id']}/config", "elsewhere/config"
    thumb, picture = f"{made['model_id']}/t.jpg", f"{made['model_id']}/p.jpg"
    for key in (own, foreign):
        assert send(owner.form(key, bucket_model=True), JPEG).status_code == 204
    assert [owner.store(thumb), owner.store(picture)] == [204, 204]
    assert owner.register("p.jpg", picture).status_code == 201
    files = {"config": own, "other": foreign}
    path = f"network/null/{made['model_id']}"
    owner.ok("PATCH", path, {"files": files, "thumb_object_name": thumb})
    assert owner.call("DELETE", path).status_code == 200
    assert owner.call("GET", path).status_code == 404
    signed = [
        owner.signed(own, True),
        owner.signed(foreign, True),
        owner.signed(thumb),
        owner.signed(picture),
    ]
    assert [requests.get(url, timeout=5).status_code for url in signed] == [404, 200, 404, 200]
    again = owner.ok("POST", "network/null", {"name": "vizdrone", "type": "detection"})
    owner.ok("PATCH", f"network/null/{again['model_id']}", {"thumb_object_name": picture})
    owner.ok("DELETE", f"network/null/{again['model_id']}")
    assert requests.get(signed[3], timeout=5).status_code == 200


def test_a_file_of_a_model_is_replaced_by_a_newer_one(owner: Caller) -> None:
    for content in (b"old", b"new"):
        assert send(owner.form("id/0/model", bucket_model=True), content).status_code == 204
        assert requests.get(owner.signed("id/0/model", bucket_model=True), timeout=5).content == content


def test_networks_stay_when_the_platform_restarts(root: Path) -> None:
    with start(root) as running, Caller.of(running).session as session:
        body = json.dumps({"name": "n", "type": "t"})
        headers = {"Authorization": f"Token {running.token}"}
        made = session.post(running.address + "network/null", data=body, headers=headers, timeout=5).json()
    with start(root) as running:
        again = Caller.of(running)
        with again.session:
            assert again.ok("GET", "network/null") == {"networks": [made]}
