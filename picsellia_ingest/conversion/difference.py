"""Whether two datasets, in any two formats, hold the same images and instances.

Each record of both is reduced to a digest of what it says, of large datasets in processes; only images whose digests differ
are read again and compared instance by instance (sameness), so memory holds a few dozen bytes an image. A dataset that
has no box beside a polygon does not contradict one that has: such instances are the same, and counted.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from ..errors import InvalidQueryError, ItemError
from ..model import ImageRecord, Instance
from ..parsers import reader
from ..parsers.base import Options, Parser, Shard
from ..problems import Place, ProblemLog
from ..sources import find
from ..sources.redaction import without_secrets
from ..upload import forks, matching, reading, shared
from . import sameness
from .comparison import Comparison, Difference
from .sameness import Criteria, Digest

ONLY_A, ONLY_B = "only in the first", "only in the second"
_TOGETHER = 100
"""Images that are read again together."""
_ROUNDING = 1e-9
"""The part of a coordinate by which a sum may be off, and more."""


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
    options = Options(voc_coordinates, None if imgdir is None else find(imgdir))
    options.check()
    found = Comparison(without_secrets(str(first)), without_secrets(str(second)))
    with (
        reader(find(first), first_format, options) as one,
        reader(find(second), second_format, options) as two,
    ):
        sides = _Side(one, found.problems), _Side(two, found.problems)
        _compare(*sides, Criteria(tolerance, rectangle, attributes), found)
    return found


class _Side:
    """One dataset: the digest of every image, and its records again when they are asked for."""

    def __init__(self, parser: Parser, problems: ProblemLog) -> None:
        self.parser, self.problems = parser, problems
        with reading.indexing(parser, -1, copied=True):
            parser.begin(problems)
        self.places: dict[str, list[int]] = defaultdict(list)
        for position, name in enumerate(parser.names()):
            self.places[name].append(position)
        self.digests: dict[str, set[Digest]] = {}
        self.instances: dict[str, int] = {}

    def survey(self, criteria: Criteria) -> None:
        jobs = reading.readers(self.parser, -1)
        with forks.to_the_end(), shared.by(self.parser, jobs) as given:
            tasks = ((given, shard, criteria, self.problems.keep) for shard in self.parser.shards())
            for digests, problems in reading.spread(_digested, tasks, jobs, reading.died):
                self.problems.add(problems)
                for name, digest, instances in digests:
                    self.digests.setdefault(name, set()).add(digest)
                    self.instances[name] = self.instances.get(name, 0) + instances

    def records(self, names: Iterable[str]) -> dict[str, list[ImageRecord]]:
        """The records of some images by name; those that follow each other are read together."""
        found: dict[str, list[ImageRecord]] = {name: [] for name in names}
        places = sorted(at for name in found for at in self.places[name])
        for _, some in groupby(enumerate(places), key=lambda pair: pair[1] - pair[0]):
            run = [at for _, at in some]
            for record in self.parser.read(Shard(run[0], run[-1] + 1), lambda _: None):
                found[record.file_name].append(record)
        return found


def _digested(
    given: Parser | Path, shard: Shard, criteria: Criteria, keep: int
) -> tuple[list[tuple[str, Digest, int]], ProblemLog]:
    """The digests of a shard's records, with their names and how many instances they have; and what is said of them."""
    parser: Parser = shared.value(given)
    problems = ProblemLog(keep)
    return [
        (record.file_name, sameness.digest(record, criteria), len(record.instances))
        for record in parser.read(shard, problems)
    ], problems


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
    taken = set(pairs.values())
    for name in [name for name in two.places if name not in taken]:
        found.note(Difference(ONLY_B, name, _contents(two, name), _place(two, name)))
    differing: list[tuple[str, str]] = []
    for name, other in pairs.items():
        boxes = _unmatched_boxes(one.digests.get(name, set()), two.digests.get(other, set()))
        if boxes is not None and len(one.places[name]) == len(two.places[other]):
            found.same += one.instances.get(name, 0)
            found.boxes_unmatched += boxes
        else:
            differing.append((name, other))
    _compare_images(one, two, differing, criteria, found)


def _compare_images(
    one: _Side, two: _Side, pairs: Sequence[tuple[str, str]], criteria: Criteria, found: Comparison
) -> None:
    for at in range(0, len(pairs), _TOGETHER):
        some = pairs[at : at + _TOGETHER]
        first, second = one.records(name for name, _ in some), two.records(other for _, other in some)
        for name, other in some:
            _compare_image(name, first[name], second[other], criteria, found)


def _unmatched_boxes(one: set[Digest], two: set[Digest]) -> int | None:
    """None if images may differ; otherwise how many boxes beside polygons only one of them has: none, or all that there are."""
    if one == two:
        return 0
    if len(one) != 1 or len(two) != 1:
        return None
    (first,), (second,) = one, two
    if first.size != second.size and None not in (first.size, second.size):
        return None
    if first.whole == second.whole:
        return 0
    is_one_without = not (first.boxes and second.boxes)
    return first.boxes + second.boxes if is_one_without and first.bare == second.bare else None


def _contents(side: _Side, name: str) -> str:
    return f"the image, with {side.instances.get(name, 0)} instances"


def _place(side: _Side, name: str) -> Place | None:
    return next((record.place for record in side.records([name])[name]), None)


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
            found.note(Difference(kind, name, sameness.words(instance, criteria), place))


def _match_exactly(left: list[list[Instance]], criteria: Criteria, found: Comparison) -> None:
    keys = [[sameness.key(instance, criteria) for instance in side] for side in left]
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
    others: dict[Any, list[Instance]] = defaultdict(list)
    for instance in left[1]:
        others[sameness.kind(instance, criteria)].append(instance)
    waiting = {kind: _Waiting(instances, criteria) for kind, instances in others.items()}
    kept = []
    for instance in left[0]:
        candidates = waiting.get(sameness.kind(instance, criteria))
        nearest = None if candidates is None else candidates.take_nearest(instance)
        if nearest is None:
            kept.append(instance)
            continue
        other, distance = nearest
        found.same += 1
        found.largest = max(found.largest, distance)
        found.boxes_unmatched += (sameness.shape(instance, criteria)[0] is None) != (
            sameness.shape(other, criteria)[0] is None
        )
    left[0][:] = kept
    left[1][:] = [instance for candidates in waiting.values() for instance in candidates.rest()]


class _Waiting:
    """Instances that may be the same as others of their kind. Only those are looked at whose left edges are near enough."""

    def __init__(self, instances: list[Instance], criteria: Criteria) -> None:
        self._criteria = criteria
        self._left = dict(enumerate(instances))
        self._order = sorted((sameness.left(one, criteria), number) for number, one in self._left.items())

    def take_nearest(self, instance: Instance) -> tuple[Instance, float] | None:
        """The nearest one that is the same, and its distance; it waits no more."""
        edge, tolerance = sameness.left(instance, self._criteria), self._criteria.tolerance
        reach = tolerance + _ROUNDING * (abs(edge) + tolerance)
        begin = bisect_left(self._order, (edge - reach, -1))
        end = bisect_right(self._order, (edge + reach, len(self._order)))
        best: tuple[float, int] | None = None
        for number in sorted(number for _, number in self._order[begin:end] if number in self._left):
            distance = sameness.distance(instance, self._left[number], self._criteria)
            if distance <= tolerance and (best is None or distance < best[0]):
                best = distance, number
        return None if best is None else (self._left.pop(best[1]), best[0])

    def rest(self) -> Iterable[Instance]:
        """Those that still wait."""
        return self._left.values()
