"""What a saved plan consists of: where it goes, what was asked for, the dataset then, the ledger so far, and its items."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path, PurePosixPath

import msgspec

from .. import wire
from ..problems import Problem
from ..sources import is_remote
from .report import Report
from .transfer import object_key


class Ledger(msgspec.Struct, frozen=True):
    """What planning counted: what a report of an upload begins with."""

    images: int
    images_rejected: dict[str, int]
    instances: int
    instances_rejected: dict[str, int]
    objects_planned: int
    changed_shape: dict[str, int]
    passed_over: dict[str, int]
    images_without_record: int
    images_left_out: int
    choices: dict[str, int]
    labels: list[tuple[str, str]]
    notes: list[str]
    problems: list[Problem]
    problem_counts: dict[str, int]
    problem_warnings: dict[str, int]
    problems_lost: dict[str, int]
    problems_rejected: int

    def put(self, report: Report) -> None:
        """Begin a report with it."""
        report.images.came_in, report.instances.came_in = self.images, self.instances
        report.images.rejected = Counter(self.images_rejected)
        report.instances.rejected = Counter(self.instances_rejected)
        report.objects_planned, report.images_without_record = (
            self.objects_planned,
            self.images_without_record,
        )
        report.images.left_out, report.choices = self.images_left_out, Counter(self.choices)
        report.count_left_out()
        report.changed_shape, report.passed_over = Counter(self.changed_shape), Counter(self.passed_over)
        report.labels, report.notes = list(self.labels), list(self.notes)
        log = report.problems
        log.kept, log.rejected = list(self.problems), self.problems_rejected
        log.counts, log.lost = Counter(self.problem_counts), Counter(self.problems_lost)
        log.warnings = Counter(self.problem_warnings)


def ledger(report: Report) -> Ledger:
    """What a dry run counted."""
    log = report.problems
    return Ledger(
        report.images.came_in, report.images.rejected, report.instances.came_in, report.instances.rejected,
        report.objects_planned, report.changed_shape, report.passed_over, report.images_without_record,
        report.images.left_out, report.choices, report.labels, report.notes, log.kept, log.counts, log.warnings, log.lost, log.rejected,
    )  # fmt: skip


class Where(msgspec.Struct, frozen=True):
    """The destination: the host as it may be shown, and the organization."""

    host: str
    organization_id: str
    organization: str


class Asked(msgspec.Struct, frozen=True):
    """The arguments that sending needs, and those that made the plan."""

    name: str
    version: str | None
    imgdir: str | None
    tags: list[str]
    tags_wanted: bool
    nb_jobs: int
    on_conflict: str
    patience: float | None
    annotations: str
    ann_format: str
    rectangle: bool


class Against(msgspec.Struct, frozen=True):
    """The dataset that the plan was made against; without an id there was none."""

    dataset_id: str
    version: str


class Row(msgspec.Struct, frozen=True):
    """One item."""

    name: str
    path: bytes | None
    size: int | None
    mtime_ns: int | None
    inode: int | None
    sha256: bytes | None
    width: int | None
    height: int | None
    object_key: str
    picture_id: str | None
    document: bytes | None
    instances: int


def location(imgdir: str, name: str) -> bytes:
    """Where an image of the image folder is, as the journal has it."""
    if is_remote(imgdir):
        return os.fsencode(f"{imgdir.rstrip('/')}/{name}")
    return os.fsencode(Path(imgdir) / name)


def fits(row: Row, imgdir: str | None) -> bool:
    """Whether a row is one that planning makes: its file in the image folder, its object of its name and content."""
    if row.document is not None:
        document = wire.decode(row.document)
        if len(document.parts) != row.instances or sum(document.parts) != len(document.data):
            return False
    elif row.instances:
        return False
    if row.path is None:
        return imgdir is None and bool(row.picture_id)
    name = PurePosixPath(row.name)
    if (
        imgdir is None
        or name.is_absolute()
        or ".." in name.parts
        or str(name) != row.name
        or "\0" in row.name
    ):
        return False
    numbers = (row.size, row.mtime_ns, row.inode, row.width, row.height)
    stated = row.sha256 is not None and len(row.sha256) == 32 and None not in numbers
    inside = row.path == location(imgdir, row.name)
    return stated and inside and row.object_key == object_key(row.name, row.sha256 or b"")
