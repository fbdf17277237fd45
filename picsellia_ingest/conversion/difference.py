"""Whether two datasets, in any two formats, hold the same images and instances.

Each record of both is reduced to a digest of what it says; only images whose digests differ are read again and compared
instance by instance, so memory holds a few dozen bytes an image. A ring may begin at any of its points and run either way,
and a box that is its polygon's bounds is as good as none. A dataset that has no box beside a polygon does not contradict
one that has: such instances are the same, and counted.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

from .. import geometry
from ..errors import InvalidQueryError, ItemError
from ..model import ImageRecord, Instance, Ring, notable
from ..parsers import find_format
from ..parsers.base import Options, Parser, Shard
from ..problems import Place, ProblemLog, shown
from ..upload import matching
from ..wire import canonical

SHARD = 500
SHOWN = 20
"""Differences of a kind that are shown; all are counted."""

ONLY_A, ONLY_B = "only in the first", "only in the second"

Points: TypeAlias = tuple[float, ...]
Shape: TypeAlias = tuple[Points | None, tuple[tuple[bool, Points], ...]]


@dataclass(frozen=True, slots=True)
class Criteria:
    """What counts as the same. ``tolerance`` is the most, in pixels, by which a coordinate may differ; 0 is exactly.

    With ``rectangle`` only boxes are compared (a polygon's bounds where it has none); with ``attributes`` also what the
    formats say beyond label, shape and answers.
    """

    tolerance: float = 0.0
    rectangle: bool = False
    attributes: bool = False


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference: its kind, the image, what it is, and where it stands in the source that has it."""

    kind: str
    image: str
    what: str
    place: Place | None = None

    def __str__(self) -> str:
        at = f" [{self.place}]" if self.place else ""
        return f"{self.kind}: {self.image}: {self.what}{at}"


@dataclass(slots=True)
class Comparison:
    """The result. ``images`` and ``instances`` are counts of (first, second); ``largest`` is the largest distance, in pixels."""

    first: str = ""
    second: str = ""
    images: tuple[int, int] = (0, 0)
    instances: tuple[int, int] = (0, 0)
    same: int = 0
    """Instances that both have."""
    boxes_unmatched: int = 0
    """Of them, those with a polygon whose box, other than its bounds, only one of the two states."""
    largest: float = 0.0
    """The largest difference of a coordinate that was within the tolerance."""
    counts: Counter[str] = field(default_factory=Counter)
    differences: list[Difference] = field(default_factory=list)
    problems: ProblemLog = field(default_factory=ProblemLog)

    def __bool__(self) -> bool:
        """Whether there is any difference."""
        return bool(self.counts)

    @property
    def exit_code(self) -> int:
        """0 for the same, 6 for different."""
        return 6 if self.counts else 0

    def note(self, difference: Difference) -> None:
        """Count a difference and keep the first of its kind."""
        self.counts[difference.kind] += 1
        if self.counts[difference.kind] <= SHOWN:
            self.differences.append(difference)

    def lines(self) -> Iterator[str]:
        """The lines for a person, safe on any terminal."""
        return map(shown, self._lines())

    def _lines(self) -> Iterator[str]:
        for name, images, instances in zip(
            (self.first, self.second), self.images, self.instances, strict=True
        ):
            yield f"{name}: {images} images, {instances} instances"
        yield from map(str, self.differences)
        yield from (f"{kind}: {count} in all" for kind, count in self.counts.items() if count > SHOWN)
        yield from self.problems.summary(5)
        within = f"; none differs by more than {self.largest:.3g} px" if self.largest else ""
        if self.boxes_unmatched:
            yield f"{self.boxes_unmatched} polygons have a box, other than their bounds, in only one of the two"
        total = self.counts.total()
        yield f"{total} differences" if total else f"the same: {self.same} instances agree{within}"

    def to_dict(self) -> dict[str, Any]:
        """The comparison as plain values."""
        plain = {
            name: getattr(self, name) for name in self.__slots__ if name not in ("problems", "differences")
        }
        kept = [
            {"kind": d.kind, "image": d.image, "what": d.what, "place": str(d.place or "")}
            for d in self.differences
        ]
        return {
            **plain,
            "differences": kept,
            "problems": self.problems.to_dict(),
            "exit_code": self.exit_code,
        }

    def __str__(self) -> str:
        return "\n".join(self.lines())


def diff(
    first: str | Path,
    second: str | Path,
    *,
    first_format: str | None = None,
    second_format: str | None = None,
    imgdir: str | Path | None = None,
    tolerance: float = 0.0,
    rectangle: bool = False,
    attributes: bool = False,
    voc_coordinates: str = "as_written",
) -> Comparison:
    """Compare two datasets. The formats are recognised where they are not named; ``imgdir`` gives sizes to those without.

    Raises InvalidQueryError, FormatError, InputError.
    """
    if not 0 <= tolerance < 1e9:
        raise InvalidQueryError(f"tolerance is {tolerance}", "give a number of pixels, 0 or more")
    options = Options(voc_coordinates, None if imgdir is None else Path(imgdir))
    options.check()
    found = Comparison(str(first), str(second))
    sides = [
        _Side(find_format(Path(path), name)(Path(path), options), found.problems)
        for path, name in ((first, first_format), (second, second_format))
    ]
    _compare(sides[0], sides[1], Criteria(tolerance, rectangle, attributes), found)
    return found


class _Side:
    """One dataset: the digest of every image, and its records again when they are asked for."""

    def __init__(self, parser: Parser, problems: ProblemLog) -> None:
        self.parser, self.problems = parser, problems
        parser.prepare(problems)
        self.places: dict[str, list[int]] = defaultdict(list)
        for position, name in enumerate(parser.names()):
            self.places[name].append(position)
        self.digests: dict[str, set[bytes]] = {}
        self.instances: dict[str, int] = {}

    def survey(self, criteria: Criteria) -> None:
        for shard in self.parser.shards(SHARD):
            for record in self.parser.read(shard, self.problems):
                self.digests.setdefault(record.file_name, set()).add(_digest(record, criteria))
                self.instances[record.file_name] = self.instances.get(record.file_name, 0) + len(
                    record.instances
                )

    def records(self, name: str) -> list[ImageRecord]:
        return [
            record
            for at in self.places[name]
            for record in self.parser.read(Shard(at, at + 1), lambda _: None)
        ]


def _compare(one: _Side, two: _Side, criteria: Criteria, found: Comparison) -> None:
    for side in (one, two):
        side.survey(criteria)
    found.images = len(one.places), len(two.places)
    found.instances = sum(one.instances.values()), sum(two.instances.values())
    index = matching.NameIndex(two.places)
    pairs: dict[str, str] = {}
    for name, match in matching.pair(one.places, index).items():
        if isinstance(match, ItemError):
            found.note(Difference(ONLY_A, name, _contents(one, name), _place(one, name)))
        else:
            pairs[name] = match[0]
    for name in two.places.keys() - pairs.values():
        found.note(Difference(ONLY_B, name, _contents(two, name), _place(two, name)))
    for name, other in pairs.items():
        if one.digests.get(name) == two.digests.get(other) and len(one.places[name]) == len(
            two.places[other]
        ):
            found.same += one.instances.get(name, 0)
        else:
            _compare_image(name, one.records(name), two.records(other), criteria, found)


def _contents(side: _Side, name: str) -> str:
    return f"the image, with {side.instances.get(name, 0)} instances"


def _place(side: _Side, name: str) -> Place | None:
    return next((record.place for record in side.records(name)), None)


def _compare_image(
    name: str, one: Sequence[ImageRecord], two: Sequence[ImageRecord], criteria: Criteria, found: Comparison
) -> None:
    places = [next((record.place for record in side), None) for side in (one, two)]
    sizes = [{(r.width, r.height) for r in side if None not in (r.width, r.height)} for side in (one, two)]
    if sizes[0] and sizes[1] and sizes[0] != sizes[1]:
        texts = [" and ".join(f"{width} x {height}" for width, height in sorted(side)) for side in sizes]
        found.note(
            Difference("another size", name, f"{texts[0]} in the first, {texts[1]} in the second", places[0])
        )
    answers = [Counter(repr(found) for record in side for found in record.qa) for side in (one, two)]
    if answers[0] != answers[1]:
        found.note(Difference("other answers", name, "about the image", places[0]))
    left = [[instance for record in side for instance in record.instances] for side in (one, two)]
    _match_exactly(left, criteria, found)
    _match_nearly(left, criteria, found)
    for instances, kind, place in zip(left, (ONLY_A, ONLY_B), places, strict=True):
        for instance in instances:
            found.note(Difference(kind, name, _words(instance, criteria), place))


def _match_exactly(left: list[list[Instance]], criteria: Criteria, found: Comparison) -> None:
    keys = [[_key(instance, criteria) for instance in side] for side in left]
    common = Counter(keys[0]) & Counter(keys[1])
    found.same += common.total()
    for side, names in zip(left, keys, strict=True):
        rest, kept = Counter(common), []
        for instance, key in zip(side, names, strict=True):
            if rest[key]:
                rest[key] -= 1
            else:
                kept.append(instance)
        side[:] = kept


def _match_nearly(left: list[list[Instance]], criteria: Criteria, found: Comparison) -> None:
    """Pair what is left, each with the nearest of its label, answers and number of points."""
    waiting: dict[Any, list[Instance]] = defaultdict(list)
    for instance in left[1]:
        waiting[_kind(instance, criteria)].append(instance)
    kept = []
    for instance in left[0]:
        others = waiting[_kind(instance, criteria)]
        distances = [_distance(instance, other, criteria) for other in others]
        best = min(distances, default=float("inf"))
        if best <= criteria.tolerance:
            other = others.pop(distances.index(best))
            found.same += 1
            found.largest = max(found.largest, best)
            found.boxes_unmatched += (_shape(instance, criteria)[0] is None) != (
                _shape(other, criteria)[0] is None
            )
        else:
            kept.append(instance)
    left[0][:] = kept
    left[1][:] = [instance for others in waiting.values() for instance in others]


def _kind(instance: Instance, criteria: Criteria) -> Any:
    box, rings = _shape(instance, criteria)
    more = canonical(notable(instance.attributes)) if criteria.attributes else b""
    return (
        instance.label,
        repr(instance.qa),
        more,
        box is None and not rings,
        tuple((hole, len(points)) for hole, points in rings),
    )


def _distance(one: Instance, two: Instance, criteria: Criteria) -> float:
    """The largest difference of two coordinates, each ring turned to lie as near as it can."""
    first, second = _shape(one, criteria), _shape(two, criteria)
    worst = 0.0
    if not first[1] or (one.rectangle is not None and two.rectangle is not None):
        corners = zip(_corners(one, criteria), _corners(two, criteria), strict=True)
        worst = max((abs(a - b) for a, b in corners), default=0.0)
    for (_, points), (_, others) in zip(first[1], second[1], strict=True):
        if worst > criteria.tolerance:
            break
        worst = max(worst, _ring_distance(points, others, criteria.tolerance))
    return worst


def _ring_distance(points: Points, others: Points, tolerance: float) -> float:
    best = float("inf")
    for turned in (others, tuple(v for at in range(len(others) - 2, -1, -2) for v in others[at : at + 2])):
        for start in range(0, len(turned), 2):
            if abs(points[0] - turned[start]) > tolerance or abs(points[1] - turned[start + 1]) > tolerance:
                continue
            there = turned[start:] + turned[:start]
            best = min(best, max(abs(a - b) for a, b in zip(points, there, strict=True)))
    return best


def _shape(instance: Instance, criteria: Criteria) -> Shape:
    """The box, unless it is its polygon's bounds, and the rings in an order of their own."""
    polygon = None if criteria.rectangle else instance.polygon
    corners: Points | None = _corners(instance, criteria) or None
    if corners and polygon is not None:
        around = geometry.bounds(polygon)
        bounds = (around.left, around.top, around.left + around.width, around.top + around.height)
        if max(abs(a - b) for a, b in zip(corners, bounds, strict=True)) <= max(criteria.tolerance, 1e-9):
            corners = None
    rings = tuple(sorted((ring.hole, _turned(ring)) for ring in polygon.rings)) if polygon is not None else ()
    return corners, rings


def _corners(instance: Instance, criteria: Criteria) -> Points:
    """Left, top, right, bottom of the box that counts; empty when there is none."""
    box = instance.rectangle
    if box is None and criteria.rectangle and instance.polygon is not None:
        box = geometry.bounds(instance.polygon)
    return () if box is None else (box.left, box.top, box.left + box.width, box.top + box.height)


def _turned(ring: Ring) -> Points:
    """The ring from its first point in order of x and y on, towards the smaller of that point's neighbours."""
    points = list(zip(ring.points[0::2], ring.points[1::2], strict=True))
    first = min(range(len(points)), key=points.__getitem__)
    points = points[first:] + points[:first]
    if points[-1] < points[1]:
        points = [points[0], *points[:0:-1]]
    return tuple(value for point in points for value in point)


def _key(instance: Instance, criteria: Criteria) -> bytes:
    more = notable(instance.attributes) if criteria.attributes else None
    return canonical([instance.label, _shape(instance, criteria), repr(instance.qa), more])


def _digest(record: ImageRecord, criteria: Criteria) -> bytes:
    keys = sorted(_key(instance, criteria) for instance in record.instances)
    whole = canonical([record.width, record.height, repr(record.qa)])
    return hashlib.blake2b(b"\n".join([whole, *keys]), digest_size=16).digest()


def _words(instance: Instance, criteria: Criteria) -> str:
    box, rings = _shape(instance, criteria)
    boxed = f"a box from ({box[0]:g}, {box[1]:g}) to ({box[2]:g}, {box[3]:g})" if box is not None else ""
    if rings:
        count, (x, y) = sum(len(points) // 2 for _, points in rings), rings[0][1][:2]
        beside = f", and {boxed}" if boxed else ""
        return f"{instance.label!r}, a polygon of {count} points in {len(rings)} rings from ({x:g}, {y:g}){beside}"
    return f"{instance.label!r}, {boxed or 'a classification'}"
