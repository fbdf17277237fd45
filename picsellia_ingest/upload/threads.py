"""Tasks in joblib's threads, pulled as they are worked on.

joblib is given one call for each thread, which takes task after task out of a queue and puts the results into another: a
call for each task costs three changes of threads, more than a request. Whoever wants the results pulls the tasks, a few
more than are worked on, so that reading a journal stays in its thread and a slow reader holds the work back.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import suppress
from functools import lru_cache
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar, cast

T = TypeVar("T")
_Task = tuple[Any, ...]

THREADS = "threading"
MEANWHILE = "meanwhile"
"""The name of a thread that does one thing while others do theirs."""
READY = 3
"""Tasks under way for each thread: one is worked on, the others wait, so that none is lacking while more are fetched."""


def parallel(function: Callable[..., T], tasks: Iterable[_Task], most: int, backend: str) -> Iterator[T]:
    """A call of joblib's for every task, begun at once, in so many threads or processes; results come as they are ready."""
    from joblib import Parallel, delayed

    run = Parallel(
        n_jobs=max(2, most), backend=backend, return_as="generator_unordered", batch_size=1, pre_dispatch="2*n_jobs"
    )  # fmt: skip
    found: Iterator[T] = run(delayed(function)(*task) for task in tasks)
    return found


def work(function: Callable[..., T], tasks: Iterable[_Task], most: int) -> Iterator[T]:
    """``function(*task)`` for every task, in so many threads; results come as they are ready. What one raises is raised.

    When nobody asks for more, what waits is not done, and what is under way is not waited for.
    """
    if not _are_made():
        yield from (function(*task) for task in tasks)
        return
    crew = _Crew(function, most)
    try:
        for task in tasks:
            crew.give(task)
            if crew.under_way == READY * most:
                yield crew.take()
        while crew.under_way:
            yield crew.take()
    except BaseException:
        crew.leave()
        raise
    crew.end()


def meanwhile(function: Callable[..., T], *given: Any) -> Future[T]:
    """What ``function(*given)`` gives or raises, done in a thread that nobody has to wait for."""
    found: Future[T] = Future()

    def do() -> None:
        try:
            found.set_result(function(*given))
        except BaseException as error:  # noqa: BLE001 - raised where the result is wanted
            found.set_exception(error)

    threading.Thread(target=do, name=MEANWHILE, daemon=True).start()
    return found


def load_meanwhile() -> None:
    """Load what ``work`` needs, which takes as long as some requests, while this thread waits for answers."""
    meanwhile(_are_made)


class _Crew(Generic[T]):
    """Threads that work on what they are given."""

    def __init__(self, function: Callable[..., T], most: int) -> None:
        self.under_way = 0
        self._given: SimpleQueue[_Task | None] = SimpleQueue()
        self._results: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()
        self._most = most
        self._running: Any = parallel(
            _take_tasks, [(function, self._given, self._results)] * most, most, THREADS
        )

    def give(self, task: _Task) -> None:
        """Have a task done."""
        self._given.put(task)
        self.under_way += 1

    def take(self) -> T:
        """The next result."""
        found, error = self._results.get()
        self.under_way -= 1
        if error is not None:
            raise error
        return cast(T, found)

    def end(self) -> None:
        """Let all threads end; nothing is under way."""
        self._dismiss()
        for _ in self._running:
            pass

    def leave(self) -> None:
        """Have nothing more begun, and wait for nothing."""
        with suppress(Empty):
            while True:
                self._given.get_nowait()
        warnings.filterwarnings("ignore", ".*still being processed by the workers", UserWarning)
        self._running.close()
        self._dismiss()

    def _dismiss(self) -> None:
        for _ in range(self._most):
            self._given.put(None)


def _take_tasks(
    function: Callable[..., T],
    given: SimpleQueue[_Task | None],
    results: SimpleQueue[tuple[T | None, BaseException | None]],
) -> None:
    while (task := given.get()) is not None:
        try:
            results.put((function(*task), None))
        except BaseException as error:  # noqa: BLE001 - raised where the results are wanted
            results.put((None, error))


@lru_cache(maxsize=1)
def _are_made() -> bool:
    """Whether joblib makes threads here: where it is told not to, or has no semaphores, all is done one by one."""
    from joblib import effective_n_jobs, parallel_config

    with parallel_config(backend=THREADS):
        return bool(effective_n_jobs(2) > 1)
