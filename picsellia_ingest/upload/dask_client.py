"""The client of a Dask cluster, opened for one run, and what its workers are asked before they get work.

They are asked by functions that every Python has, since one that lacks this package could not unpack any other.
"""

from __future__ import annotations

import asyncio
import importlib.metadata
import os
import platform
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from distributed import Client

from ..errors import ClusterError, InvalidQueryError
from . import cluster

REACH_SECONDS, WORKERS_SECONDS = 10.0, 30.0
"""How long a scheduler, and then its first worker, is waited for."""


@contextmanager
def connected(scheduler: str, folder: Path | None) -> Iterator[None]:
    """The cluster of a scheduler, as the one that this process gives work to. Raises ClusterError, InvalidQueryError."""
    client = _client(scheduler)
    try:
        _wait_for_workers(client, scheduler)
        versions = dict(_ask(client, importlib.metadata.version, cluster.PACKAGE))
        for host, python in _ask(client, platform.python_version):
            cluster.suits(host, str(python), versions.get(host, cluster.VERSION))
        if folder is not None:
            for host, seen in _ask(client, os.path.isdir, str(folder)):
                cluster.sees(host, folder, seen)
        yield
    finally:
        client.close(timeout=REACH_SECONDS)


def _client(scheduler: str) -> Client:
    try:
        return Client(scheduler, timeout=REACH_SECONDS, name=cluster.PACKAGE, set_as_default=True)
    except ValueError as error:
        raise InvalidQueryError(
            f"the scheduler {scheduler!r} is no address: {error}", "write tcp://HOST:8786"
        ) from None
    except (OSError, TypeError) as error:
        raise ClusterError(
            f"the scheduler {scheduler} does not answer: {_first_line(error)}",
            "start it with: dask scheduler; is the address right, and open from here?",
        ) from None


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _wait_for_workers(client: Client, scheduler: str) -> None:
    try:
        client.wait_for_workers(1, timeout=WORKERS_SECONDS)
    except (TimeoutError, asyncio.TimeoutError):
        raise ClusterError(
            f"the scheduler {scheduler} has no worker, {WORKERS_SECONDS:.0f} seconds after it was asked",
            f"start some with: dask worker {scheduler} --nthreads 8",
        ) from None


def _ask(client: Client, function: Callable[..., object], *arguments: object) -> Iterator[tuple[str, object]]:
    """What a function that every Python has gives, or raises, on each worker, with the worker's host and address."""
    hosts = client.run(socket.gethostname, on_error="return")
    found = client.run(function, *arguments, on_error="return")
    for address, one in found.items():
        if not isinstance(one, OSError):  # the worker died meanwhile; the scheduler knows what to do about it
            yield f"{hosts.get(address, 'a host')} ({address})", one
