"""What formats with one file for an image have in common.

``prepare`` finds the sources and reads each once for its name, labels and counts; ``read`` reads its shard's again. Both
go through ``_load``, so they cannot disagree: what concerns a whole source is reported by ``prepare``, the rest by
``read``. A source that is not what ``prepare`` saw any more is left out and reported. A format may know a quick way to
files of which nothing is to be said (``_quick``), which gives what ``_load`` gives.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Protocol, TypeVar

import msgspec

from ..errors import InputError, ItemError
from ..model import ImageRecord
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .base import Shard
from .passes import Counted, Seen, TwoPasses, again, seen

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


class FilePerImage(TwoPasses[S]):
    """A parser of sources that are read one by one."""

    @abstractmethod
    def _load(self, source: S, on_problem: OnProblem) -> ImageRecord:
        """One record. Raises InputError when its file is rejected whole."""

    @abstractmethod
    def _shown(self, relative: str) -> str:
        """The path of a file of the source, as it stands in problems."""

    def _quick(self, *, first: bool) -> Callable[[S], Glance | None] | None:  # noqa: ARG002 - a format may use it
        """What looks at sources, in the ``first`` pass or the second; it gives None for each of which more is to be said."""
        return None

    def _read_once(self, sources: list[S], on_problem: OnProblem, *, single: bool = False) -> None:
        """Take the sources in, those that are rejected reported; of a ``single`` one the InputError is raised."""
        self._forget()
        together = _TOGETHER * self.quickness
        few = len(sources) < _MANY * self.quickness
        parts = [sources] if few else [sources[at : at + together] for at in range(0, len(sources), together)]
        for source, found in self._looked_at(parts):
            if found.problem is None:
                self._take(source, found)
                continue
            if single:
                raise InputError(found.problem)
            self._reject(found.problem, on_problem)

    def _look(self, sources: Sequence[S]) -> Iterator[Seen]:
        quick = self._quick(first=True)
        for source in sources:
            yield self._see(source, quick)

    def _see(self, source: S, quick: Callable[[S], Glance | None] | None) -> Seen:
        if quick is not None and (glance := quick(source)) is not None:
            kinds: dict[str, Sequence[str]] = dict.fromkeys(glance.labels, (glance.kind,))
            return Seen(glance.name, len(glance.labels), kinds)
        return seen(partial(self._load, source))

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
