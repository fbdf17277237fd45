from __future__ import annotations

import io
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
import requests

from picsellia_ingest.errors import RequestRejectedError
from picsellia_ingest.server import Limits, start
from picsellia_ingest.server.auth import Grant, Signer
from picsellia_ingest.server.objects import ObjectName, Objects
from tests.server.caller import JPEG, Caller, send


def get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=10)


def test_an_object_goes_through_a_signed_form_and_comes_back_through_a_signed_address(owner: Caller) -> None:
    form = owner.form("2f0c3f5e.jpg")
    assert form.keys() == {"url", "fields"}
    assert form["fields"]["key"] == "2f0c3f5e.jpg"
    answer = send(form, JPEG)
    assert (answer.status_code, answer.content) == (204, b"")
    back = get(owner.signed("2f0c3f5e.jpg"))
    assert (back.status_code, back.content, back.headers["Content-Length"]) == (200, JPEG, str(len(JPEG)))


def test_addresses_are_at_the_host_the_client_reached(owner: Caller) -> None:
    body = {"method": "get", "object_name": "k", "bucket_model": False}
    answer = owner.call("POST", "generate_presigned_url", body, Host="localhost:9999")
    assert answer.json()["url"].startswith("http://localhost:9999/storage/pictures/")


@pytest.mark.parametrize(
    "key", ["a b.jpg", "run/0/model.h5", "a#1?x=y&é%20.jpg", "../../x", "a//b", "ключ", "a\nb"]
)
def test_any_key_works_and_none_becomes_a_path(owner: Caller, root: Path, key: str) -> None:
    assert send(owner.form(key, bucket_model=True), JPEG).status_code == 204
    assert get(owner.signed(key, bucket_model=True)).content == JPEG
    assert get(owner.signed(key)).status_code == 404
    files = [path for path in (root / "objects").rglob("*") if path.is_file()]
    assert [len(path.name) for path in files] == [64]


@pytest.mark.parametrize("key", ["", ".", "..", "a\x00b"])
def test_a_key_that_cannot_be_an_address_is_refused(owner: Caller, key: str) -> None:
    body = {"method": "post", "object_name": key, "bucket_model": False}
    assert owner.call("POST", "generate_presigned_url", body).status_code == 400


def test_an_altered_form_is_refused(owner: Caller, stranger: Caller, root: Path) -> None:
    form = owner.form("k.jpg")
    signature = form["fields"]["x-signature"]
    alterations: list[dict[str, str]] = [
        {"key": "other.jpg"},
        {"x_organization": stranger.org},
        {"x_expires": str(int(time.time()) + 9999)},
        {"x_max_length": str(1 << 40)},
        {"x_signature": f"{int(signature[0], 16) ^ 1:x}" + signature[1:]},
        {"x_signature": ""},
        {"x_signature": "é"},
        {"x_expires": "soon"},
    ]
    assert [send(form, JPEG, **one).status_code for one in alterations] == [403] * len(alterations)
    model = form | {"url": form["url"].replace("/pictures/", "/models/")}
    assert send(model, JPEG).status_code == 403
    assert [path for path in (root / "objects").rglob("*") if path.is_file()] == []


def test_an_altered_address_is_refused(owner: Caller, stranger: Caller) -> None:
    for key in ("k.jpg", "other.jpg"):
        assert owner.store(key) == 204
    url = owner.signed("k.jpg")
    split = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(split.query).items()}
    signature = query["signature"]

    def again(**changes: str) -> str:
        return split._replace(query=urlencode(query | changes)).geturl()

    altered = [
        again(expires=str(int(query["expires"]) + 1)),
        again(organization=stranger.org),
        again(signature=signature[:-1] + f"{int(signature[-1], 16) ^ 1:x}"),
        again(signature=""),
        url.replace("k.jpg", "other.jpg"),
        url.replace("/pictures/", "/models/"),
        url + "&expires=" + query["expires"],
        url.split("?")[0],
    ]
    assert [get(one).status_code for one in altered] == [403] * len(altered)
    assert get(url).status_code == 200


def test_a_leave_to_send_is_no_leave_to_fetch(owner: Caller) -> None:
    form = owner.form("k.jpg")["fields"]
    query = {name: form[f"x-{name}"] for name in ("organization", "expires", "signature")}
    assert get(f"{owner.origin}/storage/pictures/k.jpg?{urlencode(query)}").status_code == 403


def test_an_expired_grant_is_refused(owner: Caller, root: Path) -> None:
    assert owner.store("k.jpg") == 204
    name = ObjectName(owner.org, "pictures", "k.jpg")
    signer = Signer((root / "secret").read_text())
    for age, status in ((-60, 200), (1, 403)):
        expires = int(time.time()) - age
        query = {
            "organization": owner.org,
            "expires": expires,
            "signature": signer.sign(Grant("GET", name, expires)),
        }
        assert get(f"{owner.origin}/storage/pictures/k.jpg?{urlencode(query)}").status_code == status


def test_the_same_bytes_may_be_sent_again_and_others_may_not(owner: Caller) -> None:
    form = owner.form("k.jpg")
    assert [send(form, content).status_code for content in (JPEG, JPEG, b"other")] == [204, 204, 409]
    assert get(owner.signed("k.jpg")).content == JPEG


def test_of_two_writers_of_one_key_at_once_one_wins(owner: Caller) -> None:
    form = owner.form("k.bin")
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda n: send(form, b"%d" % n * 100_000).status_code, range(8)))
    assert sorted(found) == [204] + [409] * 7


def test_an_object_over_the_limit_is_413_and_leaves_nothing(root: Path) -> None:
    with start(root, limits=Limits(object_size=1000)) as running:
        owner = Caller.of(running)
        with owner.session:
            sizes = {size: owner.store(f"{size}.bin", b"x" * size) for size in (0, 1000, 1001, 500_000)}
    assert sizes == {0: 204, 1000: 204, 1001: 413, 500_000: 413}
    assert len([path for path in (root / "objects").rglob("*") if path.is_file()]) == 2


def cut(data: bytes) -> bytes:
    return data[:-30]


def no_file(data: bytes) -> bytes:
    return data.replace(b'; filename="name"', b"")


def no_form(data: bytes) -> bytes:
    return b"hello"


@pytest.mark.parametrize("spoil", [cut, no_file, no_form])
def test_a_form_that_is_not_whole_stores_nothing(
    owner: Caller, root: Path, spoil: Callable[[bytes], bytes]
) -> None:
    form = owner.form("k.jpg")
    request = requests.Request(
        "POST", form["url"], data=form["fields"], files={"file": ("name", JPEG)}
    ).prepare()
    assert isinstance(request.body, bytes)
    kind = request.headers["Content-Type"]
    answer = requests.post(form["url"], data=spoil(request.body), headers={"Content-Type": kind}, timeout=5)
    assert (answer.status_code, list(answer.json())) == (400, ["error"])
    assert [path for path in (root / "objects").rglob("*") if path.is_file()] == []


def test_a_form_without_a_boundary_or_with_a_field_twice_is_refused(owner: Caller) -> None:
    form = owner.form("k.jpg")
    assert requests.post(form["url"], json={}, timeout=5).status_code == 400
    twice = [*form["fields"].items(), ("key", "k.jpg")]
    answer = requests.post(form["url"], data=twice, files={"file": ("name", JPEG)}, timeout=5)
    assert answer.status_code == 403


def test_a_field_that_is_too_long_is_refused(owner: Caller) -> None:
    form = owner.form("k.jpg")
    assert send(form, JPEG, x_signature="0" * 100_000).status_code == 400


def test_ranges_are_served(owner: Caller) -> None:
    assert owner.store("k.jpg") == 204
    url = owner.signed("k.jpg")
    part = get(url, Range="bytes=4-10")
    assert (part.status_code, part.content) == (206, JPEG[4:11])
    assert get(url, Range="bytes=100000-").status_code == 416
    assert requests.head(url, timeout=5).headers["Content-Length"] == str(len(JPEG))


KINDS = [
    (JPEG, "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n...", "image/png"),
    (b"GIF89a...", "image/gif"),
    (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
    (b"BM......", "image/bmp"),
    (b"II*\x00....", "image/tiff"),
    (b"MM\x00*....", "image/tiff"),
    (b"<html><script>alert(1)</script>", "application/octet-stream"),
    (b"<svg onload='alert(1)'/>", "application/octet-stream"),
    (b"", "application/octet-stream"),
]


@pytest.mark.parametrize(("content", "kind"), KINDS)
def test_what_is_served_is_inert(owner: Caller, content: bytes, kind: str) -> None:
    assert owner.store("page.html", content) == 204
    answer = get(owner.signed("page.html"))
    headers = answer.headers
    assert (answer.content, headers["Content-Type"]) == (content, kind)
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert headers["Cache-Control"] == "private"
    assert headers["Content-Disposition"] == ("inline" if kind.startswith("image/") else "attachment")


def test_what_a_crash_left_half_received_is_swept_away(root: Path) -> None:
    objects = Objects(root)
    left = objects.receive(10)
    left.write(b"half")
    assert left.path.exists()
    Objects(root).tidy()
    assert not left.path.exists()
    left.__exit__(None, None, None)


def test_a_key_is_not_confused_with_one_that_has_the_same_letters(tmp_path: Path) -> None:
    objects = Objects(tmp_path)
    names = [
        ObjectName("o", "b", "kk"),
        ObjectName("o", "bk", "k"),
        ObjectName("ob", "k", "k"),
        ObjectName("o", "b", "k"),
    ]
    assert len({objects.path(name) for name in names}) == len(names)
    for name in names[:1]:
        with objects.receive(10) as incoming:
            incoming.write(b"0123456789")
            with pytest.raises(RequestRejectedError):
                incoming.write(b"x")
        assert not objects.has(name)


class LargeForm:
    """The body of an upload of zeros, made as it is read, so that the sender costs no memory either."""

    def __init__(self, form: dict[str, Any], size: int, stop: int | None = None) -> None:
        fields = "".join(
            f'--XX\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
            for name, value in form["fields"].items()
        )
        head = fields + '--XX\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        self._head = io.BytesIO(head.encode())
        self._tail = io.BytesIO(b"\r\n--XX--\r\n")
        self._left = size
        self._stop = stop
        self._length = len(head) + size + 10

    def __len__(self) -> int:
        return self._length

    def read(self, count: int = 1 << 16) -> bytes:
        if self._stop is not None and self._left < self._stop:
            raise ConnectionAbortedError
        if head := self._head.read(count):
            return head
        zeros = min(count, self._left)
        self._left -= zeros
        return bytes(zeros) or self._tail.read(count)


def peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) << 10


KIND = {"Content-Type": "multipart/form-data; boundary=XX"}


@pytest.mark.slow
def test_a_picture_of_300_megabytes_costs_no_memory(owner: Caller) -> None:
    size = 300 << 20
    form = owner.form("large.bin")
    Path("/proc/self/clear_refs").write_text("5")
    before = peak()
    answer = requests.post(form["url"], data=LargeForm(form, size), headers=KIND, timeout=100)
    assert answer.status_code == 204, answer.text
    with closing(requests.get(owner.signed("large.bin"), stream=True, timeout=100)) as back:
        assert sum(len(block) for block in back.iter_content(1 << 20)) == size
    assert peak() - before < 40 << 20


def test_a_sender_that_goes_away_leaves_nothing(owner: Caller, root: Path) -> None:
    form = owner.form("k.bin")
    with pytest.raises((ConnectionAbortedError, requests.ConnectionError)):
        requests.post(form["url"], data=LargeForm(form, 4 << 20, stop=1 << 20), headers=KIND, timeout=5)
    assert owner.ok("GET", "ping")
    assert [path for path in (root / "objects").rglob("*") if path.is_file()] == []
