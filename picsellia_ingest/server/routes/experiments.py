"""Experiments, their files and their data. With an experiment's id the project in the address says nothing."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response, request

from ..store.assets import Data, DataChange, File, FileChange
from ..store.experiments import Change, Creation
from .common import BASE, body, caller, checked, platform, raw_body, reply

routes = Blueprint("experiments", __name__, url_prefix=f"{BASE}/experiment")


@routes.get("/<project>")
def all_experiments(project: str) -> Response:
    """Every experiment of a project."""
    return reply({"experiments": platform().experiments.all(caller(), project)})


@routes.post("/<project>")
def create(project: str) -> Response:
    """Make an experiment."""
    return reply(platform().experiments.create(caller(), project, body(Creation)), HTTPStatus.CREATED)


@routes.delete("/<project>")
def delete_all(project: str) -> Response:
    """Remove the experiments of a project."""
    platform().experiments.delete_all(caller(), project)
    return reply({"message": "experiments deleted"})


@routes.get("/<project>/by_name/<anything:name>")
def get_by_name(project: str, name: str) -> Response:
    """The experiment of a name."""
    return _asked(platform().experiments.get_by_name(caller(), project, name))


@routes.get("/<project>/<experiment>")
def get(project: str, experiment: str) -> Response:
    """One experiment."""
    return _asked(platform().experiments.get(caller(), experiment))


@routes.patch("/<project>/<experiment>")
def update(project: str, experiment: str) -> Response:
    """Set properties of an experiment."""
    return reply(platform().experiments.update(caller(), experiment, body(Change)))


@routes.delete("/<project>/<experiment>")
def delete(project: str, experiment: str) -> Response:
    """Remove an experiment."""
    platform().experiments.delete(caller(), experiment)
    return reply({"message": "experiment deleted"})


@routes.get("/<experiment>/file")
def all_files(experiment: str) -> Response:
    """The files."""
    return reply({"files": platform().assets.files(caller(), experiment)})


@routes.put("/<experiment>/file")
def add_files(experiment: str) -> Response:
    """Give names to stored objects; the keys of the body, "0" and so on, say nothing."""
    platform().assets.add_files(caller(), experiment, [*body(dict[str, File]).values()])
    return reply({"message": "file created"}, HTTPStatus.CREATED)


@routes.delete("/<experiment>/file")
def delete_files(experiment: str) -> Response:
    """Forget all files."""
    platform().assets.delete_files(caller(), experiment)
    return reply({"message": "files deleted"})


@routes.get("/<experiment>/file/<anything:name>")
def file(experiment: str, name: str) -> Response:
    """The file of a name, in a list that may be empty."""
    return reply({"file": platform().assets.files(caller(), experiment, name)})


@routes.patch("/<experiment>/file/<anything:name>")
def change_file(experiment: str, name: str) -> Response:
    """Let a name stand for another object."""
    platform().assets.change_file(caller(), experiment, name, body(FileChange))
    return reply({"message": "file updated"})


@routes.delete("/<experiment>/file/<anything:name>")
def delete_file(experiment: str, name: str) -> Response:
    """Forget a file."""
    platform().assets.delete_files(caller(), experiment, name)
    return reply({"message": "file deleted"})


@routes.get("/<experiment>/data")
def all_data(experiment: str) -> Response:
    """The data."""
    return reply({"data_assets": platform().assets.data(caller(), experiment)})


@routes.put("/<experiment>/data")
def add_data(experiment: str) -> Response:
    """Give names to data, like files."""
    _check_json()
    platform().assets.add_data(caller(), experiment, [*body(dict[str, Data]).values()])
    return reply({"message": "data created"}, HTTPStatus.CREATED)


@routes.delete("/<experiment>/data")
def delete_all_data(experiment: str) -> Response:
    """Remove all data."""
    platform().assets.delete_data(caller(), experiment)
    return reply({"message": "data deleted"})


@routes.get("/<experiment>/data/<anything:name>")
def data(experiment: str, name: str) -> Response:
    """The data of a name."""
    return reply({"data_asset": platform().assets.data_called(caller(), experiment, name)})


@routes.patch("/<experiment>/data/<anything:name>")
def replace_data(experiment: str, name: str) -> Response:
    """Set data."""
    _check_json()
    platform().assets.replace_data(caller(), experiment, name, body(DataChange))
    return reply({"message": "data updated"})


@routes.post("/<experiment>/data/<anything:name>")
def extend_data(experiment: str, name: str) -> Response:
    """Add to data."""
    _check_json()
    platform().assets.extend_data(caller(), experiment, name, body(DataChange))
    return reply({"message": "data added"})


@routes.delete("/<experiment>/data/<anything:name>")
def delete_data(experiment: str, name: str) -> Response:
    """Remove data."""
    platform().assets.delete_data(caller(), experiment, name)
    return reply({"message": "data deleted"})


def _asked(experiment: dict[str, Any]) -> Response:
    # Clients up to 5.0.2 are known by asking in the query, and go on with ``project`` as an id.
    if "with_file" in request.args:
        experiment["project"] = experiment["project"]["project_id"]
    return reply({"experiment": experiment})


def _check_json() -> None:
    # Data is taken as it was sent, so what a typed decoder would pass over has to be looked at.
    checked(msgspec.json.decode, raw_body())
