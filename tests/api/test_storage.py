"""Downloads: resumed where they were cut off, whole or not there, and never an error page."""

from __future__ import annotations

import errno
import os
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api import storage, transport
from picsellia_ingest.api.connection import Traffic
from picsellia_ingest.errors import ProcessingError, ResourceNotFoundError
from picsellia_ingest.server import start
from tests.server.caller import Caller, send
from tests.upload.faults import Faults

CONTENT = bytes(range(256)) * 16_000


@dataclass
class Stored:
    """An object of the model bucket with its address, and what was sent of it."""

    url: str
    faults: Faults
    ranges: list[str] = field(default_factory=list)
    caller: Caller | None = None

    def replace(self, content: bytes) -> None:
        assert self.caller is not None
        assert send(self.caller.form("id/model", bucket_model=True), content).status_code == 204


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stored]:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    faults = Faults()
    found = Stored("", faults)

    def wrap(app: Any) -> Any:
        inner = faults.wrap(app)

        def seen(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] == "GET" and "/storage/" in environ["PATH_INFO"]:
                found.ranges.append(environ.get("HTTP_RANGE", ""))
            return inner(environ, start_response)

        return seen

    with start(tmp_path / "platform", wrap=wrap) as running:
        found.caller = Caller.of(running)
        with found.caller.session:
            found.replace(CONTENT)
            found.url = found.caller.signed("id/model", bucket_model=True)
            yield found
        transport.close_idle_connections()


def test_a_download_that_is_cut_off_again_and_again_goes_on_where_it_was(
    stored: Stored, tmp_path: Path
) -> None:
    stored.faults.fail("GET", "/storage/", times=transport.TRIES + 1, how="cut")
    storage.save(Traffic(), stored.url, tmp_path / "deep" / "model")
    assert (tmp_path / "deep" / "model").read_bytes() == CONTENT
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["model"]
    begins = [int(one.removeprefix("bytes=").rstrip("-") or 0) for one in stored.ranges]
    assert begins == sorted(set(begins))
    assert len(begins) == transport.TRIES + 2


def test_a_later_call_goes_on_with_what_an_earlier_one_left(stored: Stored, tmp_path: Path) -> None:
    stored.faults.fail("GET", "/storage/", how="cut")
    stored.faults.fail("GET", "/storage/", times=1, how="status 404")
    with pytest.raises(ResourceNotFoundError):
        storage.save(Traffic(), stored.url, tmp_path / "model")
    assert not (tmp_path / "model").exists()
    storage.save(Traffic(), stored.url, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT
    first, *later = stored.ranges
    assert (first, len(set(later))) == ("", 1)
    assert 0 < int(later[0].removeprefix("bytes=").rstrip("-")) <= len(CONTENT) // 2


def test_a_beginning_of_another_object_is_not_gone_on_with(stored: Stored, tmp_path: Path) -> None:
    stored.faults.fail("GET", "/storage/", how="cut")
    stored.faults.fail("GET", "/storage/", times=1, how="status 404")
    with pytest.raises(ResourceNotFoundError):
        storage.save(Traffic(), stored.url, tmp_path / "model")
    stored.replace(CONTENT[::-1])
    storage.save(Traffic(), stored.url, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT[::-1]


@pytest.mark.parametrize("kept", [b"x" * (len(CONTENT) + 5), b"x" * len(CONTENT)])
def test_a_beginning_longer_than_the_object_is_thrown_away(
    stored: Stored, tmp_path: Path, kept: bytes
) -> None:
    stored.faults.fail("GET", "/storage/", how="cut")
    stored.faults.fail("GET", "/storage/", times=1, how="status 404")
    with pytest.raises(ResourceNotFoundError):
        storage.save(Traffic(), stored.url, tmp_path / "model")
    (tmp_path / "model.part").write_bytes(kept)
    storage.save(Traffic(), stored.url, tmp_path / "model")
    assert (tmp_path / "model").read_bytes() == CONTENT


def test_a_download_that_never_gets_further_ends(stored: Stored, tmp_path: Path) -> None:
    stored.faults.fail("GET", "/storage/", times=10_000, how="before")
    with pytest.raises(ProcessingError):
        storage.save(Traffic(), stored.url, tmp_path / "model")
    assert len(stored.ranges) == transport.TRIES


def test_a_full_disk_is_said_to_be_one(
    stored: Stored, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    full = os.open("/dev/full", os.O_WRONLY)
    monkeypatch.setattr(storage._Part, "_open", lambda *_: os.fdopen(full, "wb", buffering=0))
    with pytest.raises(OSError, match="No space") as raised:
        storage.save(Traffic(), stored.url, tmp_path / "model")
    assert raised.value.errno == errno.ENOSPC


def fetched(url: str, folder: Path) -> bytes:
    return storage.fetch(Traffic(), url)


def saved(url: str, folder: Path) -> bytes:
    storage.save(Traffic(), url, folder / "object")
    return (folder / "object").read_bytes()


@pytest.mark.parametrize("get", [fetched, saved])
@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nContent-Le", b"HTTP/1.1 200 OK\r\nDate: now\r\n"])
def test_an_answer_whose_head_breaks_off_is_no_empty_object(
    head: bytes, get: Callable[[str, Path], bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    answers = [head, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"]

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                connection.recv(1 << 16)
                connection.sendall(answer)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(20)
        thread = threading.Thread(target=serve)
        thread.start()
        assert get(f"http://127.0.0.1:{listener.getsockname()[1]}/x", tmp_path) == b"abc"
        thread.join()
    transport.close_idle_connections()
