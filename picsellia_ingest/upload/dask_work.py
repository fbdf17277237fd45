"""Tasks on a Dask cluster, through joblib's backend for it; imported only when such work is given out.

When a worker dies, Dask runs what it was at again on another; what has killed several it gives up. joblib's backend would
wait for that for ever, so here it is a batch without results: all others go on, and what is left is tried again, first
task by task, then each by itself, which shows what kills them. A run that stops hands out nothing more.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from typing import Any, TypeVar

from distributed import get_client
from distributed.scheduler import KilledWorker
from joblib import Parallel, delayed
from joblib._dask import DaskDistributedBackend

from ..errors import ClusterError
from . import cluster
from .dask_client import connected

__all__ = ["connected", "each"]

T = TypeVar("T")
Tasks = dict[int, tuple[Any, ...]]

ABSENT_SECONDS = 60.0
"""How long a cluster may be without any worker: a worker that died is started anew in a moment, if anybody does it."""
LOOK_SECONDS = 1.0


def each(function: Callable[..., T], tasks: Sequence[tuple[Any, ...]], lost: Callable[..., T]) -> Iterator[T]:
    """``workers.each`` on the cluster that the process is connected to. Raises ClusterError when it is there no more."""
    left: Tasks = dict(enumerate(tasks))
    yield from _try(function, left, "auto")
    yield from _try(function, left, 1)
    for number, task in list(left.items()):
        if cluster.halted(task):
            return
        found = list(_try(function, {number: task}, 1))
        yield found[0] if found or cluster.halted(task) else lost(*task)


def _try(function: Callable[..., T], left: Tasks, batch: int | str) -> Iterator[T]:
    """The results of all tasks that have one, which are left no more."""
    if not left:
        return
    run = Parallel(
        n_jobs=-1, backend=Backend(client=get_client()), return_as="generator_unordered", batch_size=batch, pre_dispatch="3*n_jobs"
    )  # fmt: skip
    wanted = ((number, task) for number, task in list(left.items()) if not cluster.halted(task))
    for number, found, counts in run(
        delayed(_work)(cluster.VERSION, number, function, task) for number, task in wanted
    ):
        cluster.count(left.pop(number), counts)
        yield found


def _work(
    version: str, number: int, function: Callable[..., T], task: tuple[Any, ...]
) -> tuple[int, T, dict[str, int]]:
    """A task on a worker: its number, its result, and the requests counted since the last one."""
    with cluster.at_work(version):
        return number, function(*task), cluster.counts(task)


class Backend(DaskDistributedBackend):  # type: ignore[misc]
    """joblib's, which hears of failures too, and of a cluster that has no workers any more."""

    def effective_n_jobs(self, n_jobs: int) -> int:
        """The threads of all workers; never one, which would make joblib do the work here."""
        return max(2, int(super().effective_n_jobs(n_jobs)))

    def start_call(self) -> None:
        """Begin, and look after the workers."""
        self._waiting: dict[Any, Callable[[object], None]] = {}
        super().start_call()
        self.client.loop.add_callback(self._watch)

    def submit(self, func: Any, callback: Callable[[object], None] | None = None) -> Any:
        """Hand out one batch."""
        assert callback is not None
        future = super().submit(func, callback)
        self._waiting[future] = callback
        future.add_done_callback(self._ended)
        return future

    def retrieve_result_callback(self, out: Any) -> Any:
        """The results of a batch; none where it killed its workers."""
        if isinstance(out, KilledWorker):
            return []
        if isinstance(out, ImportError):
            raise ClusterError(f"a worker lacks a part of {cluster.PACKAGE}: {out}", cluster.SAME)
        if isinstance(out, ClusterError):
            raise out
        if isinstance(out, (asyncio.CancelledError, CancelledError)):
            raise ClusterError("the scheduler is gone", "start it, and run the same command again")
        if isinstance(out, BaseException):
            raise ClusterError(
                f"the cluster does not go on: {out!r}", "look at its log, and run the same command again"
            )
        return super().retrieve_result_callback(out)

    def _ended(self, future: Any) -> None:
        callback = self._waiting.pop(future)
        if (error := future.exception()) is not None:
            callback(error)

    async def _watch(self) -> None:
        seen = time.monotonic()
        while self._continue:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if await self.client.scheduler.ncores(workers=None):
                    seen = time.monotonic()
            except (OSError, AttributeError):
                continue  # the client notices that the scheduler is gone, and every batch hears of it
            if time.monotonic() - seen > ABSENT_SECONDS and self._waiting:
                next(iter(self._waiting.values()))(
                    ClusterError(_ABSENT, "start some, and run the same command again")
                )
                return


_ABSENT = f"the cluster has had no worker for {ABSENT_SECONDS:.0f} seconds"
