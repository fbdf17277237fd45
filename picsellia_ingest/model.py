"""The internal representation: what any annotation file says, as frozen values without I/O.

Coordinates are pixels, origin at the outer top-left corner of the top-left pixel, x to the right, y down. Numbers
are kept as written (``int`` or ``float``): never rounded, never clipped. An instance keeps its box and its polygon
both; which one is sent is decided when sending. What a format says beyond this stays, verbatim, in ``attributes``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import msgspec

from .problems import Place

Attributes: TypeAlias = Mapping[str, Any]

CLASSIFICATION = "classification"
RECTANGLE = "rectangle"
POLYGON = "polygon"


class Rectangle(msgspec.Struct, frozen=True):
    """A box: its left and top edges, its width and height."""

    left: float
    top: float
    width: float
    height: float


class Corner(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    """A point as the platform has it: as JSON it is ``{"x":1,"y":2}``."""

    x: int | float
    y: int | float


class Ring(msgspec.Struct, frozen=True, eq=False):
    """A closed line: ``points`` is flat, x, y, x, y, ...; the last point is not repeated. ``hole`` says which side is in.

    ``text`` may hold the same points as JSON, ``[{"x":1,"y":2},...]``, numbers in their shortest form, or ``corners`` what it
    is read into: a reader that has one gives no points, and they are built when they are asked for.
    """

    _points: tuple[float, ...] | None
    hole: bool = False
    text: bytes | None = None
    corners: list[Corner] | None = None

    @property
    def points(self) -> tuple[float, ...]:
        """The coordinates, flat."""
        if self._points is None:
            pairs = self.corners or _CORNERS.decode(self.text or b"[]")
            msgspec.structs.force_setattr(
                self, "_points", tuple([v for pair in pairs for v in (pair.x, pair.y)])
            )
        return self._points or ()

    @property
    def first(self) -> tuple[float, float]:
        """The first point; the others need not be built for it."""
        if self.corners:
            return self.corners[0].x, self.corners[0].y
        if self._points is None and (point := _POINT.match(self.text or b"")) is not None:
            return float(point[1]), float(point[2])
        return self.points[0], self.points[1]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Ring):
            return NotImplemented
        return self.hole == other.hole and self.points == other.points

    def __hash__(self) -> int:
        return hash((self.points, self.hole))

    def __repr__(self) -> str:
        return f"Ring(points={self.points!r}, hole={self.hole!r})"


_POINT = re.compile(rb'\[\{"x":([^,]*),"y":([^}]*)\}')
_CORNERS = msgspec.json.Decoder(list[Corner])


class Runs(NamedTuple):
    """A mask of this height and width as run lengths column by column, the first of pixels that are off; some may be 0."""

    height: int
    width: int
    counts: Any
    """An array of numpy, or what makes one."""


class Polygon(msgspec.Struct, frozen=True, eq=False):
    """One or more rings. Several outer rings are one instance in several parts; a hole belongs to the outer ring before it.

    A reader of masks may give what traces them instead, which is called when the rings are asked for, and the ``runs`` that
    they are the outline of. The ``box`` around all of them is there once somebody needed it (``geometry.bounds``).
    """

    _rings: tuple[Ring, ...] | Callable[[], tuple[Ring, ...]]
    box: Rectangle | None = None
    runs: Runs | None = None

    @property
    def rings(self) -> tuple[Ring, ...]:
        """The rings."""
        found = self._rings
        if not isinstance(found, tuple):
            found = found()
            msgspec.structs.force_setattr(self, "_rings", found)
        return found

    def __eq__(self, other: object) -> bool:
        return self.rings == other.rings if isinstance(other, Polygon) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.rings)

    def __repr__(self) -> str:
        return f"Polygon(rings={self.rings!r})"

    def __reduce__(self) -> tuple[type[Polygon], tuple[tuple[Ring, ...]]]:
        return Polygon, (self.rings,)


class TextAnswer(msgspec.Struct, frozen=True):
    """An answer in free text (``text`` on the wire)."""

    question: str
    answer: str


class MultipleChoice(msgspec.Struct, frozen=True):
    """Any number of the choices (``mc`` on the wire)."""

    question: str
    answer: tuple[str, ...]
    choices: tuple[str, ...]


class SingleChoice(msgspec.Struct, frozen=True):
    """One of the choices (``select`` on the wire)."""

    question: str
    answer: str
    choices: tuple[str, ...]


class RangeAnswer(msgspec.Struct, frozen=True):
    """A number between two others (``range`` on the wire)."""

    question: str
    answer: float
    min: float
    max: float


Answer: TypeAlias = TextAnswer | MultipleChoice | SingleChoice | RangeAnswer


class Instance(msgspec.Struct, frozen=True):
    """One labelled thing on an image. Without box and polygon it is a classification of the whole image."""

    label: str
    rectangle: Rectangle | None = None
    polygon: Polygon | None = None
    qa: tuple[Answer, ...] = ()
    attributes: Attributes = msgspec.field(default_factory=dict)

    @property
    def kind(self) -> str:
        """What the instance is sent as when polygons are preferred."""
        if self.polygon is not None:
            return POLYGON
        return RECTANGLE if self.rectangle is not None else CLASSIFICATION


class ImageRecord(msgspec.Struct, frozen=True):
    """Everything a source says of one image. ``width`` and ``height`` are pixels as the file states them.

    ``splits`` are the named subsets of its dataset that the image is in ("train", "val", ...), in the source's order.
    ``place`` says where the record stands; it takes no part in comparison.
    """

    file_name: str
    width: int | None = None
    height: int | None = None
    instances: Sequence[Instance] = ()
    qa: tuple[Answer, ...] = ()
    attributes: Attributes = msgspec.field(default_factory=dict)
    splits: tuple[str, ...] = ()
    place: Place | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ImageRecord):
            return NotImplemented
        return _content(self) == _content(other)

    def __hash__(self) -> int:
        return hash((self.file_name, self.width, self.height, len(self.instances)))


def _content(record: ImageRecord) -> tuple[Any, ...]:
    return (
        record.file_name,
        record.width,
        record.height,
        record.instances,
        record.qa,
        record.attributes,
        record.splits,
    )


class Label(msgspec.Struct, frozen=True):
    """A class name. ``kinds`` are the shapes its instances have; it is empty for a label without instances."""

    name: str
    kinds: frozenset[str] = frozenset()
    attributes: Attributes = msgspec.field(default_factory=dict)


class Header(msgspec.Struct, frozen=True):
    """What a source says before any image: its labels, in its order, and the rest."""

    labels: tuple[Label, ...] = ()
    attributes: Attributes = msgspec.field(default_factory=dict)
