"""An upload from its documented arguments: checks them, makes the Job, opens the journal, runs the pipeline."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import InvalidQueryError
from ..parsers.base import Options
from ..parsers.image_files import image_folder
from ..selection import selection
from ..sources import AnyPath
from ..upload import cluster, pipeline, plan_file, workers
from ..upload.conflicts import POLICIES
from ..upload.journal import Journal
from ..upload.plan import Job
from ..upload.plan_file import Plan
from ..upload.progress import Progress
from ..upload.report import Report
from . import local, plans, runs
from .session import Session
from .source import parser


def job(
    name: str | None,
    version: str | None,
    imgdir: str | AnyPath | None,
    ann_path: str | AnyPath | None,
    ann_format: str | None,
    tags: list[str] | None,
    nb_jobs: int,
    *,
    rectangle: bool = False,
    dry_run: bool = False,
    voc_coordinates: str = "as_written",
    coordinates: str = "pixels",
    exif: str = "as_shown",
    on_conflict: str = "error",
    patience: float | None = None,
    labels: Mapping[str, str | None] | str | Path | None = None,
    only: Iterable[str] = (),
    drop: Iterable[str] = (),
    split: str | None = None,
    beside: bool = False,
    survey: bool = False,
    backend: str = workers.THREADS,
    scheduler: str | None = None,
) -> Job:
    """The checked Job, whose parser ``upload`` and ``check`` close. Raises InvalidQueryError, ResourceNotFoundError, FormatError.

    Without tags the pictures get the date of the upload, as YYYY-MM-DD.
    """
    if not name:
        raise InvalidQueryError("no dataset name was given", "pass name")
    if imgdir is None and ann_path is None:
        raise InvalidQueryError("there is nothing to upload", "pass imgdir, ann_path, or both")
    folder = None if imgdir is None else image_folder(imgdir)
    workers.jobs(nb_jobs)
    cluster.check(backend, scheduler)
    if backend in cluster.BACKENDS and isinstance(folder, Path):
        folder = folder.absolute()  # a worker has another working directory
    if on_conflict not in POLICIES:
        raise InvalidQueryError(f"on_conflict is {on_conflict!r}", f"write {', '.join(POLICIES)}")
    _patience(patience)
    options = Options(voc_coordinates, folder, coordinates, exif)
    return Job(
        name=name,
        version=version or None,
        imgdir=folder,
        parser=None if ann_path is None else parser(ann_path, ann_format, options),
        recognised=ann_format is None,
        tags=tuple(tags) if tags else (datetime.now(timezone.utc).strftime("%Y-%m-%d"),),
        tags_wanted=bool(tags),
        nb_jobs=nb_jobs,
        rectangle=rectangle,
        dry_run=dry_run,
        on_conflict=on_conflict,
        patience=patience,
        selection=selection(labels=labels, only=only, drop=drop),
        split=split,
        beside=beside,
        survey=survey,
        backend=backend,
        scheduler=scheduler,
    )


def upload(
    session: Session,
    what: Job,
    journal: str | Path | None = None,
    progress: Progress | None = None,
    plan: str | Path | None = None,
) -> Report:
    """Run the job with the journal of its destination; a dry run's plan is saved where ``plan`` says."""
    if plan is not None:
        plan_file.may_write(Path(plan))
        what = replace(what, dry_run=True)
    destination = _destination(session, what.name, what.version)
    with what.parser or nullcontext(), Journal(_journal(journal, destination), destination) as opened:
        report = pipeline.run(what, session.connection, session.identity, opened, progress)
        if plan is not None and not report.stopped:
            plan_file.save(Path(plan), opened, what, report, plans.where(session))
            report.notes.append(f"the plan is saved: picsellia-ingest upload --apply {plan}")
    return report


def apply(
    session: Session,
    plan: Plan,
    nb_jobs: int | None = None,
    journal: str | Path | None = None,
    patience: float | None = None,
    progress: Progress | None = None,
) -> Report:
    """Do what a saved plan says, with the journal that an upload of the same job has."""
    plans.check(session, plan)
    _patience(patience)
    destination = _destination(session, plan.asked.name, plan.asked.version)
    job = plans.job(plan, nb_jobs, patience)
    return plans.carry_out(session, plan, job, _journal(journal, destination), progress, destination)


def check(session: Session, what: Job, progress: Progress | None = None) -> Report:
    """Compare what the platform holds with the source, from these two alone: no journal of an upload is needed."""
    with (
        what.parser or nullcontext(),
        TemporaryDirectory(prefix="picsellia-ingest-") as folder,
        Journal(Path(folder) / "check.db", "check") as opened,
    ):
        return pipeline.run(replace(what, check=True), session.connection, session.identity, opened, progress)


def _destination(session: Session, name: str, version: str | None) -> str:
    return "\n".join([local.destination(session.host), session.identity.organization_id, name, version or ""])


def _journal(given: str | Path | None, destination: str) -> Path:
    if given:
        return Path(given)
    return runs.folder() / f"{hashlib.sha256(destination.encode()).hexdigest()[:32]}.db"


def _patience(seconds: float | None) -> None:
    if seconds is not None and not 0 <= seconds < math.inf:
        raise InvalidQueryError(f"patience is {seconds}", "give a number of seconds, 0 or more")
