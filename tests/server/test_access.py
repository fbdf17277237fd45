from __future__ import annotations

import http.client
import json
import math
import stat
from pathlib import Path

import pytest
import requests

from picsellia_ingest.server import Limits, RunningPlatform, start
from tests.server.caller import RECTANGLE, Caller

ID = "0b9d6a1e-52f4-4c0e-8a3b-7f1d2c9e4a10"


def test_ping_and_get_organization_answer_the_published_keys(owner: Caller, stranger: Caller) -> None:
    pong = owner.ok("GET", "ping")
    assert pong.keys() == {"username", "sdk_version"}
    assert pong["sdk_version"] == "5.0.22"
    mine = owner.ok("POST", "get_organization", {"organization": None})
    assert mine == owner.ok("POST", "get_organization", {"organization": mine["organization_name"]})
    assert owner.call("POST", "get_organization", {"organization": "elsewhere"}).status_code == 404


@pytest.mark.parametrize("segment", ["null", "none"])
def test_null_and_none_in_a_path_mean_the_callers_organization(owner: Caller, segment: str) -> None:
    assert owner.ok("GET", f"datalake/{segment}") == owner.ok("GET", f"datalake/{owner.org}")


def test_nothing_of_another_organization_can_be_seen_or_changed(owner: Caller, stranger: Caller) -> None:
    dataset = owner.dataset("a.jpg")
    picture = owner.ok("GET", f"picture/{dataset}")["pictures"][0]
    assert owner.annotate(dataset, "a.jpg", RECTANGLE).status_code == 200
    id_, org = picture["picture_id"], stranger.org
    tries = [
        ("GET", f"datalake/{owner.org}", None),
        ("GET", f"dataset/{owner.org}", None),
        ("GET", f"dataset/{org}/harbour/latest", None),
        ("DELETE", f"dataset/{org}/harbour/first", None),
        ("GET", f"dataset/{org}/harbour/first/download", None),
        ("GET", f"picture/{dataset}", None),
        ("GET", f"label/{dataset}", None),
        ("GET", f"annotation/{dataset}", None),
        ("GET", f"annotation/new/{dataset}/a.jpg", None),
        ("PUT", f"annotation/new/{dataset}/a.jpg", {"data": [RECTANGLE]}),
        ("PUT", f"annotation/{dataset}/{id_}", {"data": [RECTANGLE]}),
        ("DELETE", f"annotation/{dataset}", None),
        ("DELETE", f"annotation/{dataset}/{id_}", None),
        ("PUT", f"label/{dataset}/crane/rectangle", None),
        ("POST", f"dataset/{org}", {"name": "", "version": "latest", "pictures": [], "pk": dataset}),
        ("PUT", f"dataset/{org}", {"dataset_name": "mine", "pictures": [picture]}),
        (
            "POST",
            f"dataset/{dataset}/update_stats",
            {"repartition": {}, "nb_annotations": 0, "nb_objects": 0},
        ),
        ("POST", f"datalake/delete/{org}", {"to_delete": [picture]}),
        ("POST", f"datalake/tag/{org}", {"tags": ["x"], "to_tag": [id_]}),
        ("POST", f"datalake/delete_tag/{org}", {"tags": ["x"], "to_delete_tag": [id_]}),
    ]
    assert [stranger.call(*one).status_code for one in tries] == [404] * len(tries)
    assert stranger.register("b.jpg", picture["internal_key"]).status_code == 400
    assert requests.get(stranger.signed(picture["internal_key"]), timeout=5).status_code == 404
    assert stranger.ok("GET", f"datalake/{org}") == {"pictures": []}
    assert owner.record(dataset, "a.jpg")["nb_labels"] == 1


def test_two_organizations_may_use_the_same_names_and_keys(owner: Caller, stranger: Caller) -> None:
    for caller, content in ((owner, b"BMowner"), (stranger, b"BMstranger")):
        assert caller.store("k.bmp", content) == 204
        assert caller.register("a.bmp", "k.bmp").status_code == 201
        assert requests.get(caller.signed("k.bmp"), timeout=5).content == content


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8000", 200),
        ("localhost", 200),
        ("[::1]:80", 200),
        ("[::1]", 200),
        ("evil.example", 403),
        ("127.0.0.1.nip.io", 403),
        ("localhost:x", 403),
        ("", 403),
        (":80", 403),
    ],
)
def test_only_loopback_hosts_are_served(owner: Caller, host: str, status: int) -> None:
    assert owner.call("GET", "ping", Host=host).status_code == status


@pytest.mark.parametrize(
    ("header", "value", "status"),
    [
        ("Origin", "http://localhost:3000", 403),
        ("Origin", "null", 403),
        ("Sec_Fetch_Site", "cross-site", 403),
        ("Sec_Fetch_Site", "same-site", 403),
        ("Sec_Fetch_Site", "same-origin", 200),
        ("Sec_Fetch_Site", "none", 200),
    ],
)
def test_other_sites_in_a_browser_are_refused(owner: Caller, header: str, value: str, status: int) -> None:
    assert owner.call("GET", "ping", **{header: value}).status_code == status


def test_storage_has_the_same_gates(owner: Caller) -> None:
    assert owner.store("k.jpg") == 204
    url = owner.signed("k.jpg")
    for headers in ({"Host": "evil.example"}, {"Origin": "http://localhost:3000"}):
        assert requests.get(url, headers=headers, timeout=5).status_code == 403


def test_what_is_not_served_is_404_in_json_and_never_a_redirect(owner: Caller) -> None:
    for method, path in [
        ("GET", "nothing"),
        ("DELETE", f"project/{owner.org}"),
        ("POST", "ping"),
        ("OPTIONS", "ping"),
        ("GET", "datalake//x"),
        ("GET", f"picture/{ID}/x"),
    ]:
        answer = owner.call(method, path)
        assert (answer.status_code, list(answer.json())) == (404, ["error"]), (method, path)
    assert owner.call("GET", f"datalake/{owner.org}/").status_code in (200, 404)


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'"x"', b"null", b'{"organization": 5}', b"\xff", b'{"a": ' + b"[" * 100_000]
)
def test_a_body_that_cannot_be_read_is_400(owner: Caller, body: bytes) -> None:
    answer = owner.session.post(owner.address + "get_organization", data=body, timeout=5)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "application/json"])
def test_json_is_read_whatever_the_content_type(owner: Caller, kind: str) -> None:
    body = {"organization": None}
    assert owner.call("POST", "get_organization", body, Content_Type=kind).status_code == 200


def test_a_request_over_the_limit_is_413(root: Path) -> None:
    limits = Limits(request_size=1000, object_size=1000)
    with start(root, limits=limits) as running:
        owner = Caller.of(running)
        with owner.session:
            body = {"tags": ["x" * 1000], "quantity": 1}
            answer = owner.call("POST", f"datalake/search/{owner.org}", body)
    assert (answer.status_code, list(answer.json())) == (413, ["error"])


def test_two_platforms_of_one_process_answer_each_for_itself(tmp_path: Path) -> None:
    small, rare = Limits(request_size=1000), Limits(requests_per_second=1e-9)
    with start(tmp_path / "small", limits=small) as one, start(tmp_path / "rare", limits=rare) as other:
        foreign = requests.get(
            f"{other.address}ping", headers={"Authorization": f"Token {one.token}"}, timeout=5
        )
        assert foreign.status_code == 401
        assert requests.get(f"{other.address}ping", timeout=5).status_code == 429
        owner = Caller.of(one)
        with owner.session:
            large = owner.call("POST", "get_organization", {"organization": "x" * 2000})
            assert large.status_code == 413
            assert owner.call("GET", "ping").status_code == 200
    with start(tmp_path / "rare") as other:
        owner = Caller.of(other)
        with owner.session:
            large = owner.call("POST", "get_organization", {"organization": "x" * 2000})
    assert large.status_code == 404


def test_over_the_rate_the_answer_is_429_with_a_wait(root: Path) -> None:
    with start(root, limits=Limits(requests_per_second=2)) as running:
        sent = {"Authorization": f"Token {running.token}"}
        with requests.Session() as session:
            answers = [session.get(running.address + "ping", headers=sent, timeout=5) for _ in range(5)]
    assert [answer.status_code for answer in answers[:2]] == [200, 200]
    assert answers[-1].status_code == 429
    assert answers[-1].headers["Retry-After"] == "1"
    assert Limits().requests_per_second == math.inf


def test_the_folder_and_its_secrets_are_the_owners_alone(root: Path, running: RunningPlatform) -> None:
    assert stat.S_IMODE(root.stat().st_mode) == 0o700
    for name in ("token", "secret", "platform.db", "server.json"):
        assert stat.S_IMODE((root / name).stat().st_mode) == 0o600, name
    assert running.token.encode() not in (root / "platform.db").read_bytes()


def test_a_request_on_a_raw_socket_cannot_climb(owner: Caller) -> None:
    where = owner.origin.removeprefix("http://")
    for path in ("/storage/pictures/../../platform.db", "/storage/pictures/%2e%2e/%2e%2e/platform.db"):
        connection = http.client.HTTPConnection(where, timeout=5)
        connection.putrequest("GET", path)
        connection.endheaders()
        answer = connection.getresponse()
        assert (answer.status, list(json.loads(answer.read()))) == (403, ["error"])
        connection.close()
