"""What each answer of a host leads to, and where credentials go."""

from __future__ import annotations

import hashlib
import pickle
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

from picsellia_ingest.api import pace, pages, platform, storage, transport
from picsellia_ingest.api.answers import Answer, retry_after
from picsellia_ingest.api.connection import Connection, Secret, Traffic
from picsellia_ingest.api.transport import call
from picsellia_ingest.errors import (
    ApiLimitError,
    ForbiddenError,
    InvalidQueryError,
    NetworkError,
    PicselliaError,
    ProcessingError,
    RequestRejectedError,
    ResourceNotFoundError,
    SourceChangedError,
    UnauthorizedError,
    UnsufficientRessourcesError,
    WrongHostError,
)

Answers = list[tuple[int, dict[str, str], bytes]]


class Host:
    """A server that gives prepared answers, the last one for ever, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: Answers = []
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.connections = 0
        host = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                host.connections += 1
                super().setup()

            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                host.asked.append((self.command, self.path, dict(self.headers), body))
                status, headers, content = host.answers.pop(0) if len(host.answers) > 1 else host.answers[0]
                self.send_response(status)
                for key, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(key, value)
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = "short" in headers

            do_GET = do_PUT = do_POST = do_DELETE = answer

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})
        self.thread.start()
        self.address = f"http://127.0.0.1:{self.server.server_port}/sdk/v2/"

    def close(self) -> None:
        transport.close_idle_connections()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


@pytest.fixture
def host() -> Iterator[Host]:
    made = Host()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    monkeypatch.setattr(pace, "PATIENCE_SECONDS", 0.0)


def ask(host: Host, **more: Any) -> tuple[int, dict[str, Any]]:
    return call(Connection(host.address, Secret("canary")), "GET", "ping", **more)


@pytest.mark.parametrize(
    ("status", "kind", "tries"),
    [
        (400, InvalidQueryError, 1),
        (401, UnauthorizedError, 1),
        (402, UnsufficientRessourcesError, 1),
        (403, ForbiddenError, 1),
        (404, ResourceNotFoundError, 1),
        (409, RequestRejectedError, 1),
        (413, RequestRejectedError, 1),
        (507, UnsufficientRessourcesError, 1),
        (301, WrongHostError, 1),
        (302, WrongHostError, 1),
        (307, WrongHostError, 1),
        (408, ProcessingError, 6),
        (425, ProcessingError, 6),
        (500, ProcessingError, 6),
        (502, ProcessingError, 6),
        (503, ProcessingError, 6),
        (504, ProcessingError, 6),
        (429, ApiLimitError, 6),
    ],
)
def test_a_status_becomes_an_error_with_the_platforms_words_and_is_repeated_only_where_that_may_help(
    host: Host, status: int, kind: type[PicselliaError], tries: int
) -> None:
    host.answers = [(status, {"Location": "http://127.0.0.1:9/"}, b'{"error": "its own words"}')]
    with pytest.raises(kind) as caught:
        ask(host)
    assert [path for _, path, _, _ in host.asked].count("/sdk/v2/ping") == tries
    assert "canary" not in str(caught.value) + repr(caught.value)
    if kind is not WrongHostError:
        assert "its own words" in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[1]", b'{"a": ', b"\xff"])
def test_a_200_that_is_not_an_object_is_no_success(host: Host, body: bytes) -> None:
    host.answers = [(200, {}, body), (200, {}, b'{"username": "u"}')]
    assert ask(host) == (200, {"username": "u"})
    assert len(host.asked) == 2


def test_a_403_that_is_not_the_platforms_is_tried_again(host: Host) -> None:
    host.answers = [(403, {}, b"<Error><Code>AccessDenied</Code></Error>"), (200, {}, b'{"a": 1}')]
    assert ask(host) == (200, {"a": 1})


def test_an_answer_shorter_than_it_says_is_no_success(host: Host) -> None:
    host.answers = [(200, {"Content-Length": "50", "short": "1"}, b'{"a": 1}'), (200, {}, b'{"a": 2}')]
    assert ask(host) == (200, {"a": 2})


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("120", 120), ("1e9", 0), ("-5", 0), ("soon", 0), ("nan", 0), ("", 0)],
)
def test_retry_after_holds_all_requests_back_within_reason(host: Host, value: str, seconds: float) -> None:
    traffic = Traffic()
    host.answers = [(429, {"Retry-After": value}, b"{}")]
    began = time.monotonic()
    transport.send(traffic, "GET", host.address + "ping", {})
    assert began + seconds <= traffic.pace._held_until <= time.monotonic() + seconds


@pytest.mark.parametrize(
    ("until", "seconds"),
    [("Wed, 01 Jan 2020 00:00:30 GMT", 30), ("Wed, 01 Jan 2020 01:00:00 GMT", 0), ("01 Jan 2020", 0)],
)
def test_retry_after_a_date_is_taken_from_the_date_of_the_answer_not_from_the_clock_here(
    until: str, seconds: float
) -> None:
    headers = {"Retry-After": until, "Date": "Wed, 01 Jan 2020 00:00:00 GMT"}
    assert retry_after(Answer(429, headers, b"")) == seconds


def test_a_host_that_does_not_answer_is_named_without_the_address_of_the_request(host: Host) -> None:
    host.close()
    with pytest.raises(NetworkError, match="connection refused"):
        ask(host)


def test_requests_share_a_kept_alive_connection(host: Host) -> None:
    host.answers = [(200, {}, b"{}")]
    for _ in range(5):
        ask(host)
    assert (len(host.asked), host.connections) == (5, 1)


def test_credentials_of_netrc_are_not_used(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login thief password thief\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    host.answers = [(200, {}, b"{}")]
    ask(host)
    assert host.asked[0][2]["Authorization"] == "Token canary"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_is_sent_to_where_a_host_redirects(host: Host, tmp_path: Path, status: int) -> None:
    evil = Host()
    evil.answers = [(200, {}, b"{}")]
    host.answers = [(status, {"Location": evil.address}, b"")]
    (tmp_path / "a.jpg").write_bytes(b"picture")
    source = storage.Source(tmp_path / "a.jpg", 7, hashlib.sha256(b"picture").digest())
    with pytest.raises(WrongHostError):
        ask(host)
    with pytest.raises(WrongHostError):
        storage.store(Traffic(), {"url": host.address, "fields": {}}, source, "o.jpg")
    evil.close()
    assert evil.asked == []


def test_storage_is_sent_no_credentials_of_netrc(
    host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login thief password thief\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    host.answers = [(200, {}, b"bytes")]
    assert storage.fetch(Traffic(), host.address) == b"bytes"
    assert "Authorization" not in host.asked[0][2]


def test_a_loopback_host_is_not_reached_through_a_proxy(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    host.answers = [(200, {}, b"{}")]
    assert ask(host) == (200, {})


def test_storage_never_gets_the_token(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"picture")
    host.answers = [(204, {}, b"")]
    source = storage.Source(path, 7, hashlib.sha256(b"picture").digest())
    storage.store(
        Traffic(), {"url": host.address, "fields": {"key": "k", "policy": "p"}}, source, 'o"\r\n.jpg'
    )
    _, _, headers, body = host.asked[0]
    assert "Authorization" not in headers
    assert (
        body.index(b'name="key"')
        < body.index(b'name="policy"')
        < body.index(b'name="file"')
        < body.index(b"picture")
    )
    assert b'filename="o%22%0D%0A.jpg"' in body


def test_a_retry_sends_the_file_from_its_beginning(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"x" * 100_000)
    host.answers = [(503, {}, b""), (204, {}, b"")]
    source = storage.Source(path, 100_000, hashlib.sha256(b"x" * 100_000).digest())
    storage.store(Traffic(), {"url": host.address, "fields": {}}, source, "o.jpg")
    assert [body.count(b"x" * 100_000) for *_, body in host.asked] == [1, 1]


@pytest.mark.parametrize("change", [b"y" * 100, b"x" * 99, b"x" * 101])
def test_a_file_that_changed_since_it_was_planned_is_not_stored(
    host: Host, tmp_path: Path, change: bytes
) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(change)
    host.answers = [(204, {}, b"")]
    source = storage.Source(path, 100, hashlib.sha256(b"x" * 100).digest())
    with pytest.raises(SourceChangedError, match="run the same command again"):
        storage.store(Traffic(), {"url": host.address, "fields": {}}, source, "o.jpg")
    assert not any(body.rstrip().endswith(b"--") for *_, body in host.asked)


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("a b.jpg", "a%20b.jpg"),
        ("a#?%.jpg", "a%23%3F%25.jpg"),
        ("s/a.jpg", "s%2Fa.jpg"),
        ("..", "%2E%2E"),
        ("é", "%C3%A9"),
    ],
)
def test_a_name_is_one_path_segment_whatever_it_holds(host: Host, name: str, path: str) -> None:
    host.answers = [(200, {}, b'{"annotations": []}')]
    platform.picture_annotations(Connection(host.address, Secret("t")), "D", name)
    assert host.asked[0][1] == f"/sdk/v2/annotation/new/D/{path}"


@pytest.mark.parametrize("show", [str, repr, "{}".format, "%s".__mod__])
def test_a_secret_is_not_shown(show: Callable[[Secret], str]) -> None:
    connection = Connection("http://h/", Secret("canary"))
    assert "canary" not in show(connection.token) + repr(connection)
    assert pickle.loads(pickle.dumps(connection)).token.reveal() == "canary"


def test_a_call_that_was_applied_is_not_repeated_when_its_answer_was_lost(host: Host) -> None:
    host.answers = [(502, {}, b""), (200, {}, b"{}")]
    assert ask(host, confirm=lambda: True) == (200, {})
    assert len(host.asked) == 1


def test_a_web_page_in_place_of_the_platform_is_called_a_wrong_host(host: Host) -> None:
    host.answers = [(200, {}, b"<html>welcome</html>")]
    with pytest.raises(WrongHostError, match="check the host"):
        platform.identify(Connection(host.address, Secret("t")))


@pytest.mark.parametrize("read", [pages.all_annotations, pages.all_held])
@pytest.mark.parametrize("stated", [None, 4])
def test_all_pages_are_read_whether_or_not_the_host_says_how_many_there_are(
    host: Host, monkeypatch: pytest.MonkeyPatch, stated: int | None, read: Callable[..., Iterator[Any]]
) -> None:
    monkeypatch.setattr(pages, "PAGE", 2)
    sizes = [2, 2, 2, 1]
    more = {} if stated is None else {"nb_pages": stated}
    bodies = [msgspec.json.encode({"annotations": [{"n": 1}] * size, **more}) for size in sizes]
    host.answers = [(200, {}, body) for body in bodies]
    if stated is not None:  # they may be asked for in any order
        monkeypatch.setattr(pages, "PAGES_AHEAD", 1)
    connection = Connection(host.address, Secret("canary"))
    assert len(list(read(connection, "d"))) == 7
    assert [path.partition("offset=")[2].partition("&")[0] for _, path, _, _ in host.asked] == [
        "0",
        "2",
        "4",
        "6",
    ]


@pytest.mark.parametrize(
    "body", [b"{}", b'{"annotations": {}}', b'{"annotations": [3]}', b'{"annotations": null}']
)
def test_an_answer_without_a_list_of_annotations_is_refused(host: Host, body: bytes) -> None:
    host.answers = [(200, {}, body)] * transport.TRIES
    with pytest.raises(ProcessingError, match="no list of annotations"):
        list(pages.all_held(Connection(host.address, Secret("t")), "d"))
