"""Windows of tasks that flow into each other."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future

import pytest

from picsellia_ingest.upload import workers

SIZES = [5, 1, 40, 2, 17]


def windows(told: list[int]) -> Iterator[list[tuple[int]]]:
    first = 0
    for size in SIZES:
        told.append(first)
        yield [(number,) for number in range(first, first + size)]
        first += size


def double(number: int) -> int:
    return 2 * number


@pytest.mark.parametrize(
    ("nb_jobs", "backend"), [(1, "threading"), (4, "threading"), (-1, "threading"), (2, "loky")]
)
def test_every_task_of_every_window_is_done_once(nb_jobs: int, backend: str) -> None:
    found = list(workers.flow(lambda number: 2 * number, windows([]), nb_jobs, backend))
    assert sorted(found) == [2 * number for number in range(sum(SIZES))]


@pytest.mark.parametrize(("nb_jobs", "backend"), [(1, "threading"), (4, "threading"), (2, "loky")])
def test_what_was_made_ahead_goes_to_its_own_task(nb_jobs: int, backend: str) -> None:
    def with_ahead(number: int, ahead: Future[int] | None) -> tuple[int, int]:
        return number, 2 * number if ahead is None else ahead.result()

    found = list(workers.flow(with_ahead, windows([]), nb_jobs, backend, ahead=double))
    assert sorted(found) == [(number, 2 * number) for number in range(sum(SIZES))]


def test_the_next_window_is_begun_while_the_last_task_of_one_is_under_way() -> None:
    begun = threading.Event()

    def wait(number: int) -> bool:
        if number == 9:
            return begun.wait(20)
        if number > 9:
            begun.set()
        return True

    tasks = iter([[(number,) for number in range(10)], [(number,) for number in range(10, 20)]])
    assert list(workers.flow(wait, tasks, 3)) == [True] * 20


def test_some_threads_more_than_jobs_make_the_next_work_ready() -> None:
    begun = threading.Barrier(2 + workers.SPARE, timeout=20)

    def wait(number: int) -> int:
        begun.wait()
        return number

    tasks = iter([[(number,) for number in range(8)]])
    assert sorted(workers.flow(wait, tasks, 2)) == list(range(8))


def test_no_window_is_fetched_before_its_tasks_are_needed() -> None:
    told: list[int] = []
    found = workers.flow(double, windows(told), 2)
    next(found)
    assert told == [0, 5, 6]  # 12 tasks are under way
    assert len(list(found)) == sum(SIZES) - 1
    assert told == [0, 5, 6, 46, 48]


def test_what_is_left_when_nobody_asks_any_more_is_not_done() -> None:
    done: list[int] = []

    def slowly(number: int, _: object) -> int:
        time.sleep(0.01)
        done.append(number)
        return number

    found = workers.flow(slowly, windows([]), 2, ahead=double)
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert len(done) < 10
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("ahead")]


@pytest.mark.parametrize(("often", "within"), [(700, 100_000), (200_000, 200_000), (0, 0)])
def test_garbage_is_looked_for_seldom_for_a_while_and_as_before_then(often: int, within: int) -> None:
    others = gc.get_threshold()
    gc.set_threshold(often)
    try:
        with workers.collecting_seldom():
            assert gc.get_threshold()[0] == within
        assert gc.get_threshold()[0] == often
    finally:
        gc.set_threshold(*others)


def test_what_a_task_raises_is_raised_and_nothing_more_is_begun() -> None:
    done: list[int] = []

    def fails(number: int) -> None:
        if number == 3:
            raise LookupError(number)
        time.sleep(0.01)
        done.append(number)

    with pytest.raises(LookupError):
        list(workers.flow(fails, windows([]), 2))
    assert len(done) < 20


def test_without_threads_of_joblib_all_is_done_one_by_one() -> None:
    program = (
        "from picsellia_ingest.upload import workers\n"
        "print(list(workers.flow(lambda n: 2 * n, [[(1,), (2,)], [(3,)]], 5)))"
    )
    run = [sys.executable, "-c", program]
    done = subprocess.run(
        run, env={**os.environ, "JOBLIB_MULTIPROCESSING": "0"}, capture_output=True, timeout=60
    )
    assert done.stdout.split() == [b"[2,", b"4,", b"6]"]
