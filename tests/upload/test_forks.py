"""Copies of a process of our own do its work at once, and what they cannot do is done by other processes.

Each test has a process of its own, as a command has: one with threads is not copied.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from picsellia_ingest.upload import forks
from tests.client.test_inspect import images_of_many, many
from tests.upload.test_workers import ended, running

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems do not copy processes safely")

HEAD = """
import os, signal, sys, threading, time
os.environ["OPENBLAS_NUM_THREADS"] = "1"  # as the command line has it
from pathlib import Path
from picsellia_ingest.upload import forks, reading, workers
folder = Path(sys.argv[1])
"""


def ran(code: str, folder: Path) -> list[str]:
    """The lines that a process prints, which says nothing else."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + code, str(folder)], capture_output=True, text=True, check=False, timeout=60
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_copies_have_what_is_loaded_begin_at_once_and_do_all(tmp_path: Path) -> None:
    code = """
forks.allow()
secret = object()
def own(number):
    (folder / str(number)).touch()
    return number, id(secret), os.getpid(), "joblib" in sys.modules
results = reading.spread(own, ((n,) for n in range(50)), 2)
while len(list(folder.iterdir())) < 2 * forks.UNDER_WAY:  # nobody has taken a result
    time.sleep(0.01)
time.sleep(0.1)
print(len(list(folder.iterdir())))
found = list(results)
print([n for n, *_ in found] == list(range(50)), {one[1] for one in found} == {id(secret)})
print(os.getpid() in {one[2] for one in found}, {one[3] for one in found}, "joblib" in sys.modules)
again = {pid for _, _, pid, _ in reading.spread(own, [(n,) for n in range(50)], 2)}
print(again <= {one[2] for one in found}, forks.possible())
"""
    assert ran(code, tmp_path) == [str(2 * forks.UNDER_WAY), "True True", "False {False} False", "True True"]


def test_what_a_copy_was_at_when_it_died_is_done_by_another_process(tmp_path: Path) -> None:
    (tmp_path / "deadly.py").write_text(
        "import os, signal\n"
        "def deadly(number, folder):\n"
        "    with (folder / str(number)).open('a') as tally: tally.write('x')\n"
        "    if number == 3 and (folder / '3').read_text() == 'x': os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return number\n"
        "def always(number):\n"
        "    if number == 3: os.kill(os.getpid(), signal.SIGKILL)\n"
        "    return number\n"
    )
    # What a process that is killed had not told loky's tracker yet is a warning of that one, which is a process of its own.
    code = """
os.environ["PYTHONWARNINGS"] = "ignore:resource_tracker"
os.environ["PYTHONPATH"] = str(folder) + os.pathsep + os.environ.get("PYTHONPATH", "")
sys.path.insert(0, str(folder))
import deadly
out = folder / "out"; out.mkdir()
forks.allow()
found = list(reading.spread(deadly.deadly, ((n, out) for n in range(20)), 2))
print(found == list(range(20)), (out / "3").read_text(), forks.possible())
print(list(reading.spread(deadly.always, ((n,) for n in range(6)), 2, lambda number: -number)))
"""
    assert ran(code, tmp_path) == ["True xx False", "[0, 1, 2, -3, 4, 5]"]


def test_copies_that_died_between_two_pieces_of_work_are_not_missed(tmp_path: Path) -> None:
    code = """
forks.allow()
print(list(reading.spread(abs, ((n,) for n in range(-3, 0)), 2)))
for process in forks._forks._processes:
    process.kill()
while not forks._forks._pool._broken:
    time.sleep(0.01)
print(list(reading.spread(abs, ((n,) for n in range(-30, 0)), 2)) == list(range(30, 0, -1)), forks.possible())
"""
    assert ran(code, tmp_path) == ["[3, 2, 1]", "True False"]


def test_a_process_that_was_not_said_to_be_our_own_or_has_a_thread_is_not_copied(tmp_path: Path) -> None:
    code = """
print(forks.possible(), forks.begin(2, int))
forks.allow()
print(forks.possible())
over = threading.Event()
thread = threading.Thread(target=over.wait)
thread.start()
print(forks.possible(), forks.begin(2, int), list(reading.spread(abs, [(-1,), (2,)], 2)))
over.set(), thread.join()
"""
    assert ran(code, tmp_path) == ["False None", "True", "False None [1, 2]"]


@pytest.mark.parametrize("made", [0, 1])
def test_where_the_system_makes_too_few_copies_other_processes_do_all(made: int, tmp_path: Path) -> None:
    code = f"""
room, fork = [None] * {made}, os.fork
def scarce():
    if not room: raise BlockingIOError(11, "no room")
    room.pop()
    return fork()
os.fork = scarce
forks.allow()
print(list(reading.spread(abs, [(-1,), (2,)], 2)), forks.possible())
"""
    assert ran(code, tmp_path) == ["[1, 2] False"]


def test_nothing_is_begun_any_more_when_nobody_wants_the_rest(tmp_path: Path) -> None:
    code = """
forks.allow()
def mark(number): (folder / str(number)).touch()
results = reading.spread(mark, ((n,) for n in range(1000)), 2)
for _ in range(3): next(results)
results.close()
"""
    assert ran(code, tmp_path) == []
    assert 3 <= len(list(tmp_path.iterdir())) <= 3 + 2 * forks.UNDER_WAY


def test_an_error_of_a_task_is_raised_where_its_result_is_wanted(tmp_path: Path) -> None:
    code = """
forks.allow()
def odd(number): return 1 // number
try:
    print(len(list(reading.spread(odd, ((n,) for n in range(1, -2, -1)), 2))))
except ZeroDivisionError as error:
    print(error)
"""
    assert ran(code, tmp_path) == ["integer division or modulo by zero"]


def test_copies_do_not_outlive_the_process_and_leave_ctrl_c_to_it(tmp_path: Path) -> None:
    code = """
forks.allow()
def slow(number): (folder / str(os.getpid())).touch(); time.sleep(60)
list(reading.spread(slow, [(n,) for n in range(4)], 2))
"""
    with subprocess.Popen(
        [sys.executable, "-c", HEAD + code, str(tmp_path)], start_new_session=True
    ) as parent:
        try:
            while len(list(tmp_path.iterdir())) < 2:
                assert parent.poll() is None
                time.sleep(0.05)
            copies = [Path("/proc") / path.name for path in tmp_path.iterdir()]
            for copy in copies:
                os.kill(int(copy.name), signal.SIGINT)
            time.sleep(0.2)
            assert all(map(running, copies))
        finally:
            parent.kill()
    assert ended(copies)


def test_an_upload_which_has_connections_and_a_journal_is_not_copied(tmp_path: Path) -> None:
    large(tmp_path / "many.json")
    code = """
from picsellia_ingest.parsers.coco import Coco
forks.allow()
reading._start = print  # it would leave threads, with which no process is copied anyway
with Coco(folder / "many.json") as parser, reading.indexing(parser, 2, least=1):
    for thread in threading.enumerate()[1:]:
        thread.join()
    parser.begin(print)
    print(parser.instance_count(), forks._forks)
"""
    assert ran(code, tmp_path)[-1] == "12000 None"


def large(path: Path) -> int:
    """A file large enough to be indexed and read by copies; its instances."""
    images = [{"id": n, "file_name": f"{n}.jpg", "width": 640, "height": 480} for n in range(3000)]
    annotations = [
        {"id": n, "image_id": n * 7919 % 3000, "category_id": 1, "bbox": [n % 600, 2.5, 30, 40.25], "note": "x" * 1000}
        for n in range(12000)
    ]  # fmt: skip
    categories = [{"id": 1, "name": "car"}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return len(annotations)


WATCHED = """
from picsellia_ingest.cli import main
begun, begin = [], forks.Forks.__init__
forks.Forks.__init__ = lambda *given: (begun.append(given[1]), begin(*given))[1]
try:
    main({command!r}, standalone_mode=False)
except SystemExit as end:
    print(end.code, begun)
"""


def test_a_conversion_by_copies_says_and_writes_what_one_process_does(tmp_path: Path) -> None:
    source, outputs = tmp_path / "many.json", []
    instances = large(source)
    for jobs, begun in (("1", []), ("2", [2])):
        out = tmp_path / f"{jobs}.json"
        command = ["convert", str(source), str(out), "--to", "PICSELLIA", "--nb-jobs", jobs, "--json"]
        *said, last = ran(WATCHED.format(command=command), tmp_path)
        assert last == f"0 {begun}"
        outputs.append((json.loads("\n".join(said)) | {"destination": ""}, out.read_bytes()))
    assert outputs[0] == outputs[1]
    assert outputs[0][0]["instances_written"] == instances


def test_a_large_file_is_inspected_by_copies(tmp_path: Path) -> None:
    source = tmp_path / "many.json"
    instances = large(source)
    command = ["inspect", str(source), "--quick", "--json"]
    *said, last = ran(WATCHED.format(command=command), tmp_path)
    assert last == f"0 {[cores] if (cores := os.cpu_count() or 1) > 1 else []}"
    assert json.loads("\n".join(said))["instances_stated"] == instances


def test_images_are_looked_at_by_copies_and_told_as_by_threads(tmp_path: Path) -> None:
    code = """
import json
from picsellia_ingest.client import inspect, inspect_images
found = []
forks.allow()
for least in (0, 1 << 30):
    inspect_images._MANY = least
    found.append(inspect.inspect(folder / "many.json", imgdir=folder / "images", survey=True))
    print(forks._forks is not None)
    forks.end()
print(found[0].to_dict() == found[1].to_dict(), [*found[0].lines()] == [*found[1].lines()])
print(found[0].image_files, found[0].images_missing)
"""
    many(tmp_path)
    images_of_many(tmp_path)
    assert ran(code, tmp_path) == [str((os.cpu_count() or 1) > 1), "False", "True True", "101 1401"]


def test_ctrl_c_ends_copies_in_the_middle_and_nothing_of_a_conversion_stays(tmp_path: Path) -> None:
    source, out, marks = tmp_path / "many.json", tmp_path / "out", tmp_path / "marks"
    out.mkdir()
    marks.mkdir()
    large(source)
    code = f"""
from picsellia_ingest.cli import main
from picsellia_ingest.conversion import shards
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell has those it runs in the background ignore it
def slow(*_): (folder / str(os.getpid())).touch(); time.sleep(60)
shards.run = slow
main(["convert", {str(source)!r}, {str(out / "x.json")!r}, "--to", "PICSELLIA", "--nb-jobs", "2"])
"""
    with subprocess.Popen([sys.executable, "-c", HEAD + code, str(marks)], stderr=subprocess.PIPE) as parent:
        try:
            while len(list(marks.iterdir())) < 2:
                assert parent.poll() is None
                time.sleep(0.05)
            assert [*out.iterdir()]
            parent.send_signal(signal.SIGINT)
            _, said = parent.communicate(timeout=20)
        finally:
            parent.kill()
    assert (parent.returncode, said[:12]) == (130, b"interrupted:")
    assert not any(running(Path("/proc") / path.name) for path in marks.iterdir())
    assert not [*out.iterdir()]
