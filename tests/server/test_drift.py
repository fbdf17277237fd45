"""The odd shapes of requests, and the wires of older clients, as they are sent: nothing here is what we would send."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.server.caller import JPEG, RECTANGLE, Caller

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@pytest.fixture
def dataset(owner: Caller) -> str:
    return owner.dataset("a.jpg")


@pytest.fixture
def project(owner: Caller) -> str:
    return str(owner.ok("PUT", "project/null", {"project_name": "cranes"})["project_id"])


@pytest.fixture
def experiment(owner: Caller, project: str) -> str:
    return str(owner.ok("POST", f"experiment/{project}", {"name": "exp"})["id"])


def raw(owner: Caller, method: str, path: str, data: str | None = None, **headers: str) -> requests.Response:
    return owner.session.request(method, owner.address + path, data=data, headers=headers, timeout=5)


def test_a_get_may_have_a_json_body(owner: Caller) -> None:
    assert raw(owner, "GET", "init_multipart_upload", '{"object_name": "k"}').json().keys() == {"upload_id"}


@pytest.mark.parametrize("project_word", ["None", "null", "{'project_id': 'x'}"])
@pytest.mark.parametrize("place", ["form", "query", "neither"])
def test_whether_files_and_data_are_wanted_may_stand_anywhere(
    owner: Caller, experiment: str, place: str, project_word: str
) -> None:
    words = "with_file=False&with_data=True"
    path = f"experiment/{project_word}/{experiment}" + (f"?{words}" if place == "query" else "")
    answer = raw(owner, "GET", path, words if place == "form" else None, **FORM)
    assert answer.json()["experiment"]["id"] == experiment


@pytest.mark.parametrize("by", ["{experiment}", "by_name/exp"])
def test_clients_that_ask_in_the_query_take_an_experiments_project_for_its_id(
    owner: Caller, project: str, experiment: str, by: str
) -> None:
    path = f"experiment/{project}/{by.format(experiment=experiment)}"
    words = "with_file=True&with_data=False"
    old = raw(owner, "GET", f"{path}?{words}").json()["experiment"]
    new = raw(owner, "GET", path, words, **FORM).json()["experiment"]
    assert old == new | {"project": project}
    assert new["project"]["project_id"] == project


def test_networks_are_listed_by_a_get_with_a_form(owner: Caller) -> None:
    name = owner.ok("POST", "get_organization", {"organization": None})["organization_name"]
    made = owner.ok("POST", f"network/{name}", {"name": "n", "type": "t"})
    answer = raw(owner, "GET", f"network/{name}", f"organization={name}", **FORM)
    assert answer.json() == {"networks": [made]}


@pytest.mark.parametrize("snapshot", ["True", "False", "true", "false"])
def test_truth_is_written_as_in_python(owner: Caller, dataset: str, snapshot: str) -> None:
    found = owner.ok("GET", f"annotation/{dataset}?limit=1&offset=0&snapshot={snapshot}")
    assert ("url" in found) is (snapshot.lower() == "true")


def test_requests_without_any_body(owner: Caller, dataset: str, project: str) -> None:
    network = owner.ok("POST", "network/null", {"name": "n", "type": "t"})["model_id"]
    owner.ok("POST", f"scan/{project}/create", {"name": "s", "config": {}})
    run = owner.ok("GET", f"run/{project}/s")["id"]
    for method, path in (
        ("PUT", f"label/{dataset}/car/rectangle"),
        ("POST", f"run/{run}/end"),
        ("POST", f"network/{network}"),
        ("POST", f"scan/{project}/launch/s"),
        ("DELETE", f"annotation/{dataset}"),
        ("DELETE", f"network/null/{network}"),
        ("DELETE", f"experiment/{project}"),
        ("DELETE", "project/by_name/null/cranes"),
        ("DELETE", "dataset/null/harbour/latest"),
    ):
        answer = raw(owner, method, path)
        assert answer.status_code == 200, (method, path)
        assert isinstance(answer.json(), dict)


@pytest.mark.parametrize("batch", ["0", "1", "x"])
def test_files_and_data_come_wrapped_in_a_numbered_object(owner: Caller, experiment: str, batch: str) -> None:
    for kind, item in (("file", {"object_name": "k"}), ("data", {"data": None, "type": "value"})):
        owner.ok("PUT", f"experiment/{experiment}/{kind}", {batch: {"name": "n", **item}})
    assert len(owner.ok("GET", f"experiment/{experiment}/file")["files"]) == 1
    assert owner.ok("GET", f"experiment/{experiment}/data/n")["data_asset"]["data"] is None


def test_data_that_is_an_empty_list_may_be_made_again(owner: Caller, experiment: str) -> None:
    for data in ([], [], [1]):
        owner.ok("PUT", f"experiment/{experiment}/data", {"0": {"name": "n", "type": "line", "data": data}})
    assert owner.ok("GET", f"experiment/{experiment}/data/n")["data_asset"]["data"] == [1]
    again = {"0": {"name": "n", "type": "line", "data": [2]}}
    assert owner.call("PUT", f"experiment/{experiment}/data", again).status_code == 400


@pytest.mark.parametrize("as_object", [True, False])
@pytest.mark.parametrize(
    ("method", "path", "key", "more"),
    [
        ("PUT", "dataset/null", "pictures", {"dataset_name": "d"}),
        ("PUT", "dataset/null/new_version", "pictures", {"name": "harbour", "version": "v"}),
        ("POST", "dataset/null", "pictures", {"name": "harbour", "version": "latest", "pk": ""}),
        ("POST", "datalake/tag/null", "to_tag", {"tags": ["x"]}),
        ("POST", "datalake/delete_tag/null", "to_delete_tag", {"tags": ["x"]}),
        ("POST", "datalake/delete/null", "to_delete", {}),
    ],
)
def test_pictures_are_named_by_their_ids_or_as_whole_objects(
    owner: Caller, dataset: str, as_object: bool, method: str, path: str, key: str, more: dict[str, Any]
) -> None:
    (picture,) = owner.ok("GET", f"picture/{dataset}")["pictures"]
    owner.ok(method, path, {key: [picture if as_object else picture["picture_id"]], **more})


@pytest.mark.parametrize("own", ["null", "none", "id", "name"])
@pytest.mark.parametrize("path", ["datalake/{}", "dataset/{}", "project/{}", "network/{}"])
def test_the_callers_organization_has_four_names_everywhere(owner: Caller, own: str, path: str) -> None:
    known = owner.ok("POST", "get_organization", {"organization": None})
    word = {"id": known["organization_id"], "name": known["organization_name"]}.get(own, own)
    assert owner.call("GET", path.format(word)).status_code == 200


@pytest.mark.parametrize(
    ("word", "kind"),
    [
        ("rectangle", "rectangle"),
        ("detection", "rectangle"),
        ("polygon", "polygon"),
        ("segmentation", "polygon"),
        ("classification", "classification"),
    ],
)
def test_label_types_have_older_words(owner: Caller, dataset: str, word: str, kind: str) -> None:
    for _ in range(2):
        owner.ok("PUT", f"label/{dataset}/car/{word}")
    assert owner.ok("GET", f"label/{dataset}")["labels"] == [{"name": "car", "type": kind}]


def test_a_dataset_that_is_made_answers_as_every_client_reads_it(owner: Caller) -> None:
    made = owner.ok("PUT", "dataset/null", {"dataset_name": "d", "pictures": []})
    version = owner.ok("PUT", "dataset/null/new_version", {"name": "d", "version": "v"})
    for answer in (made, version):
        assert answer["pk"] == answer["dataset"]["dataset_id"]
    assert made["dataset"]["version"] == "first"


@pytest.mark.parametrize("path", ["network/null/{}", "network/by_name/null/n"])
def test_a_network_is_changed_by_put_or_patch_and_answers_as_each_reads_it(owner: Caller, path: str) -> None:
    id_ = owner.ok("POST", "network/null", {"name": "n", "type": "t"})["model_id"]
    body = {"description": "d", "model_id": id_}
    assert owner.ok("PUT", path.format(id_), body)["description"] == "d"
    assert owner.ok("PATCH", path.format(id_), body)["network"]["description"] == "d"


@pytest.mark.parametrize("by", ["new/{dataset}/a.jpg", "{dataset}/{picture}"])
def test_an_annotation_is_addressed_by_name_or_by_id(owner: Caller, dataset: str, by: str) -> None:
    (picture,) = owner.ok("GET", f"picture/{dataset}")["pictures"]
    path = by.format(dataset=dataset, picture=picture["picture_id"])
    legacy = {"picture_id": "a.jpg", "nb_instances": 1, "duration": 2.5, "data": [RECTANGLE]}
    owner.ok("PUT", f"annotation/{path}", legacy)
    record = owner.record(dataset, "a.jpg")
    assert (record["nb_labels"], record["time_spent"]) == (1, 2.5)


def test_statuses_are_those_the_published_clients_take_for_what_they_are(owner: Caller, dataset: str) -> None:
    assert owner.store("k.jpg") == 204
    assert [owner.register("k.jpg", "k.jpg").status_code for _ in range(2)] == [201, 208]
    assert owner.call("DELETE", "dataset/null/harbour/first").status_code == 200
    assert owner.call("GET", "dataset/null/harbour/first").status_code == 404
    for _ in range(2):
        last = owner.call("PUT", "project/null", {"project_name": "p"})
    assert (last.status_code, list(last.json())) == (400, ["error"])
    assert owner.call("DELETE", "project/null").status_code == 404
    upload = owner.ok("GET", "init_multipart_upload", {"object_name": "k"})["upload_id"]
    wish = {"object_name": "k", "upload_id": upload, "part_no": 1}
    sent = requests.put(owner.ok("POST", "generate_post_part_url", wish)["url"], data=JPEG, timeout=5)
    parts = [{"ETag": sent.headers["ETag"], "PartNumber": 1}]
    end = {"object_name": "k", "upload_id": upload, "parts": parts, "network_id": None}
    assert owner.call("POST", "complete_part_upload", end).status_code == 201
