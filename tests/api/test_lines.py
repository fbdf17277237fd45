"""What goes over a connection, byte for byte."""

from __future__ import annotations

import gzip
import io
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from urllib3.exceptions import TimeoutError as TimedOut

from picsellia_ingest.api import lines


@contextmanager
def answering(
    method: str, url: str, headers: dict[str, str], body: Any, seconds: float
) -> Iterator[lines.Answering]:
    with lines.asking(method, url, headers, body) as ask:
        yield ask(seconds)


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
        with answering("PUT", url, {"Content-Length": str(length)}, body, 20) as answer:
            assert answer.read1(100) == b"ok"
            assert answer.read1(100) == b""
    thread.join()
    return hosts[0].pieces


def test_a_small_body_goes_with_the_head_in_one_piece(listener: socket.socket) -> None:
    one, other, empty = exchange(listener, [b"a" * 1000, b"b" * 1000, None], [1000, 1000, 0])
    assert [len(one), len(other), len(empty)] == [1, 1, 1]
    assert one[0].endswith(b"\r\n\r\n" + b"a" * 1000)
    assert other[0].endswith(b"\r\n\r\n" + b"b" * 1000)
    assert empty[0].endswith(b"\r\n\r\n")


def test_a_request_over_a_connection_used_again_is_the_one_that_opened_it(listener: socket.socket) -> None:
    given = [b"a" * 1000, b"a" * 1000, b"a" * 1000]
    first, *others = (sorted(b"".join(one).split(b"\r\n")) for one in exchange(listener, given, [1000] * 3))
    assert others == [first, first]


@pytest.fixture
def answered(listener: socket.socket) -> Iterator[tuple[str, socket.socket]]:
    """An address, and the other end of an open connection to it over which a request was answered."""
    url, ends = f"http://127.0.0.1:{listener.getsockname()[1]}/x", list[socket.socket]()

    def serve() -> None:
        ends.append(listener.accept()[0])
        ends[0].settimeout(20)
        ends[0].recv(1 << 16)
        ends[0].sendall(ANSWER)

    thread = threading.Thread(target=serve)
    thread.start()
    with answering("GET", url, {}, None, 20) as answer:
        while answer.read1(100):
            pass
    thread.join()
    with ends[0]:
        yield url, ends[0]


def test_nothing_of_a_request_is_sent_before_it_is_asked_for(answered: tuple[str, socket.socket]) -> None:
    url, end = answered
    seen: list[bytes] = []

    def serve() -> None:
        seen.append(end.recv(1 << 16))
        end.sendall(ANSWER)

    with lines.asking("PUT", url, {"Content-Length": "3"}, b"abc") as ask:
        end.setblocking(False)
        with pytest.raises(BlockingIOError):
            end.recv(1)
        end.settimeout(20)
        thread = threading.Thread(target=serve)
        thread.start()
        assert ask(20).read1(100) == b"ok"
        thread.join()
    assert seen[0].startswith(b"PUT /x HTTP/1.1\r\n")
    assert seen[0].endswith(b"\r\n\r\nabc")


def test_a_connection_that_ends_while_its_request_waits_is_opened_anew(
    listener: socket.socket, answered: tuple[str, socket.socket]
) -> None:
    url, end = answered
    host: list[Host] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            host.append(Host(connection))
            host[0].serve([3])

    with lines.asking("PUT", url, {"Content-Length": "3"}, b"abc") as ask:
        end.shutdown(socket.SHUT_RDWR)
        thread = threading.Thread(target=serve)
        thread.start()
        assert ask(20).read1(100) == b"ok"
        thread.join()
    assert host[0].pieces[0][0].startswith(b"PUT /x HTTP/1.1\r\n")


def test_a_request_that_waited_longer_than_connections_are_kept_gets_another_one(
    listener: socket.socket, answered: tuple[str, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, end = answered

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            Host(connection).serve([0])

    with lines.asking("GET", url, {}, None) as ask:
        monkeypatch.setattr(lines, "IDLE_SECONDS", 0)
        thread = threading.Thread(target=serve)
        thread.start()
        assert ask(20).read1(100) == b"ok"
        thread.join()
    assert end.recv(1) == b""


def test_a_large_body_and_a_stream_come_whole_behind_the_head(listener: socket.socket) -> None:
    body = bytes(range(256)) * 4000
    bodies = [body, io.BytesIO(body), b"after"]
    whole = [b"".join(pieces) for pieces in exchange(listener, bodies, [len(body), len(body), 5])]
    assert [one.partition(b"\r\n\r\n")[2] for one in whole] == [body, body, b"after"]


Answered = tuple[int, str | None, bytes]


def answers(
    listener: socket.socket, given: list[bytes], path: str = "/x"
) -> list[Answered | type[Exception]]:
    """What comes of each of these answers, byte for byte, over one connection as long as it lasts."""

    def serve() -> None:
        left = list(given)
        while left:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(20)
                while left and connection.recv(1 << 20):
                    answer = left.pop(0)
                    connection.sendall(answer.removesuffix(END))
                    if answer.endswith(END):
                        break

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
    found: list[Answered | type[Exception]] = []
    for _ in given:
        try:
            with answering("GET", url, {}, None, 0.3) as answer:
                body = b"".join(iter(lambda: answer.read1(7), b""))
                found.append((answer.status, answer.headers.get("X-told"), body))
        except lines.FAILURES as error:
            found.append(type(error))
    lines.close_all()
    thread.join()
    return found


END = b"(the end of the connection)"
WHOLE = b"HTTP/1.1 200 OK\r\nx-told: a\r\nContent-Length: 12\r\n\r\n123456789abc"
CHUNKS = b"HTTP/1.1 201 Created\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n3\r\n678\r\n0\r\n\r\n"
PACKED = gzip.compress(b"unpacked " * 9, mtime=0)  # a time would give the test another name each second


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        CHUNKS,
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nX-Told: b\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(PACKED) + PACKED,
        b"HTTP/1.1 200 OK\r\n\r\nwithout a length" + END,
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n123" + END,
        b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\n123" + END,
    ],
)
def test_a_connection_used_again_gives_the_same_answer_as_a_new_one(
    listener: socket.socket, answer: bytes
) -> None:
    first, second, third = answers(listener, [answer, answer, WHOLE])
    assert isinstance(first, tuple)
    assert first == second
    assert third == (200, "a", b"123456789abc")
    assert answers(listener, [WHOLE, answer, WHOLE])[1] == first


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE[:-1] + END,
        WHOLE[:60] + END,
        CHUNKS[:-20] + END,
        CHUNKS[:-5] + END,
        b"" + END,
        b"nothing of HTTP\r\n\r\n" + END,
        WHOLE[:-1],
        WHOLE[:20],
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_half_an_answer_is_a_failure_over_a_connection_used_again_too(
    listener: socket.socket, answer: bytes
) -> None:
    first, second, third, _ = answers(listener, [answer, WHOLE, answer, WHOLE])
    assert isinstance(first, type)
    assert second == (200, "a", b"123456789abc")
    assert isinstance(third, type)
    assert issubclass(third, TimedOut) == issubclass(first, TimedOut)


def test_what_a_host_says_before_it_took_the_body_is_heard(listener: socket.socket) -> None:
    refusal = b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\nno"

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(1 << 20)
            connection.sendall(WHOLE)
            connection.recv(100)
            connection.sendall(refusal)
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(1 << 20):
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/x"
    with answering("GET", url, {}, None, 20) as answer:
        while answer.read1(100):
            pass
    with answering("PUT", url, {}, bytes(1 << 22), 20) as answer:
        assert (answer.status, answer.read1(100), answer.read1(100)) == (413, b"no", b"")
    thread.join()


@pytest.mark.parametrize("path", ["/a b", "/ä%2fb%zz", "/?a=%2F&b=c'd", "/a//b/../c;d=1", "?q=1", ""])
def test_an_address_is_written_the_same_way_each_time(listener: socket.socket, path: str) -> None:
    asked: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            for _ in range(2):
                asked.append(connection.recv(1 << 16))
                connection.sendall(ANSWER)

    thread = threading.Thread(target=serve)
    thread.start()
    for _ in range(2):
        url = f"http://127.0.0.1:{listener.getsockname()[1]}{path}"
        with answering("GET", url, {"X-a": "b"}, None, 20) as answer:
            while answer.read1(100):
                pass
    thread.join()
    first, second = ({*request.split(b"\r\n")} for request in asked)
    assert first == second
    assert asked[0].split(b"\r\n")[0] == asked[1].split(b"\r\n")[0]
