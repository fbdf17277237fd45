"""Parallel work: with ``threads``, the only user of joblib.

joblib pulls its input from its own threads and gives no back-pressure, and one raised error ends everything. So processes
are given lists, in bounded windows, and functions that return an outcome and never raise for one item. Threads are the
default, since the work is waiting for answers; all that is handed over can be pickled, so that a caller may choose
processes. One that dies takes all of its pool along and does not say what it worked on: what is left is tried again,
first together, then each by itself, which shows what kills them.
"""

from __future__ import annotations

import gc
import os
import signal
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from itertools import chain
from typing import Any, NoReturn, TypeVar

from ..errors import InvalidQueryError, WorkerDiedError
from . import cluster, threads

T = TypeVar("T")

THREADS = threads.THREADS
SPARE = 2
"""Threads besides the jobs."""
TOGETHER, ALONE = 2, 3
"""How often tasks are tried together, and then each by itself, when processes die."""

_BATCH = 960
"""No more than can be asked for by name at a time, where SQLite is old: 999."""
_SELDOM = 100_000
"""Objects that may be there anew before cycles are looked for; as they are a hundred bytes each, memory stays as it was."""

ALL_JOBS = 48
"""Jobs for ``nb_jobs=-1``: requests spend their time waiting, so this is not the number of cores."""


def jobs(nb_jobs: int) -> int:
    """The number of parallel jobs that ``nb_jobs`` asks for. Raises InvalidQueryError."""
    if nb_jobs == -1:
        return ALL_JOBS
    if nb_jobs < 1:
        raise InvalidQueryError(f"nb_jobs is {nb_jobs}", "give a number from 1 up, or -1 for all")
    return nb_jobs


def window(nb_jobs: int, backend: str = THREADS) -> int:
    """How many tasks are handed out at a time: enough to keep all busy, few enough to stay small."""
    return cluster.WINDOW if backend in cluster.BACKENDS else max(64, 16 * jobs(nb_jobs))


def batch(nb_jobs: int, backend: str = THREADS) -> int:
    """How many short tasks ``each`` is given at a time, which takes as long to begin as some dozen of them."""
    return window(nb_jobs, backend) if backend in cluster.BACKENDS else max(_BATCH, window(nb_jobs))


def requests(nb_jobs: int) -> int:
    """The most requests at a time: one for each job, and some for what is asked for ahead."""
    most = jobs(nb_jobs)
    return most + _ahead(most)


def _ahead(most: int) -> int:
    """How many threads keep ahead of so many jobs: what they do takes a fraction of a job's time."""
    return 0 if most == 1 else -(-most // 2)


def unnamed(*_: object) -> NoReturn:
    """The end of a task that kills its process whenever it is tried, where nobody says more."""
    raise WorkerDiedError("a process that worked on a part of this died, each time it was tried")


def each(
    function: Callable[..., T],
    tasks: Sequence[tuple[Any, ...]],
    nb_jobs: int,
    backend: str = THREADS,
    lost: Callable[..., T] = unnamed,
) -> Iterator[T]:
    """``function(*task)`` for every task, in parallel; results come as they are ready.

    ``lost(*task)`` is the result of a task that kills its process whenever it is tried.
    """
    most = jobs(nb_jobs)
    if backend in cluster.BACKENDS:
        yield from cluster.each(backend)(function, tasks, lost)
    elif most == 1 or (len(tasks) < 2 and backend == THREADS):
        yield from (function(*task) for task in tasks)
    elif backend == THREADS:
        yield from threads.work(function, tasks, min(most, len(tasks)))
    else:
        yield from in_processes(function, tasks, most, backend, lost)


def processes(nb_jobs: int) -> int:
    """The number of processes that ``nb_jobs`` asks for: -1 for one on each core."""
    return (os.cpu_count() or 1) if nb_jobs == -1 else nb_jobs


def cores(nb_jobs: int) -> int:
    """As many processes for work that ``nb_jobs`` threads would do, but no more than there are cores."""
    most = processes(-1)
    return most if nb_jobs == -1 else min(nb_jobs, most)


def flow(
    function: Callable[..., T],
    windows: Iterable[Sequence[tuple[Any, ...]]],
    nb_jobs: int,
    backend: str = THREADS,
    lost: Callable[..., T] = unnamed,
    ahead: Callable[..., Any] | None = None,
) -> Iterator[T]:
    """``each`` for window after window of tasks, each fetched before the last one's end, so that nobody waits.

    Some threads more than jobs make the next request ready while all others wait for answers; requests are bounded by
    their pace. With ``ahead`` there are none: ``function`` is given one argument more: None, or what a thread makes
    meanwhile of ``ahead(*task)``, a Future.
    """
    most = jobs(nb_jobs)
    if most == 1 or backend != THREADS:
        more = () if ahead is None else (None,)
        for tasks in windows:
            yield from each(function, [(*task, *more) for task in tasks], nb_jobs, backend, lost)
    elif ahead is None:
        yield from threads.work(function, chain.from_iterable(windows), most + SPARE)
    else:
        executor = ThreadPoolExecutor(_ahead(most), "ahead")
        tasks_with_more = ((*task, executor.submit(ahead, *task)) for task in chain.from_iterable(windows))
        try:
            yield from threads.work(function, tasks_with_more, most)
        finally:
            executor.shutdown(cancel_futures=True)


def in_processes(
    function: Callable[..., T],
    tasks: Sequence[tuple[Any, ...]],
    most: int,
    backend: str,
    lost: Callable[..., T],
) -> Iterator[T]:
    """``each`` for processes, however few the tasks are."""
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    # Pages of a large mapped file look like a leak to loky, which then replaces a process between two tasks, and says so.
    warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
    left = dict(enumerate(tasks))
    for _ in range(TOGETHER):
        numbered = [(number, function, task) for number, task in left.items()]
        try:
            for number, found in threads.parallel(do_numbered, numbered, min(most, len(numbered)), backend):
                del left[number]
                yield found
        except TerminatedWorkerError:
            continue
        return
    for task in left.values():
        yield _alone(function, task, backend, lost)


def _alone(function: Callable[..., T], task: tuple[Any, ...], backend: str, lost: Callable[..., T]) -> T:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    for _ in range(ALONE):
        try:
            found: list[tuple[int, T]] = list(
                threads.parallel(do_numbered, [(0, function, task)], 1, backend)
            )
        except TerminatedWorkerError:
            continue
        return found[0][1]
    return lost(*task)


def do_numbered(number: int, function: Callable[..., T], task: tuple[Any, ...]) -> tuple[int, T]:
    """A task in a process; that it is number so and so tells which are left."""
    settle()
    return number, function(*task)


def collect_seldom() -> None:
    """Let the garbage collector look at new objects seldom, and at what is there now never.

    For a process of our own: records are many and hold no cycles, and looking for some takes a tenth of the time.
    """
    gc.freeze()
    gc.set_threshold(_SELDOM)


@contextmanager
def collecting_seldom() -> Iterator[None]:
    """Within it new objects are looked at seldom, in whatever process this is; where that was chosen already it stays so."""
    often, *others = gc.get_threshold()
    if not 0 < often < _SELDOM:
        yield
        return
    gc.set_threshold(_SELDOM, *others)
    try:
        yield
    finally:
        gc.set_threshold(often, *others)


@lru_cache(maxsize=1)
def settle() -> None:
    """Leave Ctrl-C to the process that gives out the work, and do not outlive it."""
    collect_seldom()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with, args=(os.getppid(),), daemon=True).start()


def _leave_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def windows(rows: Iterable[T], size: int) -> Iterator[list[T]]:
    """The rows in lists of ``size``."""
    batch: list[T] = []
    for row in rows:
        batch.append(row)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
