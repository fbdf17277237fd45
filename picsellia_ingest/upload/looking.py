"""What the platform holds of a run's items, asked before anything is sent; nothing is changed but tags that were asked for.

``Looking`` is a run that can look: at the dataset, at the lake, and at what lies between the two and the plan.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ..api import listing, platform
from ..api.listing import Listed
from ..api.platform import Dataset
from ..errors import PicselliaError, ResourceNotFoundError
from ..parsers.base import SHARD
from . import conflicts, register, verify, workers
from .forecast import Forecast, Measured
from .items import Outcome, State, reason, worker_died
from .made import TAGS, Thing
from .stages import Run, Stop


class Looking(Run):
    """A run, as far as it only asks."""

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

    def _lake(self) -> dict[str, Listed]:
        return register.by_name(listing.of_lake(self.connection, self.organization))

    def forecast(self) -> None:
        """What a run would send: the platform is asked what it has."""
        measured = Measured()
        with measured.asking(self.connection.traffic):
            self._believe()
            self._recognise()
        here = f"state<{State.TRANSFERRED:d} AND path IS NOT NULL"
        pictures, size = self.journal.count(here), self.journal.total("size", here)
        annotations = self.journal.count(f"document IS NOT NULL AND state<{State.ANNOTATED:d}")
        labels = self.report.labels
        if self.dataset is not None:
            labels = self.journal.new_labels(self.dataset.id, labels)
        self.report.forecast = Forecast(
            pictures, size, annotations, len(labels), self.dataset is None,
            self.journal.count(f"code='{conflicts.TAKEN}'"), self.partly.pictures, labels, measured,
            workers.jobs(self.job.nb_jobs),
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
            held: dict[str, Listed] = {}
            if self.dataset is not None:
                held = register.by_name(listing.of_dataset(self.connection, self.dataset.id))
            self.journal.believe((str(found.id), name, str(found.key)) for name, found in held.items())
            self._adopt(held, State.ATTACHED)
        if self.dataset is not None:
            self.partly = verify.reconcile_annotations(self.connection, self.dataset.id, self.journal)
            self.journal.labels_made(self.dataset.id, self.partly.labels)

    def _recognise(self) -> None:
        """Pictures that are in the lake already are not sent again, whoever sent them."""
        if self.journal.count(f"state<{State.ATTACHED:d} AND code IS NULL"):
            self._adopt(self._lake(), State.REGISTERED)

    def _adopt(self, held: Mapping[str, Listed], state: State) -> None:
        """Take pictures of the platform for items of the same name and content."""
        for window in self.journal.todo(State.PLANNED, State.TRANSFERRED, SHARD):
            tasks = [(self.connection, item, held[item.name], state) for item in window if item.name in held]
            self.take(workers.each(register.adopt, tasks, self.job.nb_jobs, self.job.backend, worker_died))
        if self.job.tags_wanted:
            self._tag(held)

    def _tag(self, held: Mapping[str, Listed]) -> None:
        """Give the job's tags to its pictures that were there before and lack them."""
        tags = set(self.job.tags)
        for window in self.journal.todo(State.REGISTERED, State.ANNOTATED, SHARD, "picture_there"):
            found = [held[item.name] for item in window if item.name in held]
            lacking = [picture for picture in found if not tags <= picture.tags]
            if lacking and not self.job.dry_run and not self.job.check:
                self._give_tags(lacking)

    def _give_tags(self, pictures: list[Listed]) -> None:
        self.changed = True
        things = []
        for picture in pictures:
            new = sorted(set(self.job.tags) - picture.tags)
            detail = json.dumps(new).encode()
            things.append(Thing(TAGS, str(picture.name), str(picture.id), detail))
        self.journal.made.begin(self.journal.run, things)
        body = {"tags": list(self.job.tags), "to_tag": [picture.id for picture in pictures]}
        platform.change_pictures(self.connection, self.organization, "tag", body)
        self.journal.made.done(self.journal.run, TAGS, [one.name for one in things])

    def _compare(self, dataset: Dataset, *, exact: bool, where: str) -> verify.Holdings:
        """List every difference; of the pictures that meet ``where``, a sample is read back."""
        self.progress.stage("verify", None)
        found = self.lacking = verify.compare(self.connection, dataset.id, self.journal, exact=exact)
        items = self.journal.sample(verify.sample(self.journal.count(where)), where)
        tasks = [(self.connection, item) for item in items]
        read_back = workers.each(verify.read_back, tasks, self.job.nb_jobs, self.job.backend)
        self.report.differences = [*found.differences, *(one for one in read_back if one is not None)]
        return found.holdings
