"""What an annotation source is and says, without uploading it: counts, labels, problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import ItemError
from ..model import ImageRecord
from ..problems import Place, Problem, ProblemLog, Unit, shown
from ..upload import images, matching
from ..upload.plan import SHARD
from .ingest import parser


@dataclass(slots=True)
class Inspection:
    """What was found. ``kinds`` counts instances by what they are sent as."""

    path: str = ""
    format: str = ""
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

    def take(self, record: ImageRecord) -> None:
        """Count one record."""
        self.images_without_instances += not record.instances
        self.answers += len(record.qa)
        for instance in record.instances:
            self.instances += 1
            self.labels[instance.label] += 1
            self.kinds[instance.kind] += 1
            self.with_box += instance.rectangle is not None
            self.with_polygon += instance.polygon is not None
            self.answers += len(instance.qa)

    def lines(self) -> Iterator[str]:
        """The lines for a person, safe on any terminal."""
        return map(shown, self._lines())

    def _lines(self) -> Iterator[str]:
        yield f"{self.path}: {self.format}"
        yield f"{self.images} images, {self.images_without_instances} of them without an instance"
        yield (
            f"{self.instances} of {self.instances_stated} instances can be read: {self.with_box} have a box,"
            f" {self.with_polygon} a polygon; {self.answers} answers"
        )
        for label, count in sorted(self.labels.items(), key=lambda pair: (-pair[1], pair[0])):
            yield f"  {count:8} {label}"
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

    def to_dict(self) -> dict[str, Any]:
        """The inspection as plain values."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "problems"}
        return {**plain, "problems": self.problems.to_dict()}


def inspect(
    path: str | Path, ann_format: str | None = None, imgdir: str | Path | None = None, keep: int = 1000
) -> Inspection:
    """Read everything a source says; with ``imgdir`` also whether its images are there.

    ``keep`` is how many problems of each kind are kept. Raises FormatError, InputError.
    """
    reader = parser(path, ann_format)
    found, evidence = Inspection(str(path), reader.name, problems=ProblemLog(keep)), Evidence()
    reader.prepare(found.problems)
    found.images, found.instances_stated, found.notes = reader.count(), reader.instance_count(), reader.notes
    found.labels.update({label.name: 0 for label in reader.header().labels})
    matches = _matches(found, reader.names(), imgdir)
    for shard in reader.shards(SHARD):
        for record in reader.read(shard, found.problems):
            match = matches.get(record.file_name)
            found.take(record)
            evidence.take(record)
            if isinstance(match, ItemError):
                found.images_missing += 1
                place, lost = record.place or Place(str(path)), len(record.instances)
                found.problems(
                    Problem(match.code, match.message, place, unit=Unit.IMAGE, lost=lost, hint=match.hint)
                )
    found.hints += evidence.hints()
    if found.images_missing == found.images > 0:
        found.hints.append("none of the images that are named is in the folder: is it the right one?")
    return found


def _matches(found: Inspection, names: list[str], imgdir: str | Path | None) -> dict[str, matching.Match]:
    if imgdir is None:
        return {}
    files = [name for name, _ in images.scan(Path(imgdir)).files]
    found.image_files = len(files)
    return matching.pair(names, matching.NameIndex(files))


@dataclass(slots=True)
class Evidence:
    """What the boxes of a whole file have in common, where each by itself may be right."""

    boxes: int = 0
    within_one: int = 0
    as_corners: int = 0

    def take(self, record: ImageRecord) -> None:
        """Count the boxes of a record that are suspicious."""
        for instance in record.instances:
            box = instance.rectangle
            if box is None:
                continue
            self.boxes += 1
            self.within_one += max(box.left, box.top, box.width, box.height) <= 1
            if record.width is not None and record.height is not None:
                over = box.left + box.width > record.width or box.top + box.height > record.height
                inside = box.left < box.width <= record.width and box.top < box.height <= record.height
                self.as_corners += over and inside

    def hints(self) -> list[str]:
        """What most boxes look like, if they look like another convention."""
        found = []
        if self.within_one * 2 > self.boxes:
            found.append(
                f"{self.within_one} of {self.boxes} boxes have no number above 1: they look normalised;"
                " multiply them by the picture's width and height"
            )
        if self.as_corners * 2 > self.boxes:
            found.append(
                f"{self.as_corners} of {self.boxes} boxes would fit their picture as x1, y1, x2, y2:"
                " they look like corners, not like left, top, width, height"
            )
        return found
