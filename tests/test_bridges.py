"""Bridges keep areas and pixels, and are undone to the rings they joined."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from picsellia_ingest import bridges, geometry, tracing
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
