"""Exactness of rings and masks, against pycocotools as an independent rasteriser."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from picsellia_ingest import geometry, raster
from picsellia_ingest.model import Polygon, Rectangle, Ring
from tests.drawing import drawn, filled, masks


@given(masks)
def test_the_rings_of_a_mask_fill_the_same_mask_bit_for_bit(mask: NDArray[np.bool_]) -> None:
    polygon = geometry.mask_polygon(mask)
    if polygon is None:
        assert not mask.any()
    else:
        assert (drawn(polygon, mask.shape) == mask).all()
        assert geometry.area(polygon) == mask.sum()


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
