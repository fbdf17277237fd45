"""The seam every format implements.

A parser holds paths and an index, never content: it is cheap to pickle and reads the same in a thread, in a
process or on another machine, which must see its paths: the source's, and those of an index that lies on disk
(scratch). ``prepare`` makes one pass; ``read`` then needs nothing but the parser and a shard.
The account every parser keeps: ``instance_count()`` equals the instances in the records of all shards plus the
``lost`` of every problem reported by ``prepare`` and ``read``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from ..conventions import CONVENTIONS
from ..errors import InvalidQueryError
from ..model import Attributes, Header, ImageRecord, Label
from ..problems import OnProblem
from ..sources import AnyPath

if TYPE_CHECKING:
    from .copies import Copy
    from .scratch import Scratch
    from .writer import Writer


SHARD = 500
"""Records decoded at a time."""


Spread: TypeAlias = Callable[[Callable[..., Any], Iterable[tuple[Any, ...]]], Generator[Any, None, None]]
"""Runs a function on the arguments of many tasks, in processes; the results come in their order.

Where it can it begins at once; closed early it leaves the rest undone."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A range of records of one source: ``start`` to ``stop``, the last not included."""

    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class Options:
    """What a user may decide about reading.

    ``voc_coordinates`` is ``"as_written"`` (left = xmin, width = xmax - xmin) or ``"inclusive"`` (the devkit's
    1-based inclusive corners: left = xmin - 1, width = xmax - xmin + 1). ``imgdir`` is where the images are: formats
    that count in fractions of a picture, and do not state its size, read it from the image's header there.

    ``coordinates`` is ``"pixels"``, or ``"normalised"`` for a file in a format of pixels that holds fractions of the picture.
    ``exif`` is ``"as_shown"``, or ``"as_stored"`` when shapes were drawn on an image before its EXIF data turned it. Both
    are what whoever reads the records makes of them (upload.placing); a reader gives the numbers as they are.
    """

    voc_coordinates: str = "as_written"
    imgdir: AnyPath | None = None
    coordinates: str = "pixels"
    exif: str = "as_shown"

    def check(self) -> None:
        """Raise InvalidQueryError for a convention that there is not."""
        for name, known in CONVENTIONS.items():
            given = getattr(self, name)
            if given not in known:
                raise InvalidQueryError(f"{name} is {given!r}", f"write {' or '.join(known)}")


def labels_of(
    kinds: Mapping[str, Collection[str]],
    listed: Iterable[str] = (),
    said: Mapping[str, Attributes] | None = None,
) -> tuple[Label, ...]:
    """The labels that a source lists, in its order, then the others that instances have.

    ``kinds`` are those of each label's instances; ``said`` has what the source says of the labels that it lists.
    """
    said = said or {}
    names = dict.fromkeys([*listed, *said, *kinds])
    return tuple(Label(name, frozenset(kinds.get(name, ())), said.get(name, {})) for name in names)


class Parser(ABC):
    """Reads one annotation source: a file or a folder."""

    name: ClassVar[str]
    """The format's name, as users write it."""
    recognised_by: ClassVar[str] = "its content"
    """What ``recognises`` looks for, in words: why a source was taken to be in this format."""

    quickness: ClassVar[int] = 1
    """How many instances are read in the time of one of COCO: processes pay from as many times more on."""

    copy: Copy | None = None
    """The private copy that ``path`` lies in, where the source is far."""

    scratch: Scratch | None = None
    """What of the index lies on disk."""

    spread: Spread | None = None
    """What ``prepare`` may use for a large source; set by whoever can start processes."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        self.path = path
        self.options = options or Options()
        self.notes: list[str] = []
        """Rules used that a reader of the report should know, with the evidence for and against."""

    @property
    def address(self) -> str:
        """Where the source is, as it may be shown."""
        return str(self.path) if self.copy is None else self.copy.address

    def begin(self, on_problem: OnProblem) -> None:
        """``prepare``, after what was found when the source was copied."""
        for problem in self.copy.problems if self.copy is not None else ():
            on_problem(problem)
        self.prepare(on_problem)

    def __enter__(self) -> Parser:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Remove the private copy and what lies on disk; the parser can read nothing any more then."""
        if self.scratch is not None:
            self.scratch.close()
        if self.copy is not None:
            self.copy.close()

    @staticmethod
    @abstractmethod
    def recognises(path: Path) -> bool:
        """Whether ``path`` looks like this format; reads a few kilobytes at most and raises nothing."""

    @staticmethod
    def writer() -> type[Writer] | None:
        """What writes this format; None when it is only read."""
        return None

    @abstractmethod
    def prepare(self, on_problem: OnProblem) -> None:
        """Make the one pass that everything else needs. Raises InputError when the source is rejected whole."""

    @abstractmethod
    def header(self) -> Header:
        """The labels in the source's order, with the kinds of their instances, and what else stands before the images."""

    @abstractmethod
    def names(self) -> Sequence[str]:
        """The file name of every record, in the order in which ``read`` gives them; millions of them are not in memory."""

    @abstractmethod
    def count(self) -> int:
        """How many records there are."""

    @abstractmethod
    def instance_count(self) -> int:
        """How many instances the source states, good or bad."""

    def shards(self, size: int = SHARD) -> list[Shard]:
        """A partition of all records into ranges of at most ``size``."""
        total = self.count()
        return [Shard(start, min(start + size, total)) for start in range(0, total, size)]

    @abstractmethod
    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """The shard's records. A bad item becomes a Problem; it never stops the others.

        A record that cannot be read any more (its file changed since ``prepare``) is left out, with a Problem.
        """
