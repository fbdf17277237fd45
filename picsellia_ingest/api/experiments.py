"""The endpoints of experiments, their files and their data (docs/protocol.md, 2.9), as in ``platform``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .connection import Connection
from .platform import listed, segment
from .resources import made, with_key
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


def create_experiment(
    connection: Connection, project_id: str, new: Mapping[str, Any], confirm: Callable[[], bool]
) -> dict[str, Any]:
    """A new experiment; nothing where ``confirm`` said, after an answer was lost, that it is there.

    Raises InvalidQueryError when the project has one of this name.
    """
    return made(call(connection, "POST", f"experiment/{segment(project_id)}", new, None, confirm), "id")


def update_experiment(
    connection: Connection, experiment_id: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Set the name, the description or the status."""
    return with_key(call(connection, "PATCH", _address(experiment_id), changes)[1], "id")


def delete_experiment(connection: Connection, experiment_id: str) -> None:
    """Remove an experiment."""
    call(connection, "DELETE", _address(experiment_id))


def delete_experiments(connection: Connection, project_id: str) -> None:
    """Remove every experiment of a project."""
    call(connection, "DELETE", f"experiment/{segment(project_id)}")


def publish_experiment(
    connection: Connection, experiment_id: str, name: str, confirm: Callable[[], bool]
) -> dict[str, Any]:
    """Make a network of an experiment; ``confirm`` is asked after an answer was lost. The answer is then empty."""
    path = f"experiment/{segment(experiment_id)}/publish"
    found = call(connection, "POST", path, {"name": name}, None, confirm)[1].get("network")
    return found if isinstance(found, dict) else {}


def launch_experiment(connection: Connection, experiment_id: str, gpus: int) -> None:
    """Have an experiment trained."""
    call(connection, "POST", f"experiment/{segment(experiment_id)}/launch", {"gpus": gpus})


def set_job_status(connection: Connection, experiment_id: str, status: str) -> None:
    """Set the state of an experiment's job."""
    call(connection, "POST", f"experiment/{segment(experiment_id)}/update_job_status", {"status": status})


def send_log(connection: Connection, line: Mapping[str, Any]) -> None:
    """Add a line to an experiment's log."""
    call(connection, "POST", "experiment/send_experiment_logging", line)


def annotation_dictionary(connection: Connection, experiment_id: str, option: str) -> dict[str, Any]:
    """``images``, ``categories`` and ``annotations`` of an experiment's dataset; empty when it has none."""
    path = f"experiment/{segment(experiment_id)}/dl_annotations/{segment(option)}"
    return call(connection, "GET", path)[1]


def experiment_files(connection: Connection, experiment_id: str) -> list[dict[str, Any]]:
    """Every file of an experiment."""
    return listed(call(connection, "GET", _all(experiment_id, "file")), "files")


def all_data(connection: Connection, experiment_id: str) -> list[dict[str, Any]]:
    """All data of an experiment."""
    return listed(call(connection, "GET", _all(experiment_id, "data")), "data_assets")


def forget(connection: Connection, experiment_id: str, kind: str, name: str | None = None) -> None:
    """Remove the ``file`` or the ``data`` of a name, or all of them."""
    where = _all(experiment_id, kind) if name is None else _part(experiment_id, kind, name)
    call(connection, "DELETE", where)


def change_file(connection: Connection, experiment_id: str, name: str, changes: Mapping[str, Any]) -> None:
    """Set the ``object_name`` of a file, or whether it is ``large``."""
    call(connection, "PATCH", _part(experiment_id, "file", name), changes)


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
        call(connection, "PUT", _all(experiment_id, "file"), {"0": {"name": name, **file}})
    else:
        change_file(connection, experiment_id, name, file)


def experiment_data(connection: Connection, experiment_id: str, name: str) -> dict[str, Any]:
    """The data of a name. Raises ResourceNotFoundError."""
    return with_key(call(connection, "GET", _part(experiment_id, "data", name))[1].get("data_asset"), "name")


def create_data(connection: Connection, experiment_id: str, name: str, data: object, kind: str) -> None:
    """Give a name to data."""
    body = {"0": {"name": name, "data": data, "type": kind}}
    call(connection, "PUT", _all(experiment_id, "data"), body)


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


def _all(experiment_id: str, kind: str) -> str:
    return f"experiment/{segment(experiment_id)}/{kind}"


def _part(experiment_id: str, kind: str, name: str) -> str:
    return f"experiment/{segment(experiment_id)}/{kind}/{segment(name)}"
