"""What an annotation source is and says, without uploading it: counts, labels, problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from ..errors import InvalidQueryError
from ..model import POLYGON, RECTANGLE, ImageRecord, Instance
from ..parsers.base import Options, Parser, Shard
from ..parsers.image_files import image_folder
from ..prepared import stated
from ..problems import ProblemLog, shown
from ..sources import AnyPath
from ..sources.redaction import without_secrets
from ..upload import forks, placing, reading, shared
from ..upload.evidence import Evidence, label_hints
from ..upload.survey import Survey
from .inspect_images import Images, Seen
from .source import parser

_COUNTS = ("images_without_instances", "images_missing", "instances", "with_box", "with_polygon", "answers")
_MOST = 100
"""Labels, and hints, that are printed."""


@dataclass(slots=True)
class Inspection:
    """What was found. ``kinds`` counts instances by what they are sent as."""

    path: str = ""
    format: str = ""
    recognised_by: str = ""
    """How the format was found, where it was not named."""
    images: int = 0
    images_without_instances: int = 0
    instances: int = 0
    instances_stated: int = 0
    with_box: int = 0
    with_polygon: int = 0
    answers: int = 0
    labels: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    image_files: int | None = None
    images_missing: int = 0
    hints: list[str] = field(default_factory=list)
    """What most items together look like, where each by itself may be right."""
    notes: list[str] = field(default_factory=list)
    problems: ProblemLog = field(default_factory=ProblemLog)
    quick: bool = False
    """Whether only the index was read: what is counted there, and no instance."""
    survey: Survey | None = None
    """Sizes, shapes and what to look at first; only where it was asked for, since it takes as long as reading."""

    def take(self, record: ImageRecord, path: AnyPath | None = None) -> None:
        """Count one record; ``path`` is its image's, where there is one."""
        if self.survey is not None:
            self.survey.take(record, path)
        self.images_without_instances += not record.instances
        self.answers += len(record.qa)
        given = record.instances
        self.instances += len(given)
        for at, one in enumerate(stated(given)):
            if one is None:
                self._take(given[at])
            else:
                kind = POLYGON if one.has_polygon else RECTANGLE
                self._count(one.label, kind, has_box=one.has_box, has_polygon=one.has_polygon)

    def _take(self, instance: Instance) -> None:
        has_box, has_polygon = instance.rectangle is not None, instance.polygon is not None
        self._count(instance.label, instance.kind, has_box=has_box, has_polygon=has_polygon)
        self.answers += len(instance.qa)

    def _count(self, label: str, kind: str, *, has_box: bool, has_polygon: bool) -> None:
        self.labels[label] += 1
        self.kinds[kind] += 1
        self.with_box += has_box
        self.with_polygon += has_polygon

    def add(self, part: Inspection) -> None:
        """Take in what was counted of other records, and the problems behind those that are here."""
        for name in _COUNTS:
            setattr(self, name, getattr(self, name) + getattr(part, name))
        self.labels.update(part.labels)
        self.kinds.update(part.kinds)
        self.problems.add(part.problems)
        if self.survey is not None and part.survey is not None:
            self.survey.add(part.survey)

    def lines(self) -> Iterator[str]:
        """The lines for a person, safe on any terminal."""
        return map(shown, self._lines())

    def _lines(self) -> Iterator[str]:
        found = f", recognised by {self.recognised_by}" if self.recognised_by else ""
        yield f"{self.path}: {self.format}{found}"
        if self.quick:
            yield f"{self.images} images, {self.instances_stated} instances are stated; none was read or checked"
            yield from (f"  {label}" for label in sorted(self.labels)[:_MOST])
            yield from self._more_labels()
            yield from self.notes
            yield from self.problems.summary()
            return
        yield f"{self.images} images, {self.images_without_instances} of them without an instance"
        yield (
            f"{self.instances} of {self.instances_stated} instances can be read: {self.with_box} have a box,"
            f" {self.with_polygon} a polygon; {self.answers} answers"
        )
        ranked = sorted(self.labels.items(), key=lambda pair: (-pair[1], pair[0]))
        yield from (f"  {count:8} {label}" for label, count in ranked[:_MOST])
        yield from self._more_labels()
        if self.image_files is not None:
            yield f"{self.image_files} image files in the folder, {self.images_missing} images of the source without one"
        yield from self.notes
        yield from (f"hint: {hint}" for hint in self.hints)
        yield from self.problems.summary()
        yield (
            f"{self.problems.rejected} things are rejected"
            if self.problems.rejected
            else "nothing is rejected"
        )

    def _more_labels(self) -> Iterator[str]:
        if len(self.labels) > _MOST:
            yield f"  and {len(self.labels) - _MOST} more labels"

    def to_dict(self) -> dict[str, Any]:
        """The inspection as plain values."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name not in ("problems", "survey")}
        return {
            **plain,
            "problems": self.problems.to_dict(),
            "survey": None if self.survey is None else self.survey.to_dict(),
        }


def inspect(
    path: str | AnyPath, ann_format: str | None = None, imgdir: str | AnyPath | None = None, keep: int = 1000,
    options: Options | None = None, *, survey: bool = False, quick: bool = False,
) -> Inspection:  # fmt: skip
    """Read everything a source says; with ``imgdir`` also whether its images are there, and whole.

    ``keep`` is how many problems of each kind are kept; ``survey`` asks for what an evidence page shows. With ``quick`` only
    the index is read. Raises FormatError, InputError, InvalidQueryError.
    """
    if quick and (survey or imgdir is not None):
        raise InvalidQueryError(
            "a quick inspection reads no instance and no image", "leave imgdir and the report out"
        )
    folder = None if imgdir is None else image_folder(imgdir)
    options = replace(options or Options(), imgdir=folder)
    with parser(path, ann_format, options) as reader:
        found = Inspection(without_secrets(str(path)), reader.name, problems=ProblemLog(keep))
        found.survey = Survey() if survey else None
        found.quick, found.recognised_by = quick, "" if ann_format else reader.recognised_by
        _inspect(found, reader, folder)
    return found


def _inspect(found: Inspection, reader: Parser, imgdir: AnyPath | None) -> None:
    options, evidence = reader.options, Evidence()
    with reading.indexing(reader, -1, copied=True):
        reader.begin(found.problems)
    found.images, found.instances_stated, found.notes = (
        reader.count(),
        reader.instance_count(),
        [*reader.notes, *placing.declared(options)],
    )
    found.labels.update({label.name: 0 for label in reader.header().labels})
    if found.quick:
        return
    files = None if imgdir is None else Images(imgdir, reader.names(), found.problems)
    named: set[str] = set()
    for part in _parts(reader, found.problems.keep, files, survey=found.survey is not None):
        found.add(part.found)
        evidence.add(part.evidence)
        named |= part.named
    found.notes += evidence.notes(options)
    found.hints += (
        ()
        if options.coordinates == "normalised"
        else evidence.hints(found.problems.lost, found.instances_stated)
    )
    found.hints += islice(label_hints(found.labels), _MOST)
    if files is not None:
        _compare(found, files, named)


def _compare(found: Inspection, files: Images, named: set[str]) -> None:
    """What all records together say of the image files; ``named`` are those that records mean."""
    found.image_files = files.count
    if found.images_missing == found.images > 0:
        found.hints.append("none of the images that are named is in the folder: is it the right one?")
    unlisted = files.unlisted(named)
    if unlisted and found.images:
        found.notes.append(f"{unlisted} image files are named by no record: they have no annotations")


@dataclass(slots=True)
class _Part:
    """What is counted of one shard; ``named`` are the images that its records mean."""

    found: Inspection
    evidence: Evidence = field(default_factory=Evidence)
    named: set[str] = field(default_factory=set)


def _parts(reader: Parser, keep: int, files: Images | None, *, survey: bool) -> Iterator[_Part]:
    """What is counted of each shard, in their order; those of a large source are read by processes."""
    jobs, names = reading.readers(reader, -1), reader.names()
    with forks.to_the_end(), shared.by(reader, jobs) as given:
        tasks = (
            (given, shard, keep, survey, files and files.of(names[shard.start : shard.stop]))
            for shard in reader.shards()
        )
        yield from reading.spread(_counted, tasks, jobs, reading.died)


def _counted(
    given: Parser | Path, shard: Shard, keep: int, survey: bool, seen: dict[str, Seen] | None
) -> _Part:
    reader: Parser = shared.value(given)
    part = _Part(Inspection(problems=ProblemLog(keep), survey=Survey() if survey else None))
    problems, options = part.found.problems, reader.options
    for record in reader.read(shard, placing.quietly(options, problems)):
        part.evidence.take(record)
        if seen is None:
            part.found.take(placing.placed(record, options, None, None, problems))
            continue
        image = seen[record.file_name]
        name = image.compare(record, options, part.evidence, problems)
        if name is None:
            part.found.images_missing += 1
        else:
            part.named.add(name)
        part.found.take(image.placed(record, options, problems), image.path(options))
    return part
