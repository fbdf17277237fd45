"""What an experiment is trained with, what it says meanwhile, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from picsellia_ingest.api import transport
from picsellia_ingest.client import Client
from picsellia_ingest.errors import InvalidQueryError, ResourceNotFoundError
from picsellia_ingest.server import start
from tests.paths import FIXTURES
from tests.upload.faults import Faults

DEMO = FIXTURES / "COCO" / "demo"
NAMES = ["dock 01.jpg", "dock#02.jpg", "night/dock 01.jpg", "night/empty.png"]


@pytest.fixture
def experiment(host: str, project: str, here: Path, tmp_path: Path) -> Client.Experiment:
    Client.Datalake(host=host).upload(
        "docks",
        imgdir=DEMO / "images",
        ann_path=DEMO / "instances.json",
        journal=tmp_path / "j.db",
        quiet=True,
    )
    return Client.Experiment(host=host, project_token=project).create("exp 1", dataset="docks/first")


@pytest.mark.parametrize("option", ["all", "accepted"])
def test_annotations_and_pictures_are_downloaded_for_training(
    experiment: Client.Experiment, option: str
) -> None:
    found = experiment.checkout(tree=True).dl_annotations(option)
    assert found is experiment.dict_annotations
    assert sorted(image["external_picture_url"] for image in found["images"]) == NAMES
    assert sum(record["nb_labels"] for record in found["annotations"]) == 7
    assert experiment.dl_pictures() == {}
    assert experiment.png_dir == str(Path("exp 1") / "images")
    for name in NAMES:
        assert (Path(experiment.png_dir) / name).read_bytes() == (DEMO / "images" / name).read_bytes()


def test_the_labelmap_counts_from_one_and_is_written_for_tools(experiment: Client.Experiment) -> None:
    experiment.dl_annotations()
    names = [category["name"] for category in experiment.dict_annotations["categories"]]
    assert experiment.generate_labelmap() == {str(n): name for n, name in enumerate(names, 1)}
    assert experiment.label_path == "label_map.pbtxt"
    text = Path("label_map.pbtxt").read_text()
    assert text.startswith(f'item {{\n  id: 1\n  name: "{names[0]}"\n}}\n')
    assert text.count("item") == len(names)
    experiment.checkout(tree=True).generate_labelmap()
    assert Path("exp 1/label_map.pbtxt").read_text() == text


@pytest.mark.parametrize(("prop", "train"), [(0.0, 0), (0.5, 2), (0.8, 3), (1.0, 4)])
def test_a_split_is_whole_disjoint_and_the_same_every_time(
    experiment: Client.Experiment, prop: float, train: int
) -> None:
    found = experiment.dl_annotations()
    split = experiment.train_test_split(prop)
    trained, tested, trained_ids, tested_ids, in_train, in_test, labels = split
    assert (len(trained), len(tested)) == (train, 4 - train)
    assert sorted(trained + tested) == [str(Path("images") / name) for name in NAMES]
    assert sorted(trained_ids + tested_ids) == sorted(
        image["internal_picture_id"] for image in found["images"]
    )
    held = [thing["label"] for record in found["annotations"] for thing in record["annotations"]]
    assert [a + b for a, b in zip(in_train, in_test, strict=True)] == [held.count(label) for label in labels]
    found["images"].reverse()
    assert experiment.train_test_split(prop) == split
    experiment.log("train-split", {"x": experiment.categories, "y": experiment.train_repartition}, "bar")


@pytest.mark.parametrize(
    "use",
    [
        lambda one: one.dl_pictures(),
        lambda one: one.generate_labelmap(),
        lambda one: one.train_test_split(),
    ],
)
def test_without_annotations_they_are_asked_for(
    experiment: Client.Experiment, use: Callable[[Any], None]
) -> None:
    with pytest.raises(ResourceNotFoundError, match="call dl_annotations first"):
        use(experiment)


def test_an_experiment_without_a_dataset_has_no_annotations(experiment: Client.Experiment) -> None:
    with pytest.raises(ResourceNotFoundError, match="no dataset"):
        experiment.create("bare").dl_annotations()
    with pytest.raises(InvalidQueryError, match="all or accepted"):
        experiment.dl_annotations("some")


def test_logs_are_sent_in_order_and_a_lost_line_ends_no_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    faults = Faults()
    with start(tmp_path / "platform", wrap=faults.wrap) as running:
        project = Client.Project(running.token, running.address).create("p").project_id
        one = Client.Experiment(running.token, running.address, project).create("e")
        assert (one.line_nb, one.buffer_length, one.fetched_experiment["logging"]) == (0, 1, None)
        for how in ("after", "lost", "before"):
            faults.fail("POST", "send_experiment_logging", how=how)
            assert one.send_experiment_logging(how, "train", special=True)
        faults.fail("POST", "send_experiment_logging", how="status 400")
        assert not one.send_experiment_logging("refused", "train")
        assert one.send_experiment_logging("end", "train", final=True)
        assert one.line_nb == 5
        assert one.checkout().fetched_experiment["logging"]["nb_lines"] == 4
        assert one.fetched_experiment["logging"]["final"] is True
        transport.close_idle_connections()
    assert "a line of the log was not sent: made to fail" in capsys.readouterr().out


def test_marks_cut_a_trainings_output_into_chapters(
    experiment: Client.Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    capsys.readouterr()
    experiment.start_logging_chapter("Train")
    experiment.start_logging_buffer(9)
    experiment.end_logging_buffer()
    assert capsys.readouterr().out == "--#--Train\n--9--\n---9---\n"


def test_a_job_is_launched_and_its_state_set(experiment: Client.Experiment) -> None:
    experiment.launch(gpus=1)
    assert experiment.checkout().fetched_experiment["status"] == "launched"
    experiment.update_job_status("success")
    assert experiment.checkout().fetched_experiment["status"] == "success"


def test_a_published_experiment_is_a_network_that_can_be_fetched_and_deleted(
    experiment: Client.Experiment, host: str, tmp_path: Path
) -> None:
    (tmp_path / "model.h5").write_text("weights")
    experiment.store("model-latest", tmp_path / "model.h5")
    made = experiment.publish("net")
    assert (made.network_name, made.files) == ("net", {"model-latest": f"{experiment.id}/0/model.h5"})
    fetched = Client.Network(host=host).get("net")
    assert fetched.fetched_network == made.fetched_network
    fetched.download("model-latest")
    assert Path("model.h5").read_text() == "weights"
    fetched.delete()
    assert experiment.publish().network_name == "exp 1"
    with pytest.raises(InvalidQueryError, match="exists already"):
        experiment.publish()


def test_publishing_is_done_once_when_the_answer_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.0)
    faults = Faults()
    with start(tmp_path / "platform", wrap=faults.wrap) as running:
        project = Client.Project(running.token, running.address).create("p").project_id
        one = Client.Experiment(running.token, running.address, project).create("e")
        for number, how in enumerate(("after", "lost", "before")):
            faults.fail("POST", "/publish", how=how)
            assert one.publish(str(number)).network_name == str(number)
        assert len(Client.Network(running.token, host=running.address).list()) == 3
        transport.close_idle_connections()


def test_files_are_listed_renamed_and_forgotten(experiment: Client.Experiment, tmp_path: Path) -> None:
    (tmp_path / "a.cfg").write_text("a")
    for name in ("config", "notes"):
        experiment.store(name, tmp_path / "a.cfg")
    assert [file["name"] for file in experiment.list_files()] == ["config", "notes"]
    assert experiment.get_file("config")["large"] is False
    experiment.update_file("config", object_name="other", large=True)
    assert (experiment.get_file("config")["object_name"], experiment.get_file("config")["large"]) == (
        "other",
        True,
    )
    experiment.delete_file("config")
    with pytest.raises(ResourceNotFoundError, match="no file config"):
        experiment.get_file("config")
    with pytest.raises(ResourceNotFoundError):
        experiment.delete_file("config")
    experiment.delete_all_files()
    assert experiment.list_files() == []


def test_without_a_path_the_newest_file_of_the_tree_is_stored(experiment: Client.Experiment) -> None:
    with pytest.raises(InvalidQueryError, match="no path was given"):
        experiment.store("config")
    experiment.checkout(tree=True)
    (Path(experiment.config_dir) / "pipeline.config").write_text("steps")
    for number in (1, 12):
        for end in ("index", "data-00000-of-00001"):
            (Path(experiment.checkpoint_dir) / f"ckpt-{number}.{end}").write_text(str(number))
    (Path(experiment.exported_model_dir) / "saved_model").mkdir()
    (Path(experiment.exported_model_dir) / "saved_model" / "saved_model.pb").write_text("graph")
    for name in ("config", "checkpoint-index-latest", "checkpoint-data-latest", "model-latest"):
        experiment.store(name)
    assert {file["name"]: file["object_name"].partition("/")[2] for file in experiment.list_files()} == {
        "config": "pipeline.config",
        "checkpoint-index-latest": "ckpt-12.index",
        "checkpoint-data-latest": "ckpt-12.data-00000-of-00001",
        "model-latest": "0/saved_model.zip",
    }
    for name in ("notes", "metrics"):
        with pytest.raises(InvalidQueryError, match="no path was given"):
            experiment.store(name)


def test_data_of_every_type_is_kept_listed_changed_and_removed(experiment: Client.Experiment) -> None:
    logged: dict[str, tuple[Any, str, Any]] = {
        "value": (np.float32(0.5), "value", {"value": 0.5}),
        "line": (np.array([1, 2]), "line", [1, 2]),
        "steps": ({"steps": [1], "values": [0.5]}, "line", {"steps": [1], "values": [0.5]}),
        "bar": ({"x": ["car"], "y": [3], "image_list": ["i"]}, "bar", {"x": ["car"], "y": [3], "image_list": ["i"]}),
        "table": ({"data": [[1, 2]], "rows": ["a"]}, "table", {"data": [[1, 2]], "rows": ["a"]}),
        "labelmap": ({1: "car"}, "labelmap", {"1": "car"}),
        "image": (str(DEMO / "images" / "dock#02.jpg"), "image", {"object_name": f"{experiment.id}/image/dock#02.jpg"}),
    }  # fmt: skip
    for name, (data, kind, _) in logged.items():
        experiment.log(name, data, kind)
    experiment.log("value", 0.75, "value")
    experiment.append_data("line", [3])
    found = {one["name"]: (one["type"], one["data"]) for one in experiment.list_data()}
    expected = {name: (kind, held) for name, (_, kind, held) in logged.items()}
    assert found == expected | {"value": ("value", {"value": 0.75}), "line": ("line", [1, 2, 3])}
    experiment.create_data("more", {"a": [1]}, "table")
    experiment.update_data("more", {"a": [2]})
    assert experiment.get_data("more") == {"a": [2]}
    experiment.delete_data("more")
    with pytest.raises(ResourceNotFoundError):
        experiment.get_data("more")
    experiment.delete_all_data()
    assert experiment.list_data() == []


def test_two_pictures_of_one_file_name_are_both_kept(experiment: Client.Experiment, tmp_path: Path) -> None:
    for number in (1, 2):
        (tmp_path / str(number)).mkdir()
        (tmp_path / str(number) / "seen.png").write_text(str(number))
        experiment.log(f"seen {number}", tmp_path / str(number) / "seen.png", "image")
    keys = {experiment.get_data(f"seen {number}")["object_name"] for number in (1, 2)}
    assert len(keys) == 2


@pytest.mark.parametrize("data", [object(), {"a": {object()}}, {object(): 1}])
def test_data_that_json_cannot_hold_is_refused_before_a_request(
    experiment: Client.Experiment, data: Any
) -> None:
    before = experiment._connection.traffic.requests
    with pytest.raises(InvalidQueryError, match="none that JSON holds"):
        experiment.log("odd", data, "table")
    assert experiment._connection.traffic.requests == before


def test_all_experiments_of_a_project_are_deleted(experiment: Client.Experiment, project: str) -> None:
    experiment.create("exp 2")
    experiment.delete_all()
    assert experiment.list(project) == []
    assert experiment.fetched_experiment == {}


def test_an_older_scripts_names_are_understood(
    host: str, experiment: Client.Experiment, project: str
) -> None:
    one = Client.Experiment(host=host)
    assert (one.experiment_name, one.base_dir, one.png_dir, one.run) == ("", "", "images", None)
    one.experiment_name = "exp 1"
    assert one.checkout(project_token=project).id == experiment.id
