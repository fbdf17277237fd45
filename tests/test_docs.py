"""Documentation is checked: examples run, commands and names are documented, links lead somewhere."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

import picsellia_ingest
from picsellia_ingest.cli import main
from picsellia_ingest.parsers import FORMATS
from tests.paths import ROOT

PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]


def test_the_readmes_python_example_runs(tmp_path: Path) -> None:
    code = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.S)
    assert len(code) == 1
    shutil.copytree(ROOT / "fixtures" / "COCO" / "demo", tmp_path / "fixtures" / "COCO" / "demo")
    done = subprocess.run(
        [sys.executable, "-c", code[0]], cwd=tmp_path, capture_output=True, text=True, check=False,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", sorted(main.commands))
def test_every_command_is_in_the_readme_and_teaches_with_an_example(name: str) -> None:
    assert f"picsellia-ingest {name}" in (ROOT / "README.md").read_text()
    command = main.commands[name]
    assert command.help
    for option in command.params:
        assert isinstance(option, click.Argument) or getattr(option, "help", None), (
            f"{option.name} of {name} has no help"
        )


def test_every_format_is_in_the_readme() -> None:
    for name in FORMATS:
        assert name in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target


def test_public_names_are_those_listed() -> None:
    public = [name for name in vars(picsellia_ingest) if not name.startswith("_")]
    modules = {
        "api",
        "bridges",
        "bridging",
        "cli",
        "client",
        "conventions",
        "conversion",
        "coordinates",
        "errors",
        "geometry",
        "losses",
        "model",
        "parsers",
        "prepared",
        "problems",
        "raster",
        "ring_text",
        "selection",
        "server",
        "sources",
        "tracing",
        "upload",
        "wire",
    }
    assert set(public) - {"annotations", "Any", "TYPE_CHECKING"} <= modules
    assert picsellia_ingest.__all__ == ["__version__", "convert", "diff", "run"]
    assert all(getattr(picsellia_ingest, name) for name in picsellia_ingest.__all__)


def test_no_page_and_no_module_names_a_path_of_one_machine() -> None:
    pattern = re.compile(r"/(home|root|Users|tmp)/\w")
    for path in [*PAGES, *(ROOT / "picsellia_ingest").rglob("*.py"), ROOT / "setup.cfg", ROOT / "Makefile"]:
        assert not pattern.search(path.read_text()), path
