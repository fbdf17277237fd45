"""Job files: understood or refused by line, run one dataset after the other, gone on with, and no secret in them."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from picsellia_ingest import run
from picsellia_ingest.api import transport
from picsellia_ingest.client import Client, job_file, jobs
from picsellia_ingest.errors import AuthenticationError, InputError, InvalidQueryError
from picsellia_ingest.server import RunningPlatform, start
from tests.client.sources import BOX, coco, picture
from tests.paths import ROOT


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningPlatform]:
    with start(tmp_path / "platform", strict=True) as found:
        yield found
        transport.close_idle_connections()


@pytest.fixture
def file(tmp_path: Path, running: RunningPlatform, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three datasets of one image each; the annotations of the second are missing."""
    monkeypatch.setenv("ACME_TOKEN", running.token)
    text = (
        f'[defaults]\nhost = "{running.address}"\napi_token_from = "ACME_TOKEN"\ntags = ["t"]\nnb_jobs = 2\n'
    )
    for number, name in enumerate(("one", "two", "three")):
        folder = tmp_path / name
        picture(folder / "images" / f"{name}.jpg", number)
        if name != "two":
            coco(folder, {"bbox": BOX}, names=(f"{name}.jpg",))
        text += f'\n[[dataset]]\nname = "{name}"\nimgdir = "{name}/images"\nann_path = "{name}/coco.json"\n'
    path = tmp_path / "jobs.toml"
    path.write_text(text)
    return path


def names_on(running: RunningPlatform) -> set[str]:
    return {
        found["dataset_name"] for found in Client.Datalake.Dataset(running.token, host=running.address).list()
    }


def test_one_dataset_that_cannot_be_read_does_not_stop_the_others(
    file: Path, running: RunningPlatform
) -> None:
    report = run(file)
    assert [(one.name, one.exit_code) for one in report.ended] == [("one", 0), ("two", 2), ("three", 0)]
    assert report.exit_code == 2
    assert f"{file}:12" in report.ended[1].error
    assert names_on(running) == {"one", "three"}
    assert "2 of 3 datasets complete; run the same command again for the others" in str(report)


def test_only_failed_runs_what_was_not_complete_and_the_whole_file_again_sends_nothing(
    file: Path, running: RunningPlatform, tmp_path: Path
) -> None:
    run(file)
    coco(tmp_path / "two", {"bbox": BOX}, names=("two.jpg",))
    report = run(file, only_failed=True)
    assert ([one.name for one in report.ended], report.passed_over) == (["two"], ["one", "three"])
    assert report.exit_code == 0
    again = run(file)
    assert [one.report and one.report.images.already_there for one in again.ended] == [1, 1, 1]
    assert names_on(running) == {"one", "two", "three"}


def test_only_takes_datasets_by_name_and_refuses_one_that_is_not_there(
    file: Path, running: RunningPlatform
) -> None:
    assert [one.name for one in run(file, only=["three"]).ended] == ["three"]
    assert names_on(running) == {"three"}
    with pytest.raises(InvalidQueryError, match="no dataset 'four'"):
        run(file, only=["four"])


def test_a_dry_run_plans_all_and_changes_nothing_and_is_not_remembered(
    file: Path, running: RunningPlatform
) -> None:
    report = run(file, dry_run=True)
    assert [one.report and one.report.images.planned for one in report.ended] == [1, None, 1]
    assert names_on(running) == set()
    assert [one.name for one in run(file, only=["one"], only_failed=True).ended] == ["one"]


def test_the_datasets_of_one_account_share_its_connection(file: Path, running: RunningPlatform) -> None:
    greeted = []

    def say(text: str) -> None:
        greeted.append(text)

    run(file, only=["one", "three"], say=say)
    assert [text for text in greeted if text.startswith("==")] == ["== one (1 of 2)", "== three (2 of 2)"]


def test_the_example_runs_on_the_fixtures(tmp_path: Path) -> None:
    text = (ROOT / "examples" / "jobs.toml").read_text()
    path = tmp_path / "jobs.toml"
    path.write_text(
        text.replace("../fixtures", str(ROOT / "fixtures")).replace("../demo-output", str(tmp_path))
    )
    done = subprocess.run(
        [sys.executable, "-m", "picsellia_ingest", "run", str(path), "--json"], capture_output=True, text=True, check=False
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    datasets = json.loads(done.stdout)["datasets"]
    assert [(one["name"], one["report"]["verified"]) for one in datasets] == [
        ("crates", True),
        ("quays", True),
        ("piers", True),
    ]


HEAD = '[defaults]\nhost = "https://h/"\n'


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "missing required field `dataset`"),
        ("dataset = []\n", 1, "no [[dataset]]"),
        ("[[dataset]\n", 1, "line 1"),
        (HEAD + '\n[[dataset]]\nname = "a"\nimgdri = "x"\n', 6, "unknown field `imgdri`"),
        (HEAD + '\n[[dataset]]\nname = "a"\n\n[[dataset]]\nname = "b"\nrectangle = "yes"\n', 9, "expected `bool`"),
        (HEAD + '[[dataset]]\nimgdir = "x"\n', 3, "missing required field `name`"),
        (HEAD + '[[dataset]]\nname = ""\n', 4, "no name"),
        (HEAD + '[[dataset]]\nname = "a"\n[[dataset]]\nname = "a"\n', 5, "stated twice, first in line 3"),
        ('[defaults]\napi_token = "secretcanary"\n[[dataset]]\nname = "a"\n', 2, "unknown field `api_token`"),
        ('[[dataset]]\nname = "a"\napi_token_from = "secret canary"\n', 3, "never write the token itself"),
        ('[[dataset]]\nname = "a"\ntags = ["x", 5]\n', 3, "expected `str`"),
        ('[default]\n[[dataset]]\nname = "a"\n', 1, "unknown field `default`"),
    ],
)  # fmt: skip
def test_what_cannot_be_understood_is_refused_with_its_line(
    tmp_path: Path, text: str, line: int, words: str
) -> None:
    path = tmp_path / "jobs.toml"
    path.write_text(text)
    with pytest.raises(InputError) as raised:
        job_file.load(path)
    said = str(raised.value)
    assert f"{path}:{line}" in said
    assert words in said
    assert "canary" not in said


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "jobs.toml"
    path.write_bytes(b"[defaults]\nhost = '\xff'\n")
    with pytest.raises(InputError, match="not UTF-8"):
        job_file.load(path)
    with pytest.raises(InvalidQueryError, match="cannot be read"):
        job_file.load(tmp_path)


def test_a_variable_that_is_not_set_is_named_before_anything_is_sent(
    file: Path, running: RunningPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ACME_TOKEN")
    with pytest.raises(AuthenticationError, match="ACME_TOKEN is not set"):
        run(file)
    assert names_on(running) == set()


def test_what_is_remembered_holds_no_secret_and_survives_damage(file: Path, running: RunningPlatform) -> None:
    run(file)
    (memory,) = jobs._Memory(file)._path.parent.glob("jobs-*.json")
    assert running.token not in memory.read_text()
    memory.write_text("{")
    assert len(run(file, only_failed=True).ended) == 3
