"""Undoing a run: the platform is as it was before, nothing of others goes, and what stays is named with its reason."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from picsellia_ingest.api import pages, platform, transport
from picsellia_ingest.errors import JournalError
from picsellia_ingest.upload import made
from picsellia_ingest.upload.journal import Journal
from picsellia_ingest.upload.undo import Undo
from picsellia_ingest.upload.undo_report import UndoReport
from tests.paths import FIXTURES
from tests.upload.conftest import Destination
from tests.upload.faults import Faults

DEMO = FIXTURES / "COCO" / "demo"
SOURCE: dict[str, Any] = {"source": DEMO / "instances.json", "imgdir": DEMO / "images"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.001)


def holds(destination: Destination) -> dict[str, Any]:
    """All that the platform holds: pictures with their tags, datasets, their pictures, labels, annotations, statistics."""
    connection, organization = destination.connection, destination.identity.organization_id
    datasets = platform.list_datasets(connection, organization)
    base = sqlite3.connect(next((destination.folder / "platform").rglob("*.db")))
    tables = {
        table: base.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()
        for table in ("picture", "picture_tag", "dataset", "dataset_picture", "label", "annotation")
    }
    base.close()
    return {
        "pictures": platform.list_pictures(connection, organization),
        "datasets": datasets,
        "annotations": [list(pages.all_annotations(connection, one["dataset_id"])) for one in datasets],
        "tables": tables,
    }


def undo(destination: Destination, number: int = -1, **more: Any) -> UndoReport:
    """Undo one of the runs that made something, the last one by default."""
    with Journal(destination.journal, None) as journal:
        run = journal.runs()[number]
        undoing = Undo(destination.connection, destination.identity, journal, run)
        return undoing.look() if more.get("dry_run") else undoing.carry_out()


def images(folder: Path, *names: str) -> Path:
    """A folder of small images, each of its own colour."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (16, 16), (len(name) * 7 % 255, sum(name.encode()) % 255, 9)).save(folder / name)
    return folder


def coco(path: Path, *names: str, left: int = 1) -> Path:
    document = {
        "images": [{"id": n, "file_name": name} for n, name in enumerate(names)],
        "annotations": [
            {"id": n, "image_id": n, "category_id": 1, "bbox": [left, 2, 5, 6]} for n in range(len(names))
        ],
        "categories": [{"id": 1, "name": "crate"}],
    }
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("version", [None, "v2"])
def test_after_undo_the_platform_is_as_it_was(destination: Destination, version: str | None) -> None:
    before = holds(destination)
    report = destination.upload(**SOURCE, version=version)
    assert report.run
    undone = undo(destination)
    assert (undone.exit_code, undone.verified, undone.verdict) == (0, True, "undone and verified")
    assert holds(destination) == before
    assert undone.accounts["picture"].removed == 4
    assert undone.accounts["dataset"].removed == (1 if version is None else 2)
    stored = [p for p in (destination.folder / "platform").rglob("*") if p.is_file() and len(p.name) == 64]
    assert stored == []


def test_a_look_changes_nothing_and_says_what_would_go(destination: Destination) -> None:
    destination.upload(**SOURCE)
    before = holds(destination)
    shown = undo(destination, dry_run=True)
    assert holds(destination) == before
    assert (shown.accounts["picture"].removed, shown.accounts["annotation"].removed) == (4, 3)
    assert "nothing was removed yet" in str(shown)
    assert "dock 01.jpg" in str(shown)


def test_undoing_the_second_of_two_runs_keeps_the_first(destination: Destination, tmp_path: Path) -> None:
    first = coco(tmp_path / "a.json", "a.png", "b.png")
    destination.upload(first, images(tmp_path / "one", "a.png", "b.png"))
    before = holds(destination)
    destination.upload(coco(tmp_path / "c.json", "c.png"), images(tmp_path / "two", "c.png"))
    assert undo(destination).exit_code == 0
    assert holds(destination) == before


def test_undoing_the_first_of_two_runs_keeps_the_second_and_then_the_rest_can_go(
    destination: Destination, tmp_path: Path
) -> None:
    before = holds(destination)
    destination.upload(coco(tmp_path / "a.json", "a.png"), images(tmp_path / "one", "a.png"))
    destination.upload(coco(tmp_path / "c.json", "c.png"), images(tmp_path / "two", "c.png"))
    report = undo(destination, 0)
    assert report.exit_code == 3
    assert sorted(destination.pictures()) == ["c.png"]
    assert list(destination.objects()) == ["c.png"]
    assert "it holds 1 pictures that the run did not put there: d/first" in str(report)
    assert undo(destination, 1).exit_code == 0
    assert undo(destination, 0).exit_code == 0
    assert holds(destination) == before


def test_annotations_added_by_a_second_run_keep_the_pictures_of_the_first(
    destination: Destination, tmp_path: Path
) -> None:
    destination.upload(imgdir=images(tmp_path / "one", "a.png", "b.png"))
    destination.upload(coco(tmp_path / "a.json", "a.png"))
    report = undo(destination, 0)
    assert sorted(destination.pictures()) == ["a.png"]
    assert "it carries an annotation that is not only the run's: a.png" in str(report)
    assert len(destination.objects()["a.png"]) == 1


def test_objects_that_were_there_before_a_run_stay_and_so_do_those_added_to_them(
    destination: Destination, tmp_path: Path
) -> None:
    folder = images(tmp_path / "one", "a.png", "b.png")
    destination.upload(coco(tmp_path / "a.json", "a.png"), folder)
    destination.upload(coco(tmp_path / "b.json", "a.png", "b.png", left=3), folder)
    assert [len(destination.objects()[name]) for name in ("a.png", "b.png")] == [2, 1]
    report = undo(destination)
    assert {name: len(found) for name, found in destination.objects().items()} == {"a.png": 2}
    assert report.exit_code == 3
    assert "it held objects before the run, and it can only be deleted whole: a.png" in str(report)


def test_an_object_that_somebody_added_since_keeps_its_annotation_its_picture_and_its_dataset(
    destination: Destination,
) -> None:
    destination.upload(**SOURCE)
    box = {
        "type": "rectangle",
        "label": "crate",
        "rectangle": {"top": 1, "left": 1, "width": 2, "height": 2},
        "qa": [],
    }
    platform.add_annotation(destination.connection, destination.dataset().id, "dock 01.jpg", {"data": [box]})
    held = destination.objects()["dock 01.jpg"]
    report = undo(destination)
    assert destination.objects() == {"dock 01.jpg": held}
    assert sorted(destination.pictures()) == ["dock 01.jpg"]
    assert report.exit_code == 3
    for kind in ("annotation", "picture", "dataset", "membership"):
        assert report.accounts[kind].stays == 1


def test_a_picture_that_another_dataset_holds_stays(destination: Destination) -> None:
    destination.upload(**SOURCE)
    kept = destination.pictures()["dock 01.jpg"]["picture_id"]
    platform.create_dataset(destination.connection, destination.identity.organization_id, "mine", [kept])
    report = undo(destination)
    assert sorted(destination.pictures("mine")) == ["dock 01.jpg"]
    assert "the dataset mine/first holds it: dock 01.jpg" in str(report)
    assert report.accounts["picture"].removed == 3


def test_a_version_derived_from_the_runs_dataset_keeps_its_pictures(destination: Destination) -> None:
    destination.upload(**SOURCE)
    organization = destination.identity.organization_id
    platform.new_version(destination.connection, organization, "d", "mine", [], "first")
    before = destination.objects()
    report = undo(destination)
    assert destination.objects() == before
    assert (report.accounts["dataset"].removed, report.accounts["picture"].stays) == (1, 4)


def test_a_picture_that_was_given_other_tags_stays(destination: Destination) -> None:
    destination.upload(**SOURCE)
    picture = destination.pictures()["dock 01.jpg"]["picture_id"]
    organization = destination.identity.organization_id
    platform.change_pictures(
        destination.connection, organization, "tag", {"tags": ["reviewed"], "to_tag": [picture]}
    )
    report = undo(destination)
    assert "it was given other tags: reviewed: dock 01.jpg" in str(report)
    assert len(platform.list_pictures(destination.connection, organization)) == 1


def test_pictures_that_the_lake_had_before_stay_and_lose_only_the_tags_of_the_run(
    destination: Destination,
) -> None:
    destination.upload(imgdir=DEMO / "images", name="other")
    before = holds(destination)
    with Journal(destination.journal, None) as journal:
        first = len(journal.runs())
    destination.forget()
    destination.upload(**SOURCE, tags_wanted=True)
    connection, organization = destination.connection, destination.identity.organization_id
    assert first == 1
    assert undo(destination).exit_code == 0
    assert holds(destination) == before
    assert len(platform.list_pictures(connection, organization)) == 4


def test_a_picture_that_was_replaced_cannot_come_back_and_that_is_said(
    destination: Destination, tmp_path: Path
) -> None:
    destination.upload(imgdir=images(tmp_path / "one", "a.png"), name="other")
    Image.new("RGB", (9, 9)).save(tmp_path / "one" / "a.png")
    destination.forget()
    destination.upload(imgdir=tmp_path / "one", on_conflict="replace")
    report = undo(destination)
    assert report.exit_code == 3
    assert "cannot be brought back: a.png" in str(report)


def test_labels_of_a_dataset_that_stays_are_named(destination: Destination, tmp_path: Path) -> None:
    destination.upload(imgdir=images(tmp_path / "one", "a.png"))
    destination.upload(coco(tmp_path / "a.json", "a.png"))
    report = undo(destination)
    assert (report.exit_code, destination.objects()) == (3, {})
    assert "stays: 1 label: the platform has no way to take it out by itself: crate (rectangle)" in str(
        report
    )


def test_undoing_twice_removes_nothing_more_and_uploading_again_sends_all_of_it(
    destination: Destination,
) -> None:
    destination.upload(**SOURCE)
    undo(destination)
    again = undo(destination)
    assert (again.exit_code, again.to_remove, again.accounts["picture"].gone) == (0, 0, 4)
    report = destination.upload(**SOURCE)
    assert (report.exit_code, report.images.uploaded, report.instances.uploaded) == (0, 4, 7)


@pytest.mark.parametrize("how", ["before", "after", "lost"])
@pytest.mark.parametrize(
    ("method", "part"), [("DELETE", "/dataset/"), ("POST", "/datalake/delete/"), ("GET", "/dataset/")]
)
def test_a_fault_while_undoing_is_overcome(
    platforms: Callable[..., Destination], method: str, part: str, how: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    before = holds(destination)
    destination.upload(**SOURCE)
    faults.fail(method, part, 2, how)
    report = undo(destination)
    if report.exit_code == 4:  # an answer was lost, and the repeat was told that it is gone
        report = undo(destination)
    assert report.exit_code == 0
    assert holds(destination) == before


@pytest.mark.parametrize("part", ["/dataset/", "/datalake/delete/", "/annotation/"])
def test_an_undo_that_the_platform_refuses_part_of_is_incomplete_and_the_next_one_goes_on(
    platforms: Callable[..., Destination], part: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    alone = (
        part == "/annotation/"
    )  # only where pictures and dataset stay are annotations deleted by themselves
    if alone:
        destination.upload(imgdir=DEMO / "images")
    before = holds(destination)
    destination.upload(DEMO / "instances.json", None if alone else DEMO / "images")
    faults.fail("POST" if "delete" in part else "DELETE", part, 1, "status 403")
    report = undo(destination)
    assert report.exit_code == 4
    assert report.failures
    assert "run the same command again" in report.verdict
    assert undo(destination).exit_code == (3 if alone else 0)
    after = holds(destination)
    if alone:  # the labels stay, which the report says, and the statistics are new
        for found in (before, after):
            found["tables"]["label"], found["tables"]["dataset"] = [], []
    assert after == before


def test_what_was_only_said_to_be_deleted_differs(platforms: Callable[..., Destination]) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    destination.upload(**SOURCE)
    faults.fail("POST", "/datalake/delete/", 1, "lie")
    report = undo(destination)
    assert (report.exit_code, report.verified) == (6, False)
    assert report.accounts["picture"].failed == 4
    assert undo(destination).exit_code == 0


@pytest.mark.parametrize("part", ["/picture/upload/", "/annotation/new/", "/label/"])
def test_an_interrupted_run_and_the_one_that_went_on_can_both_be_undone(
    platforms: Callable[..., Destination], part: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    before = holds(destination)
    faults.fail("PUT", part, 2, "status 403" if part == "/label/" else "status 402")
    codes = [destination.upload(**SOURCE, nb_jobs=1).exit_code for _ in range(3)]
    assert codes[0] in (4, 5)
    assert codes[-1] == 0
    with Journal(destination.journal, None) as journal:
        count = len(journal.runs())
    for _ in range(2):
        for number in reversed(range(count)):
            report = undo(destination, number)
    assert report.exit_code == 0
    assert holds(destination) == before


def test_what_a_later_run_made_is_not_deleted_for_that_of_an_interrupted_one(
    platforms: Callable[..., Destination], tmp_path: Path
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    folder = images(tmp_path / "one", "a.png", "b.png")
    faults.fail("PUT", "/picture/upload/", 1, "status 402")
    assert destination.upload(imgdir=folder, nb_jobs=1).exit_code == 5
    faults.fail("PUT", "/dataset/", 9, "status 402")
    assert destination.upload(imgdir=folder, nb_jobs=1).exit_code == 5
    with Journal(destination.journal, None) as journal:
        runs = journal.runs()
    # The second run made both pictures, so the first, which was sending them, made none.
    assert [(run.made, run.unsure) for run in runs] == [({"picture": 2}, 3)]
    assert undo(destination).accounts["picture"].removed == 2
    assert platform.list_pictures(destination.connection, destination.identity.organization_id) == []


def test_a_picture_whose_answer_was_lost_is_not_deleted_for_the_runs_own(
    platforms: Callable[..., Destination],
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("PUT", "/picture/upload/", 1, "lost")
    destination.upload(**SOURCE, nb_jobs=1)
    report = undo(destination)
    assert (report.exit_code, report.accounts["picture"].removed, report.accounts["picture"].stays) == (
        3,
        3,
        1,
    )
    assert "whether the run made it is not known" in str(report)


def test_a_journal_of_version_1_is_copied_and_goes_on(destination: Destination) -> None:
    destination.upload(**SOURCE)
    with sqlite3.connect(destination.journal) as base:
        base.execute("DROP TABLE made")
        for column in ("name", "begun", "organization", "dataset", "version", "tags"):
            base.execute(f"ALTER TABLE run DROP COLUMN {column}")
        base.execute("PRAGMA user_version=1")
    base.close()
    report = destination.upload(**SOURCE)
    assert (report.exit_code, report.images.already_there, report.run) == (0, 4, "")
    copy = destination.folder / "journal.db.version1"
    assert copy.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(copy) as base:
        assert base.execute("PRAGMA user_version").fetchone() == (1,)
        assert base.execute("SELECT count(*) FROM item").fetchone() == (4,)
    base.close()
    destination.upload(coco(destination.folder / "a.json", "night/empty.png"))
    assert undo(destination).accounts["annotation"].removed == 1


def test_there_is_no_undo_without_a_journal_and_none_is_made(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="there is no journal"):
        Journal(tmp_path / "none.db", None)
    assert list(tmp_path.iterdir()) == []


OBJECTS = st.lists(
    st.sampled_from([{"label": name, "type": "classification"} for name in ("a", "b", "c")]), max_size=5
)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sent=OBJECTS, held=OBJECTS)
def test_an_annotation_counts_as_the_runs_only_if_every_object_in_it_is(
    sent: list[dict[str, Any]], held: list[dict[str, Any]]
) -> None:
    ours = all(held.count(one) <= sent.count(one) for one in held)
    assert made.within(made.fingerprints(held, ()), made.fingerprints(sent, ())) == ours
