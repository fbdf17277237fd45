from __future__ import annotations

import json
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest
import requests

from picsellia_ingest.errors import ServerError
from picsellia_ingest.server import join_or_start, start
from picsellia_ingest.server import running as module
from tests.server.caller import JPEG, RECTANGLE, Caller

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

SERVE = """
import sys, pathlib
from picsellia_ingest.server import {how}
running = {how}(pathlib.Path(sys.argv[1]))
print(running.address, running.token, flush=True)
sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def _nothing_shared_afterwards() -> Iterator[None]:
    yield
    while module._shared:
        module._shared.popitem()[1].stop()


@pytest.fixture
def spawn(root: Path) -> Iterator[Callable[[str], tuple[subprocess.Popen[str], list[str]]]]:
    """Another process that serves or joins the folder until its input ends."""
    started: list[subprocess.Popen[str]] = []

    def spawn(how: str) -> tuple[subprocess.Popen[str], list[str]]:
        process = subprocess.Popen(
            [sys.executable, "-c", SERVE.format(how=how), str(root)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        assert process.stdout is not None
        return process, process.stdout.readline().split()

    yield spawn
    for process in started:
        process.kill()
        process.communicate()


def ping(address: str, token: str) -> int:
    headers = {"Authorization": f"Token {token}"}
    return requests.get(address + "ping", headers=headers, timeout=5).status_code


def test_everything_is_there_after_a_stop_and_a_new_start(root: Path) -> None:
    with start(root) as running:
        owner = Caller.of(running)
        dataset = owner.dataset("a.jpg")
        assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200
        paths = [f"datalake/{owner.org}", f"dataset/{owner.org}", f"annotation/{dataset}", f"label/{dataset}"]
        before = [owner.ok("GET", path) for path in paths]
        owner.session.close()
    with start(root) as running:
        owner = Caller.of(running)
        assert [owner.ok("GET", path) for path in paths] == before
        assert owner.annotate(dataset, "a.jpg", RECTANGLE, Idempotency_Key="k").status_code == 200
        assert owner.record(dataset, "a.jpg")["nb_labels"] == 1
        image = owner.ok("GET", f"dataset/{owner.org}/harbour/latest/download")["images"][0]
        assert requests.get(image["signed_url"], timeout=5).content == JPEG
        owner.session.close()


def test_what_was_answered_survives_a_kill(root: Path, spawn: Any) -> None:
    process, (address, token) = spawn("start")
    owner = Caller(address, token)
    dataset = owner.dataset(*[f"{n}.jpg" for n in range(5)])
    for n in range(5):
        assert owner.annotate(dataset, f"{n}.jpg", RECTANGLE).status_code == 200
    process.send_signal(signal.SIGKILL)
    process.wait()
    owner.session.close()
    with start(root) as running:
        owner = Caller.of(running)
        assert owner.ok("GET", f"annotation/{dataset}?limit=200")["nb_pages"] == 1
        images = owner.ok("GET", f"dataset/{owner.org}/harbour/latest/download")["images"]
        assert {requests.get(image["signed_url"], timeout=5).content for image in images} == {JPEG}
        owner.session.close()
    with closing(sqlite3.connect(root / "platform.db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert database.execute("SELECT count(*) FROM annotation").fetchone() == (5,)


def test_the_key_of_signatures_is_new_with_each_start_and_the_one_before_still_counts(root: Path) -> None:
    with start(root) as running:
        owner = Caller.of(running)
        with owner.session:
            key = owner.picture("a.jpg")["internal_key"]
            address = owner.signed(key)
    for status in (200, 403):
        with start(root) as running:
            moved = (
                urlsplit(running.address).netloc
                + address.partition("/storage/")[1]
                + address.partition("/storage/")[2]
            )
            assert requests.get(f"http://{moved}", timeout=5).status_code == status
    for name in ("secret", "secret.before"):
        assert (root / name).stat().st_mode & 0o777 == 0o600


def test_stop_frees_the_port_the_threads_and_the_folder(root: Path) -> None:
    before = threading.active_count()
    running = start(root)
    port = int(running.address.split(":")[2].split("/")[0])
    with requests.Session() as idle:
        idle.get(running.address + "ping", timeout=5)
        running.stop()
    running.stop()
    assert threading.active_count() == before
    assert not (root / "server.json").exists()
    with pytest.raises(requests.ConnectionError):
        requests.get(running.address + "ping", timeout=5)
    with start(root, port=port) as again:
        assert again.address == running.address
        assert ping(again.address, again.token) == 200


def test_a_port_in_use_is_a_server_error_and_leaves_the_folder_free(root: Path) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        before = threading.active_count()
        with pytest.raises(ServerError, match="port"):
            start(root, port=taken.getsockname()[1])
        assert threading.active_count() == before
    start(root).stop()


def test_a_folder_of_a_newer_version_is_refused_at_once(root: Path) -> None:
    start(root).stop()
    with closing(sqlite3.connect(root / "platform.db")) as database:
        database.execute("PRAGMA user_version = 99")
    began = time.monotonic()
    for attempt in (start, join_or_start):
        with pytest.raises(ServerError, match="newer"):
            attempt(root)
    assert time.monotonic() - began < 5


def test_the_tokens_of_a_folder_are_its_own_and_the_one_given_now(root: Path) -> None:
    with start(root) as running:
        kept = running.token
    given = "ab" * 20
    with start(root, token=given) as running:
        assert running.token == given
        assert [ping(running.address, token) for token in (given, kept)] == [200, 200]
    with start(root) as running:
        assert running.token == kept
        assert [ping(running.address, token) for token in (given, kept)] == [401, 200]


def test_a_folder_is_served_once(root: Path, spawn: Any) -> None:
    process, _ = spawn("start")
    with pytest.raises(ServerError, match=str(process.pid)):
        start(root)


def test_a_second_process_joins_the_first(root: Path, spawn: Any) -> None:
    _, first = spawn("join_or_start")
    _, second = spawn("join_or_start")
    joined = join_or_start(root)
    assert [joined.address, joined.token] == first == second
    joined.stop()
    assert ping(joined.address, joined.token) == 200


def test_many_processes_at_once_end_with_one_server(root: Path, spawn: Any) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = [words for _, words in pool.map(spawn, ["join_or_start"] * 4)]
    assert len({tuple(words) for words in answers}) == 1


def test_callers_in_one_process_share_one_server(root: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: join_or_start(root), range(4)))
    assert len({running.address for running in found}) == 1
    for running in found:
        running.stop()
    assert ping(found[0].address, found[0].token) == 200
    assert join_or_start(root / ".." / root.name).address == found[0].address


def test_a_server_started_otherwise_in_this_process_is_joined(root: Path) -> None:
    with start(root, token="ab" * 20) as running:
        joined = join_or_start(root)
        assert joined.address == running.address
        assert ping(joined.address, joined.token) == 200


def test_the_file_of_a_dead_process_is_no_obstacle(root: Path, spawn: Any) -> None:
    process, _ = spawn("start")
    process.kill()
    process.wait()
    assert (root / "server.json").exists()
    running = join_or_start(root)
    assert ping(running.address, running.token) == 200
    assert json.loads((root / "server.json").read_text())["address"] == running.address


def test_a_stranger_on_the_port_is_not_trusted(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_JOIN_SECONDS", 0.2)
    with start(tmp_path / "other") as impostor, start(root):
        state = json.loads((root / "server.json").read_text())
        for address in (impostor.address, "http://127.0.0.1:1/", "nonsense"):
            (root / "server.json").write_text(json.dumps(state | {"address": address}))
            with pytest.raises(ServerError, match="served already"):
                join_or_start(root)


def test_wrap_puts_a_layer_around_the_application(root: Path) -> None:
    seen = []

    def wrap(app: WSGIApplication) -> WSGIApplication:
        def layer(environ: Any, start_response: Any) -> Any:
            seen.append(environ["PATH_INFO"])
            return app(environ, start_response)

        return layer

    with start(root, wrap=wrap) as running:
        ping(running.address, running.token)
    assert seen == ["/sdk/v2/ping"]


def test_more_kept_connections_than_threads_are_all_served(root: Path) -> None:
    with start(root, threads=2) as running:
        sessions = [requests.Session() for _ in range(20)]
        headers = {"Authorization": f"Token {running.token}"}
        for _ in range(3):
            for session in sessions:
                assert session.get(running.address + "ping", headers=headers, timeout=5).status_code == 200
        for session in sessions:
            session.close()


def test_a_secret_is_in_no_output(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with start(root) as running:
        owner = Caller.of(running)
        owner.store("k.jpg")
        url = owner.signed("k.jpg")
        requests.get(url + "x", timeout=5)
        owner.call("GET", "nothing?token=" + running.token)
        owner.session.close()
    out = capfd.readouterr()
    assert out.out + out.err == ""


def test_lists_of_many_pictures_are_quick(root: Path) -> None:
    count = 20_000
    with start(root) as running:
        owner = Caller.of(running)
        row = (owner.picture("0.jpg")["internal_key"], 1, 1, "sdk", "2021-09-14")
        with closing(sqlite3.connect(root / "platform.db")) as database, database:
            database.executemany(
                "INSERT INTO picture (uuid, organization_id, external_url, internal_key, width, height, source,"
                " creation_date) VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
                ((str(uuid4()), f"{n}.jpg", *row) for n in range(1, count)),
            )
            database.execute("INSERT INTO picture_tag (picture_id, tag) SELECT id, 'x' FROM picture")
        began = time.monotonic()
        pictures = owner.ok("POST", f"datalake/search/{owner.org}", {"tags": ["x"], "quantity": 1})[
            "pictures"
        ]
        body = {"dataset_name": "all", "pictures": pictures}
        dataset = owner.ok("PUT", f"dataset/{owner.org}", body)
        assert dataset["dataset"]["size"] == count
        assert len(owner.ok("GET", f"picture/{dataset['pk']}")["pictures"]) == count
        assert len(owner.ok("GET", f"dataset/{owner.org}/all/latest/download")["images"]) == count
        assert time.monotonic() - began < 10
        owner.session.close()
