"""Each published client makes networks, projects, experiments and scans, with files small and in parts."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.published.conftest import Drive
from tests.published.material import SCRIPT, content
from tests.published.scripts.common import OBJECTS
from tests.published.scripts.experiments import DATA
from tests.server.caller import Caller

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def stored(owner: Caller, key: str, model: bool = True) -> bytes:
    return requests.get(owner.signed(key, bucket_model=model), timeout=10).content


def experiments(owner: Caller, called: str = "p") -> dict[str, Any]:
    project = owner.ok("GET", f"project/by_name/null/{called}")["project_id"]
    return {one["name"]: one for one in owner.ok("GET", f"experiment/{project}")["experiments"]}


def inner(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as held:
        return held.namelist()


def test_a_network_has_its_properties_and_its_files(driven: Drive, version: str) -> None:
    seen, folder, owner = driven(version, "networks")
    (network,) = owner.ok("GET", "network/null")["networks"]
    id_ = network["model_id"]
    assert (network["network_name"], network["type"], network["description"]) == ("net", "detection", "d")
    assert (network["tag"], network["framework"], network["labels"]) == (["a"], "torch", {"1": "person"})
    assert network["files"] == {
        "config": f"{id_}/small.cfg",
        "model-latest": f"{id_}/0/exact.bin",
        "checkpoint": f"{id_}/large.bin",
        "zipped": f"{id_}/folder.zip",
    }
    for key in network["files"].values():
        assert stored(owner, key) == (folder / Path(key).name).read_bytes()
    assert inner(folder / "folder.zip") == ["inner.txt"]
    assert stored(owner, network["thumb_object_name"], model=False) == (folder / "thumb.png").read_bytes()
    assert seen["listed"] == [network]
    assert seen["got"] == [["net", network["files"], network["organization"]["name"]]] * 2
    assert seen["missing"] == "ResourceNotFoundError"


def test_a_project_is_changed_attached_and_listed(driven: Drive, version: str) -> None:
    seen, _, owner = driven(version, "projects")
    (project,) = owner.ok("GET", "project/null")["projects"]
    assert (project["project_id"], project["project_name"]) == (seen["id"], "renamed quay")
    assert (project["description"], project["type"]) == ("y", "detection")
    assert project["datasets"] == [{"dataset_name": "harbour", "description": "described", "private": False}]
    assert seen["listed"] == [project]
    assert seen["workers"] == project["contributors"]
    assert (seen["taken"], seen["missing"]) == ("InvalidQueryError", "ResourceNotFoundError")


def test_files_of_an_experiment_are_stored_and_come_back(driven: Drive, version: str) -> None:
    seen, folder, owner = driven(version, "experiments")
    experiment = experiments(owner)["exp 1"]
    id_ = seen["id"]
    assert seen["files"]["listed"] == experiment["files"]
    assert [(file["name"], file["object_name"], file["large"]) for file in experiment["files"]] == [
        ("config", f"{id_}/small.cfg", False),
        ("model-latest", f"{id_}/0/exact.bin", True),
        ("checkpoint-data-latest", f"{id_}/large.bin", True),
        ("zipped", f"{id_}/folder.zip", False),
    ]
    for file in experiment["files"]:
        key = file["object_name"]
        assert stored(owner, key) == (folder / Path(key).name).read_bytes()
    assert seen["files"]["config"] == experiment["files"][0]
    assert seen["files"]["gone"] == []
    for place in (
        "downloaded/small.cfg", "downloaded/exact.bin", "exp 1/config/small.cfg", "exp 1/exported_model/exact.bin",
        "exp 1/checkpoint/large.bin", "exp 1/folder.zip",
    ):  # fmt: skip
        assert (folder / place).read_bytes() == (folder / Path(place).name).read_bytes()


def test_files_found_in_the_tree_are_stored_under_their_meaning(driven: Drive, version: str) -> None:
    seen, folder, owner = driven(version, "experiments")
    files = {file["name"]: file for file in experiments(owner)["tree"]["files"]}
    assert seen["tree"] == ["pipeline.config", "ckpt-3.index", "ckpt-3.data", "0/saved_model.zip"]
    assert [file["large"] for file in files.values()] == [False, False, True, True]
    for name, place in (
        ("config", "config/pipeline.config"),
        ("checkpoint-index-latest", "checkpoint/ckpt-3.index"),
        ("checkpoint-data-latest", "checkpoint/ckpt-3.data"),
        ("model-latest", "exported_model/saved_model.zip"),
    ):
        assert stored(owner, files[name]["object_name"]) == (folder / "tree" / place).read_bytes()


def test_data_of_every_type_is_logged_extended_and_replaced(driven: Drive, version: str) -> None:
    seen, folder, owner = driven(version, "experiments")
    id_ = seen["id"]
    expected = {name: [kind, data] for name, data, kind in DATA} | {
        "loss": ["line", [3, 2, 1]],
        "begun empty": ["line", [1]],
        "rate": ["line", {"steps": [1, 2], "values": [0.5, 0.25]}],
        "accuracy": ["value", {"value": 0.8}],
        "metrics": ["table", {"map": 0.75}],
        "sample": ["image", {"object_name": f"{id_}/thumb.png"}],
    }
    assert seen["data"] == expected | {"gone": "ResourceNotFoundError"}
    held = {one["name"]: [one["type"], one["data"]] for one in experiments(owner)["exp 1"]["data"]}
    assert held == expected | {"labelmap": ["labelmap", seen["labels"]]}
    assert stored(owner, f"{id_}/thumb.png") == (folder / "thumb.png").read_bytes()


def test_a_log_keeps_its_lines_and_an_experiment_its_state(driven: Drive, version: str) -> None:
    seen, _, owner = driven(version, "experiments")
    lines = owner.ok("GET", f"experiment/{seen['id']}/logging")["lines"]
    assert [(one["line_nb"], one["log"], one["part"], one["final"]) for one in lines] == [
        (0, "epoch 1", "train", False), (1, "epoch 2", "train", True),
    ]  # fmt: skip
    experiment = experiments(owner)["exp 1"]
    assert (experiment["description"], experiment["status"]) == ("other", "fine")
    assert seen["updated"] == "other"


def test_an_experiment_that_is_checked_out_knows_its_project_and_goes_on(driven: Drive, version: str) -> None:
    seen, folder, owner = driven(version, "experiments")
    project = owner.ok("GET", "project/by_name/null/p")["project_id"]
    assert seen["checked out"] == [seen["id"], project, "harbour/first", "fine"]
    assert seen["listed"] == list(experiments(owner))
    assert {path.name for path in (folder / "exp 1").iterdir() if path.is_dir()} == {
        "images", "checkpoint", "metrics", "records", "config", "results", "exported_model",
    }  # fmt: skip
    assert seen["missing"] == "ResourceNotFoundError"


def test_a_training_gets_pictures_annotations_labels_and_a_split(driven: Drive, version: str) -> None:
    seen, folder, _ = driven(version, "experiments")
    labels = [thing["label"] for thing in OBJECTS]
    found = seen["annotations"]
    assert [image["external_picture_url"] for image in found["images"]] == ["a.jpg", "b.jpg", "c.jpg"]
    assert [record["annotations"] for record in found["annotations"]] == [OBJECTS, OBJECTS]
    assert seen["labels"] == {str(number): label for number, label in enumerate(labels, 1)}
    assert all(f'name: "{label}"' in (folder / "exp 1" / "label_map.pbtxt").read_text() for label in labels)
    assert seen["split"] == [2, 1]
    train, test, categories = seen["repartition"]
    assert categories == labels
    assert [sum(counts) for counts in zip(train, test, strict=True)] == [2, 2, 2]
    for name in ("a.jpg", "b.jpg", "c.jpg"):
        assert (folder / "exp 1" / "images" / name).read_bytes() == (folder / name).read_bytes()


def test_an_experiment_is_published_copied_emptied_and_deleted(driven: Drive, version: str) -> None:
    seen, _, owner = driven(version, "experiments")
    held = experiments(owner)
    assert set(held) == {"exp 1", "copy", "emptied", "sourced", "tree"}
    files = {file["name"]: file["object_name"] for file in held["exp 1"]["files"]}
    network = owner.ok("GET", "network/by_name/null/published net")
    assert (network["files"], network["labels"], network["type"]) == (files, seen["labels"], "detection")
    for name in ("copy", "sourced"):
        assert {file["name"]: file["object_name"] for file in held[name]["files"]} == files
    assert [one["name"] for one in held["copy"]["data"]] == [one["name"] for one in held["exp 1"]["data"]]
    assert (held["emptied"]["files"], held["emptied"]["data"]) == ([], [])


def test_the_runs_of_a_scan_are_taken_changed_and_ended(driven: Drive, version: str) -> None:
    seen, folder, owner = driven(version, "scans")
    first, project = seen["first"], owner.ok("GET", "project/by_name/null/p")["project_id"]
    assert seen["made"] == ["success"]
    assert first["experiment"]["name"] == "grid-0"
    assert first["config"]["parameters"] == {"batch": 2, "steps": 9}
    assert first["script_object_name"] == f"{project}/train.py"
    assert first["requirements"] == [
        {"package": "numpy", "version": "1.26"}, {"package": "scipy", "version": ""},
    ]  # fmt: skip
    assert (folder / "pip.txt").read_text() == "install numpy==1.26\ninstall scipy\n"
    for name in ("small.cfg", "large.bin"):
        assert stored(owner, f"{project}/{name}") == (folder / name).read_bytes() == content(name)
    assert (folder / "train.py").read_text() == SCRIPT
    assert (seen["script"], seen["data"], seen["again"]) == ("train.py", "large.bin", first)
    assert (seen["status"], seen["ended"], seen["over"]) == ("running", "ended", "ResourceNotFoundError")
    assert seen["left"] == []
    answer = owner.call("GET", f"run/{first['id']}")
    assert answer.status_code == 404, "a run goes with its experiment"
