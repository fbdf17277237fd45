"""Processes that are copies of this one: there at once, with all that is loaded.

Other processes (loky's) start anew, which takes half a second of both cores of a small machine. A copy lacks the other threads
of this one, and whatever they held stays held in it; so only a process of our own is copied, a command, on Linux, before it has
a second thread. The copies are made once and do all that follows. When one dies the rest is for loky, whose way to begin
anew is safe with threads.
"""

from __future__ import annotations

import atexit
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future
    from concurrent.futures.process import ProcessPoolExecutor

T = TypeVar("T")

UNDER_WAY = 4
"""Tasks handed out for each process: one is worked on, the others wait, so that none is lacking while one takes longer."""
_NO_WAY = (OSError, ImportError, NotImplementedError)
"""What comes of it where the system has no semaphores, or no room for more processes."""


class Forks:
    """Copies of this process, and the tasks they work on."""

    def __init__(self, count: int, first: Callable[[], object]) -> None:
        """``first`` is what each does at its beginning."""
        from concurrent.futures.process import ProcessPoolExecutor
        from multiprocessing import active_children, get_context

        others = active_children()
        self._pool: ProcessPoolExecutor = ProcessPoolExecutor(count, get_context("fork"), first)
        self._most = UNDER_WAY * count
        self.count = count
        is_whole = False
        try:
            self._pool.submit(int)  # which makes all of them
            is_whole = True
        finally:
            self._processes = [one for one in active_children() if one not in others]
            if not is_whole:
                self.kill()

    def each(self, function: Callable[..., T], tasks: Iterable[Sequence[Any]]) -> Generator[T, None, None]:
        """``function(*task)`` for every task; the first are begun at once, the others as results are taken.

        Results come in the order of the tasks. Raises BrokenProcessPool when a process dies.
        """
        waiting = iter(tasks)
        under_way: deque[Future[T]] = deque()

        def give(most: int) -> None:
            under_way.extend(self._pool.submit(function, *task) for task in islice(waiting, most))

        def results() -> Generator[T, None, None]:
            try:
                while under_way:
                    found = under_way.popleft().result()
                    give(1)
                    yield found
            finally:
                for future in under_way:
                    future.cancel()

        give(self._most)
        return results()

    def close(self) -> None:
        """Let them end when what they are at is done; nothing more is begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def kill(self) -> None:
        """Let them do nothing any more."""
        self.close()
        for process in self._processes:
            process.kill()
        for process in self._processes:
            process.join()


_is_ours = False
_forks: Forks | None = None


def allow() -> None:
    """This process is our own: nobody else has something in it that a copy could spoil."""
    global _is_ours
    _is_ours = sys.platform == "linux"


def possible() -> bool:
    """Whether there are copies of this process, or may be."""
    return _forks is not None or (_is_ours and len([*Path("/proc/self/task").iterdir()]) == 1)


def begin(count: int, first: Callable[[], object]) -> Forks | None:
    """So many copies of this process, which are made if there are none yet; None where that is not safe."""
    global _forks, _is_ours
    if _forks is None and possible():
        try:
            _forks = Forks(count, first)
        except _NO_WAY:
            _is_ours = False
    return _forks if _forks is not None and _forks.count == count else None


@atexit.register
def end(*, at_once: bool = False) -> None:
    """Let the copies end, if it must be ``at_once`` in the middle of what they do, and make no more of them."""
    global _forks, _is_ours
    if _forks is not None:
        _forks.kill() if at_once else _forks.close()
    _forks, _is_ours = None, False


@contextmanager
def to_the_end() -> Iterator[None]:
    """What copies do within this is done when it ends; an error that leaves it breaks it off, so that nothing is written afterwards."""
    try:
        yield
    except BaseException:
        end(at_once=True)
        raise
