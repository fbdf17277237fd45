"""The documented client, against the embedded platform over a folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.client import Client
from picsellia_ingest.client.session import opening
from picsellia_ingest.errors import (
    AuthenticationError,
    FormatError,
    InvalidQueryError,
    NetworkError,
    ResourceNotFoundError,
    UnauthorizedError,
)
from picsellia_ingest.server import start
from tests.paths import FIXTURES

DEMO = FIXTURES / "COCO" / "demo"


@pytest.fixture
def lake(tmp_path: Path) -> Client.Datalake:
    return Client.Datalake(host=f"local:{tmp_path / 'platform'}")


def upload(lake: Client.Datalake, folder: Path, **more: Any) -> Any:
    return lake.upload("d", journal=folder / "j.db", quiet=True, **more)


def test_the_client_greets_its_user_and_knows_its_organization(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Client(host=f"local:{tmp_path / 'platform'}", interactive=False)
    assert capsys.readouterr().out == f"Hi {client.username}, welcome back.\n"
    assert re.fullmatch(r"[0-9a-f-]{36}", client.organization_id)
    assert client.datalake.organization_id == client.organization_id


def test_a_session_is_opened_while_something_else_is_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked, may_answer = threading.Event(), threading.Event()

    def late(app: Any) -> Any:
        def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
            asked.set()
            assert may_answer.wait(20)
            return app(environ, start_response)

        return wrapped

    with start(tmp_path / "platform", wrap=late) as running:
        monkeypatch.setenv("PICSELLIA_TOKEN", running.token)
        opened = opening(None, running.address)
        assert asked.wait(20)
        may_answer.set()
        assert opened().host == running.address


def test_upload_prints_and_returns_the_report(
    lake: Client.Datalake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = lake.upload(
        "d", None, DEMO / "images", DEMO / "instances.json", "COCO", [], 2, False, journal=tmp_path / "j.db"
    )
    shown = capsys.readouterr()
    assert "7 instances: 7 uploaded" in shown.out
    assert shown.out.strip().endswith("complete and verified")
    assert "uploading pictures: 4" in shown.err
    assert report.to_dict()["images"]["uploaded"] == 4


@pytest.mark.parametrize("tags", [None, [], ["mine", "other"]])
def test_pictures_get_the_tags_or_the_date_of_the_upload(
    lake: Client.Datalake, tmp_path: Path, tags: list[str] | None
) -> None:
    upload(lake, tmp_path, imgdir=DEMO / "images", tags=tags)
    found = {tag for picture in lake.picture.list()["pictures"] for tag in picture["tag"]}
    assert found == set(tags) if tags else all(re.fullmatch(r"\d{4}-\d\d-\d\d", tag) for tag in found)
    assert len(lake.picture.fetch(1, [*found])) == 4
    assert len(lake.picture.fetch(0.5, [*found])) == 2


def test_tags_that_are_asked_for_reach_pictures_that_are_there_already(
    lake: Client.Datalake, tmp_path: Path
) -> None:
    upload(lake, tmp_path, imgdir=DEMO / "images")
    upload(lake, tmp_path, imgdir=DEMO / "images", tags=["later"])
    assert len(lake.picture.fetch(1, ["later"])) == 4


def test_status_says_how_many_pictures_were_fetched(
    lake: Client.Datalake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lake.picture.status()
    upload(lake, tmp_path, imgdir=DEMO / "images")
    lake.picture.fetch(1)
    lake.picture.status()
    assert capsys.readouterr().out == "No assets selected\nNumber of Assets selected : 4\n"


def test_a_dataset_is_fetched_printed_and_read_back(
    lake: Client.Datalake, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    upload(lake, tmp_path, imgdir=DEMO / "images", ann_path=DEMO / "instances.json")
    dataset = lake.dataset.fetch("d")
    assert dataset is not None
    assert '"dataset_name": "d"' in str(dataset)
    assert len(dataset.list_pictures()["pictures"]) == 4
    assert len(dataset.get_annotations()) == 3
    assert len(dataset.get_annotations(limit=1, offset=2)) == 1
    assert dataset.get_annotations("dock#02.jpg")[0]["nb_labels"] == 3
    assert [found["dataset_name"] for found in lake.dataset.list()] == ["d"]
    assert "Dataset Version: first\nNb Assets: 4\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"name": None}, InvalidQueryError, "no dataset name"),
        ({"name": "d"}, InvalidQueryError, "nothing to upload"),
        ({"name": "d", "imgdir": "nowhere"}, ResourceNotFoundError, "'nowhere' is not there"),
        ({"name": "d", "imgdir": ""}, ResourceNotFoundError, "not there"),
        ({"name": "d", "ann_path": "nowhere.json"}, InvalidQueryError, "'nowhere.json' are not there"),
        (
            {"name": "d", "ann_path": DEMO / "instances.json", "ann_format": "YAML"},
            InvalidQueryError,
            "PASCAL-VOC",
        ),
        ({"name": "d", "ann_path": DEMO / "instances.json", "ann_format": "PICSELLIA"}, FormatError, "COCO"),
        ({"name": "d", "ann_path": DEMO / "images"}, FormatError, "images"),
        ({"name": "d", "imgdir": DEMO, "nb_jobs": 0}, InvalidQueryError, "nb_jobs is 0"),
        ({"name": "d", "ann_path": DEMO / "instances.json"}, ResourceNotFoundError, "no dataset 'd'"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_with_what_to_do(
    lake: Client.Datalake, tmp_path: Path, arguments: dict[str, Any], error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        lake.upload(**arguments, journal=tmp_path / "j.db", quiet=True)


def test_a_token_is_needed_and_taken_from_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PICSELLIA_TOKEN", raising=False)
    with start(tmp_path / "platform") as running:
        with pytest.raises(AuthenticationError, match="PICSELLIA_TOKEN"):
            Client.Datalake(host=running.address)
        monkeypatch.setenv("PICSELLIA_TOKEN", running.token)
        assert Client.Datalake(host=running.address.rstrip("/")).organization_name
        with pytest.raises(UnauthorizedError):
            Client.Datalake("0" * 40, host=running.address)


@pytest.mark.parametrize("host", ["app.example", "ftp://app.example/", "http:///x"])
def test_a_host_that_is_no_address_is_refused(host: str) -> None:
    with pytest.raises(InvalidQueryError, match="not an address"):
        Client.Datalake("t", host=host)


def test_a_host_that_does_not_answer_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("picsellia_ingest.api.transport.PAUSE_FIRST", 0.001)
    with pytest.raises(NetworkError, match=r"http://127.0.0.1:9 does not answer: connection refused"):
        Client.Datalake("t", host="http://127.0.0.1:9/sdk/v2/")


def test_a_second_process_joins_the_platform_of_a_folder(lake: Client.Datalake, tmp_path: Path) -> None:
    code = "import sys; from picsellia_ingest.client import Client; print(Client.Datalake(host=sys.argv[1]).organization_id)"
    done = subprocess.run(
        [sys.executable, "-c", code, f"local:{tmp_path / 'platform'}"],
        capture_output=True, text=True, check=True, env={**os.environ},
    )  # fmt: skip
    assert done.stdout.strip() == lake.organization_id


def test_what_an_upload_needs_is_loaded_while_a_datalake_connects_and_an_error_still_ends_the_program(
    tmp_path: Path,
) -> None:
    code = """
import sys, threading
from picsellia_ingest.client import Client
try:
    Client.Datalake("wrong", host=sys.argv[1])
finally:
    for thread in threading.enumerate():
        if thread is not threading.current_thread() and not thread.daemon:
            thread.join()
    print("numpy" in sys.modules)
"""
    with start(tmp_path / "platform") as running:
        done = subprocess.run(
            [sys.executable, "-c", code, running.address],
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert (done.returncode, done.stdout) == (1, "True\n")
    assert "UnauthorizedError" in done.stderr.splitlines()[-1]
