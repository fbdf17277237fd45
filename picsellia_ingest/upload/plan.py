"""The plan: every image looked at, every annotation file read, before a byte is sent.

Images are surveyed in parallel; what the journal remembers of an unchanged file is not read again. Records are read
shard by shard, paired with images by name, and turned into wire documents that wait in the journal, so memory holds
one shard at a time. Each rejected thing is a problem, and its instances are in the ledger.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import wire
from ..errors import ItemError
from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from ..parsers.base import Parser
from ..problems import Problem
from . import findings, images, matching, placing, workers
from .items import Item
from .journal import Journal
from .report import Report
from .transfer import object_key

SHARD = 500
"""Records decoded at a time."""

Step = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Job:
    """What is to be uploaded where. ``destination`` names the journal; ``parser`` is not prepared yet."""

    name: str
    version: str | None = None
    imgdir: Path | None = None
    parser: Parser | None = None
    tags: tuple[str, ...] = ()
    tags_wanted: bool = False
    """Whether the tags were asked for, so that pictures which are there already get them too."""
    nb_jobs: int = 5
    rectangle: bool = False
    dry_run: bool = False
    destination: str = ""
    journal: Path | None = None
    backend: str = "threading"
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
    report.images.came_in = len(found.files) + len(found.refused)
    for path, error in found.refused:
        _refuse(report, path, error)
    for batch in workers.windows(found.files, workers.window(job.nb_jobs)):
        known = journal.known_files([name for name, _ in batch])
        rows = []
        tasks = [(name, path, _remembered(known.get(name))) for name, path in batch]
        for name, path, survey in workers.each(_surveyed, tasks, job.nb_jobs, job.backend):
            step(1)
            if isinstance(survey, ItemError):
                _refuse(report, path, survey)
                refused[name] = survey
            else:
                rows.append(
                    (name, os.fsencode(path), survey.size, survey.mtime_ns, survey.inode, survey.sha256, survey.width,
                     survey.height, object_key(name, survey.sha256))
                )  # fmt: skip
        journal.plan_files(sorted(rows))
    return refused


def _remembered(row: sqlite3.Row | None) -> images.Survey | None:
    if row is None or row["mtime_ns"] is None:
        return None
    return images.Survey(
        row["size"], row["mtime_ns"], row["inode"], row["sha256"], row["width"], row["height"], turned=False
    )


def _surveyed(
    name: str, path: Path, known: images.Survey | None
) -> tuple[str, Path, images.Survey | ItemError]:
    try:
        info = path.stat()
        if known is not None and (info.st_size, info.st_mtime_ns, info.st_ino) == (
            known.size,
            known.mtime_ns,
            known.inode,
        ):
            return name, path, known
        return name, path, images.survey(path)
    except ItemError as error:
        return name, path, error
    except OSError as error:
        return name, path, ItemError("unreadable", f"the file cannot be read: {error.strerror}")


def _refuse(report: Report, path: Path, error: ItemError) -> None:
    report.images.rejected[error.code] += 1
    report.problems(findings.refused(path, error))


def plan_pictures(pictures: Iterable[Mapping[str, Any]], journal: Journal) -> None:
    """Annotations only: the dataset's pictures are the images."""
    rows = ((str(p["external_url"]), str(p["picture_id"]), str(p.get("internal_key"))) for p in pictures)
    for batch in workers.windows(rows, SHARD):
        journal.plan_pictures(batch)


def plan_annotations(
    job: Job, journal: Journal, report: Report, refused: Mapping[str, ItemError], step: Step
) -> set[tuple[str, str]]:
    """Read every record into a document of its image: the labels and kinds that the documents use.

    The images are those in the journal's plan and the ``refused`` ones. The parser is prepared already.
    """
    assert job.parser is not None
    parser, names = job.parser, journal.names()
    record_names = parser.names()
    pairs = matching.pair(record_names, matching.NameIndex([*names, *refused]))
    report.instances.came_in = parser.instance_count()
    labels: set[tuple[str, str]] = set()
    touched: set[str] = set()
    for shard in parser.shards(SHARD):
        documents: dict[str, wire.Document] = {}
        found = [pairs[name] for name in record_names[shard.start : shard.stop]]
        items = journal.find([match[0] for match in found if not isinstance(match, ItemError)])
        for record in parser.read(shard, placing.quietly(parser.options, report.problems)):
            step(1)
            image, problem = findings.image_of(record, pairs[record.file_name], refused)
            _say(report, problem)
            if image is None:
                continue
            if (size := _size(items[image])) is not None and parser.options.exif == "as_shown":
                _say(report, findings.size_unlike(record, size))
            shown = placing.placed(record, parser.options, items[image].path, size, report.problems)
            document = wire.document(shown, rectangle=job.rectangle, notes=report.changed_shape)
            labels.update((found["label"], found["type"]) for found in document.data)
            report.objects_planned += len(document.data)
            earlier = documents.get(image) or (_earlier(journal, image) if image in touched else None)
            documents[image] = wire.merged(earlier, document) if earlier else document
            touched.add(image)
        journal.plan_documents(
            (wire.encode(document), len(document.parts), name)
            for name, document in documents.items()
            if document.data or document.image_qa
        )
    report.instances.rejected.update(report.problems.lost)
    report.images_without_record = len(names) - len(touched)
    return labels


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
