"""What formats with one file for an image have in common.

``prepare`` finds the sources and reads each once for its name, labels and counts; ``read`` reads its shard's again. Both
go through ``_load``, so they cannot disagree: what concerns a whole source is reported by ``prepare``, the rest by
``read``. A source that is not what ``prepare`` saw any more is left out and reported. A format may know a quick way to
files of which nothing is to be said (``_quick``), which gives what ``_load`` gives.
"""

from __future__ import annotations

import pickle
from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from copy import copy
from functools import partial
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from ..errors import InputError, ItemError
from ..model import ImageRecord
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .base import Options, Parser, Shard
from .passes import Counted, Lost, again

_MANY, _TOGETHER = 1000, 200
"""Sources from which on processes look at them, where one takes as long as an annotation of COCO; and how many at a time."""


class Source(msgspec.Struct):
    """One record's file, and what the first pass found in it."""

    file: str
    """The file that a problem with the whole record names, below the source's folder."""
    name: str = ""
    instances: int = 0


class LineReport:
    """Reports what is wrong with one line of a file, which is one instance."""

    def __init__(self, file: str, line: int, on_problem: OnProblem) -> None:
        self.place, self.on_problem = Place(file, line), on_problem

    def report(self, error: ItemError, severity: Severity = Severity.ERROR) -> None:
        """Report a line that is rejected, or repaired."""
        lost = int(severity is Severity.ERROR)
        self.on_problem(Problem(error.code, error.message, self.place, severity, lost=lost, hint=error.hint))

    def warn(self, code: str, message: str, field: str = "") -> None:
        """Report a line that is kept."""
        self.report(ItemError(code, message, field=field), Severity.WARNING)


class Readable(Counted, Protocol):
    """What is known of any source."""

    @property
    def file(self) -> str:
        """The file that a problem with the whole record names."""


S = TypeVar("S", bound=Readable)


class Glance(msgspec.Struct):
    """What a record holds, as far as the first pass wants to know; ``record`` makes it. All instances are of one kind."""

    name: str
    labels: Sequence[str]
    kind: str
    record: Callable[[], ImageRecord]


class Seen(NamedTuple):
    """What the first pass saw in a source, or why it is rejected. ``kinds`` are those of each label's instances."""

    name: str
    instances: int
    kinds: Mapping[str, Sequence[str]]
    problem: Problem | None = None


class FilePerImage(Parser, Generic[S]):
    """A parser of sources that are read one by one."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._sources: list[S] = []
        self._labels: dict[str, set[str]] = {}
        self._instances = 0

    @abstractmethod
    def _load(self, source: S, on_problem: OnProblem) -> ImageRecord:
        """One record. Raises InputError when its file is rejected whole."""

    @abstractmethod
    def _shown(self, relative: str) -> str:
        """The path of a file of the source, as it stands in problems."""

    def _quick(self, *, first: bool) -> Callable[[S], Glance | None] | None:  # noqa: ARG002 - a format may use it
        """What looks at sources, in the ``first`` pass or the second; it gives None for each of which more is to be said."""
        return None

    def _noted(self) -> Any:
        """What the first pass noted beside what it saw, for ``_note_also``; a format may need some of it."""
        return None

    def _note_also(self, noted: Any) -> None:
        """Take in what a copy of this parser noted of other sources."""

    def _read_once(self, sources: Iterable[S], on_problem: OnProblem, *, single: bool = False) -> None:
        """Take the sources in, those that are rejected reported; of a ``single`` one the InputError is raised."""
        self._sources, self._labels, self._instances = [], {}, 0
        for source, seen in self._all_seen(sources):
            if seen.problem is None:
                self._take(source, seen)
                continue
            if single:
                raise InputError(seen.problem)
            on_problem(seen.problem)
            self._instances += seen.problem.lost

    def _seen(self, sources: Iterable[S]) -> Iterator[tuple[S, Seen]]:
        quick = self._quick(first=True)
        for source in sources:
            yield source, self._see(source, quick)

    def _all_seen(self, sources: Iterable[S]) -> Iterator[tuple[S, Seen]]:
        """The same; many sources that are known already are looked at by processes."""
        spread, together = self.spread, _TOGETHER * self.quickness
        if spread is None or not isinstance(sources, list) or len(sources) < _MANY * self.quickness:
            yield from self._seen(sources)
            return
        reader = copy(self)
        reader.spread = None
        given = pickle.dumps(reader)
        parts = [sources[at : at + together] for at in range(0, len(sources), together)]
        for part, (found, noted) in zip(
            parts, spread(_see_all, ((given, part) for part in parts)), strict=True
        ):
            self._note_also(noted)
            yield from zip(part, found, strict=True)

    def _see(self, source: S, quick: Callable[[S], Glance | None] | None) -> Seen:
        if quick is not None and (glance := quick(source)) is not None:
            kinds: dict[str, Sequence[str]] = dict.fromkeys(glance.labels, (glance.kind,))
            return Seen(glance.name, len(glance.labels), kinds)
        counter = Lost()
        try:
            record = self._load(source, counter)
        except InputError as error:
            return Seen("", 0, {}, error.problem)
        several: dict[str, list[str]] = {}
        for instance in record.instances:
            several.setdefault(instance.label, []).append(instance.kind)
        return Seen(record.file_name, len(record.instances) + counter.lost, several)

    def _take(self, source: S, seen: Seen) -> None:
        source.name, source.instances = seen.name, seen.instances
        self._instances += seen.instances
        for label, found in seen.kinds.items():
            if (known := self._labels.get(label)) is None:
                known = self._labels[label] = set()
            known.update(found)
        self._sources.append(source)

    def names(self) -> list[str]:
        """The name of every record's image."""
        return [source.name for source in self._sources]

    def count(self) -> int:
        """The number of sources that are not rejected."""
        return len(self._sources)

    def instance_count(self) -> int:
        """The number of instances that the sources state."""
        return self._instances

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Read the shard's files again."""
        quick = self._quick(first=False)
        for source in self._sources[shard.start : shard.stop]:
            glance = None if quick is None else quick(source)
            if glance is not None and (len(glance.labels), glance.name) == (source.instances, source.name):
                yield glance.record()
                continue
            yield from again(partial(self._load, source), source, partial(self._changed, source), on_problem)

    def _changed(self, source: S, reason: str) -> Problem:
        message = f"the file has changed since it was planned: {reason}"
        place = Place(self._shown(source.file))
        hint = "run the command again"
        return Problem("file_changed", message, place, unit=Unit.FILE, lost=source.instances, hint=hint)


def _see_all(given: bytes, sources: Sequence[Any]) -> tuple[list[Seen], Any]:
    """The first pass over some sources, by a reader of its own, and what that noted."""
    reader: FilePerImage[Any] = pickle.loads(given)  # noqa: S301 - from the process that gives the work
    return [seen for _, seen in reader._seen(sources)], reader._noted()
