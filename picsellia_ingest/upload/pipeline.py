"""The straight line of an upload: plan, transfer, register, attach, annotate, verify, report.

The only place where the order of the stages is written. Each stage takes bounded windows of items from the journal,
runs a plain function on every one in parallel, and writes the outcomes back; one item's failure is its own. What an
interrupted run did not reach, the same command reaches: the journal remembers, and the platform is asked.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from ..api import platform
from ..api.connection import Connection
from ..api.platform import Dataset, Identity
from ..errors import InvalidQueryError, ItemError, PicselliaError, ResourceNotFoundError
from ..parsers.base import SHARD
from . import annotate, attach, conflicts, placing, plan, register, transfer, verify, workers
from .items import WORTH_ANOTHER_PASS, Item, Outcome, State, failed, reason, worker_died
from .journal import Journal
from .plan import Job
from .progress import Progress, Quiet
from .report import Forecast, Report
from .stages import Run, Stop

ROUNDS = 2
"""How often a run sends what is lacking when the platform then differs from the plan."""


def run(
    job: Job, connection: Connection, identity: Identity, journal: Journal, progress: Progress | None = None
) -> Report:
    """Do the job; whatever happens to single items, there is a report. A dry run and a check ask, and change nothing.

    Raises PicselliaError when the job as a whole cannot be done: an input rejected whole, a dataset that is not there.
    """
    started = time.monotonic()
    upload = _Upload(job, connection, identity, journal, progress or Quiet())
    try:
        upload.plan()
        if job.check:
            upload.look()
        elif job.dry_run:
            upload.forecast()
        else:
            upload.carry_out()
    except Stop as stop:
        upload.report.stopped, upload.report.stop_code = str(stop), stop.code
    return upload.finish(time.monotonic() - started)


class _Upload(Run):
    """One run of one job: the order of its stages."""

    def plan(self) -> None:
        """Everything that can be known before something is changed."""
        job, report = self.job, self.report
        if job.parser is not None:
            self.progress.stage("index", None)
            job.parser.prepare(report.problems)
            report.notes += [*job.recognised_note(), *job.parser.notes, *placing.declared(job.parser.options)]
        self.dataset = attach.find(self.connection, self.organization, job.name, job.version)
        self.journal.begin()
        refused = self._plan_images()
        if job.parser is not None:
            self.progress.stage("records", job.parser.count())
            used = plan.plan_annotations(job, self.journal, report, refused, self.progress.step)
            header = [label.name for label in job.parser.header().labels]
            report.labels = sorted(used | plan.kinds_of_unused(header, used, rectangle=job.rectangle))
        self.journal.seal()

    def _plan_images(self) -> dict[str, ItemError]:
        if self.job.imgdir is not None:
            self.progress.stage("images", None)
            return plan.plan_images(self.job, self.journal, self.report, self.progress.step)
        if self.dataset is None:
            raise ResourceNotFoundError(
                f"there is no dataset {self.job.name!r} to annotate",
                "check the name, or give imgdir to make it",
            )
        plan.plan_pictures(platform.dataset_pictures(self.connection, self.dataset.id), self.journal)
        self.report.images.came_in = self.journal.count()
        return {}

    def carry_out(self) -> None:
        """Ask what is there, send what is missing, and compare. What ends it ends in the report."""
        try:
            self._carry_out()
        except PicselliaError as error:
            raise Stop(str(error), reason(error)) from error

    def _carry_out(self) -> None:
        self._compare_names()
        self._send()
        for _ in range(1, ROUNDS):
            if self.lacking.pictures or self.lacking.annotations:
                self.journal.put_back(self.lacking.pictures, self.lacking.annotations)
                self._send()
        self.report.verified = not self.report.differences

    def _compare_names(self) -> None:
        """Find out what is there, and settle what the lake has under the same name with another content."""
        self._believe()
        self._recognise()
        if self._settle():
            self._believe()
            self._recognise()

    def _settle(self) -> bool:
        settler = conflicts.Conflicts(self.connection, self.organization, self.journal, self.report)
        return settler.settle(self.job.on_conflict, self._lake)

    def _lake(self) -> dict[str, Mapping[str, Any]]:
        return register.by_name(platform.list_pictures(self.connection, self.organization))

    def _send(self) -> None:
        """Send what is not there, and compare."""
        self._send_pictures()
        self._attach()
        if self.journal.give_another_chance(WORTH_ANOTHER_PASS):
            self._send_pictures()
            self._attach()
        if self.dataset is None:
            self.report.notes.append("no image could be sent, so no dataset was made")
            # What is not there cannot differ; the ledger says what became of the images.
            return
        self._annotate(self.dataset)
        if self.changed:
            self._verify(self.dataset)

    def forecast(self) -> None:
        """What a run would send: the platform is asked what it has."""
        self._believe()
        self._recognise()
        here = f"state<{State.TRANSFERRED:d} AND path IS NOT NULL"
        pictures, size = self.journal.count(here), self.journal.total("size", here)
        annotations = self.journal.count(f"document IS NOT NULL AND state<{State.ANNOTATED:d}")
        labels = [] if self.dataset is None else self.journal.new_labels(self.dataset.id, self.report.labels)
        self.report.forecast = Forecast(
            pictures, size, annotations, len(self.report.labels if self.dataset is None else labels),
            new_dataset=self.dataset is None, collisions=self.journal.count(f"code='{conflicts.TAKEN}'"),
        )  # fmt: skip

    def look(self) -> None:
        """Compare the source with what the platform holds, and change nothing."""
        if self.dataset is None:
            raise ResourceNotFoundError(f"there is no dataset {self.job.name!r} to check", "check the name")
        try:
            self._believe()
            self._note_lacking(
                f"state<{State.ATTACHED:d}", "not_on_platform", "the picture is not in the dataset"
            )
            lacking = f"document IS NOT NULL AND state={State.ATTACHED:d}"
            self._note_lacking(
                lacking, "annotation_differs", "not all that the source says is on the platform"
            )
            self._compare(
                self.dataset, exact=self.job.exact, where=f"state>={State.ATTACHED:d} AND path IS NOT NULL"
            )
        except PicselliaError as error:
            raise Stop(str(error), reason(error)) from error
        self.report.verified = not self.report.differences

    def _note_lacking(self, where: str, code: str, words: str) -> None:
        for window in self.journal.todo(State.PLANNED, State.ATTACHED, SHARD, where):
            self.journal.records(Outcome(item.id, code=code, error=words) for item in window)

    def _believe(self) -> None:
        """Put what the dataset holds in place of what the journal remembers."""
        self.progress.stage("compare", None)
        if self.job.imgdir is not None:
            listed = (
                [] if self.dataset is None else platform.dataset_pictures(self.connection, self.dataset.id)
            )
            held = register.by_name(listed)
            self.journal.believe(
                (str(found["picture_id"]), name, str(found.get("internal_key")))
                for name, found in held.items()
            )
            self._adopt(held, State.ATTACHED)
        if self.dataset is not None:
            verify.reconcile_annotations(self.connection, self.dataset.id, self.journal)

    def _recognise(self) -> None:
        """Pictures that are in the lake already are not sent again, whoever sent them."""
        if self.journal.count(f"state<{State.ATTACHED:d} AND code IS NULL"):
            self._adopt(self._lake(), State.REGISTERED)

    def _adopt(self, held: Mapping[str, Mapping[str, Any]], state: State) -> None:
        """Take pictures of the platform for items of the same name and content."""
        for window in self.journal.todo(State.PLANNED, State.TRANSFERRED, SHARD):
            tasks = [(self.connection, item, held[item.name], state) for item in window if item.name in held]
            self.take(workers.each(register.adopt, tasks, self.job.nb_jobs, self.job.backend, worker_died))
        if self.job.tags_wanted:
            self._tag(held)

    def _tag(self, held: Mapping[str, Mapping[str, Any]]) -> None:
        """Give the job's tags to its pictures that were there before and lack them."""
        tags = set(self.job.tags)
        for window in self.journal.todo(State.REGISTERED, State.ANNOTATED, SHARD, "picture_there"):
            found = [held[item.name] for item in window if item.name in held]
            lacking = [
                picture["picture_id"] for picture in found if not tags <= set(picture.get("tag") or ())
            ]
            if lacking:
                self.changed = True
                body = {"tags": list(self.job.tags), "to_tag": lacking}
                platform.change_pictures(self.connection, self.organization, "tag", body)

    def _send_pictures(self) -> None:
        self.stage(
            "pictures", (State.PLANNED, State.TRANSFERRED), _send_picture, self.organization, self.job.tags
        )

    def _attach(self) -> None:
        """Find the ids that registration did not tell, then make the pictures members, a chunk at a time."""
        lake = register.Lake(self.connection, self.organization, self.job.tags)
        for window in self.journal.todo(State.REGISTERED, State.REGISTERED, SHARD, "picture_id IS NULL"):
            self.take(lake.resolve(window))
        for window in self.journal.todo(State.REGISTERED, State.REGISTERED, attach.CHUNK):
            self.changed = True
            self._attach_chunk(window)

    def _attach_chunk(self, window: list[Item]) -> None:
        job = self.job
        ids = [item.picture_id or "" for item in window]
        try:
            if self.dataset is None:
                self.dataset = attach.create(self.connection, self.organization, job.name, job.version, ids)
                self.created = True
            else:
                platform.add_pictures(self.connection, self.organization, ids, self.dataset.id)
        except PicselliaError as error:
            self.take([failed(item.id, error) for item in window])
            if self.dataset is None:
                raise Stop(f"the dataset cannot be made: {error}", reason(error)) from error
            return
        self.take([Outcome(item.id, State.ATTACHED) for item in window])

    def _annotate(self, dataset: Dataset) -> None:
        labels = self.journal.new_labels(dataset.id, self.report.labels)
        if labels:
            self.changed = True
            self._create_labels(dataset, labels)
        self._send_annotations(dataset)
        if self.journal.give_another_chance(WORTH_ANOTHER_PASS):
            self._send_annotations(dataset)

    def _send_annotations(self, dataset: Dataset) -> None:
        attached = (State.ATTACHED, State.ATTACHED)
        self.stage("annotations", attached, annotate.annotate, dataset.id, where="document IS NOT NULL")

    def _create_labels(self, dataset: Dataset, labels: list[tuple[str, str]]) -> None:
        self.progress.stage("labels", len(labels))
        made: list[tuple[str, str]] = []
        tasks = [(self.connection, dataset.id, name, kind) for name, kind in labels]
        for name, kind, error in workers.each(
            annotate.create_label, tasks, self.job.nb_jobs, self.job.backend
        ):
            self.progress.step(1)
            if error is None:
                made.append((name, kind))
            else:
                self.report.notes.append(f"the label {name!r} ({kind}) could not be made: {error}")
        self.journal.labels_made(dataset.id, made)

    def _verify(self, dataset: Dataset) -> None:
        sent = f"path IS NOT NULL AND state>={State.ATTACHED:d} AND NOT picture_there"
        holdings = self._compare(dataset, exact=self.created, where=sent)
        verify.statistics(self.connection, dataset.id, holdings)

    def _compare(self, dataset: Dataset, *, exact: bool, where: str) -> verify.Holdings:
        """List every difference; of the pictures that meet ``where``, a sample is read back."""
        self.progress.stage("verify", None)
        found = self.lacking = verify.compare(self.connection, dataset.id, self.journal, exact=exact)
        items = self.journal.sample(verify.sample(self.journal.count(where)), where)
        tasks = [(self.connection, item) for item in items]
        read_back = workers.each(verify.read_back, tasks, self.job.nb_jobs, self.job.backend)
        self.report.differences = [*found.differences, *(one for one in read_back if one is not None)]
        return found.holdings


def _send_picture(connection: Connection, organization_id: str, tags: Sequence[str], item: Item) -> Outcome:
    """One picture's three requests. What it reached is kept, whatever stopped it."""
    reached = None
    try:
        if item.state < State.TRANSFERRED:
            transfer.transfer(connection, item)
        reached = State.TRANSFERRED
        try:
            picture_id, there = register.register(connection, organization_id, item, tags)
        except (InvalidQueryError, ResourceNotFoundError):
            if item.state < State.TRANSFERRED:
                raise
            # The object was stored by an earlier run; the platform may not have it any more.
            transfer.transfer(connection, item)
            picture_id, there = register.register(connection, organization_id, item, tags)
        return Outcome(item.id, State.REGISTERED, picture_id=picture_id, picture_there=there)
    except (PicselliaError, OSError) as error:
        return failed(item.id, error, reached)
