"""The straight line of an upload: plan, transfer, register, attach, annotate, verify, report.

The only place where the order of the stages is written. Each stage takes bounded windows of items from the journal,
runs a plain function on every one in parallel, and writes the outcomes back; one item's failure is its own. What an
interrupted run did not reach, the same command reaches: the journal remembers, and the platform is asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..api import platform
from ..api.connection import Connection
from ..api.platform import Dataset, Identity
from ..errors import InvalidQueryError, ItemError, PicselliaError, ResourceNotFoundError
from . import annotate, attach, placing, plan, register, transfer, verify, workers
from .items import WORTH_ANOTHER_PASS, Item, Outcome, State, failed, reason
from .journal import Journal
from .plan import Job
from .progress import Progress, Quiet
from .report import Report

OUTAGE_LEAST = 10
"""This many items in a row without an answer from the platform end the run: it can be taken up again."""
COMMIT_EVERY = 64
FAILURES_SHOWN = 100


class _Stop(Exception):
    """The run goes no further."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


def run(
    job: Job, connection: Connection, identity: Identity, journal: Journal, progress: Progress | None = None
) -> Report:
    """Do the job; whatever happens to single items, there is a report.

    Raises PicselliaError when the job as a whole cannot be done: an input rejected whole, a dataset that is not there.
    """
    started = time.monotonic()
    upload = _Upload(job, connection, identity, journal, progress or Quiet())
    try:
        upload.plan()
        if not job.dry_run:
            upload.carry_out()
    except _Stop as stop:
        upload.report.stopped, upload.report.stop_code = str(stop), stop.code
    return upload.finish(time.monotonic() - started)


class _Upload:
    """One run of one job."""

    def __init__(
        self, job: Job, connection: Connection, identity: Identity, journal: Journal, progress: Progress
    ) -> None:
        self.job, self.connection, self.journal, self.progress = job, connection, journal, progress
        self.organization = identity.organization_id
        self.report = Report(dataset=job.name, version=job.version or "", dry_run=job.dry_run)
        self.dataset: Dataset | None = None
        self.created = False
        self.changed = False
        self.outages = 0
        traffic = connection.traffic
        traffic.halted = False
        self.before = (traffic.requests, traffic.retries, traffic.picture_bytes)

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
            raise _Stop(str(error), reason(error)) from error

    def _carry_out(self) -> None:
        self._believe()
        self._recognise()
        self._send_pictures()
        self._attach()
        if self.journal.give_another_chance(WORTH_ANOTHER_PASS):
            self._send_pictures()
            self._attach()
        if self.dataset is None:
            self.report.notes.append("no image could be sent, so no dataset was made")
            # What is not there cannot differ; the ledger says what became of the images.
            self.report.verified = True
            return
        self._annotate(self.dataset)
        if self.changed:
            self._verify(self.dataset)
        self.report.verified = not self.report.differences

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
            lake = platform.list_pictures(self.connection, self.organization)
            self._adopt(register.by_name(lake), State.REGISTERED)

    def _adopt(self, held: Mapping[str, Mapping[str, Any]], state: State) -> None:
        """Take pictures of the platform for items of the same name and content."""
        for window in self.journal.todo(State.PLANNED, State.TRANSFERRED, plan.SHARD):
            tasks = [(self.connection, item, held[item.name], state) for item in window if item.name in held]
            self._take(workers.each(register.adopt, tasks, self.job.nb_jobs, self.job.backend))
        if self.job.tags_wanted:
            self._tag(held)

    def _tag(self, held: Mapping[str, Mapping[str, Any]]) -> None:
        """Give the job's tags to its pictures that were there before and lack them."""
        tags = set(self.job.tags)
        for window in self.journal.todo(State.REGISTERED, State.ANNOTATED, plan.SHARD, "picture_there"):
            found = [held[item.name] for item in window if item.name in held]
            lacking = [
                picture["picture_id"] for picture in found if not tags <= set(picture.get("tag") or ())
            ]
            if lacking:
                self.changed = True
                body = {"tags": list(self.job.tags), "to_tag": lacking}
                platform.change_pictures(self.connection, self.organization, "tag", body)

    def _send_pictures(self) -> None:
        self._stage(
            "pictures", (State.PLANNED, State.TRANSFERRED), _send_picture, self.organization, self.job.tags
        )

    def _attach(self) -> None:
        """Find the ids that registration did not tell, then make the pictures members, a chunk at a time."""
        lake = register.Lake(self.connection, self.organization, self.job.tags)
        for window in self.journal.todo(State.REGISTERED, State.REGISTERED, plan.SHARD, "picture_id IS NULL"):
            self._take(lake.resolve(window))
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
            self._take([failed(item.id, error) for item in window])
            if self.dataset is None:
                raise _Stop(f"the dataset cannot be made: {error}", reason(error)) from error
            return
        self._take([Outcome(item.id, State.ATTACHED) for item in window])

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
        self._stage("annotations", attached, annotate.annotate, dataset.id, where="document IS NOT NULL")

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
        self.progress.stage("verify", None)
        differences, holdings = verify.compare(self.connection, dataset.id, self.journal, exact=self.created)
        sent = f"path IS NOT NULL AND state>={State.ATTACHED:d} AND NOT picture_there"
        items = self.journal.sample(verify.sample(self.journal.count(sent)), sent)
        tasks = [(self.connection, item) for item in items]
        read_back = workers.each(verify.read_back, tasks, self.job.nb_jobs, self.job.backend)
        self.report.differences = differences + [found for found in read_back if found is not None]
        verify.statistics(self.connection, dataset.id, holdings)

    def _stage(
        self,
        name: str,
        states: tuple[State, State],
        function: Callable[..., Outcome],
        *more: object,
        where: str = "1",
    ) -> None:
        """Run ``function(connection, *more, item)`` on every item in these states."""
        total = self.journal.count(
            f"state BETWEEN {states[0]:d} AND {states[1]:d} AND code IS NULL AND ({where})"
        )
        if not total:
            return
        self.changed = True
        self.progress.stage(name, total)
        for window in self.journal.todo(*states, workers.window(self.job.nb_jobs), where):
            tasks = [(self.connection, *more, item) for item in window]
            self._take(self._stepped(workers.each(function, tasks, self.job.nb_jobs, self.job.backend)))

    def _stepped(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            self.progress.step(1)
            yield outcome

    def _take(self, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes down as they come. Where one of them ends the run, the work that is queued is let run dry."""
        batch: list[Outcome] = []
        stop: _Stop | None = None
        try:
            for outcome in outcomes:
                batch.append(outcome if not stop else replace(outcome, code=None, error=None))
                stop = stop or self._reason_to_stop(outcome)
                self.connection.traffic.halted = stop is not None
                if len(batch) >= COMMIT_EVERY:
                    self.journal.records(batch)
                    batch = []
        except KeyboardInterrupt:
            self.connection.traffic.halted = True
            raise
        finally:
            self.journal.records(batch)
        if stop is not None:
            raise stop

    def _reason_to_stop(self, outcome: Outcome) -> _Stop | None:
        self.outages = self.outages + 1 if outcome.outage else 0
        if outcome.stop:
            return _Stop(outcome.error or "", outcome.code or "")
        if self.outages >= max(OUTAGE_LEAST, 2 * workers.jobs(self.job.nb_jobs)):
            return _Stop(f"the platform does not answer: {outcome.error}")
        return None

    def finish(self, seconds: float) -> Report:
        """Close the account."""
        report, sums, traffic = self.report, self.journal.sums(), self.connection.traffic
        if self.dataset is not None:
            report.dataset, report.version, report.dataset_id = (
                self.dataset.name,
                self.dataset.version,
                self.dataset.id,
            )
        if report.dry_run:
            report.images.planned, report.instances.planned = sums["pictures"], sums["instances"]
        else:
            report.images.uploaded, report.images.already_there = sums["uploaded"], sums["there"]
            report.instances.uploaded, report.instances.already_there = (
                sums["instances_sent"],
                sums["instances_there"],
            )
            for code, pictures, instances in self.journal.failures():
                report.images.failed[code] += pictures
                report.instances.failed[code] += instances
        report.failures = self.journal.errors(FAILURES_SHOWN)
        report.requests = traffic.requests - self.before[0]
        report.retries = traffic.retries - self.before[1]
        report.picture_bytes = traffic.picture_bytes - self.before[2]
        report.seconds = seconds
        report.check()
        self.journal.end(report.exit_code)
        return report


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
