"""Work on more than one machine: the cluster a run is connected to, and whether its workers can do the work.

``connected`` opens the cluster for as long as a run takes, and asks all its workers first: their versions, and whether they
see the image folder. ``workers.each`` then gives them the same functions and tasks that threads get; all that is written
down is written by the one process that gives out the work. On a worker, ``unseen`` tells a file that is not there from one
that changed: the process that planned it has seen it, so it is the worker that does not.
"""

from __future__ import annotations

import platform
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from ..api.connection import Connection
from ..errors import ClusterError, InvalidQueryError

DASK, RAY = "dask", "ray"
BACKENDS = {DASK: "dask_work", RAY: "ray_work"}
"""The clusters that work can be given to, each with the module that gives it."""
PACKAGE = "picsellia_ingest"
VERSION: str = import_module(PACKAGE).__version__
SAME = f"install the same version of {PACKAGE} and of Python on every worker and here"

WINDOW = 2048
"""Tasks that are handed out at a time: some for each thread of a large cluster, and still few to hold."""

UNSEEN = "unseen_by_worker"
REACHABLE = "sources must be reachable by the workers: under the same path on each of their machines, or at an address"
_HERE = threading.local()


def each(backend: str) -> Callable[..., Iterator[Any]]:
    """``workers.each`` for a cluster: takes the function, the tasks and ``lost``."""
    found: Callable[..., Iterator[Any]] = _module(backend).each
    return found


def _module(backend: str) -> ModuleType:
    try:
        return import_module(f".{BACKENDS[backend]}", __package__)
    except ImportError as error:
        raise InvalidQueryError(
            f"the backend {backend} needs {error.name}, which is not installed",
            f"pip install '{PACKAGE}[{backend}]'",
        ) from error


@contextmanager
def at_work(version: str) -> Iterator[None]:
    """Work on a worker for a run of this version. Raises ClusterError when the worker has another one."""
    host = socket.gethostname()
    if version != VERSION:
        raise ClusterError(
            f"the worker on {host} has {PACKAGE} {VERSION}, and {version} gives out the work", SAME
        )
    _HERE.host = host
    try:
        yield
    finally:
        del _HERE.host


def unseen(error: OSError) -> str | None:
    """What to say of a file that is not there for a worker; None in the process that gives out the work, or of other errors."""
    host = getattr(_HERE, "host", None)
    if host is None or not isinstance(error, (FileNotFoundError, NotADirectoryError)):
        return None
    return f"the worker on {host} cannot see {error.filename}"


@contextmanager
def connected(backend: str, scheduler: str | None, folder: object = None) -> Iterator[None]:
    """The cluster, while a run gives work to it; nothing where it needs none. Raises ClusterError, InvalidQueryError.

    ``folder`` is the image folder, which each worker must see where it is a ``Path``.
    """
    check(backend, scheduler)
    if backend not in BACKENDS:
        yield
        return
    with _module(backend).connected(scheduler, folder if isinstance(folder, Path) else None):
        yield


def suits(host: str, python: str, version: object) -> None:
    """Raise ClusterError where a worker on ``host`` has another Python or another version of this package, or none."""
    here = platform.python_version()
    if python.rpartition(".")[0] != here.rpartition(".")[0]:
        raise ClusterError(f"the worker on {host} has Python {python}, and {here} gives out the work", SAME)
    if isinstance(version, BaseException):
        raise ClusterError(f"the worker on {host} does not have {PACKAGE}", SAME)
    if version != VERSION:
        raise ClusterError(
            f"the worker on {host} has {PACKAGE} {version}, and {VERSION} gives out the work", SAME
        )


def sees(host: str, folder: Path, seen: object) -> None:
    """Raise ClusterError where a worker on ``host`` does not see the folder."""
    if seen is not True:
        raise ClusterError(f"the worker on {host} cannot see {folder}", REACHABLE)


def check(backend: str, scheduler: str | None) -> None:
    """Raise InvalidQueryError for a backend and a scheduler that do not go together."""
    if backend not in ("threading", "loky", *BACKENDS):
        raise InvalidQueryError(f"backend is {backend!r}", f"write threading, loky, {', '.join(BACKENDS)}")
    if backend in BACKENDS and not scheduler:
        raise InvalidQueryError(
            f"the backend {backend} needs a scheduler",
            "give its address, as tcp://HOST:8786 for dask and HOST:6379 for ray",
        )
    if scheduler and backend not in BACKENDS:
        raise InvalidQueryError(
            f"there is a scheduler, and the backend is {backend}", "give a backend with it"
        )


def counts(task: tuple[Any, ...]) -> dict[str, int]:
    """On a worker: what was asked of the platform since this was called last."""
    connection = _connection(task)
    return connection.traffic.taken() if connection else {}


def count(task: tuple[Any, ...], counted: dict[str, int]) -> None:
    """Where the account is kept: add what a worker counted."""
    connection = _connection(task)
    if connection is not None:
        connection.traffic.add(**counted)


def halted(task: tuple[Any, ...]) -> bool:
    """Whether the run that a task is of stops, so that it is not begun."""
    connection = _connection(task)
    return connection is not None and connection.traffic.pace.halted


def _connection(task: tuple[Any, ...]) -> Connection | None:
    return next((part for part in task if isinstance(part, Connection)), None)
