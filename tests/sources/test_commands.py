"""The commands take addresses wherever they take folders."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.sources.conftest import KEY, SECRET
from tests.sources.served import Bucket
from tests.sources.test_everywhere import DEMO

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def run(tmp_path: Path, temporary: Path) -> Run:
    """Runs the command in a folder of its own; what it prints holds no credentials."""

    def command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state"), "TMPDIR": str(temporary)}
        done = subprocess.run(
            [sys.executable, "-m", "picsellia_ingest", *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60, env=environment,
        )  # fmt: skip
        assert KEY not in done.stdout + done.stderr
        assert SECRET not in done.stdout + done.stderr
        return done

    return command


@pytest.fixture
def archive(tmp_path: Path) -> str:
    return shutil.make_archive(str(tmp_path / "data"), "zip", DEMO)


def test_upload_verify_plan_and_run_take_a_bucket_and_a_zip(
    run: Run, bucket: Bucket, archive: str, tmp_path: Path
) -> None:
    bucket.put("old/data.zip", Path(archive).read_bytes())
    images, annotations = f"{bucket.address}/old/data.zip/images", "data.zip/instances.json"
    source = ("--name", "d", "--imgdir", images, "--ann-path", annotations)
    planned = run("upload", "--host", "local:p", *source, "--plan", "the.plan")
    assert planned.returncode == 0, planned.stderr
    applied = run("upload", "--apply", "the.plan")
    assert applied.returncode == 0, applied.stdout + applied.stderr
    assert "4 images: 4 uploaded" in applied.stdout
    verified = run("verify", "--host", "local:p", *source)
    assert verified.stdout.endswith("verified: the platform holds all of it\n")
    (tmp_path / "jobs.toml").write_text(
        f'[[dataset]]\nname = "d"\nhost = "local:p"\nimgdir = "{images}"\nann_path = "{annotations}"\n'
    )
    done = run("run", "jobs.toml", "--json")
    assert json.loads(done.stdout)["exit_code"] == 0, done.stdout


def test_inspect_validate_and_convert_take_a_zip(run: Run, archive: str, tmp_path: Path) -> None:
    found = run("inspect", archive, "--imgdir", f"{archive}/images", "--report", "page.html")
    assert found.returncode == 0, found.stderr
    assert found.stdout.startswith(f"{archive}: COCO")
    assert (tmp_path / "page.html").is_file()
    assert run("validate", "data.zip", "--imgdir", "data.zip/images").returncode == 0
    assert run("convert", "data.zip", "out", "--to", "PASCAL-VOC").returncode == 0


def test_an_address_that_is_not_there_ends_in_one_line(run: Run, bucket: Bucket) -> None:
    done = run("upload", "--name", "d", "--imgdir", f"{bucket.address}/nowhere", "--host", "local:p")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "nowhere" in done.stderr
