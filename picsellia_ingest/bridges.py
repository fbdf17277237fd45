"""One line around holes and parts, and the holes and parts of such a line.

Formats with one ring an object cannot hold a hole or a second part. They are joined by bridges: ways of zero width that
are walked there and back, between two vertices that exist, so that the area is exact and no point is invented. On
reading a bridge is told by its two ends standing twice, and is taken out again.
"""

from __future__ import annotations

from collections.abc import Sequence

from .geometry import Point, ring_area
from .model import Ring


def bridge(outer: Ring, holes: Sequence[Ring]) -> tuple[float, ...]:
    """One ring with the same area: each hole is joined to the outer ring by a bridge of zero width.

    No point is invented: a bridge runs between two existing vertices that see each other, so the area stays the same.
    """
    from .bridging import joined

    from_left = sorted(holes, key=lambda ring: min(ring.points[0::2]))
    inner = [_oriented(hole.points, clockwise=False) for hole in from_left]
    return _flat(joined([_oriented(outer.points, clockwise=True), *inner]))


def line(outer: Ring, holes: Sequence[Ring]) -> tuple[float, ...]:
    """The points of a part as one ring: as they are, or with its holes joined to it."""
    return bridge(outer, holes) if holes else outer.points


def join(lines: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """One line around several outer rings: each is joined to the one before by a bridge of zero width.

    No point is invented: a bridge runs between two near vertices, there and back, so the area is the sum of all. It is
    never an edge of a ring nor another bridge, which ``unbridged`` could not tell from it.
    """
    rings = [_oriented(line, clockwise=True) for line in lines]
    taken = {way for ring in rings for way in zip(ring, [*ring[1:], ring[0]], strict=True)}
    found: list[Point] = []
    ways_back: list[list[Point]] = []
    start = 0
    for ring, following in zip(rings, [*rings[1:], None], strict=True):
        turned = [*ring[start:], *ring[:start]]
        if following is None:
            found += [*turned, *turned[:1]] if ways_back else turned
            break
        leave, start = _way(turned, following, taken)
        taken.add((turned[leave], following[start]))
        found += turned[: leave + 1]
        ways_back.append(turned[leave:] if not ways_back else [*turned[leave:], turned[0]])
    for way in reversed(ways_back):
        found += way
    return _flat(found)


def _way(ring: list[Point], following: list[Point], taken: set[tuple[Point, Point]]) -> tuple[int, int]:
    """The nearest two vertices of two rings between which nothing runs yet; the nearest two when there are none."""
    import numpy as np
    from scipy.spatial import cKDTree

    distances, nearest = map(np.asarray, cKDTree(np.asarray(following)).query(np.asarray(ring)))
    ways = [(leave, int(nearest[leave])) for leave in np.argsort(distances, kind="stable").tolist()]
    for leave, land in ways:
        way = (ring[leave], following[land])
        if way not in taken and way[::-1] not in taken:
            return leave, land
    return ways[0]


def unbridged(points: Sequence[float]) -> tuple[Ring, ...]:
    """The rings of a line that bridges may have made; the line itself when it has none.

    A bridge is walked there and back, so its two ends stand twice; what lies between the two is a hole when it runs the
    other way round than the whole, and another part when it runs the same way. Each part comes with its holes, which
    begin at their first point in raster order, as those of ``tracing.mask_polygon`` do.
    """
    pairs = list(zip(points[0::2], points[1::2], strict=True))
    if len(set(pairs)) == len(pairs):
        return (Ring(tuple(points)),)
    rings: list[Ring] = []
    area = ring_area(points)
    cut = _cut(pairs, area)
    if any(len(outline) < 3 or ring_area(_flat(outline)) * area <= 0 for outline, _ in cut):
        return (Ring(tuple(points)),)  # it crosses itself, and means something else than parts and holes
    for outline, holes in cut:
        holes = sorted(map(_from_first, holes), key=lambda hole: (hole[0][1], hole[0][0]))
        rings += (Ring(_flat(outline)), *(Ring(_flat(hole), hole=True) for hole in holes))
    return tuple(rings)


def _cut(pairs: list[Point], area: float) -> list[tuple[list[Point], list[list[Point]]]]:
    """The parts of a line, each with its holes; ``area`` is its signed area, which has the sign of every part's."""
    parts: list[tuple[list[Point], list[list[Point]]]] = []
    holes: list[tuple[int, list[Point]]] = []
    outline: list[Point] = []
    so_far: list[float] = []
    places: dict[tuple[Point, Point], int] = {}
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    nothing = _NEAR_NOTHING * (max(xs) - min(xs)) * (max(ys) - min(ys))
    for point in (*pairs, pairs[0]):
        start = places.get((point, outline[-1])) if outline else None
        inner = [] if start is None else _inner(outline, so_far, start, nothing)
        if start is not None and inner:
            if ring_area(_flat(inner)) * area < 0:
                holes.append((start, inner))
            else:
                parts.append((inner, [hole for at, hole in holes if at > start]))
                holes = [(at, hole) for at, hole in holes if at <= start]
            for index in range(start, len(outline) - 1):
                places.pop((outline[index], outline[index + 1]), None)
            del outline[start + 1 :], so_far[start + 1 :]
            continue
        if outline:
            places[outline[-1], point] = len(outline) - 1
        so_far.append(so_far[-1] + _cross(outline[-1], point) if outline else 0.0)
        outline.append(point)
    whole = outline[:-1] if outline[-1] == outline[0] else outline
    return [(whole, [hole for _, hole in holes]), *parts[::-1]]


def _inner(outline: list[Point], so_far: list[float], start: int, nothing: float) -> list[Point]:
    """What lies between the two ends of a bridge that begins at ``start``, if it has an inside; empty otherwise.

    ``so_far`` holds the sums of cross products up to each point, so that a long way there and back costs no time.
    """
    if len(outline) - start - 2 < 3:
        return []
    twice = so_far[-2] - so_far[start + 1] + _cross(outline[-2], outline[start + 1])
    if abs(twice) <= nothing:
        return []
    inner = outline[start + 1 : -1]
    return inner if abs(ring_area(_flat(inner))) > nothing else []


_NEAR_NOTHING = 1e-9
"""The part of its bounds that a ring must fill: less is the rounding of a way there and back."""


def _cross(one: Point, two: Point) -> float:
    return one[0] * two[1] - two[0] * one[1]


def _from_first(ring: list[Point]) -> list[Point]:
    first = min(range(len(ring)), key=lambda index: (ring[index][1], ring[index][0]))
    turned = ring[first:] + ring[:first]
    return turned if turned[1][1] == turned[0][1] else [turned[0], *turned[:0:-1]]


def _flat(pairs: Sequence[Point]) -> tuple[float, ...]:
    return tuple(value for pair in pairs for value in pair)


def _oriented(points: Sequence[float], *, clockwise: bool) -> list[tuple[float, float]]:
    pairs = list(zip(points[0::2], points[1::2], strict=True))
    return pairs if (ring_area(points) > 0) == clockwise else pairs[::-1]
