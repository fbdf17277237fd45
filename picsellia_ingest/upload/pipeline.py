"""The straight line of an upload: plan, transfer, register, attach, annotate, verify, report.

The only place where the order of the stages is written. Each stage takes bounded windows of items from the journal,
runs a plain function on every one in parallel, and writes the outcomes back; one item's failure is its own. What an
interrupted run did not reach, the same command reaches: the journal remembers, and the platform is asked.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, wait

from ..api import listing, platform
from ..api.connection import Connection
from ..api.platform import Dataset, Identity
from ..errors import ItemError, PicselliaError, ResourceNotFoundError
from ..parsers.base import SHARD
from . import (
    annotate,
    applying,
    attach,
    cluster,
    picture,
    placing,
    plan,
    reading,
    register,
    threads,
    verify,
    workers,
)
from .items import WORTH_ANOTHER_PASS, Item, Outcome, State, failed, reason
from .journal import Journal
from .looking import Looking
from .made import DATASET, LABEL, MADE, MEMBER, SENDING, Thing
from .plan import Job
from .plan_file import Plan
from .progress import Progress, Quiet
from .report import Report
from .stages import Stop

_Pictures = Future[listing.Pictures]

ROUNDS = 2
"""How often a run sends what is lacking when the platform then differs from the plan."""

HELD_PICTURES = 50_000
"""Pictures of a dataset up to which their list, some hundred bytes each, is held while the source is indexed."""
GRACE_SECONDS = 1.0
"""How long a run that is broken off waits for what was asked beside it, so that nothing of it is under way in the next."""


def run(
    job: Job,
    connection: Connection,
    identity: Identity,
    journal: Journal,
    progress: Progress | None = None,
    saved: Plan | None = None,
) -> Report:
    """Do the job; whatever happens to single items, there is a report. A dry run and a check ask, and change nothing.

    With a ``saved`` plan, whose job it is, nothing is planned: what it holds is done. Raises PicselliaError when the job
    as a whole cannot be done: an input rejected whole, a dataset that is not there.
    """
    told = progress or Quiet()
    with (
        workers.collecting_seldom(),
        cluster.connected(job.backend, job.scheduler, job.imgdir),
        connection.traffic.pace.run(workers.requests(job.nb_jobs), job.patience, told.say),
    ):
        started = time.monotonic()
        upload = _Upload(job, connection, identity, journal, told)
        try:
            if saved is None:
                upload.plan()
            else:
                upload.take_plan(saved)
            if job.check:
                upload.look()
            elif job.dry_run:
                upload.forecast()
            else:
                upload.carry_out()
        except Stop as stop:
            upload.report.stopped, upload.report.stop_code = str(stop), stop.code
        return upload.finish(time.monotonic() - started)


class _Upload(Looking):
    """One run of one job: the order of its stages."""

    saved: Plan | None = None
    is_over = False
    """Whether the run ended while the dataset was asked for."""

    def plan(self) -> None:
        """Everything that can be known before something is changed."""
        job, report = self.job, self.report
        refused = self._plan_images(self._index())
        if job.parser is not None:
            self.progress.stage("records", job.parser.count())
            used = plan.plan_annotations(job, self.journal, report, refused, self.progress.step)
            header = [label.name for label in job.selection.header(job.parser.header()).labels]
            unused = plan.kinds_of_unused(header, used, rectangle=job.rectangle)
            report.labels = plan.in_order(used | unused, header)
        self.journal.seal()

    def _index(self) -> _Pictures | None:
        """Index the source and ask for the dataset meanwhile, which counts when the source is as it should be."""
        job, report = self.job, self.report
        asked = threads.meanwhile(self._ask)
        try:
            if job.parser is not None:
                self.progress.stage("index", None)
                with reading.indexing(job.parser, workers.cores(job.nb_jobs)):
                    job.parser.begin(report.problems)
                job.selection.check(job.parser.header())
                report.notes += [
                    *job.recognised_note(),
                    *job.parser.notes,
                    *placing.declared(job.parser.options),
                ]
            self.dataset, pictures = asked.result()
        except BaseException:
            self.is_over = True
            wait([asked], GRACE_SECONDS)
            raise
        self.begin()
        return pictures

    def _ask(self) -> tuple[Dataset | None, _Pictures | None]:
        """The dataset, and its pictures where they are the images, and not too many to be held while a source is indexed."""
        job = self.job
        found = attach.find(self.connection, self.organization, job.name, job.version, beside=job.beside)
        if found is None or job.imgdir is not None or self.is_over or found.size > HELD_PICTURES:
            return found, None
        return found, threads.meanwhile(listing.of_dataset, self.connection, found.id)

    def take_plan(self, saved: Plan) -> None:
        """Take what was planned before for the plan; nothing is scanned and nothing read."""
        self.saved, self.dataset = saved, applying.dataset(self.connection, self.organization, saved)
        self.begin()
        saved.take(self.journal)
        saved.ledger.put(self.report)
        self.journal.seal()

    def _plan_images(self, pictures: _Pictures | None) -> dict[str, ItemError]:
        if self.job.imgdir is not None:
            self.progress.stage("images", None)
            return plan.plan_images(self.job, self.journal, self.report, self.progress.step)
        if self.dataset is None:
            raise ResourceNotFoundError(
                f"there is no dataset {self.job.name!r} to annotate",
                "check the name, or give imgdir to make it",
            )
        listed = pictures.result() if pictures else listing.of_dataset(self.connection, self.dataset.id)
        plan.plan_pictures(listed, self.journal)
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
        if self.saved is not None:
            self.take(applying.changed(self.journal, self.job.nb_jobs, self.job.backend))
        self._send()
        for _ in range(1, ROUNDS):
            if self.lacking.pictures or self.lacking.annotations:
                self.journal.put_back(self.lacking.pictures, self.lacking.annotations)
                self._send()
        self.report.verified = not self.report.differences

    def _send(self) -> None:
        """Send what is not there, and compare."""
        self._send_pictures()
        self._attach()
        if self.journal.give_another_chance(WORTH_ANOTHER_PASS) + self._take_changed():
            self._send_pictures()
            self._attach()
        if self.dataset is None:
            self.report.notes.append("no image could be sent, so no dataset was made")
            # What is not there cannot differ; the ledger says what became of the images.
            return
        self._annotate(self.dataset)
        if self.changed:
            self._verify(self.dataset)

    def _take_changed(self) -> int:
        """Images that changed since they were looked at are taken as they are now, once; a saved plan decided for itself."""
        if self.saved is not None:
            return 0
        taken = plan.plan_changed(self.journal)
        if taken:
            self.report.notes.append(
                f"{taken} images changed after they were looked at; they are sent as they are now"
            )
        return taken

    def _send_pictures(self) -> None:
        self.stage(
            "pictures", (State.PLANNED, State.TRANSFERRED), picture.send, self.organization, self.job.tags,
            before=lambda window: self.made.begin_pictures(self.journal.run, window), ahead=picture.sign,
        )  # fmt: skip

    def _attach(self) -> None:
        """Find the ids that registration did not tell, then make the pictures members, a chunk at a time."""
        lake = register.Lake(self.connection, self.organization, self.job.tags)
        for window in self.journal.todo(State.REGISTERED, State.REGISTERED, SHARD, "picture_id IS NULL"):
            self.take(lake.resolve(window))
        for window in self.journal.todo(State.REGISTERED, State.REGISTERED, attach.CHUNK):
            self.changed = True
            self._attach_chunk(window)

    def _attach_chunk(self, window: list[Item]) -> None:
        job, run, names = self.job, self.journal.run, [item.name for item in window]
        ids = [item.picture_id or "" for item in window]
        self.made.begin(run, (Thing(MEMBER, name, self._dataset_id()) for name in names))
        try:
            if self.dataset is None:
                self.dataset = attach.create(
                    self.connection,
                    self.organization,
                    job.name,
                    job.version,
                    ids,
                    self._tell,
                    beside=job.beside,
                )
                self.created = True
            else:
                platform.add_pictures(self.connection, self.organization, ids, self.dataset.id)
            self.made.done(run, MEMBER, names, self.dataset.id)
        except PicselliaError as error:
            self.take([failed(item.id, error) for item in window])
            if self.dataset is None:
                raise Stop(f"the dataset cannot be made: {error}", reason(error)) from error
            return
        self.take([Outcome(item.id, State.ATTACHED) for item in window])

    def _dataset_id(self) -> str | None:
        return None if self.dataset is None else self.dataset.id

    def _tell(self, version: str, dataset_id: str | None, sure: int) -> None:
        if sure == SENDING:
            self.made.begin(self.journal.run, [Thing(DATASET, version, detail=self.job.name.encode())])
        else:
            self.made.done(self.journal.run, DATASET, [version], dataset_id, sure)

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
        self.stage(
            "annotations", attached, annotate.annotate, dataset.id, where="document IS NOT NULL",
            before=lambda window: self.made.begin_annotations(self.journal.run, window, dataset.id),
        )  # fmt: skip

    def _create_labels(self, dataset: Dataset, labels: list[tuple[str, str]]) -> None:
        self.progress.stage("labels", len(labels))
        made: list[tuple[str, str]] = []
        if workers.jobs(self.job.nb_jobs) > 1:
            threads.load_meanwhile()
        # One after the other: the platform keeps labels in the order of their making, by which label maps count.
        for wanted in labels:
            name, kind, error = annotate.create_label(self.connection, dataset.id, *wanted)
            self.progress.step(1)
            if error is None:
                made.append((name, kind))
            else:
                self.report.notes.append(f"the label {name!r} ({kind}) could not be made: {error}")
        self.journal.labels_made(dataset.id, made)
        things = [Thing(LABEL, f"{name} ({kind})", dataset.id, sure=MADE) for name, kind in made]
        self.made.begin(self.journal.run, things)

    def _verify(self, dataset: Dataset) -> None:
        sent = f"path IS NOT NULL AND state>={State.ATTACHED:d} AND NOT picture_there"
        holdings = self._compare(dataset, exact=self.created, where=sent)
        verify.statistics(self.connection, dataset.id, holdings)
