"""Parallel work: the only user of joblib.

joblib pulls its input from its own threads and gives no back-pressure, and one raised error ends everything. So it is
given lists, in bounded windows, and functions that return an outcome and never raise for one item. Threads are the
default, since the work is waiting for answers; all that is handed over can be pickled, so that a caller may choose
processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeVar

from ..errors import InvalidQueryError

T = TypeVar("T")

ALL_JOBS = 32
"""Jobs for ``nb_jobs=-1``: requests spend their time waiting, so this is not the number of cores."""


def jobs(nb_jobs: int) -> int:
    """The number of parallel jobs that ``nb_jobs`` asks for. Raises InvalidQueryError."""
    if nb_jobs == -1:
        return ALL_JOBS
    if nb_jobs < 1:
        raise InvalidQueryError(f"nb_jobs is {nb_jobs}", "give a number from 1 up, or -1 for all")
    return nb_jobs


def window(nb_jobs: int) -> int:
    """How many tasks are handed out at a time: enough to keep all busy, few enough to stay small."""
    return max(64, 16 * jobs(nb_jobs))


def each(
    function: Callable[..., T], tasks: Sequence[tuple[Any, ...]], nb_jobs: int, backend: str = "threading"
) -> Iterator[T]:
    """``function(*task)`` for every task, in parallel; results come as they are ready."""
    if len(tasks) < 2 or jobs(nb_jobs) == 1:
        yield from (function(*task) for task in tasks)
        return
    from joblib import Parallel, delayed

    run = Parallel(
        n_jobs=min(jobs(nb_jobs), len(tasks)), backend=backend, return_as="generator_unordered", batch_size=1,
        pre_dispatch="2*n_jobs",
    )  # fmt: skip
    yield from run(delayed(function)(*task) for task in tasks)


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
