"""The command line: what it prints, where, and with which exit code."""

from __future__ import annotations

import csv
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import requests

from picsellia_ingest.cli import main
from picsellia_ingest.cli.ends import told
from picsellia_ingest.server import start
from tests.leaks import _no_secret_is_left  # noqa: F401 - a fixture for all that is tested here
from tests.paths import FIXTURES

DEMO = FIXTURES / "COCO" / "demo"
BAD = FIXTURES / "COCO" / "bad_among_good" / "instances.json"
Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs the command in a folder of its own, with its state there."""

    def command(*arguments: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "picsellia_ingest", *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), **environment},
        )  # fmt: skip
        # What was printed lies where it is searched for secrets.
        with (tmp_path / "printed").open("a") as printed:
            printed.write(done.stdout + done.stderr)
        return done

    return command


UPLOAD = (
    "upload",
    "--host",
    "local:p",
    "--name",
    "d",
    "--imgdir",
    DEMO / "images",
    "--ann-path",
    DEMO / "instances.json",
)


def test_upload_reports_on_stdout_and_says_where_to_look(run: Run) -> None:
    done = run(*UPLOAD)
    assert done.returncode == 0, done.stderr
    assert "7 instances: 7 uploaded" in done.stdout
    assert done.stdout.splitlines()[-2:] == [
        "complete and verified",
        "look at it: picsellia-ingest serve --root p",
    ]
    assert "uploading pictures: 4" in done.stderr
    again = run(*UPLOAD)
    assert again.returncode == 0
    assert "4 images: 0 uploaded, 4 already there" in again.stdout


def test_json_is_the_only_thing_on_stdout_when_asked_for(run: Run) -> None:
    report = json.loads(run(*UPLOAD, "--json").stdout)
    assert report["instances"]["uploaded"] == 7
    assert report["verdict"] == "complete and verified"


def test_a_dry_run_changes_nothing(run: Run) -> None:
    done = run(*UPLOAD, "--dry-run")
    assert done.returncode == 0
    assert "4 images: 0 uploaded, 0 already there, 4 planned" in done.stdout
    assert "dry run: nothing was sent" in done.stdout


def test_inspect_says_what_a_source_is_and_what_is_wrong_with_it(run: Run) -> None:
    done = run("inspect", BAD)
    assert done.returncode == 3
    assert "COCO" in done.stdout
    assert "4 of 25 instances can be read" in done.stdout
    assert f"{BAD}:208:3 (/annotations/14/bbox)" in done.stdout
    found = json.loads(run("inspect", BAD, "--json").stdout)
    assert found["labels"] == {"crate": 4, "pallet": 0, "again": 0}


def test_inspect_with_images_counts_the_missing_ones(run: Run) -> None:
    done = run(
        "inspect", DEMO / "instances.json", "--imgdir", FIXTURES / "COCO" / "demo" / "images" / "night"
    )
    assert "2 image files in the folder, 2 images of the source without one" in done.stdout


def test_validate_names_every_problem_in_the_form_asked_for(run: Run) -> None:
    text = run("validate", BAD)
    assert text.returncode == 3
    assert f"{BAD}:208:3 (/annotations/14/bbox)" in text.stdout
    assert text.stdout.splitlines()[-1] == "22 problems cost something, 13 are warnings"
    lines = [json.loads(line) for line in run("validate", BAD, "--output", "jsonl").stdout.splitlines()]
    assert len(lines) == 35
    table = list(csv.DictReader(run("validate", BAD, "--output", "csv").stdout.splitlines()))
    assert [row["code"] for row in table] == [line["code"] for line in lines]
    results = json.loads(run("validate", BAD, "--output", "sarif").stdout)["runs"][0]["results"]
    assert {result["ruleId"] for result in results} == {line["code"] for line in lines}
    places = [result["locations"][0]["physicalLocation"]["region"]["startLine"] for result in results]
    assert places == [line["place"]["line"] for line in lines]


def test_validate_is_content_with_a_good_file_and_reports_a_broken_one(run: Run, tmp_path: Path) -> None:
    assert run("validate", DEMO / "instances.json", "--imgdir", DEMO / "images").returncode == 0
    (tmp_path / "cut.json").write_bytes((DEMO / "instances.json").read_bytes()[:-20])
    done = run("validate", "cut.json", "--ann-format", "COCO", "--output", "json")
    assert run("validate", "cut.json", "--format", "COCO", "--output", "json").stdout == done.stdout
    assert done.returncode == 3
    assert json.loads(done.stdout)["counts"] == {"json_syntax": 1}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("upload", "--host", "local:p", "--name", "d"), 2, "nothing to upload"),
        (("upload", "--host", "local:p", "--imgdir", "x"), 2, "Missing option '--name'"),
        (("upload", "--host", "local:p", "--name", "d", "--imgdir", "nowhere"), 2, "'nowhere' is not there"),
        (("upload", "--host", "nonsense", "--name", "d", "--imgdir", "nowhere"), 2, "'nowhere' is not there"),
        (
            ("verify", "--host", "http://127.0.0.1:9/", "--name", "d", "--imgdir", "nowhere"),
            2,
            "is not there",
        ),
        (("upload", "--host", "nonsense", "--name", "d", "--imgdir", DEMO), 2, "not an address"),
        (("upload", "--host", "http://127.0.0.1:9/", "--name", "d", "--imgdir", DEMO), 5, "no API token"),
        (("inspect", "nowhere.json"), 2, "are not there"),
        (("inspect", DEMO / "images"), 3, "images"),
    ],
)
def test_a_wrong_command_ends_with_one_line_and_its_code(
    run: Run, arguments: tuple[str | Path, ...], code: int, words: str
) -> None:
    done = run(*arguments, PICSELLIA_TOKEN="")
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("command", ["upload", "verify"])
def test_a_wrong_command_makes_no_platform(run: Run, tmp_path: Path, command: str) -> None:
    assert run(command, "--host", "local:p", "--name", "d", "--imgdir", "nowhere").returncode == 2
    assert not (tmp_path / "p").exists()


def test_a_host_that_does_not_answer_is_incomplete(run: Run) -> None:
    done = run(
        "upload",
        "--host",
        "http://127.0.0.1:9/",
        "--name",
        "d",
        "--imgdir",
        DEMO,
        PICSELLIA_TOKEN="canarytoken",
    )
    assert done.returncode == 4
    assert "does not answer" in done.stderr
    assert "run the same command again" in done.stderr
    assert "canarytoken" not in done.stdout + done.stderr


def test_a_wrong_token_is_not_allowed(run: Run, tmp_path: Path) -> None:
    with start(tmp_path / "q") as running:
        done = run(
            "upload",
            "--host",
            running.address,
            "--name",
            "d",
            "--imgdir",
            DEMO,
            PICSELLIA_TOKEN="canarytoken",
        )
    assert done.returncode == 5
    assert "check PICSELLIA_TOKEN" in done.stderr
    assert "canarytoken" not in done.stdout + done.stderr


def serve_on_any_port(root: Path) -> list[str]:
    return [sys.executable, "-m", "picsellia_ingest", "serve", "--root", str(root), "--port", "0"]


@pytest.mark.parametrize("given", ["", "f" * 40])
def test_serve_answers_under_the_documented_address_and_shows_a_made_token_once(
    tmp_path: Path, given: str
) -> None:
    command = serve_on_any_port(tmp_path / "p")
    shown = []
    for _ in range(2):
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PICSELLIA_TOKEN": given}
        ) as serving:
            assert serving.stdout is not None
            lines = [serving.stdout.readline() for _ in range(2 if given else 3)]
            assert "/sdk/v2/" in lines[0]
            assert re.fullmatch(r"look at it in a browser: http://127\.0\.0\.1:\d+/\n", lines[-1])
            serving.send_signal(signal.SIGINT)
            assert serving.wait(20) == 0
        shown.append("".join(lines))
    token = (tmp_path / "p" / "token").read_text().strip()
    assert (tmp_path / "p" / "token").stat().st_mode & 0o777 == 0o600
    assert (token in shown[0]) == (given == "")
    assert token not in shown[1]
    assert "f" * 40 not in shown[0] + shown[1]


def test_serve_prints_an_address_that_signs_in_only_where_a_person_reads_it(tmp_path: Path) -> None:
    reader, terminal = pty.openpty()
    command = serve_on_any_port(tmp_path / "p")
    with subprocess.Popen(command, stdout=terminal) as serving, os.fdopen(reader, "rb") as shown:
        os.close(terminal)
        address = next(line.split()[-1] for line in iter(shown.readline, b"") if b"browser" in line).decode()
        assert "/enter?key=" in address
        assert requests.get(address, timeout=10).url == address.partition("enter")[0]
        assert requests.get(address, timeout=10).status_code == 401
        serving.send_signal(signal.SIGTERM)
        assert serving.wait(20) == 0


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Commands that are started can be interrupted, also where these tests run in the background, where Ctrl-C is ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_ctrl_c_ends_an_upload_with_how_to_go_on_and_the_next_run_completes_it(
    run: Run, tmp_path: Path
) -> None:
    from PIL import Image

    images = tmp_path / "images"
    images.mkdir()
    for number in range(600):
        Image.new("RGB", (8, 8), (number % 256, number // 256, 0)).save(images / f"{number}.png")
    arguments = ["upload", "--host", "local:p", "--name", "d", "--imgdir", "images", "--nb-jobs", "2"]
    uploading = subprocess.Popen(
        [sys.executable, "-m", "picsellia_ingest", *arguments], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    assert uploading.stderr is not None
    while "uploading pictures" not in uploading.stderr.readline():
        assert uploading.poll() is None
    time.sleep(0.3)
    uploading.send_signal(signal.SIGINT)
    _, errors = uploading.communicate(timeout=30)
    assert uploading.returncode == 130, errors
    assert "run the same command again" in errors
    assert "Traceback" not in errors
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    assert "600 images" in done.stdout
    assert "0 failed" in done.stdout


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """An upload to a platform that takes pictures and gives no answer."""
    asked, over = threading.Event(), threading.Event()

    def wrap(app: Any) -> Any:
        def silent(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["PATH_INFO"].startswith("/storage/"):
                asked.set()
                over.wait(60)
            return app(environ, start_response)

        return silent

    with start(tmp_path / "q", wrap=wrap) as running:
        command = [
            sys.executable,
            "-m",
            "picsellia_ingest",
            "upload",
            "--host",
            running.address,
            "--name",
            "d",
        ]
        with subprocess.Popen(
            [*command, "--imgdir", DEMO / "images"], stderr=subprocess.PIPE, text=True, start_new_session=True,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "PICSELLIA_TOKEN": running.token},
        ) as uploading:  # fmt: skip
            assert asked.wait(60)
            yield uploading
            over.set()


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("times", [1, 2, 3])
def test_ctrl_c_does_not_wait_for_a_platform_that_is_silent(stuck: subprocess.Popen[str], times: int) -> None:
    began = time.monotonic()
    for _ in range(times):
        stuck.send_signal(signal.SIGINT)
        time.sleep(0.05)
    _, errors = stuck.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert stuck.returncode in (130, -signal.SIGINT), errors
    assert "Traceback" not in errors
    assert times > 1 or "run the same command again" in errors
    with pytest.raises(ProcessLookupError):
        os.killpg(stuck.pid, 0)


def test_convert_says_what_is_lost_and_diff_that_the_rest_is_the_same(run: Run, tmp_path: Path) -> None:
    done = run("convert", DEMO / "instances.json", "voc", "--to", "PASCAL-VOC")
    assert done.returncode == 0, done.stderr
    assert "recognised by" in done.stdout
    assert "holes_bridged: 1 polygons whose holes are joined" in done.stdout
    assert "7 instances: 7 written" in done.stdout
    same = run("diff", DEMO / "instances.json", "voc")
    assert (same.returncode, same.stdout.splitlines()[-1]) == (0, "the same: 7 instances agree")
    other = run("diff", DEMO / "instances.json", FIXTURES / "COCO" / "boxes" / "instances.json", "--json")
    assert other.returncode == 6
    assert json.loads(other.stdout)["counts"]["only in the first"] == 4


def test_convert_refuses_to_lose_with_strict_and_writes_nothing_on_a_dry_run(
    run: Run, tmp_path: Path
) -> None:
    strict = run("convert", DEMO / "instances.json", "voc", "--to", "voc", "--strict")
    assert strict.returncode == 3
    assert strict.stdout.splitlines()[-1] == "REFUSED: something would be lost; nothing is written"
    dry = run("convert", DEMO / "instances.json", "voc", "--to", "voc", "--dry-run", "--json")
    assert dry.returncode == 0
    assert json.loads(dry.stdout)["losses"]["changed"]["holes_bridged"] == 1
    assert not (tmp_path / "voc").exists()


def test_convert_maps_and_chooses_labels_and_names_a_slip_of_the_pen(run: Run, tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('[labels]\ncrate = "box"\n')
    arguments = ("convert", DEMO / "instances.json", "out.json", "--to", "COCO", "--labels", "map.toml")
    done = run(*arguments, "--only", "crate")
    assert done.returncode == 0, done.stderr
    assert [row["name"] for row in json.loads((tmp_path / "out.json").read_text())["categories"]] == ["box"]
    wrong = run(*arguments, "--only", "crte", "--overwrite")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "error: the source has no label 'crte' - is 'crate' meant?\n",
    )
    there = run(*arguments)
    assert there.returncode == 2
    assert "is there already" in there.stderr


def test_a_format_that_only_exists_in_the_mind_is_answered_with_those_there_are(run: Run) -> None:
    done = run("convert", DEMO / "instances.json", "out", "--to", "BMP")
    assert done.returncode == 2
    assert "choose one of COCO, " in done.stderr


def test_a_plan_is_saved_applied_and_undone(run: Run, tmp_path: Path) -> None:
    planned = run(*UPLOAD, "--plan", "d.plan")
    assert planned.returncode == 0, planned.stderr
    assert "to send: a new dataset, 4 pictures" in planned.stdout
    assert "labels to create: crate (polygon), crate (rectangle), pallet (polygon)" in planned.stdout
    assert "estimated time: " in planned.stdout
    assert "the plan is saved: picsellia-ingest upload --apply d.plan" in planned.stdout
    assert planned.stdout.splitlines()[-2] == "dry run: nothing was sent"
    applied = run("upload", "--apply", "d.plan", "--json", "--nb-jobs", "2")
    assert applied.returncode == 0, applied.stderr
    assert "looking at images" not in applied.stderr
    report = json.loads(applied.stdout)
    assert (report["images"]["uploaded"], report["verdict"]) == (4, "complete and verified")
    assert re.fullmatch(r"\d{8}-[0-9a-f]{6}", report["run"])
    again = run("upload", "--apply", "d.plan")
    assert (again.returncode, "4 already there" in again.stdout) == (0, True)
    listed = run("undo")
    assert listed.stdout.count("\n") == 1
    assert f"{report['run']}  " in listed.stdout
    assert "3 annotations, 1 dataset, 3 labels, 4 memberships, 4 pictures" in listed.stdout
    assert run("undo", "--name", "other").stdout == "no run that made something is known here\n"
    asked = run("undo", report["run"])
    assert (asked.returncode, "say so with --yes" in asked.stderr) == (2, True)
    assert "4 pictures: 4 to remove" in asked.stdout
    undone = run("undo", report["run"], "--yes", "--json")
    assert undone.returncode == 0, undone.stderr
    found = json.loads(undone.stdout)
    assert (found["verified"], found["accounts"]["picture"]["removed"]) == (True, 4)
    assert "(undone)" in run("undo").stdout
    assert run(*UPLOAD, "--dry-run").stdout.count("0 already there") == 2


def test_on_a_terminal_undo_asks_and_no_means_no(run: Run, tmp_path: Path) -> None:
    run(*UPLOAD)
    name = run("undo").stdout.split()[0]
    for answer, words in ((b"n\n", b"nothing was removed\r\n"), (b"y\n", b"undone and verified")):
        main, side = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "picsellia_ingest", "undo", name],
            cwd=tmp_path, stdin=side, stdout=side, stderr=side,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TERM": "dumb"},
        )  # fmt: skip
        os.close(side)
        os.write(main, answer)
        said = b""
        try:
            while chunk := os.read(main, 65536):
                said += chunk
        except OSError:
            pass
        os.close(main)
        assert process.wait(60) == 0, said
        assert b"remove it? [y/N]" in said
        assert words in said, said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("upload", "--apply", "none.plan"), "there is no plan none.plan"),
        (("upload", "--apply", DEMO / "instances.json"), "is not a plan of this program"),
        (
            ("upload", "--apply", "x", "--name", "d", "--imgdir", "y"),
            "--name, --imgdir cannot be given with it",
        ),
        ((*UPLOAD, "--plan", DEMO / "instances.json"), "is no plan: it is not overwritten"),
        ((*UPLOAD, "--plan", "no/d.plan"), "the folder of the plan no/d.plan is not there"),
        (("undo", "20260101-abcdef"), "no journal here knows a run '20260101-abcdef'"),
        (("undo", "--journal", "none.db"), "there is no journal none.db"),
    ],
)
def test_a_wrong_plan_or_run_ends_with_one_line_and_code_2(
    run: Run, arguments: tuple[str | Path, ...], words: str
) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert [line for line in done.stderr.splitlines() if line.startswith("error: ")] == [
        done.stderr.splitlines()[-1]
    ]


def test_a_plan_for_another_platform_is_refused(run: Run) -> None:
    run(*UPLOAD, "--plan", "d.plan")
    done = run("upload", "--apply", "d.plan", "--host", "local:q")
    assert done.returncode == 2
    assert re.search(r"is for the host 'local:.*p', not for 'local:.*q' - give that host", done.stderr)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (MemoryError(), "not enough memory"),
        (RuntimeError("can't start new thread"), "not enough memory for another thread"),
        (OSError(28, "No space left on device"), "No space left on device"),
    ],
)
def test_what_the_system_refuses_ends_in_one_line_and_exit_code_4(
    error: Exception, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> None:
        try:
            raise error
        finally:
            # A pool that lacks a thread fails once more when it is cleaned up.
            raise AttributeError("terminate")

    with pytest.raises(SystemExit) as ended, told():
        work()
    said = capsys.readouterr().err
    assert ended.value.code == 4
    assert words in said
    assert "run the same command again" in said


def test_an_error_of_another_kind_is_not_taken_for_a_poor_machine() -> None:
    with pytest.raises(ZeroDivisionError), told():
        raise ZeroDivisionError


def test_the_help_of_every_command_teaches_with_an_example() -> None:
    commands = [
        (name, command) for name, command in main.commands.items() if not isinstance(command, click.Group)
    ]
    groups = [(f"{group} {name}", command) for group, found in main.commands.items() if isinstance(found, click.Group)
              for name, command in found.commands.items()]  # fmt: skip
    for name, command in [*commands, *groups]:
        assert f"picsellia-ingest {name}" in (command.help or ""), name
        assert all(option.help for option in command.params if isinstance(option, click.Option)), name


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("inspect", DEMO / "instances.json"), 0),
        (("validate", BAD, "--output", "jsonl"), 3),
        (("convert", DEMO / "instances.json", "made.json", "--to", "PICSELLIA"), 0),
        (UPLOAD, 0),
    ],
)
def test_a_command_ends_as_it_would_where_nobody_reads_what_it_prints(
    command: tuple[str | Path, ...], code: int, tmp_path: Path
) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as nowhere:
        done = subprocess.run(
            [sys.executable, "-m", "picsellia_ingest", *map(str, command)],
            cwd=tmp_path, stdout=nowhere, stderr=subprocess.PIPE, text=True, check=False, timeout=60,
            env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
        )  # fmt: skip
    assert (done.returncode, "refuses" in done.stderr, "Traceback" in done.stderr) == (code, False, False)
    assert (tmp_path / "made.json").exists() == ("made.json" in command)


LEFT_OPEN = """
import atexit, gc, io, sqlite3, sys, tempfile

def left():
    gc.unfreeze()
    for one in gc.get_objects():
        if isinstance(one, io.IOBase) and not one.closed and str(getattr(one, "name", ""))[:4] != "<std":
            print("open:", one)
        if isinstance(one, tempfile.TemporaryDirectory) and one._finalizer.alive:
            print("there:", one)
    print("looked")

atexit.register(left)  # before all others, so that it comes last
from picsellia_ingest.cli import main
main(sys.argv[1:])
"""


@pytest.mark.parametrize(
    "arguments",
    [
        ("inspect", DEMO / "instances.json"),
        UPLOAD,
        ("convert", DEMO / "instances.json", "out", "--to", "CVAT"),
    ],
    ids=lambda arguments: str(arguments[0]),
)
def test_nothing_that_a_command_opened_waits_to_be_collected_at_its_end(
    tmp_path: Path, arguments: tuple[str | Path, ...]
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, *map(str, arguments)],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "looked\n" in done.stdout
    assert "open: " not in done.stdout
    assert "there: " not in done.stdout
    assert not list(tmp_path.glob("picsellia-ingest-*"))
