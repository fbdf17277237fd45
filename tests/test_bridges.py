"""Bridges keep areas and pixels, and are undone to the rings they joined."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from picsellia_ingest import bridges, bridging, geometry, tracing
from picsellia_ingest.model import Polygon, Ring
from tests.drawing import drawn, filled, masks


@given(masks)
def test_a_bridge_keeps_the_area_and_the_pixels_of_a_part_with_holes(mask: NDArray[np.bool_]) -> None:
    polygon = tracing.mask_polygon(mask) or Polygon(())
    for outer, holes in geometry.parts(polygon):
        part = Polygon((outer, *holes))
        merged = bridges.bridge(outer, holes)
        assert abs(geometry.ring_area(merged)) == geometry.area(part)
        assert (filled(merged, mask.shape) == drawn(part, mask.shape)).all()


Point = tuple[float, float]


def sees(point: Point, line: list[Point], at: int) -> bool:
    """Whether a way from the inside to a vertex of a clockwise line meets nothing else of it."""

    def side(a: Point, b: Point, c: Point) -> float:
        return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])

    vertex, before, after = line[at], line[at - 1], line[(at + 1) % len(line)]
    length = (vertex[0] - point[0]) ** 2 + (vertex[1] - point[1]) ** 2
    for first, second in zip(line, line[1:] + line[:1], strict=True):
        one, two = side(point, vertex, first), side(point, vertex, second)
        if one * two < 0 and side(first, second, point) * side(first, second, vertex) < 0:
            return False
        along = sum(
            (c - a) * (b - a) for a, b, c in zip(point, vertex, first, strict=True)
        )  # of the way from point to vertex
        if one == 0 and 0 < along < length:
            return False
    from_before, to_after = side(before, vertex, point), side(vertex, after, point)
    is_convex = side(before, vertex, after) >= 0
    return (from_before >= 0 and to_after >= 0) if is_convex else (from_before >= 0 or to_after >= 0)


def joined(rings: list[list[Point]]) -> list[Point]:
    """The line by its definition: each hole joined by its first vertex to the nearest of the line that it sees."""
    line = [*rings[0]]
    for hole in rings[1:]:
        start = hole.index(min(hole))
        x, y = hole[start]
        near = sorted(range(len(line)), key=lambda at: (line[at][0] - x) ** 2 + (line[at][1] - y) ** 2)
        end = next((at for at in near if sees(hole[start], line, at)), near[0])
        line[end : end + 1] = [line[end], *hole[start:], *hole[: start + 1], line[end]]
    return line


NOISE = np.random.default_rng(5).random((32, 32)) < 0.75


@given(masks, st.sampled_from([1, 0.37]), st.sampled_from([0, 5, 200]), st.sampled_from([1, 3]))
@example(NOISE, 1, 0, 1)
@example(NOISE.T, 0.37, 0, 3)
@example(NOISE[::-1], 0.37, 0, 1)
def test_bridges_run_where_their_definition_says_however_they_are_found(
    mask: NDArray[np.bool_], scale: float, small: int, few: int
) -> None:
    polygon = tracing.mask_polygon(mask) or Polygon(())
    with pytest.MonkeyPatch.context() as patched:
        for name, value in {
            "_SMALL": small,
            "_FEW": 2 * few,
            "_BLOCK": few,
            "_CELLS": few**3,
            "_LOOSE": few - 1,
        }.items():
            patched.setattr(bridging, name, value)
        for outer, holes in geometry.parts(polygon):
            rings = [
                [(x * scale, y * scale) for x, y in zip(ring.points[0::2], ring.points[1::2], strict=True)]
                for ring in (outer, *holes)
            ]
            assert bridging.joined(rings) == joined(rings)


def test_a_hole_whose_first_vertex_lies_on_a_bridge_is_not_joined_across_it() -> None:
    """Which side of the bridge it lies on is told by rounding, differently for the two ways of the bridge."""
    outer = [
        (0, 0.11),
        (5.92, 0.11),
        (5.92, 0.48),
        (6.29, 0.48),
        (6.29, 0.11),
        (11.1, 0.11),
        (11.1, 6.03),
        (0, 6.03),
    ]
    low = [(5.18, 2.33), (5.55, 2.33), (5.55, 1.9600000000000002), (5.18, 1.9600000000000002)]
    high = [(5.55, 1.22), (5.55, 1.59), (5.92, 1.59), (5.92, 1.22)]
    assert bridging.joined([outer, low, high]) == joined([outer, low, high])


def test_thousands_of_holes_are_joined() -> None:
    mask = np.ones((121, 121), np.bool_)
    mask[1::2, 1::2] = False
    ((outer, holes),) = geometry.parts(tracing.mask_polygon(mask) or Polygon(()))
    assert len(holes) == 3600
    merged = bridges.bridge(outer, holes)
    assert geometry.ring_area(merged) == mask.sum()
    assert bridges.unbridged(merged) == (outer, *holes)


TOUCHING = np.array([[0, 1, 0, 0, 0], [0, 1, 0, 1, 0], [0, 0, 1, 0, 0]], np.bool_)
"""A bridge between the two nearest vertices of the first two parts would be an edge of the third."""


@given(masks)
@example(TOUCHING)
def test_bridges_are_undone_hole_by_hole_and_part_by_part(mask: NDArray[np.bool_]) -> None:
    polygon = tracing.mask_polygon(mask) or Polygon(())
    parts = geometry.parts(polygon)
    for outer, holes in parts:
        assert bridges.unbridged(bridges.bridge(outer, holes)) == (outer, *holes)
    if parts:
        line = bridges.join([bridges.bridge(*part) for part in parts])
        rings = bridges.unbridged(line)
        assert Counter(map(cyclic, rings)) == Counter(map(cyclic, polygon.rings))
        assert abs(geometry.ring_area(line)) == geometry.area(polygon)


def cyclic(ring: Ring) -> tuple[bool, frozenset[tuple[tuple[float, float], tuple[float, float]]]]:
    """A ring by its edges, whichever point it begins at."""
    points = list(zip(ring.points[0::2], ring.points[1::2], strict=True))
    return ring.hole, frozenset(zip(points, points[1:] + points[:1], strict=True))


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=12))
def test_whatever_a_line_does_its_rings_have_points_and_its_area_is_kept(
    pairs: list[tuple[int, int]],
) -> None:
    points = geometry.clean_ring([value for pair in pairs for value in pair])
    if len(points) < 6:
        return
    rings = bridges.unbridged(points)
    assert all(len(ring.points) >= 6 for ring in rings)
    assert not rings[0].hole
    if len(rings) > 1:
        assert geometry.area(Polygon(rings)) == abs(geometry.ring_area(points))


def test_a_long_way_there_and_back_costs_no_time() -> None:
    there = [(x * 0.1, (x % 7) * 0.3) for x in range(60_000)]
    points = tuple(value for pair in [*there, *there[-2::-1]] for value in pair)
    assert bridges.unbridged(points) == (Ring(points),)


def test_a_line_walked_to_and_fro_without_a_ring_between_is_left_as_it_is() -> None:
    whisker = (0, 0, 10, 0, 15, 0, 10, 0, 10, 10)
    assert bridges.unbridged(whisker) == (Ring(whisker),)
