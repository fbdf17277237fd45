"""The endpoints of scans and their runs (docs/protocol.md), as in ``platform``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from .connection import Connection
from .platform import segment
from .resources import with_key
from .transport import call


def create_scan(connection: Connection, project_id: str, new: Mapping[str, Any]) -> dict[str, Any]:
    """A new scan: what the platform says of it. Raises InvalidQueryError when the project has one of this name."""
    return call(connection, "POST", f"scan/{segment(project_id)}/create", new)[1]


def launch_scan(connection: Connection, project_id: str, name: str) -> None:
    """Have a scan run."""
    call(connection, "POST", f"scan/{segment(project_id)}/launch/{segment(name)}")


def next_run(connection: Connection, project_id: str, name: str) -> dict[str, Any]:
    """The next run of a scan. Each question makes one, so repeats of it carry the same key.

    Raises ResourceNotFoundError when there is none left.
    """
    path = f"run/{segment(project_id)}/{segment(name)}"
    return with_key(call(connection, "GET", path, None, {"Idempotency-Key": str(uuid4())})[1], "id")


def fetch_run(connection: Connection, run_id: str) -> dict[str, Any]:
    """The run of an id. Raises ResourceNotFoundError."""
    return with_key(call(connection, "GET", f"run/{segment(run_id)}")[1].get("run"), "id")


def update_run(connection: Connection, run_id: str, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Set properties of a run, such as its ``status``."""
    return with_key(call(connection, "PATCH", f"run/{segment(run_id)}", changes)[1], "id")


def end_run(connection: Connection, run_id: str) -> None:
    """End a run."""
    call(connection, "POST", f"run/{segment(run_id)}/end")
