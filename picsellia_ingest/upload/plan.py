"""The plan: every image looked at, every annotation file read, before a byte is sent.

Images are surveyed in parallel; what the journal remembers of an unchanged file is not read again. Records are read
shard by shard, paired with images by name, and turned into wire documents that wait in the journal, so memory holds
one shard at a time. Each rejected thing is a problem, and its instances are in the ledger.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from pathlib import Path
from typing import TypeAlias

from .. import wire
from ..api.listing import Listed
from ..errors import ItemError
from ..model import CLASSIFICATION, POLYGON, RECTANGLE, ImageRecord
from ..parsers.base import SHARD, Parser, Shard
from ..problems import Problem
from ..selection import IN_OTHER_SPLIT, Selection
from ..sources import AnyPath
from . import cluster, findings, images, placing, splits, workers
from .evidence import Evidence
from .items import CHANGED, COMMIT_EVERY, SCARCE, SILENT, WORKER_DIED, WORKER_DIED_WORDS, Item
from .journal import Journal
from .pairing import Numbers, Pairs
from .report import Report
from .transfer import object_key

Step = Callable[[int], None]
_Surveyed: TypeAlias = tuple[str, AnyPath, images.Survey | ItemError]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be uploaded where. ``destination`` names the journal; ``parser`` is not prepared yet."""

    name: str
    version: str | None = None
    imgdir: AnyPath | None = None
    parser: Parser | None = None
    tags: tuple[str, ...] = ()
    tags_wanted: bool = False
    """Whether the tags were asked for, so that pictures which are there already get them too."""
    nb_jobs: int = 5
    rectangle: bool = False
    dry_run: bool = False
    check: bool = False
    """Whether the platform is only compared with the source."""
    on_conflict: str = "error"
    """What becomes of an image whose name the lake has for another content: one of ``conflicts.POLICIES``."""
    exact: bool = False
    """Whether a check counts what the platform has beyond the source as a difference."""
    patience: float | None = None
    """Seconds to wait for a platform that is away; those of ``api.pace`` if None."""
    destination: str = ""
    journal: Path | None = None
    backend: str = "threading"
    """Who does the work: threads, ``loky`` for processes, or a cluster of ``cluster.BACKENDS``."""
    scheduler: str | None = None
    """Where the cluster is."""
    selection: Selection = field(default_factory=Selection)
    """Which labels are sent, and under which names; its ``rectangle`` is not used."""
    split: str | None = None
    """The one split whose images and instances are sent, "" for those in none; all of them if None."""
    beside: bool = False
    """Whether the version may be made beside others of its dataset, with no picture of theirs."""
    survey: bool = False
    """Whether sizes, shapes and what to look at first are counted, for a page of evidence."""
    recognised: bool = False
    """Whether the format of the annotations was not named, and was recognised."""

    def recognised_note(self) -> list[str]:
        """What the annotations were taken to be, and why, where nobody said it."""
        if self.parser is None or not self.recognised:
            return []
        return [f"annotations read as {self.parser.name}, recognised by {self.parser.recognised_by}."]


def plan_images(job: Job, journal: Journal, report: Report, step: Step) -> dict[str, ItemError]:
    """Survey the image folder into the journal. A file that is no usable image becomes a problem, and is returned."""
    assert job.imgdir is not None
    refused: dict[str, ItemError] = {}
    found = images.scan(job.imgdir)
    report.passed_over = found.passed_over
    report.images.came_in = len(found.names) + len(found.refused)
    wanted = splits.of_split(job.parser, job.split, found.names)
    report.images.left_out = len(found.names) - len(wanted)
    for path, error in found.refused:
        _refuse(report, path, error)
    for some in workers.windows(_surveys(job, journal, found, wanted, step), COMMIT_EVERY):
        rows = []
        for name, path, survey in sorted(some, key=itemgetter(0)):
            if isinstance(survey, ItemError):
                _refuse(report, path, survey)
                refused[name] = survey
            else:
                rows.append(
                    (name, os.fsencode(str(path)), survey.size, survey.mtime_ns, survey.inode, survey.sha256, survey.width,
                     survey.height, object_key(name, survey.sha256))
                )  # fmt: skip
        journal.plan_files(rows)
    return refused


def _surveys(
    job: Job, journal: Journal, found: images.Found, names: Sequence[str], step: Step
) -> Iterator[_Surveyed]:
    for batch in workers.windows(names, workers.batch(job.nb_jobs, job.backend)):
        known = journal.known_files(batch)
        tasks = [(name, found.path(name), _remembered(known.get(name))) for name in batch]
        for one in workers.each(_surveyed, tasks, job.nb_jobs, job.backend, _deadly):
            step(1)
            yield one


def plan_changed(journal: Journal) -> int:
    """Take images that changed since they were looked at as they are now, where their size is the same; how many there were.

    What is no usable image any more, or is shown in another size, for which its annotations were not made, stays failed.
    """
    taken = 0
    for window in journal.failed(CHANGED, SHARD):
        rows = []
        for item in window:
            found = _surveyed(item.name, item.path or Path(), None)[2]
            if isinstance(found, images.Survey) and (found.width, found.height) == (item.width, item.height):
                key = object_key(item.name, found.sha256)
                rows.append((found.size, found.mtime_ns, found.inode, found.sha256, key, item.id))
        journal.plan_again(rows)
        taken += len(rows)
    return taken


def _remembered(row: sqlite3.Row | None) -> images.Survey | None:
    if row is None or row["mtime_ns"] is None:
        return None
    return images.Survey(
        row["size"], row["mtime_ns"], row["inode"], row["sha256"], row["width"], row["height"], turned=False
    )


def _surveyed(name: str, path: AnyPath, known: images.Survey | None) -> _Surveyed:
    try:
        info = path.stat()
        if known is not None and (info.st_size, info.st_mtime_ns, info.st_ino) == (
            known.size,
            known.mtime_ns,
            known.inode,
        ):
            return name, path, known
        return name, path, images.survey(path)
    except images.UNUSABLE as error:
        return name, path, images.unusable(error)
    except OSError as error:
        if error.errno in SCARCE:
            raise
        if (words := cluster.unseen(error)) is not None:
            return name, path, ItemError(cluster.UNSEEN, words, cluster.REACHABLE)
        return name, path, images.unusable(error)


def _deadly(name: str, path: AnyPath, _: object) -> tuple[str, AnyPath, ItemError]:
    return name, path, ItemError(WORKER_DIED, WORKER_DIED_WORDS, "look at the file")


def _refuse(report: Report, path: AnyPath, error: ItemError) -> None:
    not_seen = error.code in (SILENT, cluster.UNSEEN)
    (report.images.failed if not_seen else report.images.rejected)[error.code] += 1
    report.problems(findings.refused(path, error))


def plan_pictures(pictures: Iterable[Listed], journal: Journal) -> None:
    """Annotations only: the dataset's pictures are the images."""
    rows = ((str(one.name), str(one.id), str(one.key)) for one in pictures)
    for batch in workers.windows(rows, SHARD):
        journal.plan_pictures(batch)


def plan_annotations(
    job: Job, journal: Journal, report: Report, refused: Mapping[str, ItemError], step: Step
) -> set[tuple[str, str]]:
    """Read every record into a document of its image: the labels and kinds that the documents use.

    The images are those in the journal's plan and the ``refused`` ones. The parser is prepared already.
    """
    assert job.parser is not None
    parser = job.parser
    report.instances.came_in = parser.instance_count()
    documents = _Documents(job, parser, journal, report, refused)
    for shard in parser.shards():
        documents.plan(shard, step)
    report.count_left_out()
    report.instances.rejected.update(report.problems.lost)
    report.notes += documents.evidence.notes(parser.options)
    if parser.options.coordinates == "pixels":
        hints = documents.evidence.hints(report.problems.lost, report.instances.came_in)
        report.notes += (f"hint: {hint}" for hint in hints)
    report.images_without_record = journal.count() - documents.touched.count
    return documents.labels


class _Documents:
    """The documents of all images: one shard of records at a time is in memory, the rest is in the journal."""

    def __init__(
        self, job: Job, parser: Parser, journal: Journal, report: Report, refused: Mapping[str, ItemError]
    ) -> None:
        self.job, self.parser, self.journal, self.report, self.refused = job, parser, journal, report, refused
        self.names = parser.names()
        self.pairs = Pairs(self.names, journal, refused)
        self.evidence = Evidence()
        self.labels: set[tuple[str, str]] = set()
        self.touched = Numbers()

    def plan(self, shard: Shard, step: Step) -> None:
        """Read one shard and put its documents into the journal."""
        documents: dict[str, wire.Document] = {}
        found = self.pairs.of(self.names[shard.start : shard.stop])
        items = self.journal.find([match[0] for match in found.values() if not isinstance(match, ItemError)])
        for record in self.parser.read(shard, placing.quietly(self.parser.options, self.report.problems)):
            step(1)
            self.evidence.take(record)
            if self.job.split is not None and not splits.has(record, self.job.split):
                self.report.choices[IN_OTHER_SPLIT] += len(record.instances)
                continue
            record = self.job.selection.apply(record, self.report.choices)
            image, problem = findings.image_of(record, found[record.file_name], self.refused)
            _say(self.report, problem)
            if image is not None:
                placed = self._placed(record, items[image])
                if self.report.survey is not None:
                    self.report.survey.take(placed, items[image].path)
                self._take(placed, items[image], documents)
        self.journal.plan_documents(
            (wire.encode(document), len(document.parts), name)
            for name, document in documents.items()
            if document.data or document.image_qa
        )

    def _placed(self, record: ImageRecord, item: Item) -> ImageRecord:
        """The record on its image, in the convention that was declared; a size that is not the image's is warned of."""
        options, size = self.parser.options, _size(item)
        if size is not None and options.exif == "as_shown":
            _say(self.report, findings.size_unlike(record, size))
            self.evidence.compare(record, size)
        return placing.placed(record, options, item.path, size, self.report.problems)

    def _take(self, record: ImageRecord, item: Item, documents: dict[str, wire.Document]) -> None:
        document = wire.document(
            record, rectangle=self.job.rectangle, notes=self.report.changed_shape, used=self.labels
        )
        self.report.objects_planned += len(document.data)
        image, was_touched = item.name, item.id in self.touched
        earlier = documents.get(image) or (_earlier(self.journal, image) if was_touched else None)
        documents[image] = wire.merged(earlier, document) if earlier else document
        self.touched.add(item.id)


def _earlier(journal: Journal, image: str) -> wire.Document | None:
    held = journal.document(image)
    return None if held is None else wire.decode(held)


def _say(report: Report, problem: Problem | None) -> None:
    if problem is not None:
        report.problems(problem)


def _size(item: Item) -> tuple[int, int] | None:
    """An item's size; None for a picture that is only on the platform."""
    return None if item.path is None else (item.width, item.height)


def kinds_of_unused(
    labels: Iterable[str], used: set[tuple[str, str]], *, rectangle: bool
) -> set[tuple[str, str]]:
    """A label without instances gets the kind most of the others have: it must be one to exist on the platform."""
    tally = Counter(kind for _, kind in used)
    preferred = RECTANGLE if rectangle else POLYGON
    kind = (
        max(tally, key=lambda found: (tally[found], found == preferred, found != CLASSIFICATION))
        if tally
        else RECTANGLE
    )
    known = {name for name, _ in used}
    return {(name, kind) for name in labels if name not in known}


def in_order(labels: Iterable[tuple[str, str]], header: Sequence[str]) -> list[tuple[str, str]]:
    """Labels (name, kind) in the order in which the source lists their names."""
    places = {name: place for place, name in enumerate(header)}
    return sorted(labels, key=lambda label: (places.get(label[0], len(places)), label))
