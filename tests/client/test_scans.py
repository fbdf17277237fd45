"""Scans: one script, run for each combination of parameters."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api import transport
from picsellia_ingest.client import Client
from picsellia_ingest.errors import InvalidQueryError, ResourceNotFoundError
from picsellia_ingest.server import start
from tests.upload.faults import Faults

CONFIG: dict[str, Any] = {
    "execution": {"type": "agents"},
    "strategy": "grid",
    "metric": {"name": "Loss-total_loss", "goal": "minimize"},
    "parameters": {"batch_size": {"values": [2, 4]}},
}


@pytest.fixture
def experiment(host: str, project: str, here: Path) -> Client.Experiment:
    return Client.Experiment(host=host, project_token=project)


@pytest.fixture
def config(tmp_path: Path) -> dict[str, Any]:
    for name in ("train.py", "data.csv"):
        (tmp_path / name).write_text(name)
    more = {"script": str(tmp_path / "train.py"), "data": [str(tmp_path / "data.csv")]}
    return CONFIG | more | {"requirements": [{"package": "numpy", "version": "1.26.4"}]}


def test_each_run_of_a_scan_has_an_experiment_and_ends(experiment: Client.Experiment, config: Any) -> None:
    assert "success" in experiment.init_scan("scan", config, nb_worker=2)
    experiment.launch_scan("scan")
    for number, size in enumerate((2, 4)):
        run = experiment.get_next_run("scan")
        assert run["experiment"]["name"] == experiment.name == f"scan-{number}"
        assert run["config"]["parameters"] == {"batch_size": size}
        assert experiment.update_run(status="success")["status"] == "success"
        assert experiment.end_run() is True
    with pytest.raises(ResourceNotFoundError, match="no further run"):
        experiment.get_next_run("scan")
    assert experiment.get_run(run["id"])["status"] == "success"
    assert experiment.run is not None
    assert len(experiment.list()) == 2


def test_the_script_and_the_data_of_a_run_are_downloaded(experiment: Client.Experiment, config: Any) -> None:
    given = dict(config)
    experiment.init_scan("scan", config)
    assert config == given
    run = experiment.get_next_run("scan")
    assert run["config"]["data"] == [
        {"filename": "data.csv", "object_name": f"{experiment.project_token}/data.csv"}
    ]
    experiment.download_script()
    experiment.download_run_data()
    assert {path.name: path.read_text() for path in Path().iterdir()} == {
        "train.py": "train.py",
        "data.csv": "data.csv",
    }


def test_a_question_whose_answer_is_lost_skips_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    faults = Faults()
    with start(tmp_path / "platform", wrap=faults.wrap) as running:
        project = Client.Project(running.token, running.address).create("p").project_id
        one = Client.Experiment(running.token, running.address, project)
        one.init_scan("scan", CONFIG)
        for number, how in enumerate(("after", "lost")):
            faults.fail("GET", f"/run/{project}", how=how)
            assert one.get_next_run("scan")["experiment"]["name"] == f"scan-{number}"
        transport.close_idle_connections()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("numpy==1.26.4\n\n# why\nrequests  # any\n", [("numpy", "1.26.4"), ("requests", "")]),
        ("torch[cuda]==2.1+cu118", [("torch[cuda]", "2.1+cu118")]),
    ],
)
def test_requirements_may_stand_in_a_file(
    experiment: Client.Experiment, here: Path, written: str, read: list[tuple[str, str]]
) -> None:
    (here / "requirements.txt").write_text(written)
    experiment.init_scan("scan", CONFIG | {"requirements": "requirements.txt"})
    found = experiment.get_next_run("scan")["requirements"]
    assert [(one["package"], one["version"]) for one in found] == read


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"requirements": "missing.txt"}, ResourceNotFoundError),
        ({"requirements": {"package": "numpy", "version": "1"}}, InvalidQueryError),
        ({"requirements": ["--target=elsewhere"]}, InvalidQueryError),
        ({"requirements": [{"package": "a @ http://evil.example/a.zip"}]}, InvalidQueryError),
        ({"requirements": [{"version": "1"}]}, InvalidQueryError),
        ({"requirements": [7]}, InvalidQueryError),
        ({"script": "missing.py"}, InvalidQueryError),
        ({"data": ["missing.csv"]}, InvalidQueryError),
        ({"data": "data.csv"}, InvalidQueryError),
        ({"data": ["a/x.csv", "b/x.csv"]}, InvalidQueryError),
    ],
)
def test_a_scan_that_cannot_be_meant_is_refused_before_a_request(
    experiment: Client.Experiment, here: Path, more: dict[str, Any], error: type[Exception]
) -> None:
    for folder in ("a", "b"):
        (here / folder).mkdir()
        (here / folder / "x.csv").write_text("x")
    before = experiment._connection.traffic.requests
    with pytest.raises(error):
        experiment.init_scan("scan", CONFIG | more)
    assert experiment._connection.traffic.requests == before


def test_requirements_are_installed_by_pip_as_names_only(
    experiment: Client.Experiment, config: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pip").write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/asked\nexit $(cat {tmp_path}/code)\n')
    (folder / "pip").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    experiment.init_scan("scan", config)
    experiment.get_next_run("scan")
    (tmp_path / "code").write_text("0")
    experiment.install_run_requirements()
    assert (tmp_path / "asked").read_text() == "install -- numpy==1.26.4\n"
    (tmp_path / "code").write_text("1")
    with pytest.raises(InvalidQueryError, match="could not install numpy"):
        experiment.install_run_requirements()
    assert experiment.run is not None
    experiment.run["requirements"] = ["--target=elsewhere"]
    with pytest.raises(InvalidQueryError, match="no requirement"):
        experiment.install_run_requirements()


def test_without_a_run_one_is_asked_for(experiment: Client.Experiment) -> None:
    for use in (experiment.end_run, experiment.download_script, experiment.install_run_requirements):
        with pytest.raises(InvalidQueryError, match="no run was fetched"):
            use()


def test_a_run_without_a_script_says_so(experiment: Client.Experiment) -> None:
    experiment.init_scan("scan", CONFIG)
    experiment.get_next_run("scan")
    experiment.install_run_requirements()
    with pytest.raises(ResourceNotFoundError, match="no script"):
        experiment.download_script()
