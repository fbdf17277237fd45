"""Rings of whole numbers are written as any encoder of JSON writes them."""

from __future__ import annotations

import msgspec
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.ring_text import texts

coordinates = (
    st.integers(0, 12) | st.integers(0, 9_999) | st.integers(9_998, 10_001) | st.integers(0, 1 << 27)
)


@given(
    st.lists(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=6), min_size=1, max_size=5)
)
def test_rings_are_written_as_an_encoder_writes_their_points(rings: list[list[tuple[int, int]]]) -> None:
    points = np.array([point for ring in rings for point in ring], np.int64)
    expected = [msgspec.json.encode([{"x": x, "y": y} for x, y in ring]) for ring in rings]
    assert texts(points, np.array(list(map(len, rings)))) == expected
