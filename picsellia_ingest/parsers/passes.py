"""Reading a source twice: a first pass that counts, and a second one that gives what was counted or says that it cannot.

The first pass sees each record's source by itself (``_look``), so processes share it where there are many; what it notes
of several of them beside that is put together afterwards (``_noted``).
"""

from __future__ import annotations

import pickle
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

from ..errors import InputError
from ..model import ImageRecord
from ..problems import OnProblem, Problem
from .base import Options, Parser


class Counted(Protocol):
    """What the first pass found in the source of a record: the name of its image, and its instances, good or bad."""

    name: str
    instances: int


class Lost:
    """Takes problems, counts the instances they cost, and forgets them: for a first pass that a second one repeats."""

    def __init__(self) -> None:
        self.lost = 0

    def __call__(self, problem: Problem) -> None:
        """Take one problem in."""
        self.lost += problem.lost


def again(
    load: Callable[[OnProblem], ImageRecord],
    was: Counted,
    changed: Callable[[str], Problem],
    on_problem: OnProblem,
) -> Iterator[ImageRecord]:
    """The record that ``load`` gives; if it is not what the first pass saw, none, and the problem ``changed`` with why."""
    problems: list[Problem] = []
    try:
        record = load(problems.append)
    except InputError as error:
        on_problem(changed(error.problem.message))
        return
    found = len(record.instances) + sum(problem.lost for problem in problems)
    if (found, record.file_name) != (was.instances, was.name):
        on_problem(changed("it holds something else"))
        return
    for problem in problems:
        on_problem(problem)
    yield record


class Seen(NamedTuple):
    """What the first pass saw in a source, or why it is rejected. ``kinds`` are those of each label's instances."""

    name: str
    instances: int
    kinds: Mapping[str, Sequence[str]]
    problem: Problem | None = None


def seen(load: Callable[[OnProblem], ImageRecord]) -> Seen:
    """What there is to be seen in the record that ``load`` gives, or the InputError that it raises."""
    counter = Lost()
    try:
        record = load(counter)
    except InputError as error:
        return Seen("", 0, {}, error.problem)
    kinds: dict[str, list[str]] = {}
    for instance in record.instances:
        kinds.setdefault(instance.label, []).append(instance.kind)
    return Seen(record.file_name, len(record.instances) + counter.lost, kinds)


S = TypeVar("S", bound=Counted)


class TwoPasses(Parser, Generic[S]):
    """A parser whose records each have a source, ``S``, that is looked at first and read afterwards."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._sources: list[S] = []
        self._kinds: dict[str, set[str]] = {}
        """The kinds of each label's instances."""
        self._instances = 0

    @abstractmethod
    def _look(self, sources: Sequence[S]) -> Iterator[Seen]:
        """The first pass over some sources."""

    def _noted(self) -> Any:
        """What the first pass noted beside what it saw, for ``_note_also``; a format may need some of it."""
        return None

    def _note_also(self, noted: Any) -> None:
        """Take in what a copy of this parser noted of other sources."""

    def _forget(self) -> None:
        """Begin anew."""
        self._sources, self._kinds, self._instances = [], {}, 0

    def _looked_at(self, parts: Sequence[Sequence[S]]) -> Iterator[tuple[S, Seen]]:
        """The first pass over all parts of the sources, several of which processes share."""
        if self.spread is None or len(parts) < 2:
            for part in parts:
                yield from zip(part, self._look(part), strict=True)
            return
        reader = copy(self)
        reader._forget()
        reader.spread = None
        given = pickle.dumps(reader)
        results = self.spread(_look_at, ((given, part) for part in parts))
        for part, (found, noted) in zip(parts, results, strict=True):
            self._note_also(noted)
            yield from zip(part, found, strict=True)

    def _take(self, source: S, seen: Seen) -> None:
        """Take in a source that is not rejected."""
        source.name, source.instances = seen.name, seen.instances
        self._instances += seen.instances
        for label, found in seen.kinds.items():
            if (known := self._kinds.get(label)) is None:
                known = self._kinds[label] = set()
            known.update(found)
        self._sources.append(source)

    def _reject(self, problem: Problem, on_problem: OnProblem) -> None:
        """Report what is rejected; its instances count."""
        on_problem(problem)
        self._instances += problem.lost

    def names(self) -> list[str]:
        """The name of every record's image."""
        return [source.name for source in self._sources]

    def count(self) -> int:
        """The number of sources that are not rejected."""
        return len(self._sources)

    def instance_count(self) -> int:
        """The number of instances that the sources state."""
        return self._instances


def _look_at(given: bytes, sources: Sequence[Any]) -> tuple[list[Seen], Any]:
    """The first pass over some sources, by a reader of its own, and what that noted."""
    reader: TwoPasses[Any] = pickle.loads(given)  # noqa: S301 - from the process that gives the work
    return [*reader._look(sources)], reader._noted()


def parts(sources: list[S], sizes: Sequence[int], least: int, most: int) -> list[list[S]]:
    """Sources divided so that those of a part have the size ``most`` together, if all have at least ``least``; else all."""
    if sum(sizes) < least:
        return [sources]
    found: list[list[S]] = []
    taken = most
    for source, size in zip(sources, sizes, strict=True):
        if taken >= most:
            found.append([])
            taken = 0
        found[-1].append(source)
        taken += size
    return found
