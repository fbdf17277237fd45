"""Exactness of rings and masks, against pycocotools as an independent rasteriser."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from picsellia_ingest import geometry, raster
from picsellia_ingest.model import Polygon, Rectangle, Ring

masks = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))


def filled(points: tuple[float, ...], shape: tuple[int, ...]) -> NDArray[np.int64]:
    """The pixels that pycocotools fills for one ring."""
    rle = coco_mask.frPyObjects([[float(value) for value in points]], *shape)
    return np.asarray(coco_mask.decode(coco_mask.merge(rle)), np.int64)


def drawn(polygon: Polygon, shape: tuple[int, ...]) -> NDArray[np.int64]:
    total = np.zeros(shape, np.int64)
    for ring in polygon.rings:
        total += filled(ring.points, shape) * (-1 if ring.hole else 1)
    return total


@given(masks)
def test_the_rings_of_a_mask_fill_the_same_mask_bit_for_bit(mask: NDArray[np.bool_]) -> None:
    polygon = geometry.mask_polygon(mask)
    if polygon is None:
        assert not mask.any()
    else:
        assert (drawn(polygon, mask.shape) == mask).all()
        assert geometry.area(polygon) == mask.sum()


@given(masks)
def test_a_bridge_keeps_the_area_and_the_pixels_of_a_part_with_holes(mask: NDArray[np.bool_]) -> None:
    polygon = geometry.mask_polygon(mask) or Polygon(())
    for outer, holes in geometry.parts(polygon):
        part = Polygon((outer, *holes))
        merged = geometry.bridge(outer, holes)
        assert abs(geometry.ring_area(merged)) == geometry.area(part)
        assert (filled(merged, mask.shape) == drawn(part, mask.shape)).all()


@given(masks)
def test_bridges_are_undone_hole_by_hole_and_part_by_part(mask: NDArray[np.bool_]) -> None:
    polygon = geometry.mask_polygon(mask) or Polygon(())
    parts = geometry.parts(polygon)
    for outer, holes in parts:
        assert geometry.unbridged(geometry.bridge(outer, holes)) == (outer, *holes)
    if parts:
        line = geometry.join([geometry.bridge(*part) for part in parts])
        rings = geometry.unbridged(line)
        assert Counter(map(cyclic, rings)) == Counter(map(cyclic, polygon.rings))
        assert abs(geometry.ring_area(line)) == geometry.area(polygon)


def cyclic(ring: Ring) -> tuple[bool, frozenset[tuple[tuple[float, float], tuple[float, float]]]]:
    """A ring by its edges, whichever point it begins at."""
    points = list(zip(ring.points[0::2], ring.points[1::2], strict=True))
    return ring.hole, frozenset(zip(points, points[1:] + points[:1], strict=True))


@given(masks)
def test_a_polygon_on_pixel_edges_is_filled_bit_for_bit_and_its_runs_are_those_of_pycocotools(
    mask: NDArray[np.bool_],
) -> None:
    polygon = geometry.mask_polygon(mask)
    if polygon is not None:
        assert raster.on_pixel_edges(polygon)
        assert (raster.polygon_mask(polygon, *mask.shape) == mask).all()
    runs = raster.run_lengths(mask)
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    assert raster.encode_counts(runs) == encoded["counts"].decode()
    assert (geometry.decode_counts(raster.encode_counts(runs)) == runs).all()


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


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=12))
def test_whatever_a_line_does_its_rings_have_points_and_its_area_is_kept(
    pairs: list[tuple[int, int]],
) -> None:
    points = geometry.clean_ring([value for pair in pairs for value in pair])
    if len(points) < 6:
        return
    rings = geometry.unbridged(points)
    assert all(len(ring.points) >= 6 for ring in rings)
    assert not rings[0].hole
    if len(rings) > 1:
        assert geometry.area(Polygon(rings)) == abs(geometry.ring_area(points))


def test_a_long_way_there_and_back_costs_no_time() -> None:
    there = [(x * 0.1, (x % 7) * 0.3) for x in range(60_000)]
    points = tuple(value for pair in [*there, *there[-2::-1]] for value in pair)
    assert geometry.unbridged(points) == (Ring(points),)


def test_a_line_walked_to_and_fro_without_a_ring_between_is_left_as_it_is() -> None:
    whisker = (0, 0, 10, 0, 15, 0, 10, 0, 10, 10)
    assert geometry.unbridged(whisker) == (Ring(whisker),)


@given(st.decimals(-1000, 1000, places=4).map(float), st.decimals(0, 1000, places=4).map(float))
def test_the_far_edge_gives_the_length_back(near: float, far: float) -> None:
    length = far - near
    found = geometry.far_edge(near, length)
    assert found - near == length or found == near + length
    assert len(repr(found)) <= len(repr(near + length))


@given(st.integers(-1000, 1000), st.integers(0, 1000))
def test_whole_edges_stay_whole(near: int, length: int) -> None:
    assert repr(geometry.far_edge(near, length)) == repr(near + length)


@given(masks)
def test_run_lengths_give_the_mask_that_pycocotools_encoded(mask: NDArray[np.bool_]) -> None:
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    counts = geometry.decode_counts(encoded["counts"].decode())
    cut, left, top = geometry.rle_mask(counts, *mask.shape)
    whole = np.zeros_like(mask)
    whole[top : top + cut.shape[0], left : left + cut.shape[1]] = cut
    assert (whole == mask).all()


@pytest.mark.parametrize("text", ["", "abc\x7f", "é", "P", "oooooooooo"])
def test_text_that_is_no_run_length_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"run|ascii"):
        geometry.decode_counts(text)


@pytest.mark.parametrize(
    ("counts", "height", "width"),
    [([4], 0, 4), ([10**12], 10**6, 10**6), ([3, 2], 2, 2), ([-1, 5], 2, 2), ([5, -1], 2, 2)],
)
def test_run_lengths_that_do_not_fill_their_mask_are_refused_before_memory_is_taken(
    counts: list[int], height: int, width: int
) -> None:
    with pytest.raises(ValueError, match=r"mask|run"):
        geometry.rle_mask(counts, height, width)


def test_pixels_that_touch_at_a_corner_are_two_parts() -> None:
    polygon = geometry.mask_polygon(np.array([[1, 0], [0, 1]], np.bool_))
    assert polygon == Polygon((Ring((0, 0, 1, 0, 1, 1, 0, 1)), Ring((1, 1, 2, 1, 2, 2, 1, 2))))


def test_a_hole_follows_the_ring_it_lies_in_and_rings_move_with_the_offset() -> None:
    mask = np.ones((3, 3), np.bool_)
    mask[1, 1] = False
    polygon = geometry.mask_polygon(mask, left=10, top=20)
    assert polygon is not None
    assert [ring.hole for ring in polygon.rings] == [False, True]
    assert geometry.bounds(polygon) == Rectangle(10, 20, 3, 3)
    assert geometry.area(polygon) == 8


def test_a_repeated_last_point_is_dropped_however_often_it_is_repeated() -> None:
    assert geometry.clean_ring([0, 0, 4, 0, 4, 4, 0, 0, 0, 0]) == (0, 0, 4, 0, 4, 4)


@given(st.lists(st.integers(-50, 50), min_size=3, max_size=6), st.integers(-5, 5), st.integers(-5, 5))
def test_points_on_one_line_are_flat(steps: list[int], dx: int, dy: int) -> None:
    points = [value for step in steps for value in (step * dx, step * dy)]
    assert geometry.is_flat(points)


def test_a_bow_tie_is_not_flat_though_its_area_is_zero() -> None:
    bow_tie = (0, 0, 10, 10, 10, 0, 0, 10)
    assert geometry.ring_area(bow_tie) == 0
    assert not geometry.is_flat(bow_tie)
