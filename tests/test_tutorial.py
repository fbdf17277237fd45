"""The tutorial is run as a reader would run it: every command, in order, and every line that it shows is printed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.paths import FIXTURES, ROOT

BLOCKS = re.compile(r"```(sh|text)\n(.*?)```", re.S)


def test_every_command_of_the_tutorial_prints_what_it_shows(tmp_path: Path) -> None:
    shutil.copytree(FIXTURES / "COCO" / "demo", tmp_path / "crates")
    programs = tmp_path / "bin"
    programs.mkdir()
    command = programs / "picsellia-ingest"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m picsellia_ingest "$@"\n')
    command.chmod(0o755)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "XDG_STATE_HOME": str(tmp_path / "state"),
    }
    said, shown = "", 0
    for kind, text in BLOCKS.findall((ROOT / "docs" / "tutorial.md").read_text()):
        if kind == "sh" and "_COMPLETE" not in text:
            done = subprocess.run(
                ["sh", "-e", "-c", text], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )  # fmt: skip
            assert done.returncode == 0, (text, done.stdout, done.stderr)
            said = done.stdout
        elif kind == "text":
            for line in text.splitlines():
                assert line in said, (line, said)
                shown += 1
    assert shown > 15
    assert (tmp_path / "evidence.html").exists()
    assert (tmp_path / "yolo" / "data.yaml").exists()


def test_a_shell_can_complete_commands_and_options() -> None:
    words = {
        "COMP_WORDS": "picsellia-ingest up",
        "COMP_CWORD": "1",
        "_PICSELLIA_INGEST_COMPLETE": "bash_complete",
    }
    done = subprocess.run(
        [str(Path(sys.executable).parent / "picsellia-ingest")],
        env={**os.environ, **words}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "plain,upload" in done.stdout
