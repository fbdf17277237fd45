"""What an annotation source is and says, without uploading it: counts, labels, problems."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..problems import ProblemLog, shown
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
    notes: list[str] = field(default_factory=list)
    problems: ProblemLog = field(default_factory=ProblemLog)

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
            yield f"{self.image_files} image files in the folder"
        yield from self.notes
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


def inspect(path: str | Path, ann_format: str | None = None, imgdir: str | Path | None = None) -> Inspection:
    """Read everything a source says. Raises FormatError, InputError."""
    reader = parser(path, ann_format)
    found = Inspection(str(path), reader.name)
    reader.prepare(found.problems)
    found.images, found.instances_stated, found.notes = reader.count(), reader.instance_count(), reader.notes
    found.labels.update({label.name: 0 for label in reader.header().labels})
    if imgdir is not None:
        _match(found, reader.names(), Path(imgdir))
    for shard in reader.shards(SHARD):
        for record in reader.read(shard, found.problems):
            found.images_without_instances += not record.instances
            found.answers += len(record.qa)
            for instance in record.instances:
                found.instances += 1
                found.labels[instance.label] += 1
                found.kinds[instance.kind] += 1
                found.with_box += instance.rectangle is not None
                found.with_polygon += instance.polygon is not None
                found.answers += len(instance.qa)
    return found


def _match(found: Inspection, names: list[str], folder: Path) -> None:
    files = [name for name, _ in images.scan(folder).files]
    found.image_files = len(files)
    missing = sum(not isinstance(match, tuple) for match in matching.pair(names, matching.NameIndex(files)))
    found.notes.append(f"{missing} of {len(names)} image records have no file in {folder}")
