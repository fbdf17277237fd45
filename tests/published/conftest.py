"""Every published client, driven once by each script against ``picsellia-ingest serve``; the tests look at what is left.

Each version has a platform of its own, and each script an organization of its own there, so what one does no other sees.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from picsellia_ingest.server import accounts_of
from tests.paths import ROOT
from tests.published.drive import MARK
from tests.published.environments import interpreter
from tests.published.material import lay_out
from tests.published.shapes import VERSIONS
from tests.server.caller import Caller


class Driven(NamedTuple):
    """What a script saw, the folder it worked in, and a caller of its organization."""

    seen: Any
    folder: Path
    owner: Caller


Drive = Callable[[str, str], Driven]


@contextmanager
def serving(root: Path) -> Iterator[str]:
    """The address of ``picsellia-ingest serve``."""
    command = [sys.executable, "-m", "picsellia_ingest", "serve", "--root", str(root), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().split()[-1]
        finally:
            process.terminate()


def run(version: str, script: str, address: str, token: str, folder: Path) -> Any:
    """What the script saw that drove the client of that version, in that folder."""
    return seen_by(ran(version, script, address, token, folder))


def ran(
    version: str, script: str, address: str, token: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """A run of a script that may have failed."""
    path = os.pathsep.join([str(folder), os.environ["PATH"]])  # the folder has a pip of its own
    return subprocess.run(
        [str(interpreter(version)), "-m", "tests.published.drive", version, script, address, token],
        cwd=folder, env={**os.environ, "PYTHONPATH": str(ROOT), "PATH": path},
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def seen_by(done: subprocess.CompletedProcess[str]) -> Any:
    """What a script saw."""
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr
    return json.loads(done.stdout.rpartition(MARK)[2])


@pytest.fixture(scope="session")
def driven(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drive]:
    """Drives a version with a script, unless that was done."""
    with ExitStack() as stack:

        @cache
        def platform(version: str) -> tuple[Path, str]:
            root = tmp_path_factory.mktemp("platform") / "root"
            return root, stack.enter_context(serving(root))

        @cache
        def once(version: str, script: str) -> tuple[subprocess.CompletedProcess[str], Path, Caller]:
            interpreter(version)
            root, address = platform(version)
            token = script.encode().hex().zfill(40)
            with accounts_of(root) as accounts:
                accounts.ensure(script, f"harbour {script}", [token])
            owner = Caller(address, token)
            stack.enter_context(owner.session)
            folder = tmp_path_factory.mktemp(script)
            lay_out(folder)
            return ran(version, script, address, token, folder), folder, owner

        def drive(version: str, script: str) -> Driven:
            done, folder, owner = once(version, script)
            return Driven(seen_by(done), folder, owner)

        yield drive


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    """Each published version in turn."""
    return str(request.param)
