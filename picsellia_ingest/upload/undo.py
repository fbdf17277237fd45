"""Takes back what one run made: look, remove, look again.

Tags go first, then annotations, datasets, pictures, so that an interruption leaves nothing that points at what is gone.
What can go is decided by a fresh look right before it does. Nothing is believed to be gone until the last look did not
find it; doing the same again goes on, and asks anew about what stayed.
"""

from __future__ import annotations

import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

from ..api import pages, platform
from ..api.connection import Connection
from ..api.platform import Identity
from ..errors import Action, LedgerError, PicselliaError, ResourceNotFoundError
from . import verify, workers
from .items import reason
from .journal import Journal
from .made import ANNOTATION, DATASET, KINDS, MEMBER, PICTURE, TAGS, RunMade, Thing
from .progress import Progress, Quiet
from .undo_look import Look, look
from .undo_report import UndoReport

CHUNK = 500
"""Pictures deleted with one request."""


class Undo:
    """The undoing of one run, which ``journal`` remembers."""

    def __init__(
        self,
        connection: Connection,
        identity: Identity,
        journal: Journal,
        run: RunMade,
        nb_jobs: int = 5,
        progress: Progress | None = None,
    ) -> None:
        self.connection, self.organization, self.journal = connection, identity.organization_id, journal
        self.run, self.nb_jobs, self.progress = run, nb_jobs, progress or Quiet()
        self._failed: dict[Thing, str] = {}

    def look(self) -> UndoReport:
        """What would be removed, and what stays; nothing is changed."""
        with self._paced():
            report = self._report(self._look())
        report.shown = True
        return report

    def carry_out(self) -> UndoReport:
        """Remove it. What fails is in the report."""
        with self._paced():
            return self._carry_out()

    def _paced(self) -> AbstractContextManager[None]:
        return self.connection.traffic.pace.run(workers.jobs(self.nb_jobs), say=self.progress.say)

    def _carry_out(self) -> UndoReport:
        started, traffic = time.monotonic(), self.connection.traffic
        requests = traffic.requests
        first = self._look()
        report = self._report(first)
        try:
            self._remove(first)
            self._verify(first, report)
        except PicselliaError as error:
            report.stopped, report.stop_code = str(error), reason(error)
            report.interrupt()
        report.requests, report.seconds = traffic.requests - requests, time.monotonic() - started
        report.check()
        return report

    def _look(self) -> Look:
        self.progress.stage("compare", None)
        made = self.journal.made
        things, given_up = made.of(self.run.id), made.members_given_up()
        return look(self.connection, self.organization, things, self.run.tags, given_up)

    def _report(self, found: Look) -> UndoReport:
        report = UndoReport(self.run.name, self.run.when, self.run.dataset, self.run.version)
        for kind in KINDS:
            gone = sum(thing.kind == kind for thing in found.gone)
            going = [thing.shown for thing in (*found.remove, *found.along) if thing.kind == kind]
            stays = [(thing.shown, why) for thing, why in found.stays if thing.kind == kind]
            report.take(kind, gone, going, stays)
        return report

    def _remove(self, found: Look) -> None:
        ending = {ref for _, ref in found.going(DATASET)}
        self._untag(found.going(TAGS))
        said = [(thing, ref) for thing, ref in found.going(ANNOTATION) if thing.ref not in ending]
        if said:
            self.progress.stage("removal", len(said))
        tasks = [(self.connection, thing, ref) for thing, ref in said]
        for thing, error in workers.each(_delete_annotation, tasks, self.nb_jobs):
            self.progress.step(1)
            if error is not None:
                self._fail([thing], error)
        for thing, _ in reversed(found.going(DATASET)):
            self._try([thing], partial(self._delete_dataset, thing))
        for window in workers.windows(found.going(PICTURE), CHUNK):
            body = {"to_delete": [ref for _, ref in window]}
            self._try([thing for thing, _ in window], partial(self._change, "delete", body))
        going = [thing for thing in (*found.remove, *found.along) if thing.kind in (ANNOTATION, MEMBER)]
        self._statistics({thing.ref for thing in going} - ending)

    def _untag(self, things: list[tuple[Thing, str]]) -> None:
        alike: dict[bytes, list[tuple[Thing, str]]] = defaultdict(list)
        for thing, ref in things:
            alike[thing.detail].append((thing, ref))
        for tags, group in alike.items():
            body = {"tags": json.loads(tags), "to_delete_tag": [ref for _, ref in group]}
            self._try([thing for thing, _ in group], partial(self._change, "delete_tag", body))

    def _change(self, verb: str, body: dict[str, list[str]]) -> None:
        platform.change_pictures(self.connection, self.organization, verb, body)

    def _delete_dataset(self, thing: Thing) -> None:
        platform.delete_dataset(self.connection, self.organization, thing.detail.decode(), thing.name)

    def _try(self, things: list[Thing], remove: Callable[[], None]) -> None:
        try:
            remove()
        except PicselliaError as error:
            self._fail(things, error)

    def _fail(self, things: list[Thing], error: PicselliaError) -> None:
        """Keep the reason; an error that concerns everything ends the undoing. What was gone already is no failure."""
        if error.action in (Action.STOP, Action.RETRY):
            raise error
        if not isinstance(error, ResourceNotFoundError) or len(things) > 1:
            self._failed.update(dict.fromkeys(things, str(error)))

    def _statistics(self, datasets: set[str | None]) -> None:
        """Tell datasets that stay what they hold now."""
        for dataset in sorted(one for one in datasets if one):
            try:
                holdings = verify.Holdings()
                for held in pages.all_held(self.connection, dataset):
                    holdings.add(held)
                verify.statistics(self.connection, dataset, holdings)
            except ResourceNotFoundError:
                continue  # somebody deleted it meanwhile

    def _verify(self, first: Look, report: UndoReport) -> None:
        self.progress.stage("verify", None)
        gone = set(self._look().gone) if first.remove else set()
        removed = [thing for thing in (*first.remove, *first.along) if thing in gone]
        self.journal.made.undone(self.run.id, [*removed, *first.gone])
        self.journal.made.given_up(self.run.id, [thing for thing, _ in first.stays if thing.kind == MEMBER])
        there = [thing for thing in (*first.remove, *first.along) if thing not in gone]
        counts: Counter[str] = Counter(thing.kind for thing in there)
        report.not_removed(counts)
        for thing in there:
            if thing in self._failed:
                report.failures.append((thing.kind, thing.shown, self._failed[thing]))
            elif thing.kind != MEMBER:
                report.differences.append(f"the {thing.kind} {thing.shown} is on the platform still")
        report.verified = not there


def _delete_annotation(
    connection: Connection, thing: Thing, picture_id: str
) -> tuple[Thing, PicselliaError | None]:
    try:
        if not picture_id:
            raise LedgerError("the platform does not say which picture the annotation is of")
        platform.delete_annotations(connection, thing.ref or "", picture_id)
        return thing, None
    except PicselliaError as error:
        return thing, error
