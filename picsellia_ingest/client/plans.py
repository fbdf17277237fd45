"""Saved plans: where they go, and whether a session is the one that a plan was made for."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..errors import PlanError
from ..upload import applying, pipeline, plan_file, workers
from ..upload.journal import Journal
from ..upload.plan import Job
from ..upload.plan_file import Plan
from ..upload.planned import Where
from ..upload.progress import Progress
from ..upload.report import Report
from . import local
from .session import Session


def where(session: Session) -> Where:
    """The destination of a session, without anything secret."""
    host = plan_file.shown_host(local.destination(session.host))
    return Where(host, session.identity.organization_id, session.identity.organization_name)


def check(session: Session, plan: Plan) -> None:
    """Raise PlanError where the plan is for another destination."""
    found = where(session)
    for what, here, there in (
        ("host", found.host.rstrip("/"), plan.where.host.rstrip("/")),
        ("organization", found.organization_id, plan.where.organization_id),
    ):
        if here != there:
            names = (plan.where.organization, found.organization) if what == "organization" else (there, here)
            raise PlanError(
                f"the plan {plan.path} is for the {what} {names[0]!r}, not for {names[1]!r}",
                f"give that {what}, or make a plan for this one",
            )


def job(plan: Plan, nb_jobs: int | None = None, patience: float | None = None) -> Job:
    """The plan's job. Raises InvalidQueryError for a number of jobs that cannot be meant."""
    found = replace(plan.job(), version=applying.version(plan))
    if nb_jobs is not None:
        workers.jobs(nb_jobs)
        found = replace(found, nb_jobs=nb_jobs)
    return found if patience is None else replace(found, patience=patience)


def carry_out(
    session: Session, plan: Plan, what: Job, journal: Path, progress: Progress | None, destination: str
) -> Report:
    """Do what the plan says."""
    with Journal(journal, destination) as opened:
        return pipeline.run(what, session.connection, session.identity, opened, progress, plan)
