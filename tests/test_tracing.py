"""Exactness of the rings of masks, against pycocotools as an independent rasteriser."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from picsellia_ingest import geometry, raster, tracing
from picsellia_ingest.model import Polygon, Rectangle, Ring
from tests.drawing import drawn, masks


@given(masks)
def test_the_rings_of_a_mask_fill_the_same_mask_bit_for_bit(mask: NDArray[np.bool_]) -> None:
    polygon = tracing.mask_polygon(mask)
    if polygon is None:
        assert not mask.any()
    else:
        assert (drawn(polygon, mask.shape) == mask).all()
        assert geometry.area(polygon) == mask.sum()


@given(masks)
def test_a_polygon_on_pixel_edges_is_filled_bit_for_bit_and_its_runs_are_those_of_pycocotools(
    mask: NDArray[np.bool_],
) -> None:
    polygon = tracing.mask_polygon(mask)
    for dense in (2, 0) if polygon is not None else ():
        assert polygon is not None
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(raster, "_DENSE", dense)
            assert raster.on_pixel_edges(polygon)
            assert (raster.polygon_mask(polygon, *mask.shape) == mask).all()
    runs = raster.run_lengths(mask)
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    assert raster.encode_counts(runs) == encoded["counts"].decode()
    assert (tracing.decode_counts(raster.encode_counts(runs)) == runs).all()


LEVEL = st.lists(st.tuples(st.integers(-3, 12), st.integers(-3, 12)), min_size=2, max_size=8)


@given(LEVEL, st.integers(1, 9), st.integers(1, 9))
def test_a_ring_of_level_and_upright_edges_is_filled_the_same_way_whether_these_cover_the_picture_often(
    turns: list[tuple[int, int]], height: int, width: int
) -> None:
    corners = [
        (x if at == 0 else following, y)
        for (x, y), (following, _) in zip(turns, [*turns[1:], turns[0]], strict=True)
        for at in (0, 1)
    ]
    ring = Ring(tuple(float(value) for corner in corners for value in corner))
    found = []
    for dense in (10_000, 0):
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(raster, "_DENSE", dense)
            found.append(raster.polygon_mask(Polygon((ring,)), height, width))
    assert (found[0] == found[1]).all()
    inside = np.zeros((height, width), np.bool_)
    for (x, y), (following, _) in zip(corners[::2], corners[1::2], strict=True):
        left, right = sorted((max(x, 0), max(following, 0)))
        inside[max(y, 0) :, left:right] ^= True
    assert (found[0] == inside).all()


@given(masks, st.data())
def test_run_lengths_have_the_outline_of_the_mask_that_pycocotools_encoded(
    mask: NDArray[np.bool_], data: st.DataObject
) -> None:
    """Also where a run is cut in two by a run of no length."""
    encoded = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    counts = tracing.decode_counts(encoded["counts"].decode()).tolist()
    assert tracing.rle_polygon(counts, *mask.shape) == tracing.mask_polygon(mask)
    at = data.draw(st.integers(0, len(counts) - 1))
    first = data.draw(st.integers(0, counts[at]))
    cut = [*counts[:at], first, 0, counts[at] - first, *counts[at + 1 :]]
    polygon = tracing.rle_polygon(cut, *mask.shape)
    assert polygon == tracing.mask_polygon(mask)
    if polygon is not None:
        runs = raster.traced_runs(polygon, *mask.shape)
        assert runs is not None
        assert (runs == raster.run_lengths(mask)).all()
        assert (raster.polygon_mask(polygon, *mask.shape) == mask).all()
        assert raster.filled(polygon, *mask.shape)[1]
        larger = (mask.shape[0] + 1, mask.shape[1])
        assert raster.traced_runs(polygon, *larger) is None
        assert (raster.polygon_mask(polygon, *larger)[:-1] == mask).all()


@given(st.lists(masks, min_size=1, max_size=5), st.data())
def test_masks_that_are_traced_together_have_the_outlines_of_each_alone(
    drawn_masks: list[NDArray[np.bool_]], data: st.DataObject
) -> None:
    """Also where runs have no length, where a mask ends filled and the next begins so, and beside runs that do not fit."""
    height, width = drawn_masks[0].shape
    runs = [raster.run_lengths(np.resize(mask, (height, width))) for mask in drawn_masks]
    expected = [tracing.rle_polygon(one, height, width) for one in runs]
    for number, one in enumerate(runs):
        at = data.draw(st.integers(0, len(one)))
        runs[number] = np.insert(one, at, [0, 0])
    unfit = data.draw(st.sampled_from([[], [1], [-1, height * width + 1], [height * width * 2]]))
    runs.append(np.array(unfit, np.int64))
    assert tracing.rle_polygons(runs, height, width) == [*expected, None]


def test_masks_are_traced_when_one_is_asked_for_its_rings_and_once(monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[int] = []

    def counting(runs: Any, starts: Any, height: int, width: int) -> list[Polygon | None]:
        traced.append(len(starts))
        return run_polygons(runs, starts, height, width)

    run_polygons = tracing._run_polygons
    monkeypatch.setattr(tracing, "_run_polygons", counting)
    runs = [np.array(one) for one in ([1, 2, 1], [4], [0, 1, 3], [3, 2])]
    first, empty, second, unfit = tracing.rle_polygons(runs, 2, 2)
    assert (empty, unfit, traced) == (None, None, [])
    assert first is not None
    assert second is not None
    assert second.rings == (Ring((0, 0, 1, 0, 1, 1, 0, 1)),)
    assert [len(ring.points) for ring in first.rings] == [8, 8]
    assert traced == [2]
    again: Polygon = pickle.loads(pickle.dumps(tracing.rle_polygons(runs, 2, 2)[0]))
    assert (again, hash(again), repr(again)) == (first, hash(first), repr(first))
    assert again != first.rings


@pytest.mark.parametrize("text", ["", "abc\x7f", "é", "P", "oooooooooo"])
def test_text_that_is_no_run_length_code_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"run|ascii"):
        tracing.decode_counts(text)


@pytest.mark.parametrize(
    ("counts", "height", "width"),
    [([4], 0, 4), ([10**12], 10**6, 10**6), ([3, 2], 2, 2), ([-1, 5], 2, 2), ([5, -1], 2, 2)],
)
def test_run_lengths_that_do_not_fill_their_mask_are_refused_before_memory_is_taken(
    counts: list[int], height: int, width: int
) -> None:
    with pytest.raises(ValueError, match=r"mask|run"):
        tracing.rle_polygon(counts, height, width)


def test_pixels_that_touch_at_a_corner_are_two_parts() -> None:
    polygon = tracing.mask_polygon(np.array([[1, 0], [0, 1]], np.bool_))
    assert polygon == Polygon((Ring((0, 0, 1, 0, 1, 1, 0, 1)), Ring((1, 1, 2, 1, 2, 2, 1, 2))))


def test_a_hole_follows_the_ring_it_lies_in_and_rings_move_with_the_offset() -> None:
    mask = np.ones((3, 3), np.bool_)
    mask[1, 1] = False
    polygon = tracing.mask_polygon(mask, left=10, top=20)
    assert polygon is not None
    assert [ring.hole for ring in polygon.rings] == [False, True]
    assert geometry.bounds(polygon) == Rectangle(10, 20, 3, 3)
    assert geometry.area(polygon) == 8


def test_a_polygon_without_rings_fills_nothing() -> None:
    mask, is_exact = raster.filled(Polygon(()), 3, 2)
    assert mask.shape == (3, 2)
    assert not mask.any()
    assert is_exact
