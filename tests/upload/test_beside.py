"""The dataset is asked for while the source is indexed: what comes of the source counts first, and nothing is asked twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.errors import (
    InputError,
    InvalidQueryError,
    PicselliaError,
    UnauthorizedError,
)
from picsellia_ingest.parsers import find_format
from picsellia_ingest.problems import OnProblem
from picsellia_ingest.selection import selection
from picsellia_ingest.upload import pipeline, threads
from picsellia_ingest.upload.journal import Journal
from picsellia_ingest.upload.plan import Job
from picsellia_ingest.upload.report import Report
from tests.paths import FIXTURES
from tests.upload.conftest import Destination
from tests.upload.faults import Faults

DEMO = FIXTURES / "COCO" / "demo"
SOURCE = DEMO / "instances.json"
Platforms = Callable[..., Destination]
COCO: Any = find_format(SOURCE, None)


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A source that ends too early."""
    path = tmp_path / "broken.json"
    path.write_bytes(SOURCE.read_bytes()[:-30])
    return path


def upload_by(destination: Destination, begin: Callable[[], object]) -> Report:
    """Upload annotations from a parser that does something before it begins."""

    class Waiting(COCO):  # type: ignore[misc]
        def begin(self, on_problem: OnProblem) -> None:
            begin()
            super().begin(on_problem)

    with Journal(destination.journal, "test") as journal:
        job = Job(name="d", parser=Waiting(SOURCE))
        return pipeline.run(job, destination.connection, destination.identity, journal)


def until(is_so: Callable[[], bool]) -> None:
    """Wait for what another thread does."""
    end = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.001)


@pytest.mark.parametrize("how", ["", "status 401", "status 400"])
def test_a_broken_source_is_told_before_anything_that_is_wrong_with_the_dataset(
    platforms: Platforms, broken: Path, how: str
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    if how:
        faults.fail("GET", "/dataset/", 9, how)
    with pytest.raises(InputError, match="ends early"):
        destination.upload(broken)
    assert destination.journal_rows("SELECT count(*) FROM run") == [(0,)]


def test_labels_that_the_source_lacks_are_told_before_a_dataset_that_is_missing(
    destination: Destination,
) -> None:
    with pytest.raises(InvalidQueryError, match="lorry"):
        destination.upload(SOURCE, selection=selection(only=["lorry"]))


@pytest.mark.parametrize(
    ("part", "error", "runs"),
    [("/dataset/", UnauthorizedError, 1), ("/picture/", UnauthorizedError, 2)],
)
def test_what_the_platform_refuses_meanwhile_ends_the_run_where_it_is_needed(
    platforms: Platforms, part: str, error: type[PicselliaError], runs: int
) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    destination.upload(imgdir=DEMO / "images")
    faults.fail("GET", part, 9, "status 401")
    with pytest.raises(error, match="made to fail"):
        destination.upload(SOURCE)
    assert destination.journal_rows("SELECT count(*) FROM run") == [(runs,)]


def test_a_dataset_and_its_pictures_are_asked_for_while_the_source_is_indexed(platforms: Platforms) -> None:
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    destination.upload(imgdir=DEMO / "images")
    faults.seen.clear()
    report = upload_by(destination, lambda: until(lambda: faults.count("GET", "/picture/") == 1))
    assert (report.instances.uploaded, report.exit_code) == (7, 0)
    assert report.requests == len(faults.seen)


@pytest.mark.parametrize("held", [0, pipeline.HELD_PICTURES])
def test_of_what_is_asked_meanwhile_nothing_is_asked_twice(
    platforms: Platforms, held: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor of a dataset whose pictures are too many to be held while a source is indexed."""
    monkeypatch.setattr(pipeline, "HELD_PICTURES", held)
    faults = Faults()
    destination = platforms(wrap=faults.wrap)
    destination.upload(imgdir=DEMO / "images")
    faults.seen.clear()
    report = destination.upload(SOURCE, dry_run=True)
    asked = [(method, path.split("/v2/")[1].split("/")[0]) for method, path in faults.seen]
    assert asked == [("GET", "dataset"), ("GET", "picture"), ("GET", "annotation")]
    assert report.requests == 3


def test_once_a_source_turned_out_broken_no_pictures_are_asked_for(
    platforms: Platforms, broken: Path
) -> None:
    faults = Faults()
    may_answer = threading.Event()
    may_answer.set()

    def late(app: Any) -> Any:
        def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            assert may_answer.wait(20)
            answered: Iterable[bytes] = app(environ, start_response)
            return answered

        return wrapped

    destination = platforms(wrap=lambda app: faults.wrap(late(app)))
    destination.upload(imgdir=DEMO / "images")
    faults.seen.clear()
    may_answer.clear()
    with pytest.raises(InputError, match="ends early"):
        destination.upload(broken)
    until(lambda: faults.count("GET", "/dataset/") == 1)
    may_answer.set()
    until(lambda: not any(thread.name == threads.MEANWHILE for thread in threading.enumerate()))
    assert len(faults.seen) == 1


def test_what_was_asked_beside_a_broken_source_is_over_when_that_is_told(
    platforms: Platforms, broken: Path
) -> None:
    answered: list[str] = []

    def slow(app: Any) -> Any:
        def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            time.sleep(0.2)
            answered.append(environ["PATH_INFO"])
            answer: Iterable[bytes] = app(environ, start_response)
            return answer

        return wrapped

    destination = platforms(wrap=slow)
    answered.clear()
    with pytest.raises(InputError, match="ends early"):
        destination.upload(broken)
    assert len(answered) == 1
