"""The main job against a strict platform: everything arrives once, and every image and instance is accounted for."""

from __future__ import annotations

import hashlib
import json
import shutil
import threading
import time
from collections.abc import Callable
from email.utils import formatdate
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from picsellia_ingest import geometry
from picsellia_ingest.api import pace, pages, storage, transport
from picsellia_ingest.api import platform as endpoints
from picsellia_ingest.errors import InputError, ResourceNotFoundError
from picsellia_ingest.upload import verify, workers
from picsellia_ingest.upload.journal import Journal
from tests.paths import FIXTURES
from tests.upload.conftest import Destination
from tests.upload.faults import Faults, foreign

DEMO = FIXTURES / "COCO" / "demo"
SOURCE = DEMO / "instances.json"


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.001)


def test_everything_arrives_and_the_report_accounts_for_it(destination: Destination) -> None:
    report = destination.upload(SOURCE, DEMO / "images")
    assert (report.images.came_in, report.images.uploaded) == (4, 4)
    assert (report.instances.came_in, report.instances.uploaded) == (7, 7)
    assert report.passed_over == {".txt": 1}
    assert report.verified
    assert report.exit_code == 0
    assert report.labels == [("crate", "polygon"), ("crate", "rectangle"), ("pallet", "polygon")]
    assert sorted(destination.pictures()) == [
        "dock 01.jpg",
        "dock#02.jpg",
        "night/dock 01.jpg",
        "night/empty.png",
    ]
    assert {name: len(objects) for name, objects in destination.objects().items()} == {
        "dock 01.jpg": 2,
        "dock#02.jpg": 3,
        "night/dock 01.jpg": 2,
    }


def test_stored_bytes_are_those_of_the_files(destination: Destination) -> None:
    destination.upload(SOURCE, DEMO / "images")
    for name, picture in destination.pictures().items():
        url = endpoints.presign(destination.connection, "get", picture["internal_key"])
        stored = storage.fetch(destination.connection.traffic, url)
        assert (
            hashlib.sha256(stored).digest() == hashlib.sha256((DEMO / "images" / name).read_bytes()).digest()
        )


@pytest.mark.parametrize("keep_journal", [True, False])
def test_a_second_run_sends_nothing_with_and_without_its_journal(
    destination: Destination, keep_journal: bool
) -> None:
    destination.upload(SOURCE, DEMO / "images")
    before = destination.objects()
    if not keep_journal:
        destination.forget()
    report = destination.upload(SOURCE, DEMO / "images")
    assert (report.images.uploaded, report.images.already_there) == (0, 4)
    assert (report.instances.uploaded, report.instances.already_there) == (0, 7)
    assert report.picture_bytes == 0
    assert report.exit_code == 0
    assert destination.objects() == before


def test_with_rectangle_every_instance_is_sent_as_a_box(destination: Destination) -> None:
    report = destination.upload(SOURCE, DEMO / "images", rectangle=True)
    sent = [found for objects in destination.objects().values() for found in objects]
    assert {found["type"] for found in sent} == {"rectangle"}
    assert len(sent) == 7
    assert report.labels == [("crate", "rectangle"), ("pallet", "rectangle")]


def test_images_only_makes_the_dataset_and_annotations_only_completes_it(destination: Destination) -> None:
    first = destination.upload(imgdir=DEMO / "images")
    assert (first.images.uploaded, first.instances.came_in) == (4, 0)
    assert destination.objects() == {}
    destination.forget()
    second = destination.upload(SOURCE)
    assert (second.images.already_there, second.instances.uploaded) == (4, 7)
    assert second.exit_code == 0
    third = destination.upload(SOURCE)
    assert (third.instances.uploaded, third.instances.already_there) == (0, 7)


def test_annotations_for_a_dataset_that_is_not_there_are_refused(destination: Destination) -> None:
    with pytest.raises(ResourceNotFoundError, match="there is no dataset 'd'"):
        destination.upload(SOURCE)


def test_a_dry_run_plans_everything_and_changes_nothing(destination: Destination) -> None:
    report = destination.upload(SOURCE, DEMO / "images", dry_run=True)
    assert (report.images.planned, report.instances.planned, report.picture_bytes) == (4, 7, 0)
    with pytest.raises(ResourceNotFoundError):
        destination.dataset()
    assert endpoints.list_pictures(destination.connection, destination.identity.organization_id) == []


def test_a_version_of_a_dataset_that_does_not_exist_is_made(destination: Destination) -> None:
    report = destination.upload(SOURCE, DEMO / "images", version="v2")
    assert report.version == "v2"
    assert destination.dataset(version="v2").size == 4


def test_a_version_that_a_dataset_lacks_is_refused_and_the_newest_is_named(destination: Destination) -> None:
    destination.upload(imgdir=DEMO / "images")
    with pytest.raises(ResourceNotFoundError, match=r"no version 'v9' .its newest is 'first'"):
        destination.upload(SOURCE, version="v9")


def test_bad_items_are_rejected_by_themselves_and_the_good_ones_arrive(
    destination: Destination, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    shutil.copytree(DEMO / "images", images)
    (images / "dock 01.jpg").write_bytes(b"<!DOCTYPE html><html>")
    (images / "dock#02.jpg").unlink()
    report = destination.upload(SOURCE, images)
    assert (report.images.came_in, report.images.uploaded, report.images.rejected) == (
        3,
        2,
        {"not_an_image": 1},
    )
    assert (report.instances.uploaded, report.instances.rejected) == (
        2,
        {"not_an_image": 2, "image_missing": 3},
    )
    assert report.exit_code == 3
    assert any("HTML" in problem.message for problem in report.problems.kept)


def test_a_rejected_annotation_file_ends_the_run_before_anything_is_sent(
    destination: Destination, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.json"
    broken.write_bytes(SOURCE.read_bytes()[:-30])
    with pytest.raises(InputError, match="ends early"):
        destination.upload(broken, DEMO / "images")
    assert endpoints.list_pictures(destination.connection, destination.identity.organization_id) == []


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((192, 128), "image_size_differs"),
        ((64, 96), "image_size_turned"),
        ((96, 64), None),
        ((None, None), None),
    ],
)
def test_a_stated_size_that_is_not_the_pictures_is_warned_of_and_changes_nothing(
    destination: Destination, tmp_path: Path, size: tuple[int | None, int | None], code: str | None
) -> None:
    document = json.loads(SOURCE.read_text())
    document["images"][0].update({"width": size[0], "height": size[1]} if size[0] else {})
    if size[0] is None:
        del document["images"][0]["width"], document["images"][0]["height"]
    source = tmp_path / "a.json"
    source.write_text(json.dumps(document))
    report = destination.upload(source, DEMO / "images")
    assert [problem.code for problem in report.problems.kept] == ([code] if code else [])
    assert (report.instances.uploaded, report.exit_code) == (7, 0)


def test_a_record_that_cannot_be_read_any_more_does_not_stop_the_others(
    destination: Destination, tmp_path: Path
) -> None:
    demo = FIXTURES / "PICSELLIA" / "demo"
    source = tmp_path / "a.json"
    source.write_bytes((demo / "annotations.json").read_bytes().replace(b'"width": 60', b'"wid\xffh": 60'))
    report = destination.upload(source, demo / "images")
    assert (report.images.uploaded, report.instances.came_in) == (2, 3)
    assert report.instances.uploaded + report.instances.rejected.total() == 3
    assert report.exit_code == 3


def test_two_records_of_one_image_become_one_annotation(destination: Destination, tmp_path: Path) -> None:
    document = json.loads(SOURCE.read_text())
    document["images"].append({"id": 99, "file_name": "night/empty.png"})
    document["images"].append({"id": 100, "file_name": "night/empty.png"})
    for number in (99, 100):
        document["annotations"].append(
            {"id": number, "image_id": number, "category_id": 1, "bbox": [1, 1, number / 10, 5]}
        )
    source = tmp_path / "twice.json"
    source.write_text(json.dumps(document))
    report = destination.upload(source, DEMO / "images")
    assert report.instances.uploaded == 9
    assert len(destination.objects()["night/empty.png"]) == 2


def test_another_picture_of_the_same_name_is_a_failure_and_never_an_overwrite(
    destination: Destination, tmp_path: Path
) -> None:
    destination.upload(imgdir=DEMO / "images")
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (8, 8)).save(images / "dock 01.jpg")
    destination.forget()
    report = destination.upload(imgdir=images, name="other")
    assert report.images.failed == {"name_taken": 1}
    assert report.exit_code == 4
    assert destination.pictures()["dock 01.jpg"]["width"] == 96


def test_a_picture_of_the_lake_is_not_sent_again_for_another_dataset(destination: Destination) -> None:
    destination.upload(SOURCE, DEMO / "images")
    destination.forget()
    report = destination.upload(SOURCE, DEMO / "images", name="other")
    assert (report.images.already_there, report.picture_bytes) == (4, 0)
    assert sorted(destination.pictures("other")) == sorted(destination.pictures("d"))


@pytest.mark.parametrize("how", ["before", "after", "lost"])
@pytest.mark.parametrize(
    ("method", "part"),
    [
        ("POST", "generate_presigned_url"),
        ("POST", "/storage/"),
        ("PUT", "/picture/upload/"),
        ("PUT", "/dataset/"),
        ("PUT", "/label/"),
        ("PUT", "/annotation/new/"),
        ("GET", "/annotation/"),
        ("POST", "/update_stats"),
    ],
)
def test_a_fault_at_any_step_is_overcome_and_nothing_arrives_twice(
    platforms: Callable[..., Destination], method: str, part: str, how: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail(method, part, 3, how)
    report = destination.upload(SOURCE, DEMO / "images")
    assert report.exit_code == 0
    assert report.retries >= 3
    assert {name: len(objects) for name, objects in destination.objects().items()} == {
        "dock 01.jpg": 2, "dock#02.jpg": 3, "night/dock 01.jpg": 2,
    }  # fmt: skip


@pytest.mark.parametrize("how", ["status 400", "status 403"])
def test_an_item_the_platform_refuses_fails_alone_and_the_next_run_completes_it(
    platforms: Callable[..., Destination], how: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("PUT", "/picture/upload/", 1, how)
    first = destination.upload(SOURCE, DEMO / "images")
    assert first.images.failed.total() == 1
    assert first.exit_code == 4
    assert "made to fail" in first.failures[0][2]
    second = destination.upload(SOURCE, DEMO / "images")
    assert (second.images.uploaded, second.images.already_there) == (1, 3)
    assert second.instances.uploaded + second.instances.already_there == 7
    assert second.exit_code == 0


@pytest.mark.parametrize("part", ["/picture/upload/", "/annotation/new/"])
def test_a_refusal_that_may_not_be_the_items_fault_is_tried_again_in_the_same_run(
    platforms: Callable[..., Destination], part: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("PUT", part, 2, "status 413")
    report = destination.upload(SOURCE, DEMO / "images")
    assert (report.images.uploaded, report.instances.uploaded, report.exit_code) == (4, 7, 0)


def test_a_signature_that_is_not_accepted_any_more_is_renewed(platforms: Callable[..., Destination]) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("POST", "/storage/", 5, "status 403")
    faults.fail("GET", "/storage/", 2, "status 403")
    report = destination.upload(SOURCE, DEMO / "images", nb_jobs=1)
    assert (report.images.uploaded, report.exit_code) == (4, 0)


def test_bytes_that_were_damaged_on_the_way_back_are_fetched_again(
    platforms: Callable[..., Destination],
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("GET", "/storage/", 2, "lost")
    assert destination.upload(SOURCE, DEMO / "images").exit_code == 0


@pytest.mark.parametrize("part", ["/generate_presigned_url", "/picture/upload/", "/annotation/new/"])
def test_a_token_that_is_refused_midway_stops_the_run_and_the_account_still_adds_up(
    platforms: Callable[..., Destination], part: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("PUT" if "upload" in part or "new" in part else "POST", part, 99, "status 401")
    report = destination.upload(SOURCE, DEMO / "images")
    assert "made to fail" in report.stopped
    assert report.exit_code == 5
    faults.rules.clear()
    # What stopped the run does not stop what is asked after it.
    listed = endpoints.list_pictures(destination.connection, destination.identity.organization_id)
    assert isinstance(listed, list)
    assert destination.upload(SOURCE, DEMO / "images").exit_code == 0
    assert sum(map(len, destination.objects().values())) == 7


def thirty_images(folder: Path) -> Path:
    images = folder / "images"
    images.mkdir()
    for number in range(30):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(images / f"{number}.png")
    return images


def test_a_platform_that_stays_away_ends_the_run_and_the_same_command_goes_on(
    platforms: Callable[..., Destination], tmp_path: Path
) -> None:
    images = thirty_images(tmp_path)
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("POST", "/storage/", 10_000, "before")
    report = destination.upload(imgdir=images)
    assert "does not answer" in report.stopped
    assert report.verdict.startswith("INCOMPLETE")
    assert report.images.failed.total() == 30
    faults.rules.clear()
    assert destination.upload(imgdir=images).images.uploaded == 30


def test_an_outage_is_waited_for_without_a_flood_and_the_run_completes(
    platforms: Callable[..., Destination], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "PROBE_FIRST", 0.2)
    images = thirty_images(tmp_path)
    faults = Faults()
    destination = platforms(wrap=faults.wrap)

    def fail_for_a_while() -> None:
        while faults.count("POST", "/storage/") < 3:
            time.sleep(0.005)
        faults.away = True
        before = len(faults.seen)
        time.sleep(2)
        asked.append(len(faults.seen) - before)
        faults.away = False

    asked: list[int] = []
    outage = threading.Thread(target=fail_for_a_while)
    outage.start()
    report = destination.upload(imgdir=images)
    outage.join()
    assert (report.images.uploaded, report.exit_code) == (30, 0)
    assert 0 < asked[0] <= workers.requests(5) * (transport.TRIES + 1) + 10


def test_a_platform_that_is_away_for_longer_than_there_is_patience_ends_the_run(
    platforms: Callable[..., Destination], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pace, "PROBE_FIRST", 0.01)
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    faults.fail("POST", "/storage/", how="leave")
    report = destination.upload(SOURCE, DEMO / "images", patience=0.3)
    assert report.exit_code == 4
    assert "run the same command again" in report.verdict
    faults.away = False
    assert destination.upload(SOURCE, DEMO / "images").exit_code == 0
    assert sum(map(len, destination.objects().values())) == 7


@pytest.mark.parametrize("part", ["/datalake/", "/update_stats", "/picture/"])
def test_a_step_that_cannot_be_done_ends_in_the_report_and_the_same_command_goes_on(
    platforms: Callable[..., Destination], part: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    for method in ("GET", "POST"):
        faults.fail(method, part, 99, "before")
    report = destination.upload(SOURCE, DEMO / "images")
    assert "made to fail" in report.stopped
    assert report.exit_code == 4
    faults.rules.clear()
    assert destination.upload(SOURCE, DEMO / "images").exit_code == 0
    assert sum(map(len, destination.objects().values())) == 7


def test_what_is_missing_of_a_partly_annotated_picture_is_added_and_nothing_else(
    destination: Destination,
) -> None:
    destination.upload(imgdir=DEMO / "images")
    dataset = destination.dataset().id
    endpoints.create_label(destination.connection, dataset, "crate", "rectangle")
    box = {
        "type": "rectangle",
        "label": "crate",
        "rectangle": {"top": 8, "left": 8, "width": 20, "height": 16},
    }
    endpoints.add_annotation(destination.connection, dataset, "dock#02.jpg", {"data": [box]})
    report = destination.upload(SOURCE)
    assert (report.instances.already_there, report.instances.uploaded) == (1, 6)
    assert len(destination.objects()["dock#02.jpg"]) == 3


def test_annotations_that_were_deleted_on_the_platform_are_sent_again(destination: Destination) -> None:
    destination.upload(SOURCE, DEMO / "images")
    endpoints.delete_annotations(destination.connection, destination.dataset().id)
    report = destination.upload(SOURCE, DEMO / "images")
    assert (report.instances.uploaded, report.exit_code) == (7, 0)


def test_a_platform_that_lost_everything_gets_everything_again(destination: Destination) -> None:
    destination.upload(SOURCE, DEMO / "images")
    organization = destination.identity.organization_id
    endpoints.delete_dataset(destination.connection, organization, "d")
    pictures = endpoints.list_pictures(destination.connection, organization)
    endpoints.change_pictures(destination.connection, organization, "delete", {"to_delete": pictures})
    report = destination.upload(SOURCE, DEMO / "images")
    assert (report.images.uploaded, report.instances.uploaded, report.exit_code) == (4, 7, 0)


def test_answers_of_four_kinds_arrive_per_object_and_per_image(destination: Destination) -> None:
    demo = FIXTURES / "PICSELLIA" / "demo"
    report = destination.upload(demo / "annotations.json", demo / "images")
    assert (report.images.uploaded, report.instances.uploaded, report.exit_code) == (2, 3, 0)
    stated = {
        record["external_picture_url"]: record
        for record in json.loads((demo / "annotations.json").read_text())["annotations"]
    }
    held = list(pages.all_annotations(destination.connection, destination.dataset().id))
    assert len(held) == 2
    for record in held:
        said = stated[record["external_picture_url"]]
        assert record["annotations"] == said["annotations"]
        assert record["image_qa"] == said.get("image_qa", [])
        assert (record["nb_labels"], record["time_spent"]) == (said["nb_labels"], said["time_spent"])
    assert destination.upload(demo / "annotations.json", demo / "images").instances.already_there == 3


def test_a_voc_folder_with_masks_arrives_as_polygons_with_the_pixels_of_the_masks(
    destination: Destination, tmp_path: Path
) -> None:
    masks = FIXTURES / "PASCAL-VOC" / "masks"
    with Image.open(masks / "SegmentationObject" / "deck.png") as opened:
        pixels = np.asarray(opened).copy()
    (tmp_path / "images").mkdir()
    Image.new("RGB", pixels.shape[::-1]).save(tmp_path / "images" / "deck.jpg")
    report = destination.upload(masks, tmp_path / "images")
    rejected = [
        int((problem.place.pointer or "").split()[1]) for problem in report.problems.kept if problem.lost
    ]
    assert (report.instances.came_in, report.instances.uploaded, len(rejected)) == (3, 2, 1)
    rings = [
        [value for point in found["polygon"]["geometry"] for value in (point["x"], point["y"])]
        for found in destination.objects()["deck.jpg"]
    ]
    sent = np.isin(pixels, [0, 255, *rejected], invert=True)
    assert sum(abs(geometry.ring_area(ring)) for ring in rings) == sent.sum()


def test_a_file_that_is_broken_is_reported_from_a_process_too(
    destination: Destination, tmp_path: Path
) -> None:
    shutil.copytree(DEMO / "images", tmp_path / "images")
    (tmp_path / "images" / "dock 01.jpg").write_bytes(b"")
    report = destination.upload(SOURCE, tmp_path / "images", backend="loky", nb_jobs=2)
    assert report.images.rejected == {"image_empty": 1}


def test_ids_that_a_host_does_not_tell_are_found_by_search(platforms: Callable[..., Destination]) -> None:
    destination = platforms(wrap=foreign)
    assert destination.upload(SOURCE, DEMO / "images").exit_code == 0
    assert len(destination.pictures()) == 4


@pytest.mark.parametrize("how", ["after", "lost"])
def test_an_annotation_whose_answer_was_lost_is_not_doubled_where_no_key_guards_it(
    platforms: Callable[..., Destination], how: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=lambda app: faults.wrap(foreign(app)))
    faults.fail("PUT", "/annotation/new/", 3, how)
    assert destination.upload(SOURCE, DEMO / "images").exit_code == 0
    assert sum(map(len, destination.objects().values())) == 7
    assert faults.count("PUT", "/annotation/new/") == 3


def test_when_no_image_can_be_sent_no_dataset_is_made_and_the_report_says_so(
    destination: Destination, tmp_path: Path
) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "a.jpg").write_bytes(b"")
    report = destination.upload(imgdir=tmp_path / "images")
    assert report.exit_code == 3
    assert report.notes == ["no image could be sent, so no dataset was made"]
    with pytest.raises(ResourceNotFoundError):
        destination.dataset()


def test_a_picture_that_has_only_answers_is_missed_too_when_its_annotation_is_gone(
    destination: Destination, tmp_path: Path
) -> None:
    qa = [{"type": "text", "question": "q", "answer": "a"}]
    records = [
        {"external_picture_url": name, "annotations": [], "image_qa": qa}
        for name in ("dock 01.jpg", "dock#02.jpg")
    ]
    records[1]["annotations"] = [{"type": "classification", "label": "a"}]
    source = tmp_path / "a.json"
    source.write_text(json.dumps({"annotations": records}))
    assert destination.upload(source, DEMO / "images").exit_code == 0
    dataset, picture = destination.dataset().id, destination.pictures()["dock#02.jpg"]["picture_id"]
    endpoints.delete_annotations(destination.connection, dataset, picture)
    with Journal(destination.journal, "test") as journal:
        journal.run = 1
        found = verify.compare(destination.connection, dataset, journal, exact=False)
    assert found.differences == ["1 pictures that were annotated have no annotation on the platform"]


def test_work_can_be_done_in_processes(destination: Destination) -> None:
    report = destination.upload(SOURCE, DEMO / "images", backend="loky", nb_jobs=2)
    assert report.exit_code == 0
    assert report.instances.uploaded == 7


@pytest.mark.parametrize(("seconds", "words"), [(-3600, "60 minutes ahead of"), (600, "10 minutes behind")])
def test_a_clock_that_differs_from_the_platforms_is_reported(
    destination: Destination, monkeypatch: pytest.MonkeyPatch, seconds: float, words: str
) -> None:
    now = time.time
    destination.connection.traffic.skew = None
    with monkeypatch.context() as patched:
        patched.setattr("picsellia_ingest.api.connection.time.time", lambda: now() + seconds)
        destination.connection.traffic.note_clock(formatdate(now()))
    report = destination.upload(SOURCE, DEMO / "images")
    assert report.exit_code == 0
    assert f"the platform's clock is {words} this machine's" in str(report)
