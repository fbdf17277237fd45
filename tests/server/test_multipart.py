from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests
from sqlalchemy import update

from picsellia_ingest.server import Limits, start
from picsellia_ingest.server.database import Database
from picsellia_ingest.server.schema import upload
from tests.server.caller import Caller

KEY = "id/0/a b#1?.zip"


def begin(caller: Caller, key: str = KEY) -> str:
    return str(caller.ok("GET", "init_multipart_upload", {"object_name": key})["upload_id"])


def address(caller: Caller, upload_id: str, number: int, key: str = KEY) -> str:
    body = {"object_name": key, "upload_id": upload_id, "part_no": number}
    return str(caller.ok("POST", "generate_post_part_url", body)["url"])


def put(caller: Caller, upload_id: str, number: int, content: bytes, key: str = KEY) -> dict[str, Any]:
    answer = requests.put(address(caller, upload_id, number, key), data=content, timeout=10)
    assert (answer.status_code, answer.content) == (200, b""), answer.text
    return {"ETag": answer.headers["ETag"], "PartNumber": number}


def finish(caller: Caller, upload_id: str, parts: list[Any], key: str = KEY) -> int:
    body = {"object_name": key, "upload_id": upload_id, "parts": parts, "network_id": None}
    return caller.call("POST", "complete_part_upload", body).status_code


def stored(caller: Caller, key: str = KEY) -> bytes | None:
    answer = requests.get(caller.signed(key, bucket_model=True), timeout=10)
    return answer.content if answer.status_code == 200 else None


def objects(root: Path) -> list[Path]:
    return [path for path in (root / "objects").rglob("*") if path.is_file()]


def test_parts_become_one_object_and_the_last_may_be_empty(owner: Caller, root: Path) -> None:
    one = begin(owner)
    first, second = b"a" * 5_242_880, b"b" * 1000
    urls = [address(owner, one, number) for number in (1, 2, 3)]
    parts: list[dict[str, Any]] = []
    for number, content in ((3, b""), (2, second), (1, first)):
        answer = requests.put(urls[number - 1], data=content, timeout=10)
        assert answer.status_code == 200
        assert answer.headers["ETag"][0] == answer.headers["ETag"][-1] == '"'
        parts.insert(0, {"ETag": answer.headers["ETag"], "PartNumber": number})
    assert stored(owner) is None
    assert finish(owner, one, parts) == 201
    assert stored(owner) == first + second
    assert len(objects(root)) == 1


def test_a_part_may_be_sent_again_and_an_upload_finished_again(owner: Caller, root: Path) -> None:
    one = begin(owner)
    assert put(owner, one, 1, b"a") == put(owner, one, 1, b"a")
    put(owner, one, 1, b"wrong")
    right = put(owner, one, 1, b"right")
    assert [finish(owner, one, [right]) for _ in range(2)] == [201, 201]
    assert stored(owner) == b"right"
    assert len(objects(root)) == 1


def test_a_newer_upload_replaces_the_object(owner: Caller) -> None:
    for content in (b"old", b"new"):
        one = begin(owner)
        assert finish(owner, one, [put(owner, one, 1, content)]) == 201
        assert stored(owner) == content


def test_parts_that_were_not_sent_or_not_named_in_order_are_refused(owner: Caller) -> None:
    one = begin(owner)
    first, second = put(owner, one, 1, b"a"), put(owner, one, 2, b"b")
    bad: list[list[Any]] = [
        [],
        [second, first],
        [first, first],
        [first, second | {"ETag": first["ETag"]}],
        [first, {"ETag": first["ETag"], "PartNumber": 3}],
        [{"PartNumber": 1}],
    ]
    assert [finish(owner, one, parts) for parts in bad] == [400] * len(bad)
    assert stored(owner) is None
    assert finish(owner, one, [first, second]) == 201


def test_a_finished_upload_takes_no_more_parts(owner: Caller, root: Path) -> None:
    one = begin(owner)
    url = address(owner, one, 2)
    assert finish(owner, one, [put(owner, one, 1, b"a")]) == 201
    assert requests.put(url, data=b"b", timeout=5).status_code == 404
    body = {"object_name": KEY, "upload_id": one, "part_no": 2}
    assert owner.call("POST", "generate_post_part_url", body).status_code == 404
    assert len(objects(root)) == 1


@pytest.mark.parametrize("number", [0, -1, 10_001, "1", None])
def test_parts_count_from_1_to_10000(owner: Caller, number: Any) -> None:
    body = {"object_name": KEY, "upload_id": begin(owner), "part_no": number}
    assert owner.call("POST", "generate_post_part_url", body).status_code == 400


@pytest.mark.parametrize("key", ["", ".", "..", "a\x00b", None])
def test_a_key_that_cannot_be_an_address_is_refused(owner: Caller, key: Any) -> None:
    assert owner.call("GET", "init_multipart_upload", {"object_name": key}).status_code == 400


def _altered(name: str, value: Callable[[str], str]) -> Callable[[str], str]:
    def alter(url: str) -> str:
        parts = urlsplit(url)
        query = {key: found[0] for key, found in parse_qs(parts.query).items()}
        query[name] = value(query[name])
        return parts._replace(query=urlencode(query)).geturl()

    return alter


@pytest.mark.parametrize(
    "alter",
    [
        _altered("organization", lambda _: "x"),
        _altered("expires", lambda text: str(int(text) + 1)),
        _altered("expires", lambda _: "soon"),
        _altered("max_length", lambda text: text + "0"),
        _altered("signature", lambda text: f"{int(text[0], 16) ^ 1:x}" + text[1:]),
        lambda url: url + "&organization=twice",
        lambda url: url.partition("?")[0],
        lambda url: url.replace("/1?", "/2?"),
    ],
)
def test_an_altered_address_of_a_part_is_refused(
    owner: Caller, root: Path, alter: Callable[[str], str]
) -> None:
    url = alter(address(owner, begin(owner), 1))
    assert requests.put(url, data=b"a", timeout=5).status_code == 403
    assert objects(root) == []


def test_an_address_to_send_a_part_to_gives_nothing_away(owner: Caller) -> None:
    one = begin(owner)
    put(owner, one, 1, b"a")
    assert requests.get(address(owner, one, 1), timeout=5).status_code == 403


def test_the_upload_of_another_organization_cannot_be_used(owner: Caller, stranger: Caller) -> None:
    one = begin(owner)
    part = put(owner, one, 1, b"a")
    body = {"object_name": KEY, "upload_id": one, "part_no": 1}
    assert stranger.call("POST", "generate_post_part_url", body).status_code == 404
    assert finish(stranger, one, [part]) == 404
    assert finish(owner, one, [part], key="other") == 404
    assert finish(owner, one, [part]) == 201
    assert stored(stranger) is None


def test_an_object_larger_than_the_limit_is_refused(root: Path) -> None:
    with start(root, limits=Limits(object_size=1000)) as running:
        caller = Caller.of(running)
        with caller.session:
            one = begin(caller)
            parts = [put(caller, one, 1, b"a" * 600), put(caller, one, 2, b"b" * 400)]
            for number, size in ((3, 1), (4, 1001)):
                answer = requests.put(address(caller, one, number), data=b"c" * size, timeout=5)
                assert (answer.status_code, list(answer.json())) == (413, ["error"])
            assert finish(caller, one, parts) == 201
            assert len(stored(caller) or b"") == 1000
    assert len(objects(root)) == 1


def test_an_upload_that_was_left_for_a_day_is_forgotten(owner: Caller, root: Path, tables: Database) -> None:
    left = begin(owner, "left")
    part = put(owner, left, 1, b"a", "left")
    begin(owner)
    assert len(objects(root)) == 1
    with tables.writing() as conn:
        conn.execute(update(upload).where(upload.c.uuid == left).values(creation_date="2021-09-14"))
    begin(owner)
    assert objects(root) == []
    assert finish(owner, left, [part], "left") == 404
