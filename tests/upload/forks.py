"""The program that runs commands in forked children (``crashing.py``), from a test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from picsellia_ingest.server import RunningPlatform
from tests.paths import ROOT
from tests.upload.oracle import Source


class Forks:
    """Uploads to one platform; journals and what is printed lie in a folder, under the dataset's name."""

    def __init__(self, folder: Path, running: RunningPlatform) -> None:
        self.folder, self.running = folder, running
        environment = {**os.environ, "PICSELLIA_TOKEN": running.token, "PYTHONPATH": str(ROOT)}
        self.program = subprocess.Popen(
            [sys.executable, str(ROOT / "tests" / "upload" / "crashing.py")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment,
        )  # fmt: skip

    def __enter__(self) -> Forks:
        return self

    def __exit__(self, *_: object) -> None:
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.close()
        self.program.wait()
        self.program.stdout.close()

    def upload(
        self,
        source: Source,
        *,
        crash_at: int = 0,
        limits: Mapping[str, int] | None = None,
        clock: bool = False,
        jobs: int | None = None,
        journal: Path | None = None,
    ) -> int:
        """The exit status of one run."""
        where = ["--host", self.running.address, "--journal", str(journal or self.journal(source))]
        wanted = {
            "arguments": ["upload", *where, "--nb-jobs", str(jobs or 1 + crash_at % 2), *source.arguments],
            "output": str(self.folder / f"{source.name}.out"),
            "crash_at": crash_at,
            "limits": dict(limits or {}),
            "clock": clock,
        }
        assert self.program.stdin is not None
        assert self.program.stdout is not None
        self.program.stdin.write(json.dumps(wanted) + "\n")
        self.program.stdin.flush()
        return int(self.program.stdout.readline())

    def journal(self, source: Source) -> Path:
        """Where the journal of a dataset is."""
        return self.folder / f"{source.name}.db"

    def said(self, source: Source) -> str:
        """What the runs of a dataset printed."""
        return (self.folder / f"{source.name}.out").read_text()
