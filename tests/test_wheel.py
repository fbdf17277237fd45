"""The wheel, installed where nothing else is: it brings what it needs, no more, and works."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.paths import FIXTURES, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # Of a copy: building leaves a folder behind, whose old files the next wheel would hold.
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(
        ROOT / "picsellia_ingest", folder / "picsellia_ingest", ignore=shutil.ignore_patterns("__pycache__")
    )
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", folder, folder)
    (found,) = folder.glob("*.whl")
    return found


def run(*command: object, cwd: Path | None = None) -> str:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }
    done = subprocess.run(
        [*map(str, command)], capture_output=True, text=True, check=False, cwd=cwd, env=environment
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_the_package_with_its_pages_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"picsellia_ingest"}
    assert "picsellia_ingest/client/templates/evidence.html" in names
    assert "picsellia_ingest/py.typed" in names
    there = {str(path.relative_to(ROOT)) for path in (ROOT / "picsellia_ingest").rglob("*") if path.is_file()}
    assert {name for name in there if not name.endswith((".pyc", ".pyo"))} <= set(names)


def test_installed_by_itself_it_uploads_a_dataset(wheel: Path, tmp_path: Path) -> None:
    home = tmp_path / "fresh"
    run(sys.executable, "-m", "venv", home)
    python = home / "bin" / "python"
    # Of all that is installed only what is imported need be compiled, when it is.
    run(python, "-m", "pip", "install", "--quiet", "--no-compile", wheel)
    listed = {
        each["name"].lower() for each in json.loads(run(python, "-m", "pip", "list", "--format", "json"))
    }
    assert not {"pytest", "hypothesis", "mypy", "ruff", "fsspec", "dask", "moto"} & listed
    demo = FIXTURES / "COCO" / "demo"
    more = ("--name", "d", "--imgdir", demo / "images", "--ann-path", demo / "instances.json", "--no-report")
    said = run(python, "-m", "picsellia_ingest", "upload", "--host", "local:platform", *more, cwd=tmp_path)
    assert said.splitlines()[-2] == "complete and verified"
    assert run(home / "bin" / "picsellia-ingest", "--version", cwd=tmp_path).startswith("picsellia-ingest")
