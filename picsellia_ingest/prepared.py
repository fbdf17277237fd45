"""Instances that are made when they are asked for: until then they are what a batch of a source holds of them, in columns.

Readers that decode many instances together give these; whoever sends, counts or writes takes the columns where they are, and the
instances themselves everywhere else. Both say the same, which a test holds for each reader.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import repeat
from typing import NamedTuple, TypeAlias, TypeVar, overload

import msgspec

from .model import POLYGON, RECTANGLE, Attributes, Instance

T = TypeVar("T")

Sent: TypeAlias = msgspec.Raw | msgspec.Struct
"""An object as JSON, or what is encoded as that."""


Sides: TypeAlias = tuple[float, float, float, float]
"""Left, top, width and height."""


class Stated(NamedTuple):
    """What counts need of an instance that has no answer; ``box`` is its polygon's if it has none."""

    label: str
    box: Sides
    has_box: bool
    has_polygon: bool


class Told(NamedTuple):
    """An instance as its source spells it, and the ids that stand in that text: its own, of its image, of its label."""

    text: bytes
    own: object
    image: object
    label: object


class Prepared(Sequence[Instance]):
    """Instances that are objects already; they themselves are made when they are asked for.

    A subclass has them in columns, in which one is None that only its instance tells, as where it is several objects, or has
    something to say beyond its shape. What has an object has its ``stated``.
    """

    __slots__ = ("_made",)

    def __init__(self) -> None:
        self._made: tuple[Instance, ...] | None = None

    @abstractmethod
    def __len__(self) -> int:
        """How many there are."""

    @abstractmethod
    def make(self, at: int) -> Instance:
        """One of them."""

    @abstractmethod
    def objects(self) -> Sequence[Sent | None]:
        """Each as in a PICSELLIA file, a polygon with its box beside it."""

    @abstractmethod
    def outlines(self) -> Sequence[Sent | None]:
        """Each as the platform is sent it: its polygon, or else its box."""

    @abstractmethod
    def boxes(self) -> Sequence[Sent | None]:
        """Each as the platform is sent its box."""

    @abstractmethod
    def stated(self) -> Sequence[Stated | None]:
        """What counts need of each."""

    def told(self) -> Sequence[Told | None]:
        """Each as its source spells it where a writer of that format may pass it on; what has that has its ``stated``."""
        return [None] * len(self)

    def attributes(self) -> Mapping[int, Attributes]:
        """Those whose loss would lose something, by place, where there are any; of what only its instance tells it is left out."""
        return {}

    def _instances(self) -> tuple[Instance, ...]:
        if self._made is None:
            self._made = tuple(map(self.make, range(len(self))))
        return self._made

    def __iter__(self) -> Iterator[Instance]:
        return iter(self._instances())

    @overload
    def __getitem__(self, at: int) -> Instance: ...
    @overload
    def __getitem__(self, at: slice) -> tuple[Instance, ...]: ...
    def __getitem__(self, at: int | slice) -> Instance | tuple[Instance, ...]:
        return (
            self._instances()[at] if isinstance(at, slice) or self._made else self.make(range(len(self))[at])
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self._instances() == tuple(other)

    __hash__ = None  # type: ignore[assignment]  # attributes may be anything

    def __repr__(self) -> str:
        return repr(self._instances())

    def __reduce__(self) -> tuple[type[tuple[Instance, ...]], tuple[tuple[Instance, ...]]]:
        return tuple, (self._instances(),)


class _Some(Prepared):
    """Some of other instances, given by their places, and instances that have no columns; some under another label."""

    __slots__ = ("_given", "_members", "_names")

    def __init__(self, given: Prepared, members: Sequence[Instance | int], names: Mapping[int, str]) -> None:
        super().__init__()
        self._given, self._members, self._names = given, members, names

    def __len__(self) -> int:
        return len(self._members)

    def make(self, at: int) -> Instance:
        one = self._members[at]
        found = self._given.make(one) if isinstance(one, int) else one
        return msgspec.structs.replace(found, label=self._names[at]) if at in self._names else found

    def objects(self) -> Sequence[Sent | None]:
        return self._named(self._given.objects())

    def outlines(self) -> Sequence[Sent | None]:
        return self._named(self._given.outlines())

    def boxes(self) -> Sequence[Sent | None]:
        return self._named(self._given.boxes())

    def stated(self) -> Sequence[Stated | None]:
        found = self._of(self._given.stated())
        if not self._names:
            return found
        return [
            one._replace(label=self._names[at]) if one is not None and at in self._names else one
            for at, one in enumerate(found)
        ]

    def told(self) -> Sequence[Told | None]:
        return self._of(self._given.told())

    def attributes(self) -> Mapping[int, Attributes]:
        said = self._given.attributes()
        if not said:
            return said
        return {at: said[one] for at, one in enumerate(self._members) if type(one) is int and one in said}

    def _of(self, column: Sequence[T | None]) -> Sequence[T | None]:
        members = self._members
        if isinstance(members, range):
            return column[members.start : members.stop]
        return [column[one] if type(one) is int else None for one in members]

    def _named(self, column: Sequence[Sent | None]) -> Sequence[Sent | None]:
        found: Sequence[Sent | None] = self._of(column)
        if not self._names:
            return found
        stated = self._of(self._given.stated())
        return [
            one
            if one is None or was is None or at not in self._names
            else _renamed(one, was.label, self._names[at])
            for at, (one, was) in enumerate(zip(found, stated, strict=True))
        ]


def _renamed(one: Sent, label: str, name: str) -> Sent | None:
    """An object under another label; None where the text of one does not begin as ``beginning`` says."""
    if not isinstance(one, msgspec.Raw):
        return msgspec.structs.replace(one, label=name)
    text = bytes(one)
    for kind in (POLYGON, RECTANGLE):
        was = beginning(kind, label)
        if text.startswith(was):
            return msgspec.Raw(beginning(kind, name) + text[len(was) :])
    return None


@lru_cache(1 << 12)
def beginning(kind: str, label: str) -> bytes:
    """What an object that is text begins with: its kind and its label."""
    return msgspec.json.encode({"type": kind, "label": label})[:-1]


def some(
    given: Prepared, members: Sequence[Instance | int], names: Mapping[int, str] | None = None
) -> Prepared:
    """Some of these instances, by their places, and others between them that have no columns.

    ``names`` are other labels, for some of the former, by their places among all these.
    """
    return _Some(given, members, names or {})


def stated(instances: Sequence[Instance]) -> Iterable[Stated | None]:
    """What counts need of each where that is there already; None where the instance is to be looked at."""
    return instances.stated() if isinstance(instances, Prepared) else repeat(None, len(instances))
