"""Projects and those who work on them. ``DELETE project/<org>``, which an old client sends by mistake, is nothing."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from ..store.projects import Attachment, Change, Creation
from .common import BASE, body, caller, member_of, platform, reply

routes = Blueprint("projects", __name__, url_prefix=BASE)


@routes.get("/project/<org>")
def all_projects(org: str) -> Response:
    """Every project."""
    return reply({"projects": platform().projects.all(member_of(org))})


@routes.put("/project/<org>")
def create(org: str) -> Response:
    """Make a project."""
    return reply(platform().projects.create(member_of(org), body(Creation)), HTTPStatus.CREATED)


@routes.post("/project/attach_dataset/<project>")
def attach(project: str) -> Response:
    """Attach a version of a dataset."""
    platform().projects.attach(caller(), project, body(Attachment))
    return reply({"message": "dataset attached"})


@routes.get("/project/by_name/<org>/<anything:name>")
def get(org: str, name: str) -> Response:
    """One project."""
    return reply(platform().projects.get(member_of(org), name))


@routes.patch("/project/by_name/<org>/<anything:name>")
def update(org: str, name: str) -> Response:
    """Set properties of a project."""
    return reply({"project": platform().projects.update(member_of(org), name, body(Change))})


@routes.delete("/project/by_name/<org>/<anything:name>")
def delete(org: str, name: str) -> Response:
    """Remove a project."""
    platform().projects.delete(member_of(org), name)
    return reply({"success": "project deleted"})


@routes.get("/worker/<project>")
def workers(project: str) -> Response:
    """Who works on a project."""
    return reply({"workers": platform().projects.workers(caller(), project)})
