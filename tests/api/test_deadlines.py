"""A host that answers drop by drop, takes drop by drop, or says nothing at all is given up within the deadline."""

from __future__ import annotations

import hashlib
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from picsellia_ingest.api import pace, storage, transport
from picsellia_ingest.api.connection import Traffic
from picsellia_ingest.errors import NetworkError

Serve = Callable[[socket.socket, threading.Event], None]


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[Serve], str]]:
    """Starts a host that does with each connection what it is told, until the test is over."""
    monkeypatch.setattr(transport, "TRIES", 1)
    monkeypatch.setattr(pace, "PATIENCE_SECONDS", 0.0)
    over = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)
    threads: list[threading.Thread] = []

    def start(serve: Serve) -> str:
        def accept() -> None:
            while not over.is_set():
                with suppress(OSError):
                    connection, _ = listener.accept()
                    with connection, suppress(OSError):
                        connection.settimeout(5)
                        serve(connection, over)

        threads.append(threading.Thread(target=accept))
        threads[-1].start()
        return f"http://127.0.0.1:{listener.getsockname()[1]}/"

    yield start
    over.set()
    for thread in threads:
        thread.join()
    listener.close()
    transport.close_idle_connections()


def drip_answer(connection: socket.socket, over: threading.Event) -> None:
    connection.recv(1 << 16)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x" * 300)
        if over.wait(0.03):
            return


def say_nothing(connection: socket.socket, over: threading.Event) -> None:
    while not over.is_set() and connection.recv(1 << 16):
        pass


def sip_request(connection: socket.socket, over: threading.Event) -> None:
    for _ in range(1000):
        if not connection.recv(2000) or over.wait(0.02):
            return


def given_up(work: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(NetworkError):
        work()
    return time.monotonic() - began


def test_an_answer_that_drips_in_is_given_up_at_the_deadline(host: Callable[[Serve], str]) -> None:
    url = host(drip_answer)
    assert given_up(lambda: transport.send(Traffic(), "GET", url, {}, None, 0.4)) < 2.5


def test_a_host_that_says_nothing_is_given_up(
    host: Callable[[Serve], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.3)
    url = host(say_nothing)
    assert given_up(lambda: transport.send(Traffic(), "GET", url, {})) < 3


def test_an_object_that_is_taken_in_too_slowly_is_given_up_after_a_time_that_follows_from_its_size(
    host: Callable[[Serve], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "SECONDS_LEAST", 0.3)
    monkeypatch.setattr(storage, "BYTES_PER_SECOND", 100 << 20)
    content = os.urandom(20 << 20)
    (tmp_path / "a").write_bytes(content)
    source = storage.Source(tmp_path / "a", len(content), hashlib.sha256(content).digest())
    signed = {"url": host(sip_request), "fields": {"key": "k"}}
    assert given_up(lambda: storage.store(Traffic(), signed, source, "k")) < 10
