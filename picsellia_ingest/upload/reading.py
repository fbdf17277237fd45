"""Processes that read a large source: its index, and then its records.

Of a command they are copies of it (forks), of anybody else's process those of loky (workers). Both work on a bounded number of
tasks, and give results in the order of these; what a process was at when it died is done by another.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from ..errors import WorkerDiedError
from . import forks, workers

if TYPE_CHECKING:
    from ..parsers.base import Parser, Shard

T = TypeVar("T")

LARGE, LARGE_FOR_FORKS = 96 << 20, 12 << 20
"""Bytes of a source from which on processes, which take half a second to start, pay for its index; and copies of this one."""
MANY, MANY_FOR_FORKS = 60_000, 10_000
"""The same in instances, for reading them, where one takes as long as it does from COCO."""
_WINDOW = 32
"""Tasks that are given to processes together, for each of them."""


@contextmanager
def indexing(
    parser: Parser, nb_jobs: int, *needed: type, least: int = LARGE, copied: bool = False
) -> Iterator[None]:
    """Let a parser index a source of a large size, in bytes, with processes.

    With ``copied`` they may be copies of this one (forks), also for a folder. Otherwise they start meanwhile, and load what
    defines the types that are ``needed``.
    """
    jobs, source = workers.processes(nb_jobs), parser.path
    size = source.stat().st_size if source.is_file() else None
    at_once = copied and forks.possible() and (size is None or size >= LARGE_FOR_FORKS)
    if jobs == 1 or not (at_once or (size or 0) >= least):
        yield
        return
    thread = None
    if not at_once:
        thread = threading.Thread(target=_start, args=(jobs, (type(parser), *needed)))
        thread.start()
    parser.spread = lambda function, tasks: spread(function, tasks, jobs, copied=at_once)
    try:
        with forks.to_the_end():
            yield
    finally:
        parser.spread = None
        if thread is not None:
            thread.join()


def spread(
    function: Callable[..., T],
    tasks: Iterable[tuple[Any, ...]],
    nb_jobs: int,
    lost: Callable[..., T] = workers.unnamed,
    *,
    copied: bool = True,
) -> Generator[T, None, None]:
    """``function(*task)`` for every task, in processes, a bounded number of them at a time; results come in their order.

    Where they may be copies of this one (forks) they begin at once. ``lost`` is as for ``each``.
    """
    copies = forks.begin(nb_jobs, workers.settle) if copied and nb_jobs > 1 else None
    if copies is None:
        return _window_by_window(function, tasks, nb_jobs, lost)
    return _by_copies(copies, function, iter(tasks), lost)


def _by_copies(
    copies: forks.Forks,
    function: Callable[..., T],
    waiting: Iterator[tuple[Any, ...]],
    lost: Callable[..., T],
) -> Generator[T, None, None]:
    from concurrent.futures.process import BrokenProcessPool

    under_way = deque[tuple[Any, ...]]()

    def given() -> Iterator[tuple[Any, ...]]:
        for task in waiting:
            under_way.append(task)
            yield task

    def the_rest() -> Generator[T, None, None]:
        forks.end()
        return _window_by_window(function, chain([*under_way], waiting), copies.count, lost)

    def found(results: Iterator[T]) -> Generator[T, None, None]:
        try:
            for one in results:
                under_way.popleft()
                yield one
        except BrokenProcessPool:
            yield from the_rest()

    try:
        return found(copies.each(function, given()))
    except BrokenProcessPool:  # one died since they did something
        return the_rest()


def _window_by_window(
    function: Callable[..., T], tasks: Iterable[tuple[Any, ...]], nb_jobs: int, lost: Callable[..., T]
) -> Generator[T, None, None]:
    for some in workers.windows(tasks, _WINDOW * nb_jobs):
        waiting: dict[int, T] = {}
        expected = 0
        numbered = [(number, function, task) for number, task in enumerate(some)]
        for number, found in workers.each(
            workers.do_numbered, numbered, nb_jobs, "loky", lambda at, _, task: (at, lost(*task))
        ):
            waiting[number] = found
            while expected in waiting:
                yield waiting.pop(expected)
                expected += 1


def readers(parser: Parser, nb_jobs: int) -> int:
    """How many processes should read all of a source that is prepared; one means this one."""
    least = MANY_FOR_FORKS if forks.possible() else MANY
    return workers.processes(nb_jobs) if parser.instance_count() >= least * parser.quickness else 1


def died(_: object, shard: Shard, *__: object) -> NoReturn:
    """What is lost with a process that read a shard for nothing but to look: all."""
    raise WorkerDiedError(
        f"the process that read the records {shard.start + 1} to {shard.stop} died, each time it was tried",
        "is there enough memory? If so, one of them is to blame",
    )


def _start(nb_jobs: int, needed: tuple[type, ...]) -> None:
    """Start processes that ``each`` will use."""
    with suppress(WorkerDiedError):  # whoever gives them work will see it
        for _ in workers.in_processes(_loaded, [(needed,)] * nb_jobs, nb_jobs, "loky", workers.unnamed):
            pass


def _loaded(_: tuple[type, ...]) -> None:
    """The work of a process that only unpickles what it is given."""
