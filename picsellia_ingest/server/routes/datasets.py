"""Datasets and their labels."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from ..store.datasets import Addition, Creation, NewVersion, Statistics
from .common import BASE, body, caller, member_of, once, platform, reply
from .storage import with_addresses

routes = Blueprint("datasets", __name__, url_prefix=BASE)


@routes.get("/dataset/<org>")
def all_datasets(org: str) -> Response:
    """Every version of every dataset."""
    return reply({"datasets": platform().datasets.all(member_of(org))})


@routes.put("/dataset/<org>")
def create(org: str) -> Response:
    """Make a dataset."""
    account = member_of(org)
    return reply(platform().datasets.create(account, body(Creation), once()), HTTPStatus.CREATED)


@routes.post("/dataset/<org>")
def add(org: str) -> Response:
    """Put pictures in a dataset."""
    return reply({"dataset": platform().datasets.add(member_of(org), body(Addition))})


@routes.put("/dataset/<org>/new_version")
def new_version(org: str) -> Response:
    """Copy a version."""
    account = member_of(org)
    return reply(platform().datasets.new_version(account, body(NewVersion), once()), HTTPStatus.CREATED)


@routes.get("/dataset/<org>/<anything:name>/<version>")
def get(org: str, name: str, version: str) -> Response:
    """One version."""
    return reply({"dataset": platform().datasets.get(member_of(org), name, version)})


@routes.delete("/dataset/<org>/<anything:name>/<version>")
def delete(org: str, name: str, version: str) -> Response:
    """Remove one version."""
    platform().datasets.delete(member_of(org), name, version)
    return reply({"message": "dataset deleted"})


@routes.get("/dataset/<org>/<anything:name>/<version>/download")
def download(org: str, name: str, version: str) -> Response:
    """Where the bytes of each picture can be fetched for the next minutes."""
    account = member_of(org)
    images = platform().datasets.images(account, name, version)
    return reply({"images": with_addresses(account, images)})


@routes.post("/dataset/<dataset>/update_stats")
def update_statistics(dataset: str) -> Response:
    """Set what a client counted."""
    platform().datasets.update_statistics(caller(), dataset, body(Statistics))
    return reply({"message": "statistics updated"})


@routes.get("/picture/<dataset>")
def pictures(dataset: str) -> Response:
    """The pictures of a dataset."""
    return reply({"pictures": platform().datasets.pictures(caller(), dataset)})


@routes.get("/label/<dataset>")
def all_labels(dataset: str) -> Response:
    """The labels of a dataset; ours, the published clients do not ask."""
    return reply({"labels": platform().labels.all(caller(), dataset)})


@routes.put("/label/<dataset>/<anything:name>/<kind>")
def create_label(dataset: str, name: str, kind: str) -> Response:
    """Make a label."""
    platform().labels.create(caller(), dataset, name, kind)
    return reply({"message": "label created"})
