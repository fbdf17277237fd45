"""Scans and their runs; older clients make scans elsewhere."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, request

from ..store.scans import NewScan, RunChange
from .common import BASE, body, caller, platform, reply

routes = Blueprint("scans", __name__, url_prefix=BASE)


@routes.post("/scan/<project>/create")
@routes.post("/scan/<project>/launch")  # up to 5.0.2
@routes.post("/sweep/<project>/launch")  # up to 4.7
def create(project: str) -> Response:
    """Make a scan."""
    new = body(NewScan)
    platform().scans.create(caller(), project, new)
    return reply({"success": f"Scan {new.name} created"}, HTTPStatus.CREATED)


@routes.post("/scan/<project>/launch/<anything:name>")
def launch(project: str, name: str) -> Response:
    """Note that a scan is to be run."""
    platform().scans.launch(caller(), project, name)
    return reply({"success": f"Scan {name} launched"})


@routes.get("/run/<project>/<anything:scan>")
def next_run(project: str, scan: str) -> Response:
    """The next run of a scan."""
    claim = request.headers.get("Idempotency-Key")
    return reply(platform().scans.next_run(caller(), project, scan, claim))


@routes.get("/run/<run>")
def get_run(run: str) -> Response:
    """One run."""
    return reply({"run": platform().scans.run(caller(), run)})


@routes.patch("/run/<run>")
def change_run(run: str) -> Response:
    """Set properties of a run."""
    return reply(platform().scans.change_run(caller(), run, body(RunChange)))


@routes.post("/run/<run>/end")
def end_run(run: str) -> Response:
    """End a run."""
    platform().scans.end_run(caller(), run)
    return reply({"success": "run ended"})
