"""A Dask cluster of a test: a scheduler and workers, each a process of its own on 127.0.0.1, and what they wrote."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path


class Cluster:
    """Its scheduler's address, and its workers, which a test may kill and add to."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        self.folder, self.workers = folder, list[subprocess.Popen[bytes]]()
        self.environment = os.environ | {"DASK_TEMPORARY_DIRECTORY": str(folder), **settings}
        where = folder / "scheduler.json"
        self.scheduler = self._start("scheduler", "--scheduler-file", str(where), "--port", "0")
        self.address = str(_written(where, self.scheduler)["address"])

    def _start(self, what: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "dask", what, *arguments, "--host", "127.0.0.1", "--no-dashboard"]
        name = f"{what}-{len(self.workers)}.log"
        with (self.folder / name).open("wb") as log:
            return subprocess.Popen(
                command, stdout=log, stderr=log, env=self.environment, cwd=self.folder, start_new_session=True
            )

    def add(self, count: int = 1, *arguments: str) -> None:
        """Start workers, without waiting for them."""
        for _ in range(count):
            more = ("--nthreads", "2", "--no-nanny", "--local-directory", str(self.folder), *arguments)
            self.workers.append(self._start("worker", self.address, *more))

    def kill(self, which: int) -> None:
        """End a worker as a machine ends that loses its power."""
        os.killpg(self.workers[which].pid, signal.SIGKILL)

    def logs(self) -> str:
        """All that was written by the scheduler and the workers."""
        return "".join(path.read_text() for path in sorted(self.folder.glob("*.log")))

    def stop(self) -> None:
        """End everything."""
        for process in (*self.workers, self.scheduler):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _written(path: Path, process: subprocess.Popen[bytes]) -> dict[str, object]:
    while process.poll() is None:
        try:
            found: dict[str, object] = json.loads(path.read_text())
        except (OSError, ValueError):
            time.sleep(0.02)
            continue
        return found
    raise AssertionError("the scheduler did not start")
