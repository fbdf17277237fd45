"""Logs, job states, publishing and the annotations of experiments; scans and their runs; snapshots."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import requests

from picsellia_ingest.server import start
from tests.server.caller import JPEG, RECTANGLE, Caller
from tests.server.older import without_counters

GRID = {
    "strategy": "grid",
    "parameters": {"batch": {"values": [2, 4]}, "rate": {"values": [1, 2, 3]}, "steps": {"value": 9}, "kind": "a"},
    "requirements": [{"package": "numpy", "version": "1.26"}],
}  # fmt: skip


@pytest.fixture
def project(owner: Caller) -> str:
    made = owner.ok("PUT", "project/null", {"project_name": "cranes", "type": "detection"})
    return str(made["project_id"])


@pytest.fixture
def experiment(owner: Caller, project: str) -> str:
    owner.dataset("a.jpg", "b.jpg")
    made = owner.ok("POST", f"experiment/{project}", {"name": "exp", "dataset": "harbour/first"})
    return str(made["id"])


def line(experiment: str, number: int, text: str, **more: Any) -> dict[str, Any]:
    return {"experiment_id": experiment, "line_nb": number, "log": text, "part": "train", **more}


def test_a_line_of_a_log_is_kept_once_and_shown_in_order(owner: Caller, experiment: str) -> None:
    assert owner.ok("GET", f"experiment/None/{experiment}")["experiment"]["logging"] is None
    for number, text, final in ((0, "one", False), (1, "two", True), (1, "two", True), (0, "again", False)):
        body = line(experiment, number, text, final=final, special=False)
        owner.ok("POST", "experiment/send_experiment_logging", body)
    lines = owner.ok("GET", f"experiment/{experiment}/logging")["lines"]
    assert [(one["line_nb"], one["log"], one["final"]) for one in lines] == [
        (0, "one", False),
        (1, "two", True),
        (0, "again", False),
    ]
    shown = owner.ok("GET", f"experiment/None/{experiment}")["experiment"]["logging"]
    assert (shown["nb_lines"], shown["final"]) == (3, True)


def test_a_job_has_the_state_it_was_given(owner: Caller, experiment: str) -> None:
    def status() -> str:
        return str(owner.ok("GET", f"experiment/None/{experiment}")["experiment"]["status"])

    owner.ok("POST", f"experiment/{experiment}/launch", {"gpus": 2})
    assert status() == "launched"
    owner.ok("POST", f"experiment/{experiment}/update_job_status", {"status": "success"})
    assert status() == "success"
    for path, body in (("launch", {"gpus": -1}), ("update_job_status", {"status": ""})):
        assert owner.call("POST", f"experiment/{experiment}/{path}", body).status_code == 400


def test_a_published_experiment_is_a_network_whose_files_outlive_it(owner: Caller, experiment: str) -> None:
    key = f"{experiment}/model.h5"
    form = owner.form(key, bucket_model=True)
    files = {"file": ("model", JPEG)}
    assert requests.post(form["url"], data=form["fields"], files=files, timeout=5).status_code == 204
    owner.ok("PUT", f"experiment/{experiment}/file", {"0": {"name": "model", "object_name": key}})
    labels = {"0": {"name": "l", "type": "labelmap", "data": {"1": "crane"}}}
    owner.ok("PUT", f"experiment/{experiment}/data", labels)
    network = owner.ok("POST", f"experiment/{experiment}/publish", {"name": "net"})["network"]
    assert (network["network_name"], network["type"]) == ("net", "detection")
    assert (network["files"], network["labels"]) == ({"model": key}, {"1": "crane"})
    assert owner.call("POST", f"experiment/{experiment}/publish", {"name": "net"}).status_code == 400
    assert owner.ok("POST", f"experiment/{experiment}/publish", {})["network"]["network_name"] == "exp"
    owner.ok("DELETE", f"experiment/None/{experiment}")
    assert requests.get(owner.signed(key, bucket_model=True), timeout=5).content == JPEG


@pytest.mark.parametrize("option", ["all", "accepted"])
def test_the_annotation_dictionary_has_every_picture_label_and_record(
    owner: Caller, experiment: str, option: str
) -> None:
    dataset = owner.ok("GET", "dataset/null/harbour/first")["dataset"]["dataset_id"]
    assert owner.annotate(dataset, "a.jpg", RECTANGLE).status_code == 200
    found = owner.ok("GET", f"experiment/{experiment}/dl_annotations/{option}")
    assert found.keys() == {"images", "categories", "annotations"}
    assert [image["external_picture_url"] for image in found["images"]] == ["a.jpg", "b.jpg"]
    assert found["images"][0].keys() == {
        "external_picture_url", "internal_picture_id", "signed_url", "width", "height",
    }  # fmt: skip
    assert requests.get(found["images"][0]["signed_url"], timeout=5).content == JPEG
    assert found["categories"] == [{"name": "crane"}]
    assert found["annotations"] == [owner.record(dataset, "a.jpg")]


def test_without_a_dataset_the_dictionary_is_empty(owner: Caller, project: str, experiment: str) -> None:
    bare = owner.ok("POST", f"experiment/{project}", {"name": "bare"})["id"]
    assert owner.ok("GET", f"experiment/{bare}/dl_annotations/all") == {}
    assert owner.call("GET", f"experiment/{experiment}/dl_annotations/some").status_code == 400


def test_a_snapshot_is_a_file_of_all_records_behind_a_signed_address(owner: Caller) -> None:
    dataset = owner.dataset("a.jpg", "b.jpg")
    assert owner.annotate(dataset, "a.jpg", RECTANGLE).status_code == 200
    found = owner.ok("GET", f"annotation/{dataset}?limit=1&offset=0&snapshot=True")
    assert found["object_name"] == f"{dataset}.json"
    answer = requests.get(found["url"], timeout=5)
    assert answer.json() == {"annotations": [owner.record(dataset, "a.jpg")], "total_assets": 2}
    assert answer.headers["Content-Disposition"] == "attachment"
    for altered in (
        found["url"].replace("snapshots", "pictures"),
        found["url"][:-1],
        found["url"] + "&expires=1",
    ):
        assert requests.get(altered, timeout=5).status_code == 403


def test_a_scan_gives_each_combination_once(owner: Caller, project: str) -> None:
    more = {"filename": "train.py", "object_name": f"{project}/train.py", "nb_worker": 2}
    assert "success" in owner.ok("POST", f"scan/{project}/create", {"name": "s/1", "config": GRID, **more})
    owner.ok("POST", f"scan/{project}/launch/s%2F1")
    seen, names = [], []
    while (answer := owner.call("GET", f"run/{project}/s%2F1")).status_code == 200:
        run = answer.json()
        chosen = run["config"]["parameters"]
        assert (chosen["steps"], chosen["kind"]) == (9, "a")
        seen.append((chosen["batch"], chosen["rate"]))
        names.append(run["experiment"]["name"])
    assert answer.status_code == 404
    assert sorted(seen) == [(batch, rate) for batch in (2, 4) for rate in (1, 2, 3)]
    assert names == [f"s/1-{number}" for number in range(6)]
    assert (run["script"], run["script_object_name"]) == ("train.py", f"{project}/train.py")
    assert run["requirements"] == GRID["requirements"]
    found = owner.ok("GET", f"experiment/{project}/by_name/s%2F1-0")["experiment"]
    assert found["status"] == "started"


def test_a_question_that_is_asked_again_gets_the_same_run(owner: Caller, project: str) -> None:
    owner.ok("POST", f"scan/{project}/create", {"name": "s", "config": GRID})
    first = owner.ok("GET", f"run/{project}/s", Idempotency_Key="k")
    assert owner.ok("GET", f"run/{project}/s", Idempotency_Key="k") == first
    assert owner.ok("GET", f"run/{project}/s", Idempotency_Key="l")["experiment"]["name"] == "s-1"


@pytest.mark.parametrize("path", ["scan/{}/create", "scan/{}/launch", "sweep/{}/launch"])
def test_a_run_is_read_changed_and_ended_wherever_its_scan_was_made(
    owner: Caller, project: str, path: str
) -> None:
    owner.ok("POST", path.format(project), {"name": "s", "config": GRID})
    run = owner.ok("GET", f"run/{project}/s")
    assert owner.ok("GET", f"run/{run['id']}") == {"run": run}
    owner.ok("POST", f"run/{run['id']}/end")
    assert owner.ok("GET", f"run/{run['id']}")["run"]["status"] == "ended"
    assert owner.ok("PATCH", f"run/{run['id']}", {"status": "success"})["status"] == "success"
    owner.ok("POST", f"run/{run['id']}/end")
    assert owner.ok("GET", f"run/{run['id']}")["run"]["status"] == "success"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": "taken", "config": GRID}, 400),
        ({"name": "", "config": GRID}, 400),
        ({"name": "n"}, 400),
        ({"name": "n", "config": {"parameters": []}}, 201),
        ({"name": "n", "config": {"parameters": [1]}}, 400),
        ({"name": "n", "config": {"parameters": {"a": {"values": []}}}}, 400),
        ({"name": "n", "config": {}, "nb_worker": 0}, 400),
    ],
)
def test_a_scan_that_cannot_be_meant_is_not_made(
    owner: Caller, project: str, body: dict[str, Any], status: int
) -> None:
    owner.ok("POST", f"scan/{project}/create", {"name": "taken", "config": GRID})
    assert owner.call("POST", f"scan/{project}/create", body).status_code == status


def test_a_huge_grid_costs_nothing(owner: Caller, project: str) -> None:
    config = {"parameters": {str(number): {"values": [*range(1000)]} for number in range(20)}}
    owner.ok("POST", f"scan/{project}/create", {"name": "s", "config": config})
    assert set(owner.ok("GET", f"run/{project}/s")["config"]["parameters"].values()) == {0}


def test_a_folder_of_the_first_version_is_brought_up_to_date(root: Path) -> None:
    with start(root) as running:
        token = running.token
    with closing(sqlite3.connect(root / "platform.db")) as database, database:
        without_counters(database)
        database.execute("DROP INDEX token_by_name")
        for column in ("name", "expires", "read_only"):
            database.execute(f"ALTER TABLE token DROP COLUMN {column}")
        for table in ("run", "scan", "experiment_log"):
            database.execute(f"DROP TABLE {table}")
        database.execute("PRAGMA user_version = 1")
    with start(root) as running:
        assert running.token == token
        owner = Caller.of(running)
        with owner.session:
            made = owner.ok("PUT", "project/null", {"project_name": "p"})
            owner.ok("POST", f"scan/{made['project_id']}/create", {"name": "s", "config": GRID})
