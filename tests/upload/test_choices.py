"""Labels that are chosen and renamed, and splits that are uploaded by themselves: what is left out is counted, not lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest import run
from picsellia_ingest.api import platform
from picsellia_ingest.client import Client, ingest
from picsellia_ingest.client.session import open_session
from picsellia_ingest.errors import InputError, InvalidQueryError
from tests.client.sources import BOX, coco, picture
from tests.upload.conftest import Destination


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def lake(destination: Destination) -> Client.Datalake:
    return Client.Datalake(destination.running.token, host=destination.running.address)


@pytest.fixture
def source(tmp_path: Path) -> dict[str, Any]:
    """Two cars and a CAR on one image."""
    picture(tmp_path / "images" / "a.jpg")
    boxes: list[dict[str, Any]] = [
        {"bbox": BOX},
        {"bbox": [1, 1, 5, 5]},
        {"bbox": [8, 8, 9, 9], "category_id": 2},
    ]
    return {"imgdir": tmp_path / "images", "ann_path": coco(tmp_path / "ann", *boxes), "quiet": True}


def labels_sent(destination: Destination) -> list[str]:
    return sorted({found["label"] for objects in destination.objects("cars").values() for found in objects})


def pictures_of(destination: Destination, version: str | None = None) -> list[str]:
    listed = platform.dataset_pictures(destination.connection, destination.dataset("cars", version).id)
    return sorted(picture["external_url"] for picture in listed)


@pytest.mark.parametrize(
    ("choice", "left_out", "labels"),
    [
        ({"only": ["Car"]}, 1, ["Car"]),
        ({"drop": ["Car"]}, 2, ["car"]),
        ({"labels": {"Car": "vehicle", "car": "vehicle"}}, 0, ["vehicle"]),
        ({"labels": {"car": None}}, 1, ["Car"]),
    ],
)
def test_labels_are_chosen_and_renamed_and_the_account_adds_up(
    destination: Destination,
    lake: Client.Datalake,
    source: dict[str, Any],
    choice: dict[str, Any],
    left_out: int,
    labels: list[str],
) -> None:
    report = lake.upload("cars", **source, **choice)
    assert (report.instances.came_in, report.instances.left_out, report.instances.uploaded) == (
        3,
        left_out,
        3 - left_out,
    )
    assert report.exit_code == 0
    assert labels_sent(destination) == labels
    assert lake.upload("cars", **source, **choice).instances.uploaded == 0


def test_a_check_makes_the_same_choice_and_finds_what_another_choice_would_have_sent(
    destination: Destination, lake: Client.Datalake, source: dict[str, Any]
) -> None:
    lake.upload("cars", **source, only=["Car"])
    session = open_session(destination.running.token, None, destination.running.address)

    def check(**choice: Any) -> int:
        job = ingest.job("cars", None, source["imgdir"], source["ann_path"], None, None, 2, **choice)
        return ingest.check(session, job).exit_code

    assert check(only=["Car"]) == 0
    assert check() == 6


def test_a_plan_keeps_what_was_left_out(
    lake: Client.Datalake, source: dict[str, Any], tmp_path: Path
) -> None:
    lake.upload("cars", **source, drop=["car"], plan=tmp_path / "cars.plan")
    report = lake.apply(tmp_path / "cars.plan", quiet=True)
    assert (report.instances.came_in, report.instances.left_out, report.instances.uploaded) == (3, 1, 2)


def test_a_label_that_the_source_does_not_have_is_refused_with_the_one_that_may_be_meant(
    lake: Client.Datalake, source: dict[str, Any]
) -> None:
    with pytest.raises(InvalidQueryError, match="is 'Car' meant"):
        lake.upload("cars", **source, only=["Cars"])


@pytest.fixture
def splits(tmp_path: Path, destination: Destination, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A job file over a folder of two COCO files, of the splits train and val, and an image that no file names."""
    monkeypatch.setenv("ACME_TOKEN", destination.running.token)
    for number, name in enumerate(("t1", "t2", "v1", "other")):
        picture(tmp_path / "images" / f"{name}.jpg", number)
    folder = tmp_path / "ann"
    coco(folder, {"bbox": BOX}, {"bbox": BOX, "image_id": 1}, names=("t1.jpg", "t2.jpg")).rename(
        folder / "instances_train.json"
    )
    coco(folder, {"bbox": BOX}, names=("v1.jpg",)).rename(folder / "instances_val.json")
    path = tmp_path / "jobs.toml"
    path.write_text(
        f'[defaults]\nhost = "{destination.running.address}"\napi_token_from = "ACME_TOKEN"\ntags = ["t"]\n'
        '[[dataset]]\nname = "cars"\nimgdir = "images"\nann_path = "ann"\n'
    )
    return path


def test_each_split_becomes_a_version_with_its_images_only(splits: Path, destination: Destination) -> None:
    splits.write_text(splits.read_text() + 'splits = "versions"\n')
    report = run(splits)
    assert report.exit_code == 0, str(report)
    assert [one.name for one in report.ended] == ["cars/train", "cars/val"]
    counts = [(one.report.images.uploaded, one.report.images.left_out, one.report.instances.uploaded, one.report.instances.left_out)
              for one in report.ended if one.report]  # fmt: skip
    assert counts == [(2, 2, 2, 1), (1, 3, 1, 2)]
    assert pictures_of(destination, "train") == ["t1.jpg", "t2.jpg"]
    assert pictures_of(destination, "val") == ["v1.jpg"]
    assert all(one.report and one.report.images.uploaded == 0 for one in run(splits).ended)


def test_each_split_becomes_a_tag_and_images_in_none_are_sent_too(
    splits: Path, destination: Destination
) -> None:
    splits.write_text(splits.read_text() + 'splits = "tags"\n')
    report = run(splits)
    assert report.exit_code == 0, str(report)
    listed = platform.list_pictures(destination.connection, destination.identity.organization_id)
    tags = {picture["external_url"]: sorted(picture["tag"]) for picture in listed}
    assert tags == {
        "t1.jpg": ["t", "train"],
        "t2.jpg": ["t", "train"],
        "v1.jpg": ["t", "val"],
        "other.jpg": ["t"],
    }
    assert pictures_of(destination) == ["other.jpg", "t1.jpg", "t2.jpg", "v1.jpg"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ('splits = "folders"\n', "splits"),
        ('splits = "versions"\nversion = "first"\n', "splits are to be versions"),
    ],
)
def test_splits_that_contradict_the_rest_are_refused_by_line(splits: Path, more: str, words: str) -> None:
    splits.write_text(splits.read_text() + more)
    with pytest.raises(InputError, match=words) as caught:
        run(splits, dry_run=True)
    assert caught.value.problem.place.line


def test_splits_as_tags_may_go_into_a_version_that_is_named(splits: Path) -> None:
    splits.write_text(splits.read_text() + 'splits = "tags"\nversion = "first"\n')
    report = run(splits, dry_run=True)
    assert report.exit_code == 0
    assert [one.name for one in report.ended] == ["cars (train)", "cars (val)", "cars (in no split)"]


def test_a_source_without_splits_is_named(splits: Path, tmp_path: Path) -> None:
    for file in (tmp_path / "ann").iterdir():
        file.rename(file.with_name(file.name.replace("train", "one").replace("val", "two")))
    splits.write_text(splits.read_text() + 'splits = "tags"\n')
    (ended,) = run(splits).ended
    assert ended.exit_code == 2
    assert "puts no image into a split" in ended.error
