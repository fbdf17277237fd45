"""Rings, boxes and areas."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from picsellia_ingest import geometry, raster
from picsellia_ingest.model import Corner, Polygon, Rectangle, Ring
from tests.drawing import filled


@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=3, max_size=9, unique=True),
    st.sampled_from([0.25, 0.5, 1]),
)
def test_any_other_ring_is_filled_as_the_coco_api_fills_it(
    points: list[tuple[int, int]], scale: float
) -> None:
    ring = Ring(tuple(value * scale for point in points for value in point))
    assert (raster.polygon_mask(Polygon((ring,)), 40, 40) == (filled(ring.points, (40, 40)) > 0)).all() or (
        raster.on_pixel_edges(Polygon((ring,)))
    )


RINGS = st.builds(
    lambda corner, size, points, hole: Ring(
        tuple(value * size + corner[at % 2] for at, value in enumerate(sum(points, ()))), hole
    ),
    st.tuples(st.integers(-30, 60), st.integers(-30, 60)),
    st.sampled_from([0.1, 0.7, 3.3]),
    st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=3, max_size=7),
    st.booleans(),
)


@given(st.lists(RINGS, min_size=1, max_size=4), st.tuples(st.integers(1, 50), st.integers(1, 50)))
def test_rings_are_filled_one_after_the_other_and_holes_taken_out(
    rings: list[Ring], shape: tuple[int, int]
) -> None:
    polygon = Polygon((Ring(rings[0].points), *rings[1:]))
    assume(not raster.on_pixel_edges(polygon))
    expected = np.zeros(shape, np.bool_)
    for ring in polygon.rings:
        inside = filled(ring.points, shape) > 0
        expected = expected & ~inside if ring.hole else expected | inside
    mask = raster.polygon_mask(polygon, *shape)
    assert (mask == expected).all()
    box = geometry.bounds(polygon)
    rows, columns = np.nonzero(mask)
    assert ((columns >= box.left - 1) & (columns <= box.left + box.width)).all()
    assert ((rows >= box.top - 1) & (rows <= box.top + box.height)).all()


@pytest.mark.parametrize(
    "points",
    [
        (0.5, 0.3, 1e9, 0.3, 1e9, 50.2, 0.5, 50.2),
        (0.5, 0.3, 20, 0.3, -9e8, 50.2),
        (0.5, 0.3, 0.5, 2e8, 20, 30),
        (0.5, 0.5, 39.5, 0.5, *(1.5, 39.5, 38.5, 39.5) * 40_000, 1, 20),
    ],
)
def test_a_ring_whose_way_is_too_long_to_be_drawn_is_refused_before_it_takes_memory(
    points: tuple[float, ...],
) -> None:
    """The COCO API makes a point of every fifth of a pixel on the way, gigabytes, and dies where it gets none."""
    with pytest.raises(ValueError, match="too long"):
        raster.polygon_mask(Polygon((Ring(points),)), 40, 40)


def test_a_ring_may_reach_far_beyond_its_picture() -> None:
    near, far = (
        raster.polygon_mask(Polygon((Ring((0.5, 0.3, right, 0.3, right, 30.6, 0.5, 30.6)),)), 40, 40)
        for right in (50, 4e5)
    )
    assert near.any()
    assert (near == far).all()


@given(st.decimals(-1000, 1000, places=4).map(float), st.decimals(0, 1000, places=4).map(float))
def test_the_far_edge_gives_the_length_back(near: float, far: float) -> None:
    length = far - near
    found = geometry.far_edge(near, length)
    assert found - near == length or found == near + length
    assert len(repr(found)) <= len(repr(near + length))


def shortest(near: float, length: float) -> float:
    """The far edge by its definition."""
    far = near + length
    return next((found for digits in range(17) if (found := round(far, digits)) - near == length), far)


COORDINATES = st.one_of(
    st.decimals(-10000, 10000, places=2).map(float),
    st.decimals(-10, 10, places=9).map(float),
    st.floats(-1e12, 1e12),
    st.floats(-1e-6, 1e-6),
)


@given(COORDINATES, COORDINATES)
def test_the_far_edge_is_the_one_with_the_fewest_digits(near: float, length: float) -> None:
    assert repr(geometry.far_edge(near, abs(length))) == repr(shortest(near, abs(length)))


@given(st.integers(-1000, 1000), st.integers(0, 1000))
def test_whole_edges_stay_whole(near: int, length: int) -> None:
    assert repr(geometry.far_edge(near, length)) == repr(near + length)


def test_a_repeated_last_point_is_dropped_however_often_it_is_repeated() -> None:
    assert geometry.clean_ring([0, 0, 4, 0, 4, 4, 0, 0, 0, 0]) == (0, 0, 4, 0, 4, 4)


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=6), st.integers(-5, 5), st.integers(-5, 5))
def test_points_on_one_line_are_flat(steps: list[int], dx: int, dy: int) -> None:
    points = [value for step in steps for value in (step * dx, step * dy)]
    assert geometry.is_flat(points)


@given(st.lists(st.tuples(st.integers(-2, 2), st.integers(-2, 2)), min_size=3, max_size=5))
def test_a_ring_is_flat_exactly_where_no_three_points_span_an_area(points: list[tuple[int, int]]) -> None:
    spans = any(geometry.ring_area([*a, *b, *c]) for a, b, c in itertools.combinations(points, 3))
    assert geometry.is_flat([value for point in points for value in point]) is not spans


@given(
    st.lists(
        st.lists(st.tuples(st.integers(-9, 9), st.floats(-9, 9)), min_size=3, max_size=4),
        min_size=1,
        max_size=3,
    )
)
def test_the_bounds_hold_every_point_of_every_ring(rings: list[list[tuple[float, float]]]) -> None:
    polygon = Polygon(tuple(Ring(tuple(value for point in ring for value in point)) for ring in rings))
    xs, ys = ([point[at] for ring in rings for point in ring] for at in (0, 1))
    left, top = min(xs), min(ys)
    assert geometry.bounds(polygon) == Rectangle(left, top, max(xs) - left, max(ys) - top)


def test_a_bow_tie_is_not_flat_though_its_area_is_zero() -> None:
    bow_tie = (0, 0, 10, 10, 10, 0, 0, 10)
    assert geometry.ring_area(bow_tie) == 0
    assert not geometry.is_flat(bow_tie)


@given(
    st.lists(
        st.tuples(st.integers(-5, 15), st.integers(-5, 15).map(lambda n: n / 2)), min_size=3, max_size=5
    ),
    st.sampled_from([(8, 8), (None, None), (3, 5)]),
)
def test_whether_a_ring_is_outside_is_known_however_it_is_kept(
    points: list[tuple[float, float]], size: tuple[int | None, int | None]
) -> None:
    ring = Ring(tuple(value for point in points for value in point))
    assume(not geometry.is_flat(ring.points))
    text = Ring(None, text=json.dumps([{"x": x, "y": y} for x, y in points], separators=(",", ":")).encode())
    corners = Ring(None, corners=[Corner(x, y) for x, y in points])
    expected = geometry.is_outside(geometry.bounds(Polygon((ring,))), size)
    for kept in (ring, text, corners):
        assert kept.first == points[0]
        assert geometry.is_ring_outside(kept, size) == expected
        assert kept == ring
