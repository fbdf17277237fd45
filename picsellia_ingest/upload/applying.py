"""What a saved plan meets when it is applied: the dataset it was made against, and image files that may have changed."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

from ..api import storage
from ..api.connection import Connection
from ..api.platform import Dataset
from ..errors import PlanError, ResourceNotFoundError
from . import attach, images, workers
from .items import CHANGED, Item, Outcome, State, failed
from .journal import Journal
from .plan_file import WINDOW, Plan

_AGAIN = "make the plan again with upload --plan"


def version(plan: Plan) -> str:
    """The version that is meant, which a newer one does not take the place of."""
    return plan.against.version or plan.asked.version or attach.FIRST


def dataset(connection: Connection, organization: str, plan: Plan) -> Dataset | None:
    """The dataset that the plan is for; None where it is to be made. Raises PlanError when it is another one now."""
    name, wanted = plan.asked.name, version(plan)
    try:
        found = attach.find(connection, organization, name, wanted)
    except ResourceNotFoundError as error:
        raise PlanError(f"the plan is for version {wanted!r}, but {error.message}", _AGAIN) from error
    if plan.against.dataset_id and (found is None or found.id != plan.against.dataset_id):
        now = "is gone" if found is None else "was made anew"
        raise PlanError(f"the dataset {name!r} that the plan was made against {now}", _AGAIN)
    return found


def changed(journal: Journal, nb_jobs: int, backend: str) -> Iterator[Outcome]:
    """The images still to be sent that are not what was planned any more."""
    for window in journal.todo(State.PLANNED, State.PLANNED, WINDOW, "path IS NOT NULL"):
        known = journal.known_files([item.name for item in window])
        tasks = [(item, known[item.name]["mtime_ns"]) for item in window]
        for outcome in workers.each(_changed, tasks, nb_jobs, backend):
            if outcome is not None:
                yield outcome


def _changed(item: Item, mtime_ns: int) -> Outcome | None:
    path = item.path or Path()
    try:
        info = path.stat()
        if stat.S_ISREG(info.st_mode) and info.st_size == item.size:
            if info.st_mtime_ns == mtime_ns or storage.survey(path).sha256 == item.sha256:
                return None
            what = "has another content"
        else:
            what = f"has another size ({info.st_size} bytes, not {item.size})"
        return Outcome(item.id, code=CHANGED, error=f"{path} {what} than when it was planned - {_AGAIN}")
    except (*images.UNUSABLE, OSError) as error:
        return failed(item.id, error)
