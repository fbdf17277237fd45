from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

import pytest
import requests

from tests.server.caller import JPEG, Caller, send

ID = "0b9d6a1e-52f4-4c0e-8a3b-7f1d2c9e4a10"
LINE = {"steps": [1], "values": [0.5]}


@pytest.fixture
def project(owner: Caller) -> str:
    return str(owner.ok("PUT", "project/null", {"project_name": "cranes"})["project_id"])


@pytest.fixture
def made(owner: Caller, project: str) -> dict[str, Any]:
    return dict(owner.ok("POST", f"experiment/{project}", {"name": "exp 1"}))


def add_file(owner: Caller, experiment: str, name: str, key: str) -> None:
    assert send(owner.form(key, bucket_model=True), JPEG).status_code == 204
    item = {"name": name, "object_name": key, "large": False}
    owner.ok("PUT", f"experiment/{experiment}/file", {"0": item})


def test_a_new_experiment_has_every_documented_key(owner: Caller, project: str, made: dict[str, Any]) -> None:
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", made["date_created"])
    assert made == {
        "id": made["id"],
        "date_created": made["date_created"],
        "last_update": made["date_created"],
        "owner": {"username": owner.ok("GET", "ping")["username"]},
        "project": {"project_id": project, "project_name": "cranes"},
        "name": "exp 1",
        "description": "",
        "status": "started",
        "dataset": None,
        "logging": None,
        "files": [],
        "data": [],
    }
    assert owner.ok("GET", f"experiment/{project}") == {"experiments": [made]}


def test_an_experiment_is_found_by_its_id_in_any_project_and_by_its_name_in_its_own(
    owner: Caller, project: str, made: dict[str, Any]
) -> None:
    for path in (f"None/{made['id']}", f"{project}/{made['id']}", f"{project}/by_name/exp%201"):
        flags = {"with_file": "False", "with_data": "True"}
        answer = owner.session.get(f"{owner.address}experiment/{path}", data=flags, timeout=5)
        assert answer.json() == {"experiment": made}
        assert owner.ok("GET", f"experiment/{path}") == {"experiment": made}
    for path in (f"None/by_name/{quote('exp 1')}", f"{project}/by_name/other", f"{project}/{ID}"):
        assert owner.call("GET", f"experiment/{path}").status_code == 404


def test_an_experiment_is_changed_and_its_name_taken_once(
    owner: Caller, project: str, made: dict[str, Any]
) -> None:
    other = owner.ok("POST", f"experiment/{project}", {"name": "a#1?/b"})
    assert owner.ok("GET", f"experiment/{project}/by_name/{quote('a#1?/b', safe='')}")["experiment"] == other
    for method, path in (("POST", project), ("PATCH", f"{project}/{other['id']}")):
        assert owner.call(method, f"experiment/{path}", {"name": "exp 1"}).status_code == 400
    change = {"name": "n", "description": None, "status": "done"}
    changed = owner.ok("PATCH", f"experiment/None/{made['id']}", change)
    assert changed == made | change | {"last_update": changed["last_update"]}
    assert changed["last_update"] > made["last_update"]


@pytest.mark.parametrize(
    "body", [{}, {"name": ""}, {"name": "n", "typo": 1}, {"name": "n", "with_file": "x"}, []]
)
def test_an_experiment_of_the_wrong_shape_is_not_made(owner: Caller, project: str, body: Any) -> None:
    assert owner.call("POST", f"experiment/{project}", body).status_code == 400
    assert owner.ok("GET", f"experiment/{project}") == {"experiments": []}


def test_what_an_experiment_is_made_from_must_be_there(owner: Caller, project: str) -> None:
    for more in (
        {"dataset": "harbour/first"},
        {"previous": "n"},
        {"source": "null/net"},
        {"source": "other/net"},
    ):
        assert owner.call("POST", f"experiment/{project}", {"name": "n"} | more).status_code == 404
    assert owner.ok("GET", f"experiment/{project}") == {"experiments": []}


def test_files_and_data_are_taken_over_as_far_as_wanted(
    owner: Caller, project: str, made: dict[str, Any]
) -> None:
    add_file(owner, made["id"], "config", f"{made['id']}/config")
    owner.ok("PUT", f"experiment/{made['id']}/data", {"0": {"name": "l", "data": LINE, "type": "line"}})
    network = owner.ok("POST", "network/null", {"name": "net", "type": "t"})
    owner.ok("PATCH", f"network/null/{network['model_id']}", {"files": {"model": "k"}})
    held = []
    wishes: list[dict[str, Any]] = [
        {"previous": "exp 1", "with_file": True},
        {"previous": "exp 1", "with_data": True},
        {"source": "null/net", "with_file": True},
        {"source": "null/net"},
    ]
    for number, more in enumerate(wishes):
        found = owner.ok("POST", f"experiment/{project}", {"name": str(number)} | more)
        held.append(
            ([file["object_name"] for file in found["files"]], [one["data"] for one in found["data"]])
        )
    assert held == [([f"{made['id']}/config"], []), ([], [LINE]), (["k"], []), ([], [])]
    owner.ok("DELETE", f"experiment/None/{made['id']}")
    signed = owner.signed(f"{made['id']}/config", bucket_model=True)
    assert requests.get(signed, timeout=5).status_code == 200


def test_a_file_is_named_found_changed_and_forgotten(owner: Caller, made: dict[str, Any]) -> None:
    base = f"experiment/{made['id']}/file"
    assert owner.ok("GET", f"{base}/a%2Fb%23") == {"file": []}
    item = {"name": "a/b#", "object_name": "k", "large": True}
    owner.ok("PUT", base, {"0": item})
    assert owner.call("PUT", base, {"0": item}).status_code == 400
    (file,) = owner.ok("GET", f"{base}/a%2Fb%23")["file"]
    assert file.keys() == {"id", "date_created", "last_update", "large", "name", "object_name"}
    owner.ok("PATCH", f"{base}/a%2Fb%23", {"object_name": "other", "large": False})
    (changed,) = owner.ok("GET", base)["files"]
    assert changed == file | {"object_name": "other", "large": False, "last_update": changed["last_update"]}
    owner.ok("DELETE", f"{base}/a%2Fb%23")
    for method in ("PATCH", "DELETE"):
        assert owner.call(method, f"{base}/a%2Fb%23", {}).status_code == 404
    owner.ok("PUT", base, {"0": item, "1": item | {"name": "c"}})
    owner.ok("DELETE", base)
    assert owner.ok("GET", base) == {"files": []}


def test_data_is_kept_replaced_extended_and_removed(owner: Caller, made: dict[str, Any]) -> None:
    base = f"experiment/{made['id']}/data"
    assert owner.call("GET", f"{base}/loss").status_code == 404
    owner.ok("PUT", base, {"0": {"name": "loss", "data": LINE, "type": "line"}})
    owner.ok("POST", f"{base}/loss", {"data": {"steps": [2], "values": [0.25], "extra": [1]}, "type": "line"})
    asset = owner.ok("GET", f"{base}/loss")["data_asset"]
    assert asset.keys() == {"id", "date_created", "last_update", "type", "name", "data"}
    assert asset["data"] == {"steps": [1, 2], "values": [0.5, 0.25], "extra": [1]}
    owner.ok("PATCH", f"{base}/loss", {"data": [1.5], "type": "other"})
    owner.ok("POST", f"{base}/loss", {"data": [2]})
    (asset,) = owner.ok("GET", base)["data_assets"]
    assert (asset["data"], asset["type"]) == ([1.5, 2], "other")
    assert owner.call("POST", f"{base}/loss", {"data": 7}).status_code == 400
    assert owner.call("PATCH", f"{base}/loss", {"type": "t"}).status_code == 400
    for broken in (
        '{"0": {"name": "n", "type": "t", "data": {"a": 01}}}',
        '{"0": {"name": "n", "type": "t"}}',
    ):
        answer = owner.session.put(owner.address + base, data=broken, timeout=5)
        assert answer.status_code == 400
    owner.ok("DELETE", f"{base}/loss")
    assert owner.call("DELETE", f"{base}/loss").status_code == 404
    owner.ok("DELETE", base)
    assert owner.ok("GET", base) == {"data_assets": []}


@pytest.mark.parametrize(
    "path", ["experiment/{project}/{id}", "experiment/{project}", "project/by_name/null/cranes"]
)
def test_what_is_deleted_takes_its_own_files_and_no_others(
    owner: Caller, project: str, made: dict[str, Any], path: str
) -> None:
    own, foreign, shared = (f"{made['id']}/own", "elsewhere", f"{made['id']}/shared")
    for key in (own, foreign, shared):
        add_file(owner, made["id"], key, key)
    network = owner.ok("POST", "network/null", {"name": "net", "type": "t"})
    owner.ok("PATCH", f"network/null/{network['model_id']}", {"files": {"model": shared}})
    owner.ok("DELETE", path.format(project=project, id=made["id"]))
    assert owner.call("GET", f"experiment/None/{made['id']}").status_code == 404
    signed = [owner.signed(key, bucket_model=True) for key in (own, foreign, shared)]
    assert [requests.get(url, timeout=5).status_code for url in signed] == [404, 200, 200]


def test_nothing_of_another_organization_can_be_seen_or_changed(
    owner: Caller, stranger: Caller, project: str, made: dict[str, Any]
) -> None:
    add_file(owner, made["id"], "f", f"{made['id']}/f")
    owner.ok("PUT", f"experiment/{made['id']}/data", {"0": {"name": "d", "data": 1, "type": "t"}})
    theirs = stranger.ok("PUT", "project/null", {"project_name": "cranes"})["project_id"]
    before = owner.ok("GET", f"experiment/{project}")
    bodies = {
        ("POST", f"experiment/{project}"): {"name": "n"},
        ("PUT", "file"): {"0": {"name": "n", "object_name": "k"}},
        ("PUT", "data"): {"0": {"name": "n", "data": 1, "type": "t"}},
        ("PATCH", "f"): {"object_name": "k"},
        ("PATCH", "d"): {"data": 1},
        ("POST", "d"): {"data": 1},
    }
    id_ = made["id"]
    paths = [
        *[(m, f"experiment/{project}") for m in ("GET", "POST", "DELETE")],
        *[(m, f"experiment/{theirs}/{id_}") for m in ("GET", "PATCH", "DELETE")],
        ("GET", f"experiment/{project}/by_name/exp%201"),
        *[(m, f"experiment/{id_}/{kind}") for kind in ("file", "data") for m in ("GET", "PUT", "DELETE")],
        *[(m, f"experiment/{id_}/file/f") for m in ("GET", "PATCH", "DELETE")],
        *[(m, f"experiment/{id_}/data/d") for m in ("GET", "PATCH", "POST", "DELETE")],
    ]
    for method, path in paths:
        body = bodies.get((method, path)) or bodies.get((method, path.rpartition("/")[2]), {})
        assert stranger.call(method, path, body).status_code == 404, (method, path)
    assert owner.ok("GET", f"experiment/{project}") == before
    assert stranger.ok("GET", f"experiment/{theirs}") == {"experiments": []}
