"""Environments that hold one published client each, kept under .venv and made when they are not there.

What all clients require is installed once; an environment of its own adds a client to it, without its dependencies.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.paths import ROOT

HOME = ROOT / ".venv" / "published"
NEEDS = ["setuptools", "numpy", "Pillow", "requests", "tqdm", "beartype==0.9.1"]


class _FailedError(Exception):
    """An environment that cannot be made here."""


def interpreter(version: str) -> Path:
    """Python of the environment with that client; the test is skipped, by name, where it cannot be made."""
    if reason := failure(HOME, version):
        pytest.skip(reason)
    return HOME / version / "bin" / "python"


@cache
def failure(home: Path, version: str) -> str | None:
    """Why the environment of that client cannot be made; what is not there is made. Why it failed is found out once, not for every test."""
    try:
        _made(home / version, lambda: _client(home, version))
    except _FailedError as error:
        return str(error)
    return None


def _made(home: Path, make: Callable[[], None]) -> Path:
    if not (home / "ready").exists():
        make()
        (home / "ready").touch()
    return home


def _client(home: Path, version: str) -> None:
    shared, own, client = home / "shared", home / version, f"picsellia=={version}"
    _made(shared, lambda: _requirements(shared))
    _run(f"{client} has no environment", sys.executable, "-m", "venv", "--clear", "--without-pip", own)
    (_packages(own) / "shared.pth").write_text(str(_packages(shared)))
    _install(shared, client, "--no-deps", "--target", _packages(own), client)
    check = (own / "bin" / "python", "-W", "ignore", "-c", "import picsellia.client")
    _run(f"{client} cannot be imported here", *check)


def _requirements(shared: Path) -> None:
    _run("published clients have no environment", sys.executable, "-m", "venv", "--clear", shared)
    _install(shared, "what published clients require", *NEEDS)


def _install(home: Path, what: str, *arguments: str | Path) -> None:
    _run(
        f"{what} cannot be installed here",
        home / "bin" / "pip",
        "install",
        "--quiet",
        "--no-compile",
        *arguments,
    )


def _packages(home: Path) -> Path:
    (found,) = (home / "lib").glob("python*/site-packages")
    return found


def _run(reason: str, *command: str | Path) -> None:
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise _FailedError(f"{reason}: {done.stderr[-300:]}")
