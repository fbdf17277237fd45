"""An image whose name the lake has for another content: failed, skipped, renamed or put in its place, as asked for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from picsellia_ingest.errors import InvalidQueryError
from picsellia_ingest.upload import conflicts
from tests.paths import FIXTURES
from tests.upload.conftest import Destination

IMAGES = FIXTURES / "COCO" / "demo" / "images"
CRATE = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [1, 2, 10, 12]}


@pytest.fixture
def source(destination: Destination, tmp_path: Path) -> tuple[Path, Path]:
    """A source of two images, one of whose names the lake has for another picture: its annotations, its images."""
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, name, content in (
        (first, "a.jpg", "dock 01.jpg"), (second, "a.jpg", "dock#02.jpg"), (second, "b.jpg", "dock 01.jpg"),
    ):  # fmt: skip
        folder.mkdir(exist_ok=True)
        (folder / name).write_bytes((IMAGES / content).read_bytes())
    destination.upload(imgdir=first, name="other")
    destination.forget()
    document = {
        "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [CRATE, {**CRATE, "id": 2, "image_id": 2}],
        "categories": [{"id": 1, "name": "crate"}],
    }
    (tmp_path / "in.json").write_text(json.dumps(document))
    return tmp_path / "in.json", second


def test_by_default_it_fails_and_the_others_arrive(
    destination: Destination, source: tuple[Path, Path]
) -> None:
    report = destination.upload(*source)
    assert report.images.failed == {"name_taken": 1}
    assert (report.images.uploaded, report.instances.uploaded) == (1, 1)
    assert report.exit_code == 4


def test_skipped_it_is_rejected_by_name_and_the_run_is_complete(
    destination: Destination, source: tuple[Path, Path]
) -> None:
    for _ in range(2):
        report = destination.upload(*source, on_conflict="skip")
        assert (report.images.rejected, report.instances.rejected) == ({"name_taken": 1}, {"name_taken": 1})
        assert (report.verified, report.exit_code) == (True, 3)
    assert destination.pictures().keys() == {"b.jpg"}


def test_renamed_it_arrives_with_its_annotations_once_however_often_it_is_run(
    destination: Destination, source: tuple[Path, Path]
) -> None:
    first = destination.upload(*source, on_conflict="rename")
    assert (first.verified, first.exit_code) == (True, 0)
    assert (first.images.uploaded, first.instances.uploaded) == (2, 2)
    name = next(name for name in destination.pictures() if name != "b.jpg")
    assert name.startswith("a~")
    assert name.endswith(".jpg")
    for forget in (False, True):
        if forget:
            destination.forget()
        again = destination.upload(*source, on_conflict="rename")
        assert (again.verified, again.exit_code) == (True, 0)
        assert (again.images.already_there, again.instances.already_there) == (2, 2)
    assert destination.pictures().keys() == {"b.jpg", name}
    assert {name: len(found) for name, found in destination.objects().items()} == {"b.jpg": 1, name: 1}
    assert destination.pictures("other").keys() == {"a.jpg"}


def test_put_in_its_place_it_is_the_only_one_of_its_name(
    destination: Destination, source: tuple[Path, Path]
) -> None:
    report = destination.upload(*source, on_conflict="replace")
    assert (report.verified, report.exit_code) == (True, 0)
    assert report.problems.warnings == {"picture_replaced": 1}
    assert destination.pictures().keys() == {"a.jpg", "b.jpg"}
    assert destination.pictures("other") == {}
    again = destination.upload(*source, on_conflict="replace")
    assert (again.images.already_there, again.problems.warnings) == (2, {})


def test_a_dry_run_counts_the_names_that_are_taken_and_settles_nothing(
    destination: Destination, source: tuple[Path, Path]
) -> None:
    report = destination.upload(*source, on_conflict="replace", dry_run=True)
    assert report.forecast is not None
    assert report.forecast.collisions == 1
    assert "1 names are taken" in str(report.forecast)
    assert destination.pictures("other").keys() == {"a.jpg"}


def test_a_policy_that_there_is_not_is_refused() -> None:
    from picsellia_ingest.client import ingest

    with pytest.raises(InvalidQueryError, match="error, skip, rename, replace"):
        ingest.job("d", None, IMAGES, None, None, None, 1, on_conflict="merge")
    assert conflicts.POLICIES[0] == "error"
