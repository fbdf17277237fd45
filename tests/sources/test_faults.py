"""Sources that fail, change or are away: tried again by ranges, a few times; then the image fails by name and the run goes on."""

from __future__ import annotations

import json
import pickle
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fsspec
import pytest
from PIL import Image

from picsellia_ingest.api import storage
from picsellia_ingest.client import ingest
from picsellia_ingest.errors import (
    InvalidQueryError,
    PicselliaError,
    ResourceNotFoundError,
    SourceError,
    exit_code,
)
from picsellia_ingest.sources import Far, buckets, find, streams
from picsellia_ingest.sources.far import Listing
from picsellia_ingest.upload import images, plan, plan_file
from tests.sources.conftest import KEY, SECRET
from tests.sources.served import Bucket, Files
from tests.sources.test_everywhere import DEMO, session, upload
from tests.sources.test_hostile import jpeg
from tests.upload.conftest import Destination

Put = Callable[[str, bytes], None]


@pytest.fixture
def crates(bucket: Bucket) -> Bucket:
    """A bucket of five images."""
    for number in range(5):
        bucket.put(f"in/{number}.jpg", jpeg(number * 9))
    return bucket


@pytest.mark.parametrize("how", ["before", "closed", "cut", "status 500"])
def test_a_listing_that_fails_twice_is_asked_for_again(
    destination: Destination, crates: Bucket, how: str
) -> None:
    crates.faults.fail("GET", f"/{crates.name}", 2, how)
    assert upload(destination, f"{crates.address}/in", None).images.uploaded == 5


@pytest.mark.parametrize("how", ["before", "closed", "cut", "status 500"])
def test_an_image_that_fails_twice_is_read_again_by_ranges(
    destination: Destination, crates: Bucket, how: str
) -> None:
    crates.faults.fail("GET", "/in/3.jpg", 2, how)
    report = upload(destination, f"{crates.address}/in", None)
    assert (report.exit_code, report.images.uploaded) == (0, 5)


def test_an_image_that_keeps_failing_fails_by_name_and_the_next_run_completes(
    destination: Destination, crates: Bucket
) -> None:
    crates.faults.fail("GET", "/in/3.jpg", 10_000, "status 500")
    report = upload(destination, f"{crates.address}/in", None)
    assert (report.exit_code, report.images.uploaded, report.images.failed) == (
        4,
        4,
        {"source_unreadable": 1},
    )
    (problem,) = report.problems.kept
    assert problem.place.file == f"{crates.address}/in/3.jpg"
    assert "run the same command again" in str(problem)
    crates.faults.rules.clear()
    report = upload(destination, f"{crates.address}/in", None)
    assert (report.exit_code, report.images.uploaded, report.images.already_there) == (0, 1, 4)


def test_an_image_that_cannot_be_read_when_it_is_sent_fails_by_name_and_the_platform_is_not_blamed(
    destination: Destination, web: tuple[Files, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files, address = web
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as made:
        for number in range(30):
            made.writestr(f"{number:02}.jpg", jpeg(number))
    files.held["/a.zip"] = archive.read_bytes()
    surveyed = plan.plan_images

    def then_away(*arguments: Any) -> object:
        found = surveyed(*arguments)
        files.faults.fail("GET", "/a.zip", 10_000, "closed")
        return found

    monkeypatch.setattr(plan, "plan_images", then_away)
    report = upload(destination, f"{address}/a.zip", None)
    assert (report.exit_code, report.images.failed, report.stopped) == (4, {"source_unreadable": 30}, "")
    assert report.retries == 0
    monkeypatch.undo()
    files.faults.rules.clear()
    assert upload(destination, f"{address}/a.zip", None).images.uploaded == 30


def test_an_object_that_changes_after_it_was_looked_at_is_sent_as_it_is_then(
    destination: Destination, memory: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a.jpg", "b.jpg"):
        memory(f"in/{name}", jpeg())
    surveyed = plan.plan_images

    def then_changed(*arguments: Any) -> object:
        found = surveyed(*arguments)
        memory("in/b.jpg", jpeg(200)[: len(jpeg())].ljust(len(jpeg()), b"\0"))
        return found

    monkeypatch.setattr(plan, "plan_images", then_changed)
    report = upload(destination, "memory://in", None)
    assert report.exit_code == 0
    assert any("1 images changed after they were looked at" in note for note in report.notes)
    keys = {one["internal_key"] for one in destination.pictures().values()}
    assert len(keys) == 2


def test_an_object_that_is_gone_when_it_is_sent_fails_as_changed(
    destination: Destination, memory: Put, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory("in/a.jpg", jpeg())
    memory("in/b.jpg", jpeg(3))
    surveyed = plan.plan_images

    def then_gone(*arguments: Any) -> object:
        found = surveyed(*arguments)
        fsspec.filesystem("memory").rm("/in/b.jpg")
        return found

    monkeypatch.setattr(plan, "plan_images", then_gone)
    report = upload(destination, "memory://in", None)
    assert (report.exit_code, report.images.uploaded, report.images.failed) == (4, 1, {"image_changed": 1})


def test_a_new_run_reads_only_what_changed_since_the_last(destination: Destination, crates: Bucket) -> None:
    upload(destination, f"{crates.address}/in", None)
    crates.put("in/2.jpg", jpeg(77))
    seen = len(crates.faults.seen)
    upload(destination, f"{crates.address}/in", None, on_conflict="rename")
    read = {path for method, path in crates.faults.seen[seen:] if method == "GET" and path.endswith("jpg")}
    assert read == {f"/{crates.name}/in/2.jpg"}


def test_an_image_is_fetched_once_to_be_looked_at_and_once_to_be_sent(
    destination: Destination, crates: Bucket
) -> None:
    begun = len(crates.faults.seen)
    upload(destination, f"{crates.address}/in", None)
    for number in range(5):
        assert crates.faults.count("GET", f"/in/{number}.jpg") == 2
    asked = [path.strip("/") for method, path in crates.faults.seen[begun:] if method == "GET"]
    assert asked.count(crates.name) <= 3  # what it is, and once what is in it


def test_memory_holds_a_few_blocks_of_a_large_image_and_nothing_is_written_down(
    web: tuple[Files, str], tmp_path: Path, temporary: Path
) -> None:
    files, address = web
    Image.effect_noise((6000, 6000), 90).save(tmp_path / "large.bmp")
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as made:
        made.write(tmp_path / "large.bmp", "large.bmp")
    files.held["/a.zip"] = (tmp_path / "a.zip").read_bytes()
    size = (tmp_path / "large.bmp").stat().st_size
    assert size > 4 * images.HELD
    scanned = images.scan(find(f"{address}/a.zip"))
    (name,) = scanned.names
    path = scanned.path(name)
    held = sorted(one.name for one in tmp_path.iterdir())
    tracemalloc.start()
    found = images.survey(path)
    with storage._FormBody(storage.Source(path, size, found.sha256), {}, "k", 60) as body:
        sent = sum(len(block) for block in iter(lambda: body.read(1 << 16), b""))
        assert sent == len(body)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * images.HELD
    assert sorted(one.name for one in tmp_path.iterdir()) == held
    assert list(temporary.iterdir()) == []


def test_a_member_is_fetched_without_the_rest_of_its_archive(web: tuple[Files, str], tmp_path: Path) -> None:
    files, address = web
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        for number in range(40):
            made.writestr(f"{number:02}.bin", bytes([number]) * 200_000)
        made.writestr("one.jpg", jpeg(size=(900, 700)))
    files.held["/a.zip"] = (tmp_path / "a.zip").read_bytes()
    found = images.scan(find(f"{address}/a.zip"))
    listed = files.bytes_sent
    assert listed < 200_000
    images.survey(found.path(found.names[0]))
    assert files.bytes_sent - listed < len(jpeg(size=(900, 700))) + 10_000


def test_a_server_that_does_not_answer_ranges_is_refused_without_reading_it_whole(
    web: tuple[Files, str], tmp_path: Path
) -> None:
    files, address = web
    files.answers_ranges = False
    archive = shutil.make_archive(str(tmp_path / "a"), "zip", DEMO)
    files.held["/a.zip"] = Path(archive).read_bytes() + bytes(30 << 20)
    with pytest.raises(SourceError, match="range"):
        images.scan(find(f"{address}/a.zip"))


@pytest.mark.parametrize("address", ["memory://nowhere", "memory://nowhere/a.zip"])
def test_an_address_at_which_nothing_is_is_refused(address: str) -> None:
    with pytest.raises(ResourceNotFoundError, match="nowhere"):
        ingest.job("d", None, address, None, None, None, 1)
    with pytest.raises(InvalidQueryError, match="nowhere"):
        ingest.job("d", None, None, address, None, None, 1)


def test_a_folder_of_a_web_server_is_refused_since_it_has_no_listing(web: tuple[Files, str]) -> None:
    with pytest.raises(ResourceNotFoundError, match="does not list"):
        ingest.job("d", None, f"{web[1]}/images", None, None, None, 1)


def test_a_bucket_that_is_away_ends_the_command_with_4(crates: Bucket) -> None:
    crates.faults.away = True
    with pytest.raises(SourceError, match="run the same command again") as caught:
        ingest.job("d", None, f"{crates.address}/in", None, None, None, 1)
    assert exit_code(caught.value) == 4


def test_an_address_that_nothing_reads_and_a_missing_library_say_what_to_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with pytest.raises(InvalidQueryError, match="nosuch"):
        find("nosuch://x/y")
    with pytest.raises(InvalidQueryError, match="chain"):
        find("simplecache::memory://x")
    monkeypatch.setitem(__import__("sys").modules, "fsspec.core", None)
    with pytest.raises(InvalidQueryError, match=r"pip install 'picsellia_ingest\[remote\]'"):
        find("s3://x/y")


def test_a_password_and_a_signature_are_in_no_error_report_journal_plan_or_log(
    destination: Destination, web: tuple[Files, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "fsspec")
    files, address = web
    archive = Path(shutil.make_archive(str(tmp_path / "a"), "zip", DEMO))
    files.held["/a.zip"] = archive.read_bytes()
    given = f"{address.replace('//', '//alice:hunter2@')}/a.zip?X-Signature=s1gn3d"
    report = upload(destination, given, f"zip://instances.json::{given}")
    assert report.exit_code == 0
    said = [str(report), json.dumps(report.to_dict(), default=str)]
    job = ingest.job("d", None, given, None, None, None, 1)
    with pytest.raises(PicselliaError, match="a plan holds no secret") as refused:
        ingest.upload(session(destination), job, tmp_path / "p.db", plan=tmp_path / "p.plan")
    files.faults.fail("GET", "/a.zip", 1000, "closed")
    with pytest.raises(SourceError) as caught:
        images.scan(find(given))
    assert "/a.zip" in caplog.text
    said += [caplog.text, str(refused.value), repr(caught.value), repr(caught.value.__context__)]
    left = [path.read_bytes() for path in tmp_path.glob("*.db*")]
    for secret in ("hunter2", "s1gn3d"):
        assert not [text for text in said if secret in text]
        assert not [content for content in left if secret.encode() in content]


def test_credentials_of_the_environment_are_nowhere_in_what_is_left(
    destination: Destination, crates: Bucket, tmp_path: Path
) -> None:
    report = upload(destination, f"{crates.address}/in", None)
    crates.faults.fail("GET", "/in/", 1000, "status 403")
    with pytest.raises(PicselliaError) as caught:
        images.survey(find(f"{crates.address}/in/1.jpg"))
    said = f"{report}{caught.value!r}".encode() + b"".join(
        path.read_bytes() for path in tmp_path.glob("*.db*")
    )
    assert KEY.encode() not in said
    assert SECRET.encode() not in said


def test_a_plan_of_a_bucket_is_applied_later(
    destination: Destination, crates: Bucket, tmp_path: Path
) -> None:
    job = ingest.job("d", None, f"{crates.address}/in", None, None, ["t"], 2)
    ingest.upload(session(destination), job, tmp_path / "p.db", plan=tmp_path / "p.plan")
    crates.put("in/new.jpg", jpeg(3))
    crates.put("in/1.jpg", jpeg(222))
    saved = plan_file.load(tmp_path / "p.plan")
    report = ingest.apply(session(destination), saved, journal=destination.journal)
    assert (report.images.uploaded, report.images.failed) == (4, {"image_changed": 1})
    assert "new.jpg" not in destination.pictures()


def test_worker_processes_list_a_store_once(memory: Put, monkeypatch: pytest.MonkeyPatch) -> None:
    memory("in/a.jpg", jpeg())
    found = find("memory://in")
    assert isinstance(found, Far)
    pickled = pickle.dumps([found / "a.jpg", found / "a.jpg"])
    one, two = pickle.loads(pickled)
    three = pickle.loads(pickled)[0]
    assert one.store is two.store is three.store is not found.store
    asked: list[buckets.Bucket] = []
    look = buckets.Bucket.look

    def counted(store: buckets.Bucket) -> Listing:
        asked.append(store)
        return look(store)

    monkeypatch.setattr(buckets.Bucket, "look", counted)
    assert [each.stat().st_size for each in (one, two, three)] == [len(jpeg())] * 3
    assert len(asked) == 1


def test_what_comes_short_is_gone_on_with_where_it_broke_off() -> None:
    content = bytes(range(256)) * 40
    asked: list[tuple[int, int]] = []

    def fetch(start: int, stop: int) -> bytes:
        asked.append((start, stop))
        return content[start : min(stop, start + 4000)]

    stream = streams.Ranges(fetch, len(content), "memory://x", None)
    assert stream.read() == content
    assert asked == [(0, 10240), (4000, 10240), (8000, 10240)]
