"""Experiments: files, data of every type, logs, checkout with a tree, the material of a training, publishing."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from tests.published.scripts.common import OBJECTS, annotate, dataset, failure, project, token_of

DATA: list[tuple[str, Any, str]] = [
    ("loss", [3, 2], "line"),
    ("begun empty", [], "line"),
    ("rate", {"steps": [1], "values": [0.5]}, "line"),
    ("accuracy", 0.5, "value"),
    ("split", {"x": ["crane"], "y": [3], "image_list": ["a"]}, "bar"),
    ("confusion", {"categories": ["crane"], "values": [[1]]}, "heatmap"),
    ("metrics", {"map": 0.5, "recall": 1}, "table"),
    ("sample", "thumb.png", "image"),
]


def drive(client: Any, shape: Any) -> dict[str, Any]:
    dataset(client, "harbour", "a.jpg", "b.jpg", "c.jpg")
    for name in ("a.jpg", "b.jpg"):
        annotate(client, shape, name, OBJECTS)
    id_ = project(client, shape, "p", type="detection")
    experiment = _fresh(client, id_)
    experiment.create("exp 1", description="d", dataset="harbour/first")
    seen = {"id": experiment.id, "files": _files(experiment), "data": _data(experiment)}
    _train(experiment)
    seen["updated"] = experiment.update(description="other")["description"]
    again = _fresh(client, id_)
    again.checkout("exp 1", tree=True, with_file=True, with_data=True)
    seen["checked out"] = [
        again.id,
        again.project_token,
        again.dataset,
        again.update(status="fine")["status"],
    ]
    seen |= _material(again)
    again.publish("published net")
    _copies(client, id_)
    seen["tree"] = _tree(client, id_)
    seen["listed"] = [one["name"] for one in again.list()]
    return seen | {"missing": failure(_fresh(client, id_).checkout, "gone")}


def _fresh(client: Any, project_id: str) -> Any:
    return type(client).Experiment(
        token_of(client), host=client.host, project_token=project_id, interactive=False
    )


def _files(experiment: Any) -> dict[str, Any]:
    experiment.store("config", "small.cfg")
    experiment.store("config", "small.cfg")
    experiment.store("model-latest", "exact.bin")
    experiment.store("checkpoint-data-latest", "large.bin")
    experiment.store("zipped", "folder", zip=True)
    experiment.store("gone", "thumb.png")
    experiment.delete_file("gone")
    for name in ("config", "model-latest", "gone"):
        experiment.download(name, "downloaded")
    return {
        "listed": experiment.list_files(),
        "config": experiment.get_file("config"),
        "gone": experiment.get_file("gone"),
    }


def _tree(client: Any, project_id: str) -> list[str]:
    """Files that are found in the tree by their meaning; two of them go in parts, however small."""
    experiment = _fresh(client, project_id)
    experiment.create("tree")
    experiment.checkout(tree=True)
    Path(experiment.config_dir, "pipeline.config").write_text("config")
    Path(experiment.checkpoint_dir, "ckpt-3.index").write_text("index")
    Path(experiment.checkpoint_dir, "ckpt-3.data").write_text("data")
    Path(experiment.exported_model_dir, "saved_model").mkdir()
    Path(experiment.exported_model_dir, "saved_model", "model.pb").write_text("model")
    names = ("config", "checkpoint-index-latest", "checkpoint-data-latest", "model-latest")
    return [experiment.store(name).partition("/")[2] for name in names]


def _data(experiment: Any) -> dict[str, Any]:
    for name, data, kind in DATA:
        experiment.log(name, data, kind)
    experiment.log("begun empty", [1], "line")
    for name, more in (("loss", [1]), ("rate", {"steps": [2], "values": [0.25]})):
        held = experiment.get_data(name)
        experiment.log(name, more, "line")
        _await(lambda name=name, held=held: experiment.get_data(name) != held)
    experiment.log("accuracy", 0.8, "value", replace=True)
    experiment.log("metrics", {"map": 0.75}, "table")
    experiment.log("gone", 1, "value")
    experiment.delete_data("gone")
    seen = {one["name"]: [one["type"], one["data"]] for one in experiment.list_data()}
    return seen | {"gone": failure(experiment.get_data, "gone")}


def _await(done: Any) -> None:
    """Later clients add to a line in a thread that nobody waits for."""
    for _ in range(100):
        if done():
            return
        time.sleep(0.05)


def _train(experiment: Any) -> None:
    experiment.start_logging_chapter("train")
    experiment.start_logging_buffer(2)
    experiment.send_experiment_logging("epoch 1", "train")
    experiment.send_experiment_logging("epoch 2", "train", final=True, special=True)
    experiment.end_logging_buffer()
    experiment.launch(1)
    experiment.update_job_status("success")


def _material(experiment: Any) -> dict[str, Any]:
    found = experiment.dl_annotations("accepted")
    experiment.dl_annotations()
    experiment.dl_pictures()
    experiment.generate_labelmap()
    experiment.train_test_split(0.7)
    experiment.log("labelmap", experiment.label_map, "labelmap", replace=True)
    return {
        "annotations": found,
        "labels": experiment.label_map,
        "split": [len(experiment.train_list), len(experiment.eval_list)],
        "repartition": [experiment.train_repartition, experiment.test_repartition, experiment.categories],
    }


def _copies(client: Any, project_id: str) -> None:
    """Experiments that begin with what another has, one emptied and one deleted."""
    copy = _fresh(client, project_id)
    copy.create("copy", previous="exp 1", with_file=True, with_data=True)
    emptied = _fresh(client, project_id)
    emptied.create("emptied", previous="exp 1", with_file=True, with_data=True)
    emptied.delete_all_files()
    emptied.delete_all_data()
    source = f"{client.network.organization}/published net"
    _fresh(client, project_id).create("sourced", source=source, with_file=True)
    gone = _fresh(client, project_id)
    gone.create("gone")
    gone.delete()
