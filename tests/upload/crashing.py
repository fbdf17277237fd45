"""Runs commands of this package that kill themselves at a chosen point; a program of its own.

Everything is imported, and read, once; for each line of its input, a JSON object, a child is forked that runs the command
``arguments``, as a program of its own does, and whose output goes to the file ``output``. The answer is a line too: the
child's exit status (the signal's number, negative, where it was killed). Points are counted: before and after the plan,
each commit of the journal, each request and each answer. At number ``crash_at`` the child kills itself. ``limits`` are set
by their names in ``resource``; with ``clock`` the time of day jumps. The child has no privileges, also where its user has.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import itertools
import json
import os
import pkgutil
import resource
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import joblib  # noqa: F401 - imported here once, not in each child
from PIL import Image, ImageDraw  # noqa: F401 - as joblib

import picsellia_ingest
from picsellia_ingest.api import transport
from picsellia_ingest.cli import main
from picsellia_ingest.client import evidence_page
from picsellia_ingest.upload.journal import Journal
from picsellia_ingest.upload.pipeline import _Upload


def crash_at(number: int) -> None:
    """Count points, and die at that one."""
    count, lock = itertools.count(1), threading.Lock()

    def point() -> None:
        with lock:
            if next(count) == number:
                os.kill(os.getpid(), signal.SIGKILL)

    @contextmanager
    def transaction(journal: Journal) -> Iterator[None]:
        with whole_transaction(journal):
            yield
            point()
        point()

    def exchange(*request: Any) -> Any:
        point()
        answer = whole_exchange(*request)
        point()
        return answer

    def plan(upload: _Upload) -> None:
        point()
        whole_plan(upload)
        point()

    whole_transaction, whole_exchange, whole_plan = Journal.transaction, transport._exchange, _Upload.plan
    Journal.transaction, transport._exchange, _Upload.plan = transaction, exchange, plan  # type: ignore[method-assign, assignment]


def impoverish(limits: dict[str, int]) -> None:
    """Give up privileges, and set limits."""
    header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    ctypes.CDLL(None).capset(header, nothing)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    for name, most in limits.items():
        resource.setrlimit(getattr(resource, name), (most, most))


def jump() -> None:
    """From here on each look at the clock finds another day."""
    real, days = time.time, itertools.cycle((0, 1, -1))
    time.time = lambda: real() + 86400 * next(days)


def run(wanted: dict[str, Any]) -> None:
    """Be the command."""
    written = os.open(wanted["output"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (1, 2):
        os.dup2(written, stream)
    impoverish(wanted["limits"])
    if wanted["clock"]:
        jump()
    crash_at(wanted["crash_at"])
    main(wanted["arguments"], prog_name="picsellia-ingest")


_NEED_MORE = ("__main__", ".postgresql", ".ray_work", ".dask_work")
"""Modules that run something, or import what is not everywhere."""


def serve() -> None:
    """Run commands until there are no more."""
    for module in pkgutil.walk_packages(picsellia_ingest.__path__, "picsellia_ingest."):
        if not module.name.endswith(_NEED_MORE):
            importlib.import_module(module.name)
    Image.init()
    evidence_page.template()
    gc.freeze()  # a child that collects would copy all of it
    for line in sys.stdin:
        wanted = json.loads(line)
        child = os.fork()
        if child == 0:
            run(wanted)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
