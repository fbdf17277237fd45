"""Each published client puts pictures, datasets, labels and annotations on the platform, and reads them back."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.published.conftest import Drive, Driven
from tests.published.material import PICTURES
from tests.published.scripts.common import IMAGE_QA, OBJECTS
from tests.published.shapes import MIDDLE, SHAPES
from tests.server.caller import Caller

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def names(pictures: Any) -> set[str]:
    return {picture["external_url"] for picture in pictures}


def dataset(owner: Caller, name: str, version: str = "latest") -> dict[str, Any]:
    return dict(owner.ok("GET", f"dataset/null/{name}/{version}")["dataset"])


def contents(owner: Caller, name: str, version: str = "latest") -> set[str]:
    return names(owner.ok("GET", f"picture/{dataset(owner, name, version)['dataset_id']}")["pictures"])


def labels(owner: Caller, name: str) -> list[tuple[str, str]]:
    found = owner.ok("GET", f"label/{dataset(owner, name)['dataset_id']}")["labels"]
    return [(label["name"], label["type"]) for label in found]


def test_every_class_finds_its_user_and_organization(driven: Drive, version: str) -> None:
    seen, _, owner = driven(version, "bootstrap")
    (project,) = owner.ok("GET", "project/null")["projects"]
    assert seen["username"] == "bootstrap"
    assert set(seen["organizations"]) == {owner.org}
    assert seen["network"] == project["organization"]["name"]
    assert seen["experiments"] == []
    assert seen["workers"] == [{"workers": project["contributors"]}] * 2


def test_a_version_has_the_calls_that_it_is_said_to_have(driven: Drive, version: str) -> None:
    has = set(driven(version, "bootstrap").seen["has"])
    known = set().union(*(shape.lacks for shape in SHAPES.values()))
    assert known - has == SHAPES[version].lacks


def test_pictures_come_with_size_and_tags_and_go(driven: Drive, version: str) -> None:
    seen, folder, owner = driven(version, "pictures")
    held = {picture["external_url"]: picture for picture in owner.ok("GET", "datalake/null")["pictures"]}
    in_lists = {"two.jpg", "three.jpg", "four.jpg"} if version != MIDDLE else set()
    assert set(held) == {"one.png", "dock é 1.jpg"} | in_lists
    assert names(seen["listed"]) == set(held) | {"gone.png"}
    assert names(seen["single"]) == {"one.png", "dock é 1.jpg"}
    assert seen["none"] == []
    assert seen["nothing to do"] == [None] * 4
    for name, picture in held.items():
        assert (picture["width"], picture["height"]) == PICTURES[name]
        stored = requests.get(owner.signed(picture["internal_key"]), timeout=10).content
        assert stored == (folder / name).read_bytes()
    assert set(held["one.png"]["tag"]) == {"single", "o", "added", "by id"}
    assert set(held["dock é 1.jpg"]["tag"]) == {"single", "d", "added", "kept"}
    assert requests.get(owner.signed(seen["gone"]["internal_key"]), timeout=10).status_code == 404


def test_datasets_have_versions_of_pictures(driven: Drive, version: str) -> None:
    seen, _, owner = driven(version, "datasets")
    held = owner.ok("GET", "dataset/null")["datasets"]
    assert [(one["dataset_name"], one["version"], one["size"]) for one in held] == [
        ("harbour", "first", 2), ("harbour", "second", 3),
    ]  # fmt: skip
    assert held[0] == {
        "dataset_id": seen["created"], "dataset_name": "harbour", "version": "first", "size": 2,
        "description": "described", "private": False,
    }  # fmt: skip
    assert contents(owner, "harbour", "first") == {"a.jpg", "b.jpg"}
    assert contents(owner, "harbour") == {"a.jpg", "b.jpg", "dock é 1.jpg"}
    assert seen["nothing"] == [None, None]
    assert (seen["latest"]["version"], seen["latest"]["dataset_id"]) == ("third", seen["third"])
    assert seen["listed"] in (held, None)
    assert names(seen.get("pictures", [])) in (contents(owner, "harbour"), set())
    assert seen["missing"] == "ResourceNotFoundError"


def test_a_dataset_is_downloaded_byte_by_byte(driven: Drive, version: str) -> None:
    _, folder, owner = driven(version, "datasets")
    for place, which in (("chosen", "second"), ("harbour/first", "first")):
        loaded = {path.name: path.read_bytes() for path in (folder / place).iterdir()}
        assert loaded == {name: (folder / name).read_bytes() for name in contents(owner, "harbour", which)}


def test_labels_are_made_once_for_each_type(driven: Drive, version: str) -> None:
    owner = driven(version, "annotations").owner
    assert labels(owner, "quay") == [(thing["label"], thing["type"]) for thing in OBJECTS]


def test_annotations_of_every_type_arrive_as_sent_and_add_up(driven: Drive, version: str) -> None:
    seen, _, owner = driven(version, "annotations")
    id_ = dataset(owner, "quay")["dataset_id"]
    records = {name: owner.record(id_, name) for name in ("a b.jpg", "b.jpg", "c.jpg")}
    assert records["a b.jpg"]["annotations"] == records["c.jpg"]["annotations"] == OBJECTS
    assert (records["a b.jpg"]["image_qa"], records["c.jpg"]["image_qa"]) == (IMAGE_QA, [])
    assert (records["c.jpg"]["nb_labels"], records["c.jpg"]["time_spent"]) == (3, 2.5)
    assert seen["answer"]["message"] == "annotation saved"


def test_annotations_are_deleted_by_picture_or_all(driven: Drive, version: str) -> None:
    seen, _, owner = driven(version, "annotations")
    assert owner.record(dataset(owner, "quay")["dataset_id"], "b.jpg")["annotations"] == OBJECTS[1:2]
    emptied = dataset(owner, "emptied")["dataset_id"]
    assert owner.ok("GET", f"annotation/{emptied}") == {"annotations": [], "nb_pages": 0}
    assert (seen["deleted"], seen["neither"]) == ({"success": "annotations deleted"}, "InvalidQueryError")


@pytest.mark.parametrize("version", ["5.0.22"])
def test_annotations_are_read_whole_by_page_by_picture_and_as_a_file(driven: Drive, version: str) -> None:
    seen, _, owner = driven(version, "annotations")
    held = owner.ok("GET", f"annotation/{dataset(owner, 'quay')['dataset_id']}")["annotations"]
    assert seen["all"] == held
    assert (seen["page"], seen["one"]) == (held[1:2], held[:1])
    assert seen["file"] == {"annotations": held, "total_assets": 3}


def uploaded(driven: Driven, name: str, picture: str) -> Any:
    owner = driven.owner
    return owner.record(dataset(owner, name)["dataset_id"], picture)["annotations"]


def test_labelled_folders_arrive_whole(driven: Drive, version: str) -> None:
    done = driven(version, "uploads")
    kinds = [(thing["label"], thing["type"]) for thing in OBJECTS]
    if version == "5.0.22":  # it cannot do pictures and annotations at once
        wholes = [("after picsellia", "c.jpg")]
    else:
        wholes = [("picsellia", "p-a.jpg"), ("picsellia", "p-b.jpg")]
    if version in ("5.0", "5.0.2"):
        wholes += [("afterwards", "c.jpg"), ("legacy", "l.jpg")]
    for name, picture in wholes:
        assert uploaded(done, name, picture) == OBJECTS
        assert labels(done.owner, name) == kinds
    assert {"p-a.jpg", "p-b.jpg"} <= names(done.owner.ok("GET", "datalake/null")["pictures"])


@pytest.mark.parametrize(
    ("version", "sets"),
    [
        ("5.0.8", {"coco": ("q-a.jpg", "q-b.jpg"), "voc": ("v-a.jpg", "v-b.jpg")}),
        ("5.0.22", {"after coco": ("d.jpg",), "after voc": ("e.jpg",)}),
    ],
)
def test_boxes_of_coco_and_voc_arrive(driven: Drive, version: str, sets: dict[str, tuple[str, ...]]) -> None:
    done = driven(version, "uploads")
    for name, pictures in sets.items():
        assert contents(done.owner, name) == set(pictures)
        for picture in pictures:
            (box,) = uploaded(done, name, picture)
            assert (box["type"], box["label"]) == ("rectangle", "crane")
            assert box["rectangle"] == {"top": 8, "left": 4, "width": 25, "height": 21}
