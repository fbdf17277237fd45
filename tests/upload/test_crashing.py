"""Runs that are killed, at every point and at any moment: the same command completes them, and all is there once."""

from __future__ import annotations

import io
import itertools
import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.server import RunningPlatform, start
from tests.paths import ROOT
from tests.upload.oracle import Source, faults_of, make


@pytest.fixture
def running(tmp_path: Path) -> Iterator[RunningPlatform]:
    with start(tmp_path / "platform", strict=True) as platform:
        yield platform


class Forks:
    """The program that forks a child for each run, and where that runs."""

    def __init__(self, folder: Path, running: RunningPlatform) -> None:
        self.folder, self.running = folder, running
        environment = {**os.environ, "PICSELLIA_TOKEN": running.token, "PYTHONPATH": str(ROOT)}
        self.program = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "upload" / "crashing.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def upload(self, source: Source, crash_at: int = 0) -> int:
        """The exit status of one run; what it printed is in ``<name>.out``."""
        where = ["--host", self.running.address, "--journal", str(self.folder / f"{source.name}.db")]
        wanted = {
            "arguments": ["upload", *where, "--nb-jobs", str(1 + crash_at % 2), *source.arguments],
            "output": str(self.folder / f"{source.name}.out"),
            "crash_at": crash_at,
        }
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(json.dumps(wanted) + "\n")
        self.program.stdin.flush()
        return int(self.program.stdout.readline())


SIDE_BY_SIDE = 3


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_that_dies_at_any_point_is_completed_by_the_same_command_with_and_without_its_journal(
    running: RunningPlatform, tmp_path: Path
) -> None:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        crashes = sum(pool.map(partial(crash_everywhere, tmp_path, running), range(1, SIDE_BY_SIDE + 1)))
    assert crashes > 60


def crash_everywhere(folder: Path, running: RunningPlatform, first: int) -> int:
    """Crash at this point and every few points further, until a run ends before it; how often that was."""
    forks = Forks(folder, running)
    with forks.program:
        for crashes in itertools.count():
            point = first + crashes * SIDE_BY_SIDE
            source = make(folder, f"at{point}", 3)
            ended = forks.upload(source, point)
            if ended == 0:
                return crashes
            assert ended == -signal.SIGKILL, said(folder, source)
            if crashes % 3 == 2:
                for path in folder.glob(f"{source.name}.db*"):
                    path.unlink()
            assert forks.upload(source) == 0, said(folder, source)
            assert "3 images: " in said(folder, source)
            assert "complete and verified" in said(folder, source)
            assert faults_of(folder / "platform", source) == [], said(folder, source)
    raise AssertionError


def said(folder: Path, source: Source) -> str:
    """What the runs of one dataset printed."""
    return (folder / f"{source.name}.out").read_text()


JOBS, PICTURES, KILLS = 4, 200, 5


class Door:
    """Counts, as a WSGI layer, how often the bytes of each picture were taken in."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()

    def wrap(self, app: Any) -> Any:
        def counted(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["REQUEST_METHOD"] == "POST" and environ["PATH_INFO"].startswith("/storage/"):
                body = environ["wsgi.input"].read()
                environ["wsgi.input"] = io.BytesIO(body)
                self.taken[body.partition(b'name="key"')[2].split()[0].decode()] += 1
            return app(environ, start_response)

        return counted


@pytest.mark.slow
def test_a_command_killed_at_any_moment_completes_and_sends_few_pictures_again(tmp_path: Path) -> None:
    chance, door = random.Random(1), Door()
    source = make(tmp_path, "killed", PICTURES)
    with start(tmp_path / "platform", strict=True, wrap=door.wrap) as running:
        command = [
            sys.executable, "-m", "picsellia_ingest", "upload", "--host", running.address,
            "--nb-jobs", str(JOBS), "--journal", str(tmp_path / "j.db"), *source.arguments,
        ]  # fmt: skip
        environment = {**os.environ, "PICSELLIA_TOKEN": running.token}
        for _ in range(KILLS):
            with subprocess.Popen(
                command,
                env=environment,
                start_new_session=True,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as uploading:
                try:
                    uploading.wait(chance.uniform(0.5, 2.5))
                except subprocess.TimeoutExpired:
                    os.killpg(uploading.pid, signal.SIGKILL)
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "complete and verified" in done.stdout
    assert faults_of(tmp_path / "platform", source) == []
    assert len(door.taken) == PICTURES
    assert door.taken.total() - PICTURES <= 2 * JOBS
