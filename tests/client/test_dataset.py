"""Pictures and datasets as the SDK reference documents them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.client import Client
from picsellia_ingest.errors import InvalidQueryError, ResourceNotFoundError, TyperError
from tests.paths import FIXTURES

IMAGES = FIXTURES / "COCO" / "demo" / "images"
BOX = {"type": "rectangle", "label": "car", "rectangle": {"top": 16, "left": 10, "width": 50, "height": 60}}


@pytest.fixture
def lake(tmp_path: Path) -> Client.Datalake:
    made = Client.Datalake(host=f"local:{tmp_path / 'platform'}")
    assert (
        made.picture.upload([str(IMAGES / "dock 01.jpg"), str(IMAGES / "dock#02.jpg")], tags=["drone"]) == {}
    )
    return made


@pytest.fixture
def dataset(lake: Client.Datalake) -> Client.Datalake.Dataset:
    made = lake.dataset.create("myDataset", pictures=lake.picture.fetch(1, ["drone"]))
    assert made is not None
    return made.dataset


def test_one_bad_file_does_not_stop_the_list_and_is_named(lake: Client.Datalake, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no image")
    failures = lake.picture.upload(
        [str(bad), str(tmp_path / "missing.jpg"), str(IMAGES / "night" / "empty.png")]
    )
    assert sorted(Path(path).name for path in failures) == ["bad.jpg", "missing.jpg"]
    assert "empty.png" in {found["external_url"] for found in lake.picture.list()["pictures"]}


def test_the_same_picture_may_be_uploaded_again_and_another_of_its_name_may_not(
    lake: Client.Datalake, tmp_path: Path
) -> None:
    assert lake.picture.upload(str(IMAGES / "dock 01.jpg")) == {}
    shutil.copy(IMAGES / "night" / "dock 01.jpg", tmp_path / "dock 01.jpg")
    assert "another picture" in next(iter(lake.picture.upload(str(tmp_path / "dock 01.jpg")).values()))
    assert len(lake.picture.list()["pictures"]) == 2


def test_tags_are_added_and_removed_and_pictures_deleted(lake: Client.Datalake) -> None:
    lake.picture.fetch(1, ["drone"])
    lake.picture.add_tags(tags=["coco"])
    (one,) = lake.picture.fetch(0.5, ["drone", "coco"])
    lake.picture.remove_tags([one["picture_id"]], ["drone"])
    assert len(lake.picture.fetch(1, ["drone"])) == 1
    lake.picture.delete()
    assert [found["picture_id"] for found in lake.picture.list()["pictures"]] == [one["picture_id"]]


def test_a_change_of_nothing_is_no_request(lake: Client.Datalake, capsys: pytest.CaptureFixture[str]) -> None:
    lake.picture.delete()
    lake.picture.add_tags(lake.picture.fetch(1), [])
    assert capsys.readouterr().out == "No assets selected\nNo tags were given\n"
    assert len(lake.picture.list()["pictures"]) == 2


def test_versions_are_made_fetched_extended_and_deleted(
    lake: Client.Datalake, dataset: Client.Datalake.Dataset
) -> None:
    assert dataset.fetched_dataset["size"] == 2
    lake.picture.upload(str(IMAGES / "night" / "empty.png"), tags=["late"])
    lake.dataset.new_version("myDataset", "two", pictures=lake.picture.fetch(1, ["late"]))
    newest = lake.dataset.fetch("myDataset", "latest")
    assert newest is not None
    assert (newest.fetched_dataset["version"], newest.fetched_dataset["size"]) == ("two", 3)
    lake.dataset.add_data("myDataset", "first", lake.picture.fetch(1, ["late"]))
    first = lake.dataset.fetch("myDataset", "first")
    assert first is not None
    assert len(first.list_pictures()["pictures"]) == 3
    lake.dataset.delete("myDataset", "two")
    with pytest.raises(ResourceNotFoundError):
        lake.dataset.fetch("myDataset", "two")


@pytest.mark.parametrize("second", [True, None])
def test_an_annotation_is_added_read_and_deleted(
    dataset: Client.Datalake.Dataset, second: bool | None
) -> None:
    dataset.create_labels("car", "rectangle", verbose=False)
    qa = [{"type": "range", "question": "brightness", "answer": 36, "max": 100, "min": 0}]
    dataset.add_annotation("dock#02.jpg", second, data=[BOX], image_qa=qa)
    dataset.add_annotation(
        "dock#02.jpg", dataset.dataset_id, data=[{"type": "classification", "label": "car"}]
    )
    (record,) = dataset.get_annotations("dock#02.jpg")
    assert (record["nb_labels"], record["image_qa"]) == (2, qa)
    assert record["annotations"][0]["rectangle"] == BOX["rectangle"]
    with pytest.raises(InvalidQueryError):
        dataset.delete_annotations()
    dataset.delete_annotations(all_annotations=True)
    assert dataset.get_annotations() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "not a list"),
        ([BOX, 7], r"data\[1\] is not an object"),
        ([{"type": "line", "label": "a"}], "type 'line'"),
        ([{"type": "classification"}], "no label"),
        ([{"type": "rectangle", "label": "a", "rectangle": {"top": 1}}], "top, left, width, height"),
        (
            [{"type": "polygon", "label": "a", "polygon": {"geometry": [{"x": 1, "y": 2}]}}],
            "at least 3 points",
        ),
        ([{"type": "polygon", "label": "a", "polygon": {"geometry": [{"x": 1}] * 3}}], "without x and y"),
    ],
)
def test_an_annotation_of_the_wrong_shape_is_refused_before_it_is_sent(
    dataset: Client.Datalake.Dataset, data: Any, words: str
) -> None:
    with pytest.raises(TyperError, match=words):
        dataset.add_annotation("dock 01.jpg", data=data)


def test_a_dataset_is_downloaded_whole_and_files_that_are_there_are_left_alone(
    lake: Client.Datalake, dataset: Client.Datalake.Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "down"
    folder.mkdir()
    (folder / "dock 01.jpg").write_bytes(b"mine")
    assert lake.dataset.download("myDataset/first", folder) == {}
    assert (folder / "dock 01.jpg").read_bytes() == b"mine"
    assert (folder / "dock#02.jpg").read_bytes() == (IMAGES / "dock#02.jpg").read_bytes()
    assert len(list(folder.iterdir())) == 2
    with pytest.raises(InvalidQueryError, match=r"name.*version"):
        lake.dataset.download("myDataset")


def test_names_of_pictures_keep_their_folders_when_downloaded(lake: Client.Datalake, tmp_path: Path) -> None:
    lake.upload("deep", imgdir=IMAGES, journal=tmp_path / "j.db", quiet=True)
    assert lake.dataset.download("deep/first", tmp_path / "down") == {}
    assert (tmp_path / "down" / "night" / "empty.png").exists()


def test_without_a_fetched_dataset_one_is_asked_for(lake: Client.Datalake) -> None:
    with pytest.raises(InvalidQueryError, match="no dataset was fetched"):
        lake.dataset.list_pictures()


def test_a_record_of_an_export_is_added_whole_with_or_without_its_counters(
    dataset: Client.Datalake.Dataset,
) -> None:
    qa = [{"type": "text", "question": "tilt?", "answer": "3"}]
    record = {"external_picture_url": "dock#02.jpg", "annotations": [BOX], "image_qa": qa}
    dataset.add_annotation_legacy(record)
    dataset.add_annotation_legacy({**record, "nb_labels": 1, "time_spent": 2.5}, True, dataset.dataset_id)
    (found,) = dataset.get_annotations("dock#02.jpg")
    assert (found["nb_labels"], found["time_spent"], found["image_qa"]) == (2, 2.5, qa)
    with pytest.raises(InvalidQueryError, match="names no picture"):
        dataset.add_annotation_legacy({"annotations": []})


def test_a_snapshot_gives_all_records_and_leaves_no_file(
    dataset: Client.Datalake.Dataset, here: Path
) -> None:
    assert dataset.get_annotations(from_snapshot=True) == []
    dataset.add_annotation("dock#02.jpg", data=[BOX])
    assert dataset.get_annotations(from_snapshot=True) == dataset.get_annotations() != []
    assert list(here.iterdir()) == []
