"""What is made by its name is made once, and its maker gets it, whatever becomes of the answer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.client import Client
from picsellia_ingest.errors import InvalidQueryError
from tests.client.sources import Uploads, picture


def make_project(token: str, host: str) -> Any:
    return Client.Project(token, host).create("p").project_id


def make_network(token: str, host: str) -> Any:
    return Client.Network(token, host=host).create("n", "detection").network_id


def make_experiment(token: str, host: str) -> Any:
    projects = Client.Project(token, host)
    project = next((one["project_id"] for one in projects.list()), None) or make_project(token, host)
    return Client.Experiment(token, host, project).create("e", dataset=None).id


def make_dataset(token: str, host: str) -> Any:
    lake = Client.Datalake(token, host=host)
    return lake.dataset.create("d", pictures=lake.picture.list())


WAYS = [
    (make_project, "PUT", "/project/"),
    (make_network, "POST", "/network/"),
    (make_experiment, "POST", "/experiment/"),
    (make_dataset, "PUT", "/dataset/"),
]


@pytest.mark.parametrize(("make", "method", "part"), WAYS)
@pytest.mark.parametrize("how", ["after", "lost", "before"])
def test_it_is_made_once_and_its_name_is_then_taken(
    uploads: Uploads, tmp_path: Path, make: Callable[[str, str], Any], method: str, part: str, how: str
) -> None:
    uploads.lake.picture.upload(str(picture(tmp_path / "a.jpg")))
    uploads.faults.fail(method, part, how=how)
    running = uploads.running
    assert make(running.token, running.address)
    assert uploads.faults.rules[0][2] == 0
    with pytest.raises(InvalidQueryError, match="exists already"):
        make(running.token, running.address)
