"""Tasks on a Ray cluster, through Ray's own backend for joblib; imported only when such work is given out.

Ray gives results as a whole, so a window of tasks is one call. It starts a process that died anew and runs its task again;
what it gives up ends the run, which the same command takes up.
"""

from __future__ import annotations

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import ray
from joblib import Parallel, delayed, parallel_config
from ray.util.joblib import register_ray

from ..errors import ClusterError
from . import cluster

T = TypeVar("T")

AGAIN = 3
"""How often a task is tried again whose process died."""


@contextmanager
def connected(scheduler: str, folder: Path | None) -> Iterator[None]:
    """The cluster at an address, as the one that this process gives work to. Raises ClusterError."""
    try:
        ray.init(address=scheduler, log_to_driver=False)
    except (ConnectionError, RuntimeError, ValueError) as error:
        words = str(error).strip().partition("\n")[0]
        raise ClusterError(
            f"the Ray cluster {scheduler} does not answer: {words}", "start it with: ray start --head"
        ) from None
    try:
        register_ray()
        for node in ray.nodes():
            if node["Alive"] and node["Resources"].get("CPU"):
                _check(node, folder)
        yield
    finally:
        ray.shutdown()


def _check(node: dict[str, Any], folder: Path | None) -> None:
    host, here = node["NodeManagerHostname"], {f"node:{node['NodeManagerAddress']}": 0.001}

    def ask(function: Callable[..., object], *arguments: object) -> object:
        try:
            found: object = ray.get(ray.remote(function).options(resources=here).remote(*arguments))
        except ray.exceptions.RayTaskError as error:
            return error
        return found

    cluster.suits(host, str(ask(platform.python_version)), ask(importlib.metadata.version, cluster.PACKAGE))
    if folder is not None:
        cluster.sees(host, folder, ask(os.path.isdir, str(folder)))


def each(
    function: Callable[..., T],
    tasks: Sequence[tuple[Any, ...]],
    lost: Callable[..., T],  # noqa: ARG001 - Ray does not say which task it gives up
) -> Iterator[T]:
    """``workers.each`` on the cluster that the process is connected to. Raises ClusterError when it gives a task up."""
    again = {"max_restarts": -1, "max_task_retries": AGAIN}
    try:
        with parallel_config("ray", n_jobs=-1, ray_remote_args=again):
            found = Parallel(batch_size=1)(delayed(_work)(cluster.VERSION, function, task) for task in tasks)
    except ray.exceptions.RayError as error:
        words = str(error).strip().partition("\n")[0]
        raise ClusterError(f"the cluster does not go on: {words}", "run the same command again") from None
    for task, (result, counts) in zip(tasks, found, strict=True):
        cluster.count(task, counts)
        yield result


def _work(version: str, function: Callable[..., T], task: tuple[Any, ...]) -> tuple[T, dict[str, int]]:
    with cluster.at_work(version):
        return function(*task), cluster.counts(task)
