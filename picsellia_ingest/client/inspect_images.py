"""The image files of a source that is inspected: each is looked at, and every record gets what is known of its own.

Many files of a folder are looked at by copies of a command (upload.forks), since that is work more than waiting; others,
and those that are far, in threads. What is found is kept by name; a shard of records takes along what it needs of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn, TypeAlias

from ..errors import ItemError, WorkerDiedError
from ..model import ImageRecord
from ..parsers.base import Options
from ..problems import OnProblem
from ..sources import AnyPath
from ..upload import findings, forks, images, matching, placing, reading, workers
from ..upload.evidence import Evidence

_JOBS = 5
_TOGETHER = 64
"""Files that a process looks at as one task."""
_MANY = 500
"""Files from which on processes pay."""
_Looked: TypeAlias = "tuple[str, tuple[int, int, int] | ItemError]"


@dataclass(frozen=True, slots=True)
class Seen:
    """What a record's image is: which one, and its (width, height) and EXIF orientation, or why it cannot be used."""

    match: matching.Match
    size: tuple[int, int] | None = None
    orientation: int = 1
    error: ItemError | None = None

    def compare(
        self, record: ImageRecord, options: Options, evidence: Evidence, on_problem: OnProblem
    ) -> str | None:
        """Compare a record with its image, whose name this is; None where it has none that can be used."""
        unusable = (
            {} if self.error is None or isinstance(self.match, ItemError) else {self.match[0]: self.error}
        )
        image, problem = findings.image_of(record, self.match, unusable)
        if problem is not None:
            on_problem(problem)
        if image is None or self.size is None:
            return None
        unlike = findings.size_unlike(record, self.size) if options.exif == "as_shown" else None
        if unlike is not None:
            on_problem(unlike)
        evidence.compare(record, self.size, self.orientation)
        return image

    def placed(self, record: ImageRecord, options: Options, on_problem: OnProblem) -> ImageRecord:
        """The record in the convention that was declared for it."""
        return placing.placed(record, options, self.path(options), self.size, on_problem)

    def path(self, options: Options) -> AnyPath | None:
        """Its file, in the folder of the options."""
        if options.imgdir is None or isinstance(self.match, ItemError):
            return None
        return options.imgdir / self.match[0]


class Images:
    """All image files of a folder. ``count`` is how many there are."""

    def __init__(self, imgdir: AnyPath, names: Iterable[str], on_problem: OnProblem) -> None:
        """``names`` are those that the records give; files that cannot be used are problems."""
        files = images.scan(imgdir)
        self.count = len(files.names) + len(files.refused)
        for path, error in files.refused:
            on_problem(findings.refused(path, error))
        self._sizes: dict[str, tuple[int, int]] = {}
        self._orientations: dict[str, int] = {}
        self._unusable: dict[str, ItemError] = {}
        for name, seen in _looked_at(files):
            if isinstance(seen, ItemError):
                self._unusable[name] = seen
                on_problem(findings.refused(files.path(name), seen))
            else:
                self._sizes[name], self._orientations[name] = seen[:2], seen[2]
        self._matches = matching.pair(names, matching.NameIndex(files.names))

    def of(self, names: Iterable[str]) -> dict[str, Seen]:
        """What is known of the images of records with these names."""
        return {name: self._seen(self._matches[name]) for name in names}

    def _seen(self, match: matching.Match) -> Seen:
        if isinstance(match, ItemError):
            return Seen(match)
        image = match[0]
        size, orientation = self._sizes.get(image), self._orientations.get(image, 1)
        return Seen(match, size, orientation, self._unusable.get(image))

    def unlisted(self, named: set[str]) -> int:
        """How many files are good, and not among the named ones."""
        return len(self._sizes.keys() - named)


def _looked_at(files: images.Found) -> Iterator[_Looked]:
    if isinstance(files.folder, Path) and len(files.names) >= _MANY and forks.possible():
        tasks = ((files.folder, some) for some in workers.windows(files.names, _TOGETHER))
        with forks.to_the_end():
            for found in reading.spread(_look_at, tasks, workers.processes(-1), _died):
                yield from found
    else:
        for batch in workers.windows(files.names, workers.batch(_JOBS)):
            yield from workers.each(_look, [(files.folder, name) for name in batch], _JOBS)


def _look_at(folder: AnyPath, names: Sequence[str]) -> list[_Looked]:
    return [_look(folder, name) for name in names]


def _look(folder: AnyPath, name: str) -> _Looked:
    try:
        _, width, height, orientation = images.look(folder / name)
    except (*images.UNUSABLE, OSError) as error:
        return name, images.unusable(error)
    return name, (width, height, orientation)


def _died(_: object, names: Sequence[str]) -> NoReturn:
    raise WorkerDiedError(
        f"the process that looked at the images {names[0]!r} to {names[-1]!r} died, each time it was tried",
        "is there enough memory? If so, one of them is to blame",
    )
