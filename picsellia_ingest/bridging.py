"""Where the bridges run that join holes to the ring around them: from a hole's first vertex to the nearest one that it sees.

Holes are joined from left to right. The nearest vertices come from a tree of all of them, the segments that may be in the way
from a grid, so that thousands of holes, as noise leaves them in a mask, take little longer each than one. Of vertices that
are equally near, the first along the line counts: their order is kept in blocks. Coordinates: pixels, y down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby, pairwise
from math import inf, isqrt

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from .geometry import Point

_Ints = NDArray[np.int64]
_Points = NDArray[np.float64]

_FEW = 8
"""Nearest vertices that are asked for at first."""
_BLOCK = 1000
"""Vertices of a block of the line; one of twice as many is divided."""
_SMALL = 200
"""Vertices, or segments, that are all looked at, without a tree or a grid."""
_LOOSE = 10
"""Bridges that are in no grid, for each of the square root of them all: more take longer to look at than to put into one."""
_CELLS = 64
"""Cells of a grid beyond which a segment is not listed in each that it touches."""
_ROUNDING = 1e-9
"""The part of a number that arithmetic with it may be off by, and more."""


def joined(rings: Sequence[Sequence[Point]]) -> list[Point]:
    """One line around the first ring, which runs clockwise, and the holes in it, which do not, and come from left to right."""
    line = _Line(rings)
    for number in range(1, len(rings)):
        line.join(number)
    return [line.points[vertex] for vertex in line.order]


class _Line:
    """A ring and the holes that are joined to it so far.

    Vertices are numbers: those of all rings one after the other, then the ends of bridges, each of which stands a second time.
    """

    def __init__(self, rings: Sequence[Sequence[Point]]) -> None:
        self.points: list[Point] = [point for ring in rings for point in ring]
        self.firsts: list[int] = np.cumsum([0, *map(len, rings)]).tolist()
        self.after = [*range(1, len(self.points) + 1)]
        self.before = [*range(-1, len(self.points) - 1)]
        for first, behind in zip(self.firsts, self.firsts[1:], strict=False):
            self.after[behind - 1], self.before[first] = first, behind - 1
        self.same_as = [*range(len(self.points))]
        """For each vertex the one of a ring that stands where it does."""
        self.again: dict[int, list[int]] = {}
        """The ends of bridges at a vertex of a ring."""
        self.order = _Order(range(self.firsts[1]))
        self.places = np.array(self.points, np.float64)
        self.tree = None if len(self.points) <= _SMALL else cKDTree(self.places)
        self.edges = _Segments(self.places, self.places[self.after])
        self.ways = np.empty((2 * len(rings), 2, 2))
        """The bridges, each there and back."""
        self.count = self.in_grid = 0
        """How many ways there are, and how many of them ``bridges`` has."""
        self.bridges = _Segments(self.ways[:0, 0], self.ways[:0, 1])

    def join(self, number: int) -> None:
        """Join one of the rings; all before it are."""
        first, behind = self.firsts[number], self.firsts[number + 1]
        start = min(range(first, behind), key=self.points.__getitem__)
        end = self._seen_from(start, first)
        start_again, end_again = len(self.points), len(self.points) + 1
        for vertex in (start, end):
            self.points.append(self.points[vertex])
            self.same_as.append(self.same_as[vertex])
            self.again.setdefault(self.same_as[vertex], []).append(len(self.points) - 1)
        way = [end, *range(start, behind), *range(first, start), start_again, end_again, self.after[end]]
        self.after += (0, 0)
        self.before += (0, 0)
        for one, following in pairwise(way):
            self.after[one], self.before[following] = following, one
        self.order.insert(end, way[1:-1])
        there = self.points[end], self.points[start]
        self.ways[self.count : self.count + 2] = there, there[::-1]
        self.count += 2
        if self.count - self.in_grid > _LOOSE * isqrt(self.count):
            self.in_grid = self.count
            self.bridges = _Segments(self.ways[: self.count, 0], self.ways[: self.count, 1])

    def _seen_from(self, start: int, count: int) -> int:
        """The nearest vertex from which a bridge to ``start`` crosses nothing, of the line, which has ``count`` vertices of rings."""
        nearest = None
        for vertex in self._nearest(start, count):
            if nearest is None:
                nearest = vertex
            if self._is_free(start, vertex, count) and self._enters(vertex, self.points[start]):
                return vertex
        assert nearest is not None, "a ring has vertices"
        return nearest

    def _nearest(self, start: int, count: int) -> Iterator[int]:
        """The vertices of the line, from the nearest on, then in their order."""
        given, wanted = 0.0, _FEW
        while given < inf:
            if self.tree is None or wanted >= len(self.places):
                mine, certain = np.arange(count), inf
            else:
                distances, found = map(np.asarray, self.tree.query(self.places[start], wanted))
                mine, certain = found[found < count], distances[-1] ** 2 * (1 - _ROUNDING)
            squares = ((self.places[mine] - self.places[start]) ** 2).sum(axis=1)
            some = sorted(zip(squares.tolist(), mine.tolist(), strict=True))
            for square, pairs in groupby(some, key=lambda pair: pair[0]):
                if given <= square < certain:
                    near = [vertex for _, one in pairs for vertex in (one, *self.again.get(one, ()))]
                    yield from near if len(near) == 1 else sorted(near, key=self.order.place)
            given, wanted = certain, 4 * wanted

    def _is_free(self, start: int, vertex: int, count: int) -> bool:
        """Whether the open way between two vertices crosses no segment of the line, and touches no vertex."""
        way = self.points[start], self.points[vertex]
        edges, latest = self.edges.near(*way), self.ways[self.in_grid : self.count]
        edges = edges[edges < count]
        some = [(self.edges.begins[edges], self.edges.ends[edges]), (latest[:, 0], latest[:, 1])]
        if self.in_grid:
            bridges = self.bridges.near(*way)
            some.append((self.bridges.begins[bridges], self.bridges.ends[bridges]))
        begins, ends = map(np.concatenate, zip(*some, strict=True))
        return not _crosses(self.places[start], self.places[self.same_as[vertex]], begins, ends)

    def _enters(self, vertex: int, point: Point) -> bool:
        """Whether the way from a vertex to a point starts inside the line, which runs clockwise.

        A vertex where a bridge lands stands there twice, and only one of the two faces the point.
        """
        (ax, ay), (vx, vy) = self.points[self.before[vertex]], self.points[vertex]
        bx, by = self.points[self.after[vertex]]
        from_before = (vx - ax) * (point[1] - vy) - (vy - ay) * (point[0] - vx)
        to_after = (bx - vx) * (point[1] - vy) - (by - vy) * (point[0] - vx)
        convex = (vx - ax) * (by - vy) - (vy - ay) * (bx - vx) >= 0
        are_inside = from_before >= 0, to_after >= 0
        return all(are_inside) if convex else any(are_inside)


def _crosses(start: _Points, end: _Points, first: _Points, second: _Points) -> bool:
    """Whether the open segment from start to end properly crosses, or passes through a vertex of, any other."""

    def side(a: _Points, b: _Points, c: _Points) -> _Points:
        found: _Points = (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1]) - (b[..., 1] - a[..., 1]) * (
            c[..., 0] - a[..., 0]
        )
        return found

    one, two = side(start, end, first), side(start, end, second)
    three, four = side(first, second, start), side(first, second, end)
    if bool(((one * two < 0) & (three * four < 0)).any()):
        return True
    along = ((first - start) * (end - start)).sum(axis=1)
    length = float(((end - start) ** 2).sum())
    return bool(((one == 0) & (along > 0) & (along < length)).any())


class _Segments:
    """Segments, and a grid that tells which may be near a way: each is listed in every cell that its bounds touch."""

    def __init__(self, begins: _Points, ends: _Points) -> None:
        self.begins, self.ends = begins, ends
        self.always = np.arange(len(begins))
        """The numbers of those that no cell lists."""
        self.width = 0
        if len(begins) > _SMALL:
            self._list(np.minimum(begins, ends), np.maximum(begins, ends))

    def _list(self, low: _Points, high: _Points) -> None:
        (self.left, self.top), far = low.min(axis=0).tolist(), high.max(axis=0).tolist()
        self.width = isqrt(len(low))
        self.side = max(far[0] - self.left, far[1] - self.top) / self.width
        near, last = (
            np.clip((corners - (self.left, self.top)) // self.side, 0, self.width - 1).astype(np.int64)
            for corners in (low, high)
        )
        spans = last - near + 1
        counts = spans.prod(axis=1)
        self.always, listed = np.flatnonzero(counts > _CELLS), np.flatnonzero(counts <= _CELLS)
        counts = counts[listed]
        owners = np.repeat(listed, counts)
        steps = np.arange(len(owners)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows, columns = np.divmod(steps, spans[owners, 0])
        cells = (near[owners, 1] + rows) * self.width + near[owners, 0] + columns
        order = np.argsort(cells, kind="stable")
        self.members = owners[order]
        self.starts: list[int] = np.searchsorted(cells[order], np.arange(self.width**2 + 1)).tolist()

    def near(self, here: Point, there: Point) -> _Ints:
        """The numbers of all that may touch the way between two points, some of them twice."""
        if not self.width:
            return self.always
        margin = _ROUNDING * max(map(abs, (*here, *there)))
        (left, right), (top, bottom) = map(sorted, zip(here, there, strict=True))
        columns = self._cell(left - margin - self.left), self._cell(right + margin - self.left) + 1
        rows = range(self._cell(top - margin - self.top), self._cell(bottom + margin - self.top) + 1)
        begin, end = ([self.starts[row * self.width + column] for row in rows] for column in columns)
        return np.concatenate(
            (self.always, *[self.members[slice(*row)] for row in zip(begin, end, strict=True)])
        )

    def _cell(self, distance: float) -> int:
        """The column or row of the grid so far behind its first edge, or the one next to that."""
        return int(min(max(distance // self.side, 0), self.width - 1))


class _Block:
    """Some vertices that follow each other, and the number of the block."""

    __slots__ = ("number", "vertices")

    def __init__(self, number: int, vertices: list[int]) -> None:
        self.number, self.vertices = number, vertices


class _Order:
    """The vertices of a line in their order."""

    def __init__(self, vertices: Iterable[int]) -> None:
        self._blocks = [_Block(0, [*vertices])]
        self._of = dict.fromkeys(self._blocks[0].vertices, self._blocks[0])
        self._divide(self._blocks[0])

    def __iter__(self) -> Iterator[int]:
        for block in self._blocks:
            yield from block.vertices

    def place(self, vertex: int) -> tuple[int, int]:
        """What vertices are in order by."""
        block = self._of[vertex]
        return block.number, block.vertices.index(vertex)

    def insert(self, before: int, vertices: list[int]) -> None:
        """Put vertices behind one."""
        block = self._of[before]
        at = block.vertices.index(before) + 1
        block.vertices[at:at] = vertices
        self._of.update(dict.fromkeys(vertices, block))
        self._divide(block)

    def _divide(self, block: _Block) -> None:
        vertices = block.vertices
        if len(vertices) <= 2 * _BLOCK:
            return
        parts = [_Block(0, vertices[at : at + _BLOCK]) for at in range(0, len(vertices), _BLOCK)]
        self._blocks[block.number : block.number + 1] = parts
        for part in parts:
            self._of.update(dict.fromkeys(part.vertices, part))
        for number, one in enumerate(self._blocks):
            one.number = number
