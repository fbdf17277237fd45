"""Every route against every kind of caller. The table is held against the application's own list of routes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import requests

from picsellia_ingest.server import Limits, Platform, RunningPlatform, accounts_of, create_app
from tests.server.browser import Browser
from tests.server.caller import JPEG, RECTANGLE, Caller

BASE = "/sdk/v2"
KEY = {"object_name": "k"}


class Row(NamedTuple):
    """A request of the owner, who may make it. ``own`` says that it names nothing that is the owner's."""

    method: str
    rule: str
    path: str
    body: Any = None
    own: bool = False


# In an order in which each still finds what it names: what deletes stands last.
ROWS = [
    Row("GET", "/ping", "ping", own=True),
    Row("POST", "/get_organization", "get_organization", {"organization": "{org_name}"}),
    Row("POST", "/generate_presigned_url", "generate_presigned_url", {"method": "post", **KEY}, own=True),
    Row("GET", "/init_multipart_upload", "init_multipart_upload", KEY, own=True),
    Row("POST", "/generate_post_part_url", "generate_post_part_url", {"upload_id": "{upload}", "part_no": 2, **KEY}),
    Row(
        "POST", "/complete_part_upload", "complete_part_upload",
        {"upload_id": "{upload}", "parts": [{"ETag": "{etag}", "PartNumber": 1}], **KEY},
    ),
    Row("GET", "/datalake/<org>", "datalake/{org}"),
    Row("POST", "/datalake/search/<org>", "datalake/search/{org}", {"tags": [], "quantity": 1}),
    Row("POST", "/datalake/tag/<org>", "datalake/tag/{org}", {"tags": ["x"], "to_tag": ["{picture}"]}),
    Row("POST", "/datalake/delete_tag/<org>", "datalake/delete_tag/{org}", {"tags": ["x"], "to_delete_tag": ["{picture}"]}),
    Row("POST", "/datalake/delete_tag/tag/<org>", "datalake/delete_tag/tag/{org}", {"tags": ["x"], "to_delete_tag": []}),
    Row(
        "PUT", "/picture/upload/<org>", "picture/upload/{org}",
        {"internal_key": "{key}", "external_url": "new.jpg", "width": 1, "height": 1},
    ),
    Row("GET", "/picture/<dataset>", "picture/{dataset}"),
    Row("PUT", "/dataset/<org>/new_version", "dataset/{org}/new_version", {"name": "harbour", "version": "v"}),
    Row("GET", "/dataset/<org>", "dataset/{org}"),
    Row("PUT", "/dataset/<org>", "dataset/{org}", {"dataset_name": "n", "pictures": ["{picture}"]}),
    Row("POST", "/dataset/<org>", "dataset/{org}", {"pk": "{dataset}", "pictures": ["{picture}"]}),
    Row("GET", "/dataset/<org>/<anything:name>/<version>", "dataset/{org}/harbour/first"),
    Row("GET", "/dataset/<org>/<anything:name>/<version>/download", "dataset/{org}/harbour/first/download"),
    Row(
        "POST", "/dataset/<dataset>/update_stats", "dataset/{dataset}/update_stats",
        {"repartition": {}, "nb_annotations": 0, "nb_objects": 0},
    ),
    Row("PUT", "/label/<dataset>/<anything:name>/<kind>", "label/{dataset}/car/rectangle"),
    Row("GET", "/label/<dataset>", "label/{dataset}"),
    Row("PUT", "/annotation/new/<dataset>/<anything:name>", "annotation/new/{dataset}/a.jpg", {"data": [RECTANGLE]}),
    Row("GET", "/annotation/new/<dataset>/<anything:name>", "annotation/new/{dataset}/a.jpg"),
    Row("PUT", "/annotation/<dataset>/<picture>", "annotation/{dataset}/{picture}", {"data": [RECTANGLE]}),
    Row("GET", "/annotation/<dataset>", "annotation/{dataset}"),
    Row("GET", "/annotation/<dataset>", "annotation/{dataset}?limit=1&offset=0&snapshot=True"),
    Row("GET", "/project/<org>", "project/{org_name}"),
    Row("PUT", "/project/<org>", "project/{org_name}", {"project_name": "n"}),
    Row("GET", "/project/by_name/<org>/<anything:name>", "project/by_name/{org_name}/cranes"),
    Row("PATCH", "/project/by_name/<org>/<anything:name>", "project/by_name/{org_name}/cranes", {"type": "t"}),
    Row(
        "POST", "/project/attach_dataset/<project>", "project/attach_dataset/{project}",
        {"dataset_name": "harbour", "version": "first"},
    ),
    Row("GET", "/worker/<project>", "worker/{project}"),
    Row("GET", "/network/<org>", "network/{org_name}"),
    Row("POST", "/network/<org>", "network/{org_name}", {"name": "n", "type": "t"}),
    Row("POST", "/network/<org>", "network/{network}"),
    Row("GET", "/network/<org>/<network>", "network/{org_name}/{network}"),
    Row("PATCH", "/network/<org>/<network>", "network/{org_name}/{network}", {"private": True}),
    Row("PUT", "/network/<org>/<network>", "network/{org_name}/{network}", {"private": True}),
    Row("GET", "/network/by_name/<org>/<anything:name>", "network/by_name/{org_name}/net"),
    Row("PATCH", "/network/by_name/<org>/<anything:name>", "network/by_name/{org_name}/net", {"private": True}),
    Row("PUT", "/network/by_name/<org>/<anything:name>", "network/by_name/{org_name}/net", {"private": True}),
    Row("GET", "/experiment/<project>", "experiment/{project}"),
    Row("POST", "/experiment/<project>", "experiment/{project}", {"name": "n"}),
    Row("GET", "/experiment/<project>/by_name/<anything:name>", "experiment/{project}/by_name/exp"),
    Row("GET", "/experiment/<project>/<experiment>", "experiment/None/{experiment}"),
    Row("PATCH", "/experiment/<project>/<experiment>", "experiment/{project}/{experiment}", {"status": "s"}),
    Row("POST", "/experiment/<experiment>/launch", "experiment/{experiment}/launch", {"gpus": 0}),
    Row("POST", "/experiment/<experiment>/update_job_status", "experiment/{experiment}/update_job_status", {"status": "s"}),
    Row(
        "POST", "/experiment/send_experiment_logging", "experiment/send_experiment_logging",
        {"experiment_id": "{experiment}", "line_nb": 0, "log": "l", "part": "p"},
    ),
    Row("GET", "/experiment/<experiment>/logging", "experiment/{experiment}/logging"),
    Row("GET", "/experiment/<experiment>/dl_annotations/<option>", "experiment/{experiment}/dl_annotations/all"),
    Row("POST", "/experiment/<experiment>/publish", "experiment/{experiment}/publish", {"name": "published"}),
    Row("GET", "/experiment/<experiment>/file", "experiment/{experiment}/file"),
    Row("PUT", "/experiment/<experiment>/file", "experiment/{experiment}/file", {"0": {"name": "m", "object_name": "k"}}),
    Row("GET", "/experiment/<experiment>/file/<anything:name>", "experiment/{experiment}/file/f"),
    Row("PATCH", "/experiment/<experiment>/file/<anything:name>", "experiment/{experiment}/file/f", {"large": True}),
    Row("GET", "/experiment/<experiment>/data", "experiment/{experiment}/data"),
    Row("PUT", "/experiment/<experiment>/data", "experiment/{experiment}/data", {"0": {"name": "m", "type": "t", "data": 1}}),
    Row("GET", "/experiment/<experiment>/data/<anything:name>", "experiment/{experiment}/data/d"),
    Row("PATCH", "/experiment/<experiment>/data/<anything:name>", "experiment/{experiment}/data/d", {"data": [1]}),
    Row("POST", "/experiment/<experiment>/data/<anything:name>", "experiment/{experiment}/data/d", {"data": [1]}),
    Row("POST", "/scan/<project>/create", "scan/{project}/create", {"name": "t1", "config": {}}),
    Row("POST", "/scan/<project>/launch", "scan/{project}/launch", {"name": "t2", "config": {}}),
    Row("POST", "/sweep/<project>/launch", "sweep/{project}/launch", {"name": "t3", "config": {}}),
    Row("POST", "/scan/<project>/launch/<anything:name>", "scan/{project}/launch/scan"),
    Row("GET", "/run/<project>/<anything:scan>", "run/{project}/t1"),
    Row("GET", "/run/<run>", "run/{run}"),
    Row("PATCH", "/run/<run>", "run/{run}", {"status": "s"}),
    Row("POST", "/run/<run>/end", "run/{run}/end"),
    Row("DELETE", "/annotation/<dataset>/<picture>", "annotation/{dataset}/{picture}"),
    Row("DELETE", "/annotation/<dataset>", "annotation/{dataset}"),
    Row("DELETE", "/experiment/<experiment>/file/<anything:name>", "experiment/{experiment}/file/f"),
    Row("DELETE", "/experiment/<experiment>/file", "experiment/{experiment}/file"),
    Row("DELETE", "/experiment/<experiment>/data/<anything:name>", "experiment/{experiment}/data/d"),
    Row("DELETE", "/experiment/<experiment>/data", "experiment/{experiment}/data"),
    Row("DELETE", "/experiment/<project>/<experiment>", "experiment/{project}/{experiment}"),
    Row("DELETE", "/experiment/<project>", "experiment/{project}"),
    Row("DELETE", "/network/<org>/<network>", "network/{org_name}/{network}"),
    Row("DELETE", "/project/by_name/<org>/<anything:name>", "project/by_name/{org_name}/cranes"),
    Row("DELETE", "/dataset/<org>/<anything:name>/<version>", "dataset/{org}/harbour/first"),
    Row("POST", "/datalake/delete/<org>", "datalake/delete/{org}", {"to_delete": ["{picture}"]}),
]  # fmt: skip

# Without a token: the first is open to all on this machine, the others want a signature.
OPEN = [
    ("GET", "/instance"),
    ("POST", "/storage/<bucket>/"),
    ("GET", "/storage/<bucket>/<anything:key>"),
    ("GET", "/storage/snapshots/<anything:key>"),
    ("PUT", "/storage/parts/<upload>/<int:number>"),
]

# Looked at with a session. What is ``own`` names nothing of anybody.
PAGES = [
    Row("GET", "/", "", own=True),
    Row("GET", "/lake", "lake", own=True),
    Row("GET", "/lake/<picture>", "lake/{picture}"),
    Row("GET", "/datasets/<uuid>", "datasets/{dataset}"),
    Row("GET", "/datasets/<uuid>/<picture>", "datasets/{dataset}/{picture}"),
    Row("GET", "/pictures/<picture>/image", "pictures/{picture}/image"),
    Row("GET", "/pictures/<picture>/thumbnail", "pictures/{picture}/thumbnail"),
    Row("POST", "/leave", "leave", own=True),
]
ENTRANCE = [("GET", "/enter"), ("POST", "/enter"), ("GET", "/style.css")]
"""Open to all on this machine: they show nothing, and a token is needed to go on."""


@pytest.fixture
def world(owner: Caller) -> dict[str, str]:
    """One of everything, and how each is called."""
    dataset = owner.dataset("a.jpg")
    (picture,) = owner.ok("GET", f"picture/{dataset}")["pictures"]
    project = owner.ok("PUT", "project/null", {"project_name": "cranes"})["project_id"]
    made = owner.ok("POST", f"experiment/{project}", {"name": "exp", "dataset": "harbour/first"})
    experiment = made["id"]
    owner.ok("PUT", f"experiment/{experiment}/file", {"0": {"name": "f", "object_name": "k"}})
    owner.ok("PUT", f"experiment/{experiment}/data", {"0": {"name": "d", "type": "t", "data": [0]}})
    owner.ok("POST", f"scan/{project}/create", {"name": "scan", "config": {}})
    upload = owner.ok("GET", "init_multipart_upload", KEY)["upload_id"]
    part = owner.ok("POST", "generate_post_part_url", {"upload_id": upload, "part_no": 1, **KEY})["url"]
    return {
        "org": owner.org,
        "org_name": owner.ok("POST", "get_organization", {"organization": None})["organization_name"],
        "dataset": dataset,
        "picture": picture["picture_id"],
        "key": picture["internal_key"],
        "project": project,
        "experiment": experiment,
        "network": owner.ok("POST", "network/null", {"name": "net", "type": "t"})["model_id"],
        "run": owner.ok("GET", f"run/{project}/scan")["id"],
        "upload": upload,
        "etag": requests.put(part, data=JPEG, timeout=5).headers["ETag"],
    }


def filled(value: Any, world: dict[str, str]) -> Any:
    """A path or a body with the names of the world."""
    if isinstance(value, dict):
        return {key: filled(item, world) for key, item in value.items()}
    if isinstance(value, list):
        return [filled(item, world) for item in value]
    return value.format(**world) if isinstance(value, str) else value


def everything(owner: Caller, world: dict[str, str]) -> list[Any]:
    """All that the owner can see."""
    paths = (
        "datalake/{org}", "dataset/{org}", "picture/{dataset}", "annotation/{dataset}", "label/{dataset}",
        "project/null", "network/null", "experiment/{project}", "run/{run}",
    )  # fmt: skip
    return [owner.ok("GET", filled(path, world)) for path in paths]


def test_the_table_has_every_route_of_the_application(tmp_path: Path) -> None:
    platform = Platform.open(tmp_path / "platform", limits=Limits())
    try:
        rules = [*create_app(platform).url_map.iter_rules()]
    finally:
        platform.close()
    served = {
        (method, rule.rule) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert served == {(row.method, BASE + row.rule) for row in ROWS} | {*OPEN, *ENTRANCE} | {
        (row.method, row.rule) for row in PAGES
    }


def test_the_owner_may_do_all_of_it(owner: Caller, world: dict[str, str]) -> None:
    for row in ROWS:
        answer = owner.call(row.method, filled(row.path, world), filled(row.body, world))
        assert answer.status_code in (200, 201, 208), (row, answer.text)


READING = {"/get_organization", "/datalake/search/<org>"}
MAKING = {"/init_multipart_upload", "/run/<project>/<anything:scan>"}


def test_a_token_that_only_reads_changes_nothing_by_any_route(
    owner: Caller, root: Path, database: str | None, world: dict[str, str]
) -> None:
    with accounts_of(root, database_address=database) as accounts:
        username = owner.ok("GET", "ping")["username"]
        token = accounts.create_token(username, world["org_name"], read_only=True)
    before = everything(owner, world)
    reader = Caller(owner.address, token)
    with reader.session:
        assert everything(reader, world) == before
        for row in ROWS:
            answer = reader.call(row.method, filled(row.path, world), filled(row.body, world))
            reads = row.rule in READING or (row.method == "GET" and row.rule not in MAKING)
            assert (answer.status_code in (200, 201)) if reads else (answer.status_code == 403), row
        picture = {"method": "get", "object_name": world["key"]}
        assert reader.call("POST", "generate_presigned_url", picture).status_code == 200
    assert everything(owner, world) == before


def test_a_user_of_another_organization_finds_none_of_it(
    owner: Caller, stranger: Caller, world: dict[str, str]
) -> None:
    before = everything(owner, world)
    for row in ROWS:
        answer = stranger.call(row.method, filled(row.path, world), filled(row.body, world))
        assert (answer.status_code == 200) is row.own, (row, answer.text)
        assert row.own or answer.status_code == 404, (row, answer.text)
        assert row.own or list(answer.json()) == ["error"]
    # Under their own organization's names, the ids of others mean nothing either.
    theirs = world | {"org": stranger.org, "org_name": "null"}
    for row in ROWS:
        if {*filter(row.path.__contains__, world)} & {"org", "org_name"} and _names_something(row):
            answer = stranger.call(row.method, filled(row.path, theirs), filled(row.body, theirs))
            assert answer.status_code in (400, 404), (row, answer.text)
    assert everything(owner, world) == before


def _names_something(row: Row) -> bool:
    named = ("picture}", "dataset}", "network}", "key}", "harbour", "cranes", "net")
    return any(name in row.path.partition("}")[2] + str(row.body) for name in named)


@pytest.fixture
def unwelcome(running: RunningPlatform, root: Path, database: str | None) -> dict[str, dict[str, str]]:
    """Headers that let nobody in, by what is wrong with them."""
    with accounts_of(root, database_address=database) as accounts:
        ended = accounts.create_token("late", "elsewhere", int(time.time()) - 1)
        revoked = accounts.create_token("gone", "elsewhere")
        accounts.revoke(revoked.split("_")[1])
        whole = accounts.create_token("whole", "elsewhere")
    known = running.token
    tokens = {
        "nothing": "",
        "a word": "Token",
        "no token": "Token ",
        "a wrong token": "Token " + "0" * 40,
        "half a token": f"Token {known[:20]}",
        "two tokens": f"Token {known} {known}",
        "another kind": f"Bearer {known}",
        "no kind": known,
        "an expired token": f"Token {ended}",
        "a revoked token": f"Token {revoked}",
        "a token with another secret": f"Token {whole[:-1]}{'0' if whole[-1] != '0' else '1'}",
        "a token's id": f"Token {whole.rpartition('_')[0]}",
        "the hash of a token": "Token " + hashlib.sha256(known.encode()).hexdigest(),
    }
    return {why: {"Authorization": token} if token else {} for why, token in tokens.items()}


def test_without_a_good_token_every_route_is_401(
    owner: Caller, world: dict[str, str], running: RunningPlatform, unwelcome: dict[str, dict[str, str]]
) -> None:
    before = everything(owner, world)
    with requests.Session() as session:
        for row in [*ROWS, Row("GET", "", "nothing/here")]:
            for why, headers in unwelcome.items():
                url = running.address + filled(row.path, world)
                answer = session.request(row.method, url, headers=headers, data="{}", timeout=5)
                assert (answer.status_code, list(answer.json())) == (401, ["error"]), (row, why)
    assert everything(owner, world) == before


BROWSERS: list[tuple[str, str, str]] = [
    ("Origin", "http://localhost:3000", "another port of this machine"),
    ("Origin", "http://evil.example", "another site"),
    ("Origin", "null", "a sandboxed page"),
    ("Sec-Fetch-Site", "cross-site", "another site"),
    ("Sec-Fetch-Site", "same-site", "another port of this machine"),
    ("Host", "evil.example", "a name that was bound again"),
    ("Host", "127.0.0.1.nip.io", "a name that looks like an address"),
    ("Host", "localhost.", "a name that is nearly right"),
    ("Host", "127.0.0.1@evil.example", "an address before another"),
]


@pytest.mark.parametrize(("header", "value", "why"), BROWSERS)
def test_every_route_refuses_browsers_of_other_sites_even_with_the_token(
    owner: Caller, world: dict[str, str], header: str, value: str, why: str
) -> None:
    before = everything(owner, world)
    wanted = [(row.method, "sdk/v2/" + filled(row.path, world), filled(row.body, world)) for row in ROWS]
    wanted += [(method, rule.lstrip("/").replace("<", "").replace(">", ""), None) for method, rule in OPEN]
    for method, path, body in wanted:
        answer = owner.session.request(
            method, f"{owner.origin}/{path}", headers={header: value}, json=body, timeout=5
        )
        assert (answer.status_code, list(answer.json())) == (403, ["error"]), (method, path, why)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert everything(owner, world) == before


def test_the_owner_may_look_at_every_page_and_a_stranger_at_none_of_the_owners(
    running: RunningPlatform, stranger: Caller, world: dict[str, str]
) -> None:
    assert stranger.token != running.token
    for token, found in ((running.token, 200), (stranger.token, 404)):
        browser = Browser(running, token)
        for row in PAGES:
            url = running.page + filled(row.path, world)
            answer = browser.session.request(row.method, url, timeout=5)
            assert answer.status_code == (200 if row.own else found), (row, answer.text)


@pytest.mark.parametrize("why", ["nothing", "a token", "no session", "an ended session", "an invitation"])
def test_without_a_session_every_page_is_401(
    running: RunningPlatform, owner: Caller, world: dict[str, str], why: str
) -> None:
    browser = Browser(running)
    ((name, ended),) = browser.session.cookies.items()
    browser.session.post(running.page + "leave", timeout=5)
    invitation = running.entrance().partition("key=")[2].partition("&")[0]
    cookies = {"no session": "x", "an ended session": ended, "an invitation": invitation}
    given = {name: cookies[why]} if why in cookies else {}
    headers = {"Authorization": f"Token {running.token}"} if why == "a token" else {}
    for row in PAGES:
        url = running.page + filled(row.path, world)
        answer = requests.request(
            row.method, url, cookies=given, headers=headers, allow_redirects=False, timeout=5
        )
        assert answer.status_code == 401, (row, why)
        assert "a.jpg" not in answer.text
        assert 'action="/enter"' in answer.text


@pytest.mark.parametrize(("header", "value", "why"), BROWSERS)
def test_every_page_refuses_other_sites_even_with_the_session(
    running: RunningPlatform, world: dict[str, str], header: str, value: str, why: str
) -> None:
    browser = Browser(running)
    wanted = [(row.method, filled(row.path, world)) for row in PAGES]
    for method, path in [*wanted, *((method, rule.lstrip("/")) for method, rule in ENTRANCE)]:
        answer = browser.session.request(
            method, running.page + path, headers={header: value}, data={"token": running.token}, timeout=5
        )
        assert answer.status_code == 403, (method, path, why)
        assert "a.jpg" not in answer.text
        assert "Set-Cookie" not in answer.headers
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"])
def test_what_a_page_can_send_without_asking_needs_the_token_too(
    running: RunningPlatform, world: dict[str, str], kind: str
) -> None:
    for row in ROWS:
        if row.method == "POST":
            url = running.address + filled(row.path, world)
            answer = requests.post(url, data="{}", headers={"Content-Type": kind}, timeout=5)
            assert answer.status_code == 401, row


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "instance?nonce=1", 200),
        ("POST", "storage/pictures/", 400),
        ("GET", "storage/pictures/k", 403),
        ("GET", "storage/snapshots/k.json", 403),
        ("PUT", "storage/parts/u/1", 403),
    ],
)
@pytest.mark.parametrize("with_token", [True, False])
def test_a_token_opens_no_storage(
    owner: Caller, method: str, path: str, status: int, with_token: bool
) -> None:
    call: Callable[..., requests.Response] = owner.session.request if with_token else requests.request
    assert call(method, f"{owner.origin}/{path}", data="x", timeout=5).status_code == status
