"""Networks, projects and experiments, as the published 2021 clients use them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
import requests

from picsellia_ingest.server import RunningPlatform
from tests.server.caller import Caller
from tests.test_published_client import interpreter

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SCRIPT = Path(__file__).with_name("published_resources.py")
FIVE = 5 << 20


@pytest.mark.parametrize("version", ["5.0.8", "5.0.22"])
def test_published_clients_make_networks_with_files_and_projects_with_experiments(
    owner: Caller, running: RunningPlatform, tmp_path: Path, version: str
) -> None:
    owner.dataset("a.jpg")
    sizes = {"small.cfg": 1000, "exact.bin": 2 * FIVE, "large.bin": FIVE + 7, "thumb.png": 100}
    for name, size in sizes.items():
        (tmp_path / name).write_bytes(name.encode() * (size // len(name)) + b"." * (size % len(name)))
    done = subprocess.run(
        [str(interpreter(version)), str(SCRIPT), running.address, running.token, str(tmp_path), "harbour/first"],
        capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (network,) = owner.ok("GET", "network/null")["networks"]
    id_ = network["model_id"]
    assert (network["description"], network["tag"], network["labels"]) == ("d", ["a"], {"1": "person"})
    assert network["files"] == {
        "config": f"{id_}/small.cfg",
        "model-latest": f"{id_}/0/exact.bin",
        "checkpoint": f"{id_}/large.bin",
    }
    assert network["thumb_object_name"] == f"{id_}/thumb.png"
    for key in network["files"].values():
        there = requests.get(owner.signed(key, bucket_model=True), timeout=10).content
        assert there == (tmp_path / key.rpartition("/")[2]).read_bytes()
    seen = json.loads(done.stdout.strip().splitlines()[-1])
    (project,) = owner.ok("GET", "project/null")["projects"]
    assert seen == {"project": project, "workers": {"workers": project["contributors"]}}
    assert (project["project_name"], project["description"], project["type"]) == ("renamed", "x", "detection")
    assert project["datasets"] == [{"dataset_name": "harbour", "description": "", "private": True}]
    (experiment,) = owner.ok("GET", f"experiment/{project['project_id']}")["experiments"]
    assert (experiment["description"], experiment["dataset"]) == ("other", "harbour/first")
    assert [(file["name"], file["large"]) for file in experiment["files"]] == [
        ("config", False),
        ("model-latest", True),
    ]
    assert [(one["name"], one["data"]) for one in experiment["data"]] == [("accuracy", {"value": 0.8})]
    assert (tmp_path / "exp 1" / "config" / "small.cfg").stat().st_size == 1000
    assert (tmp_path / "exp 1" / "exported_model" / "exact.bin").stat().st_size == 2 * FIVE
