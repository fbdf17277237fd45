"""Plans that are saved and applied later: just that is done, what changed since is named, and no file is trusted."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from picsellia_ingest.api import pages, platform, transport
from picsellia_ingest.client import ingest
from picsellia_ingest.client.session import Session
from picsellia_ingest.errors import NetworkError, PicselliaError, PlanError
from picsellia_ingest.upload import plan_file
from picsellia_ingest.upload.report import Report
from tests.paths import FIXTURES
from tests.upload.conftest import Destination
from tests.upload.faults import Faults

DEMO = FIXTURES / "COCO" / "demo"
SOURCE: dict[str, Any] = {"imgdir": DEMO / "images", "ann_path": DEMO / "instances.json"}


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.001)


def session(destination: Destination) -> Session:
    return Session(destination.connection, destination.identity, destination.connection.host)


def plan(destination: Destination, file: Path | None = None, **more: Any) -> Report:
    """A dry run whose plan is saved; its journal is thrown away."""
    given_ = {**SOURCE, **more}
    settings_ = {key: given_.pop(key) for key in list(given_) if key not in ("imgdir", "ann_path", "tags")}
    job = ingest.job(
        "d", None, given_["imgdir"], given_["ann_path"], None, given_.get("tags"), 2, **settings_
    )
    where = destination.folder / "planning.db"
    report = ingest.upload(session(destination), job, where, plan=file or destination.folder / "the.plan")
    for path in destination.folder.glob("planning.db*"):
        path.unlink()
    return report


def apply(destination: Destination, file: Path | None = None) -> Report:
    opened = plan_file.load(file or destination.folder / "the.plan")
    return ingest.apply(session(destination), opened, journal=destination.folder / "applied.db")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    """A copy of the demo's images, which may be changed."""
    shutil.copytree(DEMO / "images", tmp_path / "images")
    return tmp_path / "images"


def test_applying_a_plan_does_what_an_upload_does_without_reading_the_source_again(
    destination: Destination, tmp_path: Path, images: Path
) -> None:
    shutil.copy(DEMO / "instances.json", tmp_path / "in.json")
    report = plan(destination, imgdir=images, ann_path=tmp_path / "in.json")
    assert (report.dry_run, report.run, report.images.planned) == (True, "", 4)
    assert platform.list_pictures(destination.connection, destination.identity.organization_id) == []
    (tmp_path / "in.json").unlink()
    (images / "new.png").write_bytes((images / "night" / "empty.png").read_bytes())
    done = apply(destination)
    assert (done.exit_code, done.verified) == (0, True)
    assert (done.images.uploaded, done.instances.uploaded) == (4, 7)
    assert "new.png" not in destination.pictures()
    planned = destination.objects()
    direct = destination.upload(DEMO / "instances.json", DEMO / "images", name="direct")
    assert destination.objects("direct") == planned
    assert (done.passed_over, done.labels, done.changed_shape) == (
        direct.passed_over,
        direct.labels,
        direct.changed_shape,
    )


def test_a_plan_applied_twice_sends_nothing_the_second_time(destination: Destination) -> None:
    plan(destination)
    first = apply(destination)
    held = destination.objects()
    for _ in range(2):
        again = apply(destination)
        assert (again.exit_code, again.images.already_there, again.instances.already_there) == (0, 4, 7)
        assert (again.picture_bytes, again.run) == (0, "")
        for path in destination.folder.glob("applied.db*"):
            path.unlink()
    assert first.run
    assert destination.objects() == held


def test_an_apply_that_was_interrupted_goes_on(platforms: Callable[..., Destination]) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    plan(destination)
    faults.fail("PUT", "/picture/upload/", 1, "status 402")
    stopped = apply(destination)
    assert (stopped.exit_code, stopped.stop_code) == (5, "quota")
    done = apply(destination)
    assert (done.exit_code, done.verified) == (0, True)
    assert sum(map(len, destination.objects().values())) == 7


@pytest.mark.parametrize("how", ["before", "after", "lost"])
@pytest.mark.parametrize("part", ["/picture/upload/", "/dataset/", "/label/", "/annotation/new/"])
def test_a_fault_while_applying_is_overcome_and_nothing_arrives_twice(
    platforms: Callable[..., Destination], part: str, how: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    plan(destination)
    faults.fail("PUT", part, 2, how)
    assert apply(destination).exit_code == 0
    assert sum(map(len, destination.objects().values())) == 7


@pytest.mark.parametrize("change", ["gone", "grown", "same size", "folder"])
def test_an_image_that_changed_since_fails_by_name_and_the_others_arrive(
    destination: Destination, images: Path, change: str
) -> None:
    plan(destination, imgdir=images)
    path = images / "dock 01.jpg"
    content = path.read_bytes()
    path.unlink()
    if change == "grown":
        path.write_bytes(content + b"more")
    elif change == "same size":
        path.write_bytes(content[:-20] + bytes(20))
    elif change == "folder":
        path.mkdir()
    report = apply(destination)
    assert report.images.failed == {"image_changed": 1}
    assert (report.images.uploaded, report.instances.uploaded, report.exit_code) == (3, 5, 4)
    assert report.failures[0][:2] == ("dock 01.jpg", "image_changed")
    assert "planned" in report.failures[0][2]


def test_an_image_that_was_only_touched_since_is_sent(destination: Destination, images: Path) -> None:
    plan(destination, imgdir=images)
    (images / "dock 01.jpg").touch()
    assert apply(destination).exit_code == 0


def test_what_others_added_meanwhile_is_not_sent_again(destination: Destination) -> None:
    plan(destination)
    destination.upload(DEMO / "instances.json", DEMO / "images")
    destination.forget()
    report = apply(destination)
    assert (report.exit_code, report.images.already_there, report.picture_bytes) == (0, 4, 0)
    assert sum(map(len, destination.objects().values())) == 7


def test_a_dataset_that_is_gone_or_made_anew_is_refused(destination: Destination) -> None:
    destination.upload(imgdir=DEMO / "images")
    plan(destination)
    organization = destination.identity.organization_id
    platform.delete_dataset(destination.connection, organization, "d")
    with pytest.raises(PlanError, match="that the plan was made against is gone"):
        apply(destination)
    picture = platform.list_pictures(destination.connection, organization)[0]["picture_id"]
    platform.create_dataset(destination.connection, organization, "d", [picture])
    with pytest.raises(PlanError, match="was made anew"):
        apply(destination)


def test_a_newer_version_does_not_take_the_place_of_the_one_that_was_planned_for(
    destination: Destination,
) -> None:
    destination.upload(imgdir=DEMO / "images")
    plan(destination)
    organization = destination.identity.organization_id
    platform.new_version(destination.connection, organization, "d", "newer", [], "first")
    assert apply(destination).version == "first"
    newer = platform.fetch_dataset(destination.connection, organization, "d", "newer")
    assert list(pages.all_annotations(destination.connection, newer.id)) == []


def test_annotations_alone_can_be_planned_and_applied(destination: Destination) -> None:
    destination.upload(imgdir=DEMO / "images")
    plan(destination, imgdir=None)
    report = apply(destination)
    assert (report.exit_code, report.images.already_there, report.instances.uploaded) == (0, 4, 7)


def test_what_the_source_lost_is_in_the_report_of_the_apply(destination: Destination, images: Path) -> None:
    (images / "dock 01.jpg").write_bytes(b"<!DOCTYPE html>")
    planned = plan(destination, imgdir=images)
    report = apply(destination)
    assert report.exit_code == 3
    assert report.images.rejected == planned.images.rejected == {"not_an_image": 1}
    assert report.instances.rejected == planned.instances.rejected == {"not_an_image": 2}
    assert [str(one) for one in report.problems.kept] == [str(one) for one in planned.problems.kept]


def test_collisions_are_settled_as_the_plan_was_asked_to(destination: Destination, images: Path) -> None:
    destination.upload(imgdir=images, name="other")
    Image.new("RGB", (8, 8)).save(images / "night" / "empty.png")
    destination.forget()
    planned = plan(destination, imgdir=images, on_conflict="rename")
    assert planned.forecast is not None
    assert planned.forecast.collisions == 1
    report = apply(destination)
    assert report.images.uploaded == 1
    assert any(name.startswith("night/empty~") for name in destination.pictures())


def test_another_host_and_another_organization_are_refused(destination: Destination) -> None:
    plan(destination)
    opened = plan_file.load(destination.folder / "the.plan")
    here = session(destination)
    with pytest.raises(PlanError, match=r"is for the host 'http.*, not for 'https://elsewhere'"):
        ingest.apply(Session(here.connection, here.identity, "https://elsewhere/"), opened)
    other = platform.Identity("u", "2", "another-id", "acme")
    with pytest.raises(PlanError, match=r"is for the organization .*, not for 'acme'"):
        ingest.apply(Session(here.connection, other, here.host), opened)


def test_a_plan_is_for_its_owner_alone_and_holds_no_secret(destination: Destination) -> None:
    plan(destination)
    path = destination.folder / "the.plan"
    assert path.stat().st_mode & 0o777 == 0o600
    assert destination.connection.token.reveal().encode() not in path.read_bytes()
    assert plan_file.shown_host("https://me:secret@host:1/sdk/") == "https://host:1/sdk/"
    assert [one.name for one in destination.folder.glob(".the.plan*")] == []


def test_only_a_plan_is_overwritten(destination: Destination, tmp_path: Path) -> None:
    plan(destination)
    plan(destination)
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(PlanError, match="is no plan: it is not overwritten"):
        plan(destination, tmp_path / "notes.txt")
    assert (tmp_path / "notes.txt").read_text() == "mine"
    with pytest.raises(PlanError, match="is not there"):
        plan(destination, tmp_path / "no" / "the.plan")
    (tmp_path / "link").symlink_to(tmp_path / "notes.txt")
    with pytest.raises(PlanError, match="no file that a plan can replace"):
        plan(destination, tmp_path / "link")


def test_a_plan_that_cannot_be_made_leaves_no_file(platforms: Callable[..., Destination]) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("GET", "/datalake/", 50)
    with pytest.raises((PicselliaError, NetworkError)):
        plan(destination)
    assert list(destination.folder.glob("*.plan")) == []


def rewritten(path: Path, statement: str, *values: object) -> None:
    """A plan changed by hand, with a digest that fits again."""
    with sqlite3.connect(path) as base:
        base.execute(statement, values)
    base.close()


HOSTILE = {
    "climbs": ("UPDATE item SET name='../x.jpg', path=? WHERE name='dock 01.jpg'", b"/images/../x.jpg"),
    "elsewhere": ("UPDATE item SET path=? WHERE name='dock 01.jpg'", b"/etc/passwd"),
    "absolute": ("UPDATE item SET name='/etc/passwd', path=? WHERE name='dock 01.jpg'", b"/etc/passwd"),
    "key": ("UPDATE item SET object_key=? WHERE name='dock 01.jpg'", "k"),
    "document": ("UPDATE item SET document=? WHERE name='dock 01.jpg'", b"{}"),
    "type": ("UPDATE item SET size=? WHERE name='dock 01.jpg'", "many"),
    "instances": ("UPDATE item SET instances=? WHERE name='dock 01.jpg'", 99),
    "more": ("DELETE FROM item WHERE name=?", "dock 01.jpg"),
    "tags": ("UPDATE plan SET value=replace(value, '\"d\"', ?) WHERE key='asked'", '"other"'),
    "meta": ("UPDATE plan SET value=? WHERE key='asked'", "[]"),
    "digest": ("DELETE FROM plan WHERE key=?", "digest"),
    "newer": ("PRAGMA user_version=99", None),
    "trigger": ("CREATE TRIGGER t AFTER INSERT ON item BEGIN DELETE FROM item; END", None),
    "view": ("CREATE VIEW v AS SELECT 1", None),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_plan_that_was_changed_is_refused_with_one_line(destination: Destination, kind: str) -> None:
    plan(destination)
    statement, value = HOSTILE[kind]
    rewritten(destination.folder / "the.plan", statement, *([] if value is None else [value]))
    with pytest.raises(PlanError) as found:
        apply(destination)
    assert "\n" not in str(found.value)
    assert platform.list_pictures(destination.connection, destination.identity.organization_id) == []


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0" + bytes(100), b"garbage" * 99])
def test_a_file_that_is_no_plan_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(PlanError, match="is not a plan of this program"):
        plan_file.load(tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == content
    with pytest.raises(PlanError, match="there is no plan"):
        plan_file.load(tmp_path / "y")


def test_no_cut_and_no_changed_byte_of_a_plan_goes_unseen(destination: Destination) -> None:
    plan(destination)
    path = destination.folder / "the.plan"
    whole = path.read_bytes()
    good = [(row.name, row.document) for row in plan_file._rows(path, str(DEMO / "images"))]

    @settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(place=st.integers(0, len(whole) - 1), flip=st.integers(0, 255), cut=st.booleans())
    def damaged(place: int, flip: int, cut: bool) -> None:
        changed = whole[:place] if cut else whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :]
        path.write_bytes(changed)
        try:
            opened = plan_file.load(path)
        except PlanError:
            return
        # What was not refused says what it said.
        assert [(r.name, r.document) for r in plan_file._rows(path, opened.asked.imgdir)] == good

    damaged()


@pytest.mark.parametrize("text", [b"KEY,\n  name", b"asked", b"ledger"])
def test_a_plan_whose_texts_are_no_text_any_more_is_refused(destination: Destination, text: bytes) -> None:
    plan(destination)
    path = destination.folder / "the.plan"
    path.write_bytes(path.read_bytes().replace(text, b"\xcb" + text[1:]))
    with pytest.raises(PlanError):
        plan_file.load(path)


def test_a_forecast_says_what_is_there_in_part_which_labels_are_new_and_how_long_it_takes(
    destination: Destination, tmp_path: Path
) -> None:
    destination.upload(DEMO / "instances.json", DEMO / "images")
    document = json.loads((DEMO / "instances.json").read_text())
    document["categories"].append({"id": 77, "name": "barrel"})
    box = {"id": 900, "image_id": document["images"][0]["id"], "category_id": 77, "bbox": [1, 2, 3, 4]}
    document["annotations"].append(box)
    (tmp_path / "more.json").write_text(json.dumps(document))
    report = plan(destination, ann_path=tmp_path / "more.json")
    forecast = report.forecast
    assert forecast is not None
    assert (forecast.pictures, forecast.annotations, forecast.completed) == (0, 1, 1)
    assert forecast.new_labels == [("barrel", "rectangle")]
    assert (report.instances.already_there, report.instances.planned) == (7, 1)
    assert forecast.seconds is not None
    assert forecast.measured.requests > 0
    each = forecast.measured.seconds / forecast.measured.requests
    assert forecast.seconds == pytest.approx(forecast.requests * each / 2)
    assert "labels to create: barrel (rectangle)" in str(forecast)
    assert "as measured on the" in str(forecast)


@pytest.mark.parametrize("asked", [{"dry_run": True}, {"check": True}])
def test_neither_a_dry_run_nor_a_check_gives_tags(destination: Destination, asked: dict[str, Any]) -> None:
    destination.upload(imgdir=DEMO / "images")
    before = destination.pictures()
    job_tags: dict[str, Any] = {"tags_wanted": True}
    for picture in before.values():
        body = {"tags": ["t"], "to_delete_tag": [picture["picture_id"]]}
        platform.change_pictures(
            destination.connection, destination.identity.organization_id, "delete_tag", body
        )
    destination.upload(imgdir=DEMO / "images", **job_tags, **asked)
    assert {tag for picture in destination.pictures().values() for tag in picture["tag"]} == set()
