"""A line on which every fifth request goes wrong: each run completes, once and for all, and asks little more than it must."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from picsellia_ingest.api import transport
from picsellia_ingest.server import start
from tests.upload.conftest import Destination
from tests.upload.faults import Faults, Mix, foreign
from tests.upload.oracle import faults_of, make

PICTURES, TRIES, REQUESTS = 24, 12, 1.6
"""Pictures of a run, the most tries of one request, and the most requests for each that is needed."""


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "PAUSE_FIRST", 0.001)


@pytest.fixture
def needed(tmp_path: Path) -> int:
    """How many requests a run takes on which nothing goes wrong."""
    source = make(tmp_path, "clean", PICTURES)
    (tmp_path / "elsewhere").mkdir()
    with start(tmp_path / "elsewhere" / "platform", strict=True) as running:
        report = Destination(running, tmp_path / "elsewhere").upload(source.annotations, source.images)
        transport.close_idle_connections()
    return report.requests


def run(destination: Destination, mix: Mix, folder: Path, needed: int) -> None:
    """One run over this line, and that all is as promised after it."""
    source = make(folder, "mixed", PICTURES)
    report = destination.upload(source.annotations, source.images, name=source.name)
    assert (report.exit_code, report.verified) == (0, True), str(report)
    assert report.images.uploaded + report.images.already_there == PICTURES
    assert faults_of(folder / "platform", source) == []
    assert mix.injected.total() >= 15, mix.injected
    assert max(mix.asked.values()) <= TRIES
    assert report.requests <= REQUESTS * needed


@pytest.mark.parametrize("seed", range(4))
def test_with_every_fifth_request_going_wrong_all_arrives_once_in_one_run(
    platforms: Callable[..., Destination], tmp_path: Path, needed: int, seed: int
) -> None:
    mix = Mix(seed)
    run(platforms(wrap=mix.wrap), mix, tmp_path, needed)


@pytest.mark.parametrize("seed", range(4))
def test_so_it_does_at_a_host_that_appends_whatever_it_gets_as_long_as_nothing_is_delivered_twice(
    platforms: Callable[..., Destination], tmp_path: Path, needed: int, seed: int
) -> None:
    mix = Mix(seed, kinds=[kind for kind in Mix.KINDS if kind != "twice"])
    run(platforms(wrap=lambda app: mix.wrap(foreign(app))), mix, tmp_path, needed)


def test_what_a_line_delivers_twice_to_a_host_that_appends_is_found_and_said(
    platforms: Callable[..., Destination], tmp_path: Path
) -> None:
    mix = Mix(0, share=1, kinds=["twice"])
    destination = platforms(wrap=lambda app: mix.wrap(foreign(app)))
    source = make(tmp_path, "doubled", 2)
    report = destination.upload(source.annotations, source.images, name=source.name)
    assert sorted(report.differences) == [
        "doubled-000.png: 3 objects more than planned",
        "doubled-001.png: 2 objects more than planned",
    ]
    assert report.exit_code == 6


def test_an_annotation_of_which_nobody_knows_whether_it_arrived_is_looked_up_before_the_next_pass_sends_it(
    platforms: Callable[..., Destination], tmp_path: Path
) -> None:
    faults = Faults()
    destination = platforms(wrap=lambda app: faults.wrap(foreign(app)))
    source = make(tmp_path, "unknown", 1)
    faults.fail("PUT", "/annotation/new/", 1, "after")
    faults.fail("GET", "/annotation/new/", transport.TRIES, "before")
    report = destination.upload(source.annotations, source.images, name=source.name)
    assert report.exit_code == 0, str(report)
    assert faults_of(tmp_path / "platform", source) == []


def shorten(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


def alter(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[:-20] + bytes(20))


def paint(path: Path) -> None:
    Image.new("RGB", (16, 16), (9, 99, 199)).save(path)


def enlarge(path: Path) -> None:
    Image.new("RGB", (77, 33), (9, 99, 199)).save(path)


@pytest.mark.parametrize("change", [alter, enlarge, Path.unlink, shorten, lengthen, paint])
def test_a_file_that_changes_after_it_was_looked_at_is_not_stored_as_what_it_was(
    platforms: Callable[..., Destination], tmp_path: Path, change: Callable[[Path], None]
) -> None:
    """What is whole and of the same size is taken as it is now; the rest fails, and the next run takes it."""
    source = make(tmp_path, "changing", 4)
    changed = source.images / "changing-002.png"
    before, one_at_a_time = changed.read_bytes(), threading.Lock()

    def wrap(app: Any) -> Any:
        def changing(environ: dict[str, Any], start_response: Any) -> Any:
            with one_at_a_time:
                if (
                    "presigned" in environ["PATH_INFO"]
                    and changed.exists()
                    and changed.read_bytes() == before
                ):
                    change(changed)
            return app(environ, start_response)

        return changing

    destination = platforms(wrap=wrap)
    report = destination.upload(source.annotations, source.images, name=source.name)
    if change in (shorten, lengthen, paint):
        assert (report.exit_code, report.images.uploaded) == (0, 4)
        assert "1 images changed after they were looked at" in str(report)
    else:
        assert report.exit_code == 4
        assert report.images.failed == {"image_changed": 1}
        assert sorted(destination.pictures(source.name)) == [f"changing-00{n}.png" for n in (0, 1, 3)]
        Image.new("RGB", (16, 16)).save(changed)
        assert destination.upload(source.annotations, source.images, name=source.name).exit_code == 0
    assert faults_of(tmp_path / "platform", source) == []
