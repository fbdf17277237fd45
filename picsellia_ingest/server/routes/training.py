"""What an experiment says while it is trained, what becomes of it, and the annotations it is trained with."""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response

from ..store.publishing import Publication
from ..store.telemetry import LAUNCHED, JobStatus, Launch, Line
from .common import BASE, body, caller, platform, reply
from .storage import with_addresses

routes = Blueprint("training", __name__, url_prefix=f"{BASE}/experiment")


@routes.post("/send_experiment_logging")
def log() -> Response:
    """Keep a line of a log."""
    platform().telemetry.add(caller(), body(Line))
    return reply({"message": "line kept"})


@routes.get("/<experiment>/logging")
def lines(experiment: str) -> Response:
    """The log of an experiment; ours, the published clients do not ask."""
    return reply({"lines": platform().telemetry.lines(caller(), experiment)})


@routes.post("/<experiment>/launch")
def launch(experiment: str) -> Response:
    """Note that an experiment is to be trained."""
    body(Launch)
    platform().telemetry.set_status(caller(), experiment, LAUNCHED)
    return reply({"success": "experiment launched"})


@routes.post("/<experiment>/update_job_status")
def job_status(experiment: str) -> Response:
    """Set the state of an experiment's job."""
    platform().telemetry.set_status(caller(), experiment, body(JobStatus).status)
    return reply({"message": "status updated"})


@routes.post("/<experiment>/publish")
def publish(experiment: str) -> Response:
    """Make a network of an experiment."""
    network = platform().publishing.publish(caller(), experiment, body(Publication).name)
    return reply({"network": network}, HTTPStatus.CREATED)


@routes.get("/<experiment>/dl_annotations/<option>")
def download_annotations(experiment: str, option: str) -> Response:
    """The annotation dictionary of an experiment's dataset; empty without one."""
    found = platform().exports.of_experiment(caller(), experiment, option)
    if found:
        found["images"] = with_addresses(caller(), found["images"])
    return reply(found)
