"""Bytes on a socket, as no client library would send them."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from waitress import wasyncore

from picsellia_ingest.server import Limits, RunningPlatform, listening, start
from tests.server.caller import JPEG, Caller, send

HEAD = "POST /sdk/v2/get_organization HTTP/1.1\r\nHost: localhost\r\nAuthorization: Token {token}\r\n"


@contextlib.contextmanager
def connected(running: RunningPlatform) -> Iterator[socket.socket]:
    port = int(running.address.split(":")[2].split("/")[0])
    with contextlib.closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as opened:
        yield opened


def status(connection: socket.socket) -> int:
    """The status of the answer; 0 when the connection ended without one."""
    line = connection.makefile("rb").readline()
    return int(line.split()[1]) if line else 0


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("Content-Length: 2\r\n\r\n{{}}", 200),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n", 200),
        ("Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n2\r\n{{}}\r\n0\r\n\r\n", 400),
        ("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}x", 400),
        ("Content-Length: 2\r\nContent-Length: 2\r\n\r\n{{}}", 400),
        ("Content-Length: -2\r\n\r\n{{}}", 400),
        ("Content-Length: +2\r\n\r\n{{}}", 400),
        ("Content-Length: 0x2\r\n\r\n{{}}", 400),
        ("Transfer-Encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked\r\n\r\n2\r\n{{}}}}}}}}\r\n0\r\n\r\n", 400),
        ("Transfer-Encoding: chunked, gzip\r\n\r\n", 501),
        ("Transfer-Encoding : chunked\r\n\r\n", 400),
        ("X-Bomb: " + "x" * (1 << 17) + "\r\n\r\n", 431),
    ],
)
def test_a_request_has_one_length_and_a_bounded_head(
    running: RunningPlatform, rest: str, expected: int
) -> None:
    with connected(running) as connection:
        connection.sendall((HEAD + rest).format(token=running.token).encode())
        assert status(connection) == expected


def test_an_old_request_has_no_chunks(running: RunningPlatform) -> None:
    with connected(running) as connection:
        head = HEAD.replace("HTTP/1.1", "HTTP/1.0").format(token=running.token)
        connection.sendall((head + "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n{}").encode())
        assert status(connection) == 400


@pytest.mark.parametrize(
    "part", ["POST /sdk/v2/ping HTTP/1.1\r\nHost:", HEAD + "Content-Length: 9000\r\n\r\n{{"]
)
def test_a_request_that_drips_in_is_dropped(
    running: RunningPlatform, part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "HEAD_SECONDS", 0.5)
    monkeypatch.setattr(listening, "BODY_SECONDS", 0.5)
    with connected(running) as connection:
        connection.sendall(part.format(token=running.token).encode())
        began = time.monotonic()
        with contextlib.suppress(ConnectionError):
            while time.monotonic() - began < 8:
                connection.sendall(b"x")
                time.sleep(0.1)
        assert time.monotonic() - began < 8
    with requests.Session() as session:
        sent = {"Authorization": f"Token {running.token}"}
        assert session.get(running.address + "ping", headers=sent, timeout=5).status_code == 200


def test_a_request_that_takes_its_time_within_reason_is_answered(
    running: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "BODY_SECONDS", 30.0)
    with connected(running) as connection:
        connection.sendall((HEAD + "Content-Length: 2\r\n\r\n").format(token=running.token).encode())
        time.sleep(2.5)
        connection.sendall(b"{}")
        assert status(connection) == 200


def test_a_body_without_end_is_refused_at_the_limit(root: Path) -> None:
    with start(root, limits=Limits(request_size=10_000, object_size=10_000)) as running:
        for head in ("Content-Length: 99999999999\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n"):
            with connected(running) as connection:
                connection.sendall((HEAD + head).format(token=running.token).encode())
                with contextlib.suppress(ConnectionError):
                    for _ in range(40):
                        connection.sendall(b"10000\r\n" + b"x" * (1 << 16) + b"\r\n")
                with contextlib.suppress(ConnectionError):
                    assert status(connection) == 413


def test_a_body_that_ends_too_early_changes_nothing(running: RunningPlatform, owner: Caller) -> None:
    body = '{"project_name": "p"}'
    for length in (len(body) + 1, len(body) * 2):
        with connected(running) as connection:
            head = HEAD.replace("POST", "PUT").replace("get_organization", "project/null")
            connection.sendall(
                (head + f"Content-Length: {length}\r\n\r\n").format(token=running.token).encode()
            )
            connection.sendall(body.encode())
    assert owner.ok("GET", "project/null") == {"projects": []}


def test_hundreds_of_idle_connections_keep_nobody_out(running: RunningPlatform, owner: Caller) -> None:
    with contextlib.ExitStack() as idle:
        for number in range(400):
            connection = idle.enter_context(connected(running))
            if number % 2:
                connection.sendall(b"GET /sdk/v2/ping HTTP/1.1\r\n")
        assert owner.call("GET", "ping").status_code == 200


def test_storing_a_picture_keeps_the_connection(owner: Caller) -> None:
    answer = send(owner.form("k.jpg"), JPEG)
    assert (answer.status_code, answer.headers.get("Connection")) == (204, None)
    assert "Content-Length" not in answer.headers


def test_a_connection_that_is_to_be_closed_is_closed(running: RunningPlatform) -> None:
    with connected(running) as connection:
        head = HEAD.replace("POST", "OPTIONS") + "Connection: close\r\n\r\n"
        connection.sendall(head.format(token=running.token).encode())
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 404")


def test_the_loop_does_not_turn_while_an_answer_is_sent(
    running: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = itertools.count()
    turn = wasyncore.poll2

    def counted(*given: Any) -> None:
        next(turns)
        turn(*given)

    def ask(times: int) -> None:
        with requests.Session() as session:
            for _ in range(times):
                sent = {"Authorization": f"Token {running.token}"}
                assert session.get(running.address + "ping", headers=sent, timeout=20).status_code == 200

    monkeypatch.setattr(wasyncore, "poll2", counted)
    threads = [threading.Thread(target=ask, args=(20,)) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert next(turns) < 5 * 20 * 24
