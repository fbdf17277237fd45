"""What goes over a connection, byte for byte."""

from __future__ import annotations

import io
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from picsellia_ingest.api import lines

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Host:
    """Answers one request after the other on one connection, and keeps the pieces in which they came."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.pieces: list[list[bytes]] = []

    def serve(self, lengths: list[int]) -> None:
        """Take requests with bodies of these lengths."""
        for length in lengths:
            pieces = [self.connection.recv(1 << 20)]
            while len(b"".join(pieces).partition(b"\r\n\r\n")[2]) < length:
                pieces.append(self.connection.recv(1 << 20))
            self.pieces.append(pieces)
            self.connection.sendall(ANSWER)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(20)
        yield listening
    lines.close_all()


def exchange(listener: socket.socket, bodies: list[Any], lengths: list[int]) -> list[list[bytes]]:
    """The pieces of requests with these bodies, sent over one connection."""
    hosts: list[Host] = []

    def serve() -> None:
        connection, _ = listener.accept()
        connection.settimeout(20)
        with connection:
            hosts.append(Host(connection))
            hosts[0].serve(lengths)

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    for body, length in zip(bodies, lengths, strict=True):
        with lines.answering("PUT", url, {"Content-Length": str(length)}, body, 20) as answer:
            assert answer.read() == b"ok"
    thread.join()
    return hosts[0].pieces


def test_a_small_body_goes_with_the_head_in_one_piece(listener: socket.socket) -> None:
    one, other, empty = exchange(listener, [b"a" * 1000, b"b" * 1000, None], [1000, 1000, 0])
    assert [len(one), len(other), len(empty)] == [1, 1, 1]
    assert one[0].endswith(b"\r\n\r\n" + b"a" * 1000)
    assert other[0].endswith(b"\r\n\r\n" + b"b" * 1000)
    assert empty[0].endswith(b"\r\n\r\n")


def test_a_large_body_and_a_stream_come_whole_behind_the_head(listener: socket.socket) -> None:
    body = bytes(range(256)) * 4000
    bodies = [body, io.BytesIO(body), b"after"]
    whole = [b"".join(pieces) for pieces in exchange(listener, bodies, [len(body), len(body), 5])]
    assert [one.partition(b"\r\n\r\n")[2] for one in whole] == [body, body, b"after"]
