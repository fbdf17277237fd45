"""Runs that are killed, at every point and at any moment: the same command completes them, and all is there once."""

from __future__ import annotations

import io
import itertools
import os
import random
import signal
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.server import RunningPlatform, start
from tests.upload.forks import Forks
from tests.upload.oracle import faults_of, make

SIDE_BY_SIDE = 3


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_run_that_dies_at_any_point_is_completed_by_the_same_command_with_and_without_its_journal(
    tmp_path: Path,
) -> None:
    with start(tmp_path / "platform", strict=True) as running, ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        crashes = sum(pool.map(partial(crash_everywhere, tmp_path, running), range(1, SIDE_BY_SIDE + 1)))
    assert crashes > 60


def crash_everywhere(folder: Path, running: RunningPlatform, first: int) -> int:
    """Crash at this point and every few points further, until a run ends before it; how often that was."""
    with Forks(folder, running) as forks:
        for crashes in itertools.count():
            point = first + crashes * SIDE_BY_SIDE
            source = make(folder, f"at{point}", 3)
            ended = forks.upload(source, crash_at=point)
            if ended == 0:
                return crashes
            assert ended == -signal.SIGKILL, forks.said(source)
            if crashes % 3 == 2:
                for path in folder.glob(f"{source.name}.db*"):
                    path.unlink()
            assert forks.upload(source) == 0, forks.said(source)
            assert "3 images: " in forks.said(source)
            assert "complete and verified" in forks.said(source)
            assert faults_of(folder / "platform", source) == [], forks.said(source)
    raise AssertionError


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
