"""The platform compared with the source: what is there, what is not, and what a run would send; nothing is changed."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.api import platform
from picsellia_ingest.errors import InvalidQueryError, ResourceNotFoundError, UnauthorizedError
from picsellia_ingest.upload import verify
from picsellia_ingest.upload.journal import Journal
from tests.paths import FIXTURES
from tests.upload.conftest import Destination
from tests.upload.faults import Faults

DEMO = FIXTURES / "COCO" / "demo"
SOURCE: dict[str, Any] = {"source": DEMO / "instances.json", "imgdir": DEMO / "images"}


def test_what_was_uploaded_is_verified_without_the_journal_of_the_upload(destination: Destination) -> None:
    destination.upload(**SOURCE)
    destination.forget()
    report = destination.upload(**SOURCE, check=True)
    assert (report.verified, report.exit_code) == (True, 0)
    assert report.verdict == "verified: the platform holds all of it"
    assert (report.images.already_there, report.instances.already_there) == (4, 7)


def test_a_check_changes_nothing(destination: Destination) -> None:
    destination.upload(**SOURCE)
    before = (destination.pictures(), destination.objects())
    destination.upload(**SOURCE, check=True)
    assert (destination.pictures(), destination.objects()) == before


def test_annotations_from_files_are_verified_against_the_pictures_that_are_there(
    destination: Destination,
) -> None:
    destination.upload(**SOURCE)
    report = destination.upload(source=DEMO / "instances.json", check=True)
    assert (report.verified, report.instances.already_there) == (True, 7)


def test_a_lost_annotation_is_named_and_counted(destination: Destination) -> None:
    destination.upload(**SOURCE)
    picture = next(found for name, found in destination.pictures().items() if name == "dock 01.jpg")
    dataset = destination.dataset()
    platform.delete_annotations(destination.connection, dataset.id, picture["picture_id"])
    report = destination.upload(**SOURCE, check=True)
    assert report.exit_code == 6
    assert report.verdict == "the platform DIFFERS from the source"
    assert report.instances.failed["annotation_differs"] > 0
    assert ("dock 01.jpg", "annotation_differs") in [(name, code) for name, code, _ in report.failures]


def test_an_image_that_is_not_on_the_platform_is_named(destination: Destination, tmp_path: Path) -> None:
    destination.upload(**SOURCE)
    images = tmp_path / "images"
    images.mkdir()
    for path in (DEMO / "images").glob("*.jpg"):
        (images / path.name).write_bytes(path.read_bytes())
    (images / "new.jpg").write_bytes((DEMO / "images" / "dock 01.jpg").read_bytes())
    report = destination.upload(imgdir=images, check=True)
    assert report.exit_code == 6
    assert report.images.failed == {"not_on_platform": 1}


def test_an_image_whose_content_changed_is_not_what_the_platform_holds(
    destination: Destination, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    images.mkdir()
    (images / "a.jpg").write_bytes((DEMO / "images" / "dock 01.jpg").read_bytes())
    destination.upload(imgdir=images)
    (images / "a.jpg").write_bytes((DEMO / "images" / "dock#02.jpg").read_bytes())
    report = destination.upload(imgdir=images, check=True)
    assert report.exit_code == 6
    assert report.images.failed.total() == 1


def test_what_the_platform_has_beyond_the_source_counts_only_when_that_is_asked_for(
    destination: Destination, tmp_path: Path
) -> None:
    destination.upload(**SOURCE)
    less = json.loads((DEMO / "instances.json").read_text())
    less["annotations"] = less["annotations"][1:]
    (tmp_path / "less.json").write_text(json.dumps(less))
    given: dict[str, Any] = {"source": tmp_path / "less.json", "imgdir": DEMO / "images", "check": True}
    assert destination.upload(**given).exit_code == 0
    report = destination.upload(**given, exact=True)
    assert report.exit_code == 6
    assert any("1 objects more than planned" in difference for difference in report.differences)


def test_a_dataset_that_is_not_there_cannot_be_checked(destination: Destination) -> None:
    with pytest.raises(ResourceNotFoundError, match="no dataset"):
        destination.upload(**SOURCE, check=True)


def test_a_dry_run_says_what_would_be_sent_and_what_is_there(destination: Destination) -> None:
    first = destination.upload(**SOURCE, dry_run=True)
    assert first.forecast is not None
    sizes = sum(
        path.stat().st_size for path in (DEMO / "images").rglob("*") if path.suffix in (".jpg", ".png")
    )
    assert (first.forecast.pictures, first.forecast.size, first.forecast.annotations) == (4, sizes, 3)
    assert first.forecast.new_dataset
    assert (first.images.planned, first.instances.planned) == (4, 7)
    destination.upload(**SOURCE)
    again = destination.upload(**SOURCE, dry_run=True)
    assert again.forecast is not None
    assert (again.forecast.pictures, again.forecast.annotations, again.forecast.requests) == (0, 0, 0)
    assert (again.images.already_there, again.instances.already_there) == (4, 7)


@pytest.mark.parametrize("times", [1, 2, 40])
def test_what_the_platform_only_said_to_have_taken_is_sent_again_and_then_reported(
    platforms: Any, times: int
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("PUT", "/annotation/new/", times, "lie")
    report = destination.upload(**SOURCE)
    held = destination.objects()
    assert (report.exit_code, report.verified) == ((0, True) if times < 40 else (6, False))
    assert sum(map(len, held.values())) == (report.objects_planned if times < 40 else 0)
    if times == 40:
        assert any("not on the platform" in text or "no annotation" in text for text in report.differences)


class Late:
    """A WSGI layer that answers some requests when others were made."""

    def __init__(self, late: str, after: str) -> None:
        self.late, self.after = late, after
        self.holds = False
        self._made = threading.Event()

    def wrap(self, app: Any) -> Any:
        def wrapped(environ: dict[str, Any], start_response: Any) -> Any:
            path = environ["PATH_INFO"]
            if self.holds and f"/v2/{self.after}/" in path:
                self._made.set()
            if self.holds and f"/v2/{self.late}/" in path:
                assert self._made.wait(20)
            return app(environ, start_response)

        return wrapped


@pytest.mark.parametrize(("late", "after"), [("picture", "annotation"), ("annotation", "picture")])
def test_pictures_and_annotations_are_asked_for_side_by_side_and_compare_the_same(
    platforms: Any, late: str, after: str
) -> None:
    layer = Late(late, after)
    destination = platforms(wrap=layer.wrap)
    destination.upload(**SOURCE)
    dataset = destination.dataset()
    pictures = destination.pictures()
    platform.delete_annotations(destination.connection, dataset.id, pictures["dock 01.jpg"]["picture_id"])
    with Journal(destination.journal, "test") as journal:
        journal.run = 1
        before = verify.compare(destination.connection, dataset.id, journal, exact=True)
        layer.holds = True
        found = verify.compare(destination.connection, dataset.id, journal, exact=True)
    assert found == before
    assert found.differences == ["1 pictures that were annotated have no annotation on the platform"]
    assert (found.holdings.annotations, found.holdings.objects) == (2, 5)


@pytest.mark.parametrize(("refused", "told"), [(["picture", "annotation"], "401"), (["annotation"], "400")])
def test_of_two_refusals_that_of_the_pictures_is_told(platforms: Any, refused: list[str], told: str) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    destination.upload(**SOURCE)
    dataset = destination.dataset()
    for part, code in (("picture", "401"), ("annotation", "400")):
        if part in refused:
            faults.fail("GET", f"/v2/{part}/", 9, f"status {code}")
    errors = {"401": UnauthorizedError, "400": InvalidQueryError}
    with Journal(destination.journal, "test") as journal, pytest.raises(errors[told], match="made to fail"):
        verify.compare(destination.connection, dataset.id, journal, exact=True)


def test_pictures_that_are_gone_and_sizes_that_differ_are_told_before_annotations(
    destination: Destination,
) -> None:
    destination.upload(**SOURCE)
    for change in (
        "width=1 WHERE name='night/empty.png'",
        "width=1, object_key='of another picture' WHERE name='dock 01.jpg'",
        "name='gone.jpg' WHERE name='dock#02.jpg'",
    ):
        destination.journal_rows(f"UPDATE item SET {change}")
    with Journal(destination.journal, "test") as journal:
        journal.run = 1
        found = verify.compare(destination.connection, destination.dataset().id, journal, exact=True)
        gone = journal.find(["gone.jpg"])["gone.jpg"].id
    assert (found.pictures, found.annotations) == ([gone], [gone])
    assert found.differences == [
        "night/empty.png: 48 x 48 on the platform, 1 x 48 here",
        "1 pictures that were attached are not in the dataset",
        "1 pictures that were annotated have no annotation on the platform",
    ]
