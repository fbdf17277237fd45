"""Experiments as the SDK reference documents them, and what it takes to have some."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api import transport
from picsellia_ingest.client import Client
from picsellia_ingest.errors import InvalidQueryError, ResourceNotFoundError
from picsellia_ingest.server import start
from tests.upload.faults import Faults


@pytest.fixture
def experiment(host: str, project: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Client.Experiment:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return Client.Experiment(host=host, project_token=project).create("exp 1", description="d")


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_an_experiment_is_checked_out_by_id_or_name_wherever_they_are_given(
    experiment: Client.Experiment, host: str, project: str
) -> None:
    id_ = experiment.id
    ways: list[tuple[dict[str, Any], tuple[Any, ...]]] = [
        ({}, (id_,)),
        ({}, (id_, None, project)),
        ({}, (None, "exp 1", project)),
        ({}, ("exp 1", None, project)),
        ({"project_token": project}, ("exp 1",)),
        ({"project_token": project, "name": "exp 1"}, ()),
        ({"id": id_}, ()),
    ]
    for given, arguments in ways:
        found = Client.Experiment(host=host, **given).checkout(*arguments)
        assert (found.id, found.name, found.project_token) == (id_, "exp 1", project)
        assert found.fetched_experiment == experiment.fetched_experiment
    assert json.loads(str(found)) == found.fetched_experiment
    with pytest.raises(ResourceNotFoundError):
        found.checkout(name="other")


def test_a_client_shares_its_session_with_its_experiments(host: str, project: str) -> None:
    client = Client(host=host, interactive=False)
    before = client.experiment._connection.traffic.requests
    assert client.experiment.list(project) == []
    assert (client.experiment._connection.traffic.requests - before, client.experiment.interactive) == (
        1,
        False,
    )


@pytest.mark.parametrize("name", ["a b#1?c=d", "%20", "эксперимент"])
def test_any_name_works(host: str, project: str, name: str) -> None:
    made = Client.Experiment(host=host, project_token=project).create(name)
    assert Client.Experiment(host=host, project_token=project).checkout(name=name).id == made.id
    with pytest.raises(InvalidQueryError, match="exists already"):
        made.create(name)


def test_files_are_stored_replaced_and_downloaded(experiment: Client.Experiment, tmp_path: Path) -> None:
    (tmp_path / "ckpt #1").write_bytes(b"weights" * 800_000)
    for content in ("old", "new"):
        (tmp_path / "pipeline.config").write_text(content)
        experiment.store("config", tmp_path / "pipeline.config")
    experiment.store("checkpoint-data-latest", tmp_path / "ckpt #1")
    experiment.store("model-latest", tmp_path / "here", zip=True)
    found = experiment.checkout().files
    assert [(file["name"], file["large"], file["object_name"]) for file in found] == [
        ("config", False, f"{experiment.id}/pipeline.config"),
        ("checkpoint-data-latest", True, f"{experiment.id}/ckpt #1"),
        ("model-latest", False, f"{experiment.id}/0/here.zip"),
    ]
    experiment.download("config", tmp_path / "down")
    assert (tmp_path / "down" / "pipeline.config").read_text() == "new"
    with pytest.raises(ResourceNotFoundError, match="no file other"):
        experiment.download("other")
    experiment.checkout(with_file=True)
    assert files_below(Path("exp 1")) == ["ckpt #1", "here.zip", "pipeline.config"]
    assert (Path("exp 1") / "ckpt #1").read_bytes() == (tmp_path / "ckpt #1").read_bytes()


def test_a_tree_has_the_folders_of_a_training_and_the_files_in_them(
    experiment: Client.Experiment, tmp_path: Path
) -> None:
    (tmp_path / "f.txt").write_text("x")
    for name in ("config", "checkpoint-index-latest", "model-latest", "notes"):
        experiment.store(name, tmp_path / "f.txt")
    experiment.checkout(tree=True)
    folders = ["checkpoint", "config", "exported_model", "images", "metrics", "records", "results"]
    assert sorted(path.name for path in Path("exp 1").iterdir()) == folders
    experiment.checkout(tree=True, with_file=True)
    expected = ["checkpoint/f.txt", "config/f.txt", "exported_model/f.txt", "f.txt"]
    assert files_below(Path("exp 1")) == expected


@pytest.mark.parametrize("name", ["..", "../other", "/tmp/other", "."])
def test_a_name_that_leads_elsewhere_is_never_a_folder(experiment: Client.Experiment, name: str) -> None:
    experiment.update(name=name)
    with pytest.raises(InvalidQueryError, match="folder"):
        experiment.checkout(tree=True)
    assert list(Path().iterdir()) == []


def test_data_is_logged_and_lines_grow(experiment: Client.Experiment, tmp_path: Path) -> None:
    (tmp_path / "seen.png").write_bytes(b"\x89PNG")
    for value in (0.5, 0.8):
        experiment.log("accuracy", value, "value")
    experiment.log("loss", {"steps": [1], "values": [0.5]}, "line")
    experiment.log("loss", {"steps": [2], "values": [0.25]}, type="line")
    experiment.log("split", {"x": ["car"], "y": [3]}, "bar")
    experiment.log("seen", str(tmp_path / "seen.png"), "image")
    assert experiment.get_data("accuracy") == {"value": 0.8}
    assert experiment.get_data("loss") == {"steps": [1, 2], "values": [0.5, 0.25]}
    assert experiment.get_data("seen") == {"object_name": f"{experiment.id}/seen/seen.png"}
    experiment.log("loss", {"steps": [1], "values": [1]}, "line", replace=True)
    assert [(one["name"], one["type"]) for one in experiment.checkout(with_data=True).data] == [
        ("accuracy", "value"),
        ("loss", "line"),
        ("split", "bar"),
        ("seen", "image"),
    ]
    assert experiment.get_data("loss") == {"steps": [1], "values": [1]}


def test_a_line_grows_once_when_the_answer_is_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    faults = Faults()
    with start(tmp_path / "platform", wrap=faults.wrap) as running:
        project = Client.Project(running.token, running.address).create("p").project_id
        experiment = Client.Experiment(running.token, running.address, project).create("e")
        experiment.log("loss", [1], "line")
        for how in ("after", "before", "lost"):
            faults.fail("POST", "/data/", how=how)
            experiment.log("loss", [2], "line")
        assert experiment.get_data("loss") == [1, 2, 2, 2]
        transport.close_idle_connections()


def test_an_experiment_takes_over_what_another_has(experiment: Client.Experiment, tmp_path: Path) -> None:
    (tmp_path / "c.cfg").write_text("x")
    experiment.store("config", tmp_path / "c.cfg")
    experiment.log("accuracy", 1, "value")
    taken = experiment.create("exp 2", previous="exp 1", with_file=True, with_data=True)
    assert [file["name"] for file in taken.files] == ["config"]
    assert [one["data"] for one in taken.data] == [{"value": 1}]


def test_experiments_are_listed_changed_and_deleted(experiment: Client.Experiment, project: str) -> None:
    experiment.update(status="done", description="other")
    (found,) = experiment.list()
    assert (found["status"], found["description"], found) == ("done", "other", experiment.fetched_experiment)
    experiment.delete()
    assert experiment.list(project) == []
    with pytest.raises(InvalidQueryError, match="no experiment was fetched"):
        experiment.delete()


@pytest.mark.parametrize(
    "use",
    [
        lambda one, _: one.create(),
        lambda one, _: one.update(),
        lambda one, _: one.update(project="x"),
        lambda one, file: one.store("", file),
        lambda one, _: one.store("config"),
        lambda one, file: one.store("config", file.parent),
        lambda one, _: one.log("", 1, "value"),
        lambda one, _: one.log("accuracy", 1),
        lambda one, file: one.log("seen", file.parent / "missing", "image"),
    ],
)
def test_an_argument_that_cannot_be_meant_is_refused_before_a_request(
    experiment: Client.Experiment, tmp_path: Path, use: Callable[[Any, Path], None]
) -> None:
    (tmp_path / "file").write_text("x")
    before = experiment._connection.traffic.requests
    with pytest.raises(InvalidQueryError):
        use(experiment, tmp_path / "file")
    assert experiment._connection.traffic.requests == before


@pytest.mark.parametrize(
    ("use", "words"),
    [
        (lambda one: one.checkout(), "no experiment was named"),
        (lambda one: one.checkout(name="exp 1"), "no project was named"),
        (lambda one: one.create("exp 1"), "no project was named"),
        (lambda one: one.list(), "no project was named"),
        (lambda one: one.update(status="x"), "no experiment was fetched"),
        (lambda one: one.get_data("x"), "no experiment was fetched"),
        (lambda one: one.download("x"), "no experiment was fetched"),
    ],
)
def test_what_was_not_said_is_asked_for(host: str, use: Callable[[Any], None], words: str) -> None:
    one = Client.Experiment(host=host)
    before = one._connection.traffic.requests
    with pytest.raises(InvalidQueryError, match=words):
        use(one)
    assert one._connection.traffic.requests == before
