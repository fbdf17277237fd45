"""Where the tests find what they read."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures"
DATA = ROOT.parent / "shared" / "data"


def dataset(name: str) -> Path:
    """A real dataset beside the repository; the test is skipped, by name, where it is absent."""
    path = DATA / name
    if not path.is_dir():
        pytest.skip(f"the dataset {name} is not here")
    return path


def expected(name: str) -> dict[str, dict[str, Any]]:
    """What an independent program counted in a dataset, by file."""
    entries: dict[str, dict[str, Any]] = json.loads((dataset(name) / "expected.json").read_text())["entries"]
    return entries


def docs_script(name: str) -> ModuleType:
    """One of the scripts that write pages of docs, as a module."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "docs" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
