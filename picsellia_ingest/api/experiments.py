"""The endpoints of experiments, their files and their data (docs/protocol.md, 2.9), as in ``platform``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .connection import Connection
from .platform import listed, segment
from .resources import with_key
from .transport import call

ANY_PROJECT = "None"
"""Stands in an address for the project of an experiment whose id is known."""


def list_experiments(connection: Connection, project_id: str) -> list[dict[str, Any]]:
    """Every experiment of a project."""
    return listed(call(connection, "GET", f"experiment/{segment(project_id)}"), "experiments")


def fetch_experiment(connection: Connection, experiment_id: str) -> dict[str, Any]:
    """The experiment of an id. Raises ResourceNotFoundError."""
    return with_key(call(connection, "GET", _address(experiment_id))[1].get("experiment"), "id")


def fetch_experiment_by_name(connection: Connection, project_id: str, name: str) -> dict[str, Any]:
    """The experiment of a name in a project. Raises ResourceNotFoundError."""
    path = f"experiment/{segment(project_id)}/by_name/{segment(name)}"
    return with_key(call(connection, "GET", path)[1].get("experiment"), "id")


def create_experiment(connection: Connection, project_id: str, new: Mapping[str, Any]) -> dict[str, Any]:
    """A new experiment. Raises InvalidQueryError when the project has one of this name."""
    return with_key(call(connection, "POST", f"experiment/{segment(project_id)}", new)[1], "id")


def update_experiment(
    connection: Connection, experiment_id: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Set the name, the description or the status."""
    return with_key(call(connection, "PATCH", _address(experiment_id), changes)[1], "id")


def delete_experiment(connection: Connection, experiment_id: str) -> None:
    """Remove an experiment."""
    call(connection, "DELETE", _address(experiment_id))


def experiment_file(connection: Connection, experiment_id: str, name: str) -> dict[str, Any] | None:
    """The file of a name, if there is one."""
    found = listed(call(connection, "GET", _part(experiment_id, "file", name)), "file")
    return found[0] if found else None


def record_file(
    connection: Connection, experiment_id: str, name: str, object_name: str, *, large: bool
) -> None:
    """Let a name stand for a stored object."""
    file = {"object_name": object_name, "large": large}
    if experiment_file(connection, experiment_id, name) is None:
        call(connection, "PUT", f"experiment/{segment(experiment_id)}/file", {"0": {"name": name, **file}})
    else:
        call(connection, "PATCH", _part(experiment_id, "file", name), file)


def experiment_data(connection: Connection, experiment_id: str, name: str) -> dict[str, Any]:
    """The data of a name. Raises ResourceNotFoundError."""
    return with_key(call(connection, "GET", _part(experiment_id, "data", name))[1].get("data_asset"), "name")


def create_data(connection: Connection, experiment_id: str, name: str, data: object, kind: str) -> None:
    """Give a name to data."""
    body = {"0": {"name": name, "data": data, "type": kind}}
    call(connection, "PUT", f"experiment/{segment(experiment_id)}/data", body)


def replace_data(connection: Connection, experiment_id: str, name: str, data: object, kind: str) -> None:
    """Let a name stand for other data."""
    call(connection, "PATCH", _part(experiment_id, "data", name), {"data": data, "type": kind})


def extend_data(
    connection: Connection,
    experiment_id: str,
    name: str,
    more: object,
    kind: str,
    confirm: Callable[[], bool],
) -> None:
    """Add to data. The platform appends, so ``confirm`` is asked after an answer was lost."""
    body = {"data": more, "type": kind}
    call(connection, "POST", _part(experiment_id, "data", name), body, None, confirm)


def _address(experiment_id: str) -> str:
    return f"experiment/{ANY_PROJECT}/{segment(experiment_id)}"


def _part(experiment_id: str, kind: str, name: str) -> str:
    return f"experiment/{segment(experiment_id)}/{kind}/{segment(name)}"
