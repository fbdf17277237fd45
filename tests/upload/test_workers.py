"""Processes that die: the work goes on, and what kills them is named."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from joblib.externals import loky

from picsellia_ingest.conversion import pipeline as conversion
from picsellia_ingest.conversion import shards
from picsellia_ingest.errors import WorkerDiedError
from picsellia_ingest.parsers import jsonparts
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.problems import Problem
from picsellia_ingest.selection import selection
from picsellia_ingest.upload import reading, workers
from tests.paths import FIXTURES
from tests.upload.conftest import Destination

pytestmark = pytest.mark.skipif(not Path("/proc/self").exists(), reason="processes are looked up in /proc")

DEMO = FIXTURES / "COCO" / "demo"


def is_worker(pid: str) -> bool:
    """Whether a child does joblib's work; one that ended since it was listed does not."""
    try:
        return b"popen_loky" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def at_work() -> list[int]:
    """The processes that this one gave work to."""
    found = Path(f"/proc/self/task/{threading.main_thread().native_id}/children").read_text().split()
    return [int(pid) for pid in found if is_worker(pid)]


def test_what_a_process_was_at_when_it_died_is_done_by_another(tmp_path: Path) -> None:
    def deadly_once(number: int) -> int:
        with (tmp_path / str(number)).open("a") as tally:
            tally.write("x")
        if number == 3 and (tmp_path / "3").read_text() == "x":
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    tasks = [(number,) for number in range(20)]
    assert sorted(workers.each(deadly_once, tasks, 2, "loky")) == list(range(20))
    assert (tmp_path / "3").read_text() == "xx"


def test_what_kills_its_process_each_time_is_named_and_all_else_is_done() -> None:
    def deadly(number: int) -> int:
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    tasks = [(number,) for number in range(6)]
    found = workers.each(deadly, tasks, 2, "loky", lambda number: -number)
    assert sorted(found) == [-3, 0, 1, 2, 4, 5]


def test_processes_that_were_started_before_index_a_source_and_do_the_work() -> None:
    parser = Coco(DEMO / "instances.json")
    started: set[int] = set()
    with reading.indexing(parser, 2, least=1):
        spread = parser.spread
        assert spread is not None
        started |= set(spread(os.getpid, [()] * 20))
    assert vars(parser)["spread"] is None
    assert 1 <= len(started) <= 2
    while len(at_work()) < 2:  # one may have done all before the other was there
        time.sleep(0.01)
    started |= set(at_work())
    assert set(workers.each(lambda _: os.getpid(), [(number,) for number in range(20)], 2, "loky")) <= started


def test_a_source_that_processes_index_says_what_it_says_to_one(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source, results = tmp_path / "many.json", []
    problems: list[Problem] = []
    annotations = [{"id": n, "image_id": n % 7, "category_id": 1, "bbox": [1, 2, 3, 4]} for n in range(500)]
    images = [{"id": n, "file_name": f"{n}.jpg"} for n in range(7)]
    source.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "car"}]})
    )
    monkeypatch.setattr(jsonparts, "SEGMENT", 1000)
    monkeypatch.setattr(jsonparts, "LARGE", 1)
    for jobs in (1, 2):
        with Coco(source) as parser:
            with reading.indexing(parser, jobs, least=1):
                assert (parser.spread is None) == (jobs == 1)
                parser.begin(problems.append)
            results.append([*parser.read(parser.shards()[0], problems.append)])
    assert (results[0], problems) == (results[1], [])
    assert sum(len(record.instances) for record in results[0]) == 500


def test_a_single_task_does_not_take_this_process_along() -> None:
    with pytest.raises(WorkerDiedError, match="died, each time"):
        list(workers.each(lambda: os.kill(os.getpid(), signal.SIGKILL), [()], 2, "loky"))


def test_an_upload_whose_processes_are_killed_goes_on_by_itself(
    platforms: Callable[..., Destination],
) -> None:
    killed: list[int] = []

    def wrap(app: Any) -> Any:
        def killing(environ: dict[str, Any], start_response: Any) -> Any:
            if environ["PATH_INFO"].startswith("/storage/") and len(killed) < 2:
                killed.append(at_work()[0])
                os.kill(killed[-1], signal.SIGKILL)
            return app(environ, start_response)

        return killing

    destination = platforms(wrap=wrap)
    report = destination.upload(DEMO / "instances.json", DEMO / "images", backend="loky", nb_jobs=2)
    assert len(killed) == 2
    assert (report.images.came_in, report.instances.came_in, report.exit_code) == (4, 7, 0)
    assert sum(map(len, destination.objects().values())) == 7


@contextmanager
def killing(most: int) -> Iterator[None]:
    """Kills so many of the processes at work, as soon as they are there."""

    def kill() -> None:
        killed = 0
        while killed < most and not over.wait(0.01):
            for pid in at_work():
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed += 1

    over = threading.Event()
    killer = threading.Thread(target=kill)
    killer.start()
    try:
        yield
    finally:
        over.set()
        killer.join()


DEADLY = """
import os, signal
from picsellia_ingest.selection import Selection

class Deadly(Selection):
    def apply(self, record, counts):
        os.kill(os.getpid(), signal.SIGKILL)
"""


def convert(folder: Path) -> dict[str, bytes]:
    asked = conversion.request(
        DEMO / "instances.json", folder, "PASCAL-VOC", chosen=selection(), imgdir=DEMO / "images", nb_jobs=2
    )
    conversion.run(asked)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_conversion_whose_processes_are_killed_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = convert(tmp_path / "expected")
    monkeypatch.setattr(reading, "MANY", 0)
    with killing(2):
        assert convert(tmp_path / "out") == expected


def test_a_conversion_names_the_images_at_which_its_processes_die_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MANY", 0)
    (tmp_path / "deadly.py").write_text(DEADLY)
    monkeypatch.syspath_prepend(tmp_path)
    loky.get_reusable_executor().shutdown(kill_workers=True)
    chosen = importlib.import_module("deadly").Deadly()
    asked = conversion.request(DEMO / "instances.json", tmp_path / "out", "voc", chosen=chosen, nb_jobs=2)
    with pytest.raises(WorkerDiedError, match=r"the 4 images from 'dock 01.jpg' to 'night/empty.png' died"):
        conversion.run(asked)
    assert not [path for path in tmp_path.iterdir() if "out" in path.name]


def test_an_image_whose_copy_is_interrupted_is_copied_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Path, target: Path) -> None:
        target.write_bytes(b"the first")
        raise KeyboardInterrupt

    (tmp_path / "a").write_bytes(b"the first half and the other")
    monkeypatch.setattr(shutil, "copyfile", interrupted)
    with pytest.raises(KeyboardInterrupt):
        shards._place(tmp_path / "a", tmp_path / "out" / "a", shards.COPY)
    monkeypatch.undo()
    shards._place(tmp_path / "a", tmp_path / "out" / "a", shards.COPY)
    assert (tmp_path / "out" / "a").read_bytes() == (tmp_path / "a").read_bytes()


@pytest.fixture
def parent(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that gives slow work to processes, which leave their numbers in ``tmp_path``."""
    code = (
        "import os, sys, time; from pathlib import Path; from picsellia_ingest.upload import workers\n"
        "def slow(number, folder): (folder / str(os.getpid())).touch(); time.sleep(60)\n"
        "list(workers.each(slow, [(n, Path(sys.argv[1])) for n in range(4)], 2, 'loky'))"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], start_new_session=True) as started:
        yield started
        started.kill()


def test_processes_do_not_outlive_the_one_that_gives_them_work(
    parent: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    while len(list(tmp_path.iterdir())) < 2:
        assert parent.poll() is None
        time.sleep(0.05)
    working = [Path("/proc") / path.name for path in tmp_path.iterdir()]
    parent.kill()
    assert ended(working)


def ended(processes: list[Path]) -> bool:
    """Whether all of these end within some seconds."""
    deadline = time.monotonic() + 10
    while any(map(running, processes)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not any(map(running, processes))


def running(process: Path) -> bool:
    """Whether a process is there and not only waits to be forgotten."""
    try:
        return (process / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
