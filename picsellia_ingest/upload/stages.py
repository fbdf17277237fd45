"""What every stage of a run has in common: windows of items, outcomes written as they come, and when to stop."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

from ..api.connection import Connection
from ..api.platform import Dataset, Identity
from . import workers
from .items import COMMIT_EVERY, Item, Outcome, State, worker_died
from .journal import Journal
from .plan import Job
from .progress import Progress
from .report import Report
from .survey import Survey
from .verify import Comparison, Partly

OUTAGE_LEAST = 10
"""This many items in a row without an answer from the platform end the run: it can be taken up again."""
SKEW_SAID = 300.0
"""Seconds by which two clocks may differ without a word."""
FAILURES_SHOWN = 100


class Stop(Exception):
    """The run goes no further."""

    def __init__(self, reason: str, code: str = "") -> None:
        super().__init__(reason)
        self.code = code


class Run:
    """One run of one job: its report, its journal, and the way items go through a stage."""

    def __init__(
        self, job: Job, connection: Connection, identity: Identity, journal: Journal, progress: Progress
    ) -> None:
        self.job, self.connection, self.journal, self.progress = job, connection, journal, progress
        self.identity, self.organization = identity, identity.organization_id
        self.report = Report(
            dataset=job.name, version=job.version or "", dry_run=job.dry_run, checked=job.check
        )
        self.report.survey = Survey() if job.survey else None
        self.name = ""
        """What the run is called."""
        self.made = journal.made
        journal.images = job.imgdir
        self.dataset: Dataset | None = None
        self.created = False
        self.changed = False
        self.outages = 0
        self.lacking = Comparison()
        self.partly = Partly()
        traffic = connection.traffic
        self.before = (traffic.requests, traffic.retries, traffic.picture_bytes)

    def begin(self) -> None:
        """Begin the run in the journal, which gives it its name."""
        self.name = self.journal.begin(self.job.tags, self.identity.organization_name, self.job.name)

    def stage(
        self,
        name: str,
        states: tuple[State, State],
        function: Callable[..., Outcome],
        *more: object,
        where: str = "1",
        before: Callable[[list[Item]], None] | None = None,
        ahead: Callable[..., Any] | None = None,
    ) -> None:
        """Run ``function(connection, *more, item)`` on every item in these states, a window at a time.

        ``before`` is told each window before it is handed out; ``ahead`` is that of ``workers.flow``.
        """
        total = self.journal.count(
            f"state BETWEEN {states[0]:d} AND {states[1]:d} AND code IS NULL AND ({where})"
        )
        if not total:
            return
        self.changed = True
        self.progress.stage(name, total)

        job = self.job

        def windows() -> Iterator[list[tuple[Any, ...]]]:
            for window in self.journal.todo(*states, workers.window(job.nb_jobs, job.backend), where):
                if self.connection.traffic.pace.halted:
                    return
                if before is not None:
                    before(window)
                yield [(self.connection, *more, item) for item in window]

        # With what is made ahead an item is several requests at once; otherwise it is one at a time.
        jobs = math.inf if ahead is not None else workers.jobs(job.nb_jobs)
        with self.connection.traffic.pace.at_most(jobs):
            outcomes = workers.flow(function, windows(), job.nb_jobs, job.backend, worker_died, ahead)
            self.take(self._stepped(outcomes))

    def _stepped(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        for outcome in outcomes:
            self.progress.step(1)
            yield outcome

    def take(self, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes down as they come. Where one of them ends the run, the work that is queued is let run dry."""
        batch: list[Outcome] = []
        stop: Stop | None = None
        try:
            for outcome in outcomes:
                batch.append(outcome if not stop else replace(outcome, code=None, error=None))
                stop = stop or self._reason_to_stop(outcome)
                self.connection.traffic.pace.halted = stop is not None
                if len(batch) >= COMMIT_EVERY:
                    self.journal.records(batch)
                    batch = []
        except BaseException:
            self.connection.traffic.pace.halted = True
            raise
        finally:
            self.journal.records(batch)
        if stop is not None:
            raise stop

    def _reason_to_stop(self, outcome: Outcome) -> Stop | None:
        self.outages = self.outages + 1 if outcome.outage else 0
        if outcome.stop:
            return Stop(outcome.error or "", outcome.code or "")
        if self.outages >= max(OUTAGE_LEAST, 2 * workers.jobs(self.job.nb_jobs)):
            return Stop(f"the platform does not answer: {outcome.error}")
        return None

    def finish(self, seconds: float) -> Report:
        """Close the account."""
        report, sums, traffic = self.report, self.journal.figures.sums(), self.connection.traffic
        if self.dataset is not None:
            report.dataset, report.version, report.dataset_id = (
                self.dataset.name,
                self.dataset.version,
                self.dataset.id,
            )
        if report.dry_run:
            there = sums["instances_there"] + self.partly.instances
            report.images.already_there, report.instances.already_there = sums["there"], there
            report.images.planned = sums["pictures"] - sums["there"]
            report.instances.planned = sums["instances"] - there
        else:
            report.images.uploaded, report.images.already_there = sums["uploaded"], sums["there"]
            report.instances.uploaded, report.instances.already_there = (
                sums["instances_sent"],
                sums["instances_there"],
            )
            for code, pictures, instances in self.journal.figures.failures():
                report.images.failed[code] += pictures
                report.instances.failed[code] += instances
        report.failures = self.journal.figures.errors(FAILURES_SHOWN)
        skew = traffic.skew or 0.0
        if abs(skew) > SKEW_SAID:
            report.notes.append(
                f"the platform's clock is {abs(skew) / 60:.0f} minutes {'ahead of' if skew > 0 else 'behind'} this"
                " machine's: set the one that is wrong"
            )
        report.requests = traffic.requests - self.before[0]
        report.retries = traffic.retries - self.before[1]
        report.picture_bytes = traffic.picture_bytes - self.before[2]
        report.seconds = seconds
        report.check()
        self.journal.into(report.dataset, report.version)
        if self.made.anything(self.journal.run):
            report.run = self.name
        self.journal.end(report.exit_code)
        return report
