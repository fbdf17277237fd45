"""A ring that passes as text is the text that decoding and encoding it would give."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.model import Ring
from picsellia_ingest.parsers import coco_rings
from picsellia_ingest.parsers.coco_rings import GEOMETRY

ODD = ["-0", "-0.0", "1e5", "1.50", "100", "1000.0", "0.00001", "0.0001", "12345678", "99999999.5", "1.123456789012345678",
       "0.1234567890123456", "-0.00005", "20.10", "0", "10", "-0.5", "[1]", "null", '"/"', "1,2"]  # fmt: skip
PLAIN = ["1.5", "2", "30.25", "4", "5", "16.75", "7", "80"]
NUMBERS = st.one_of(
    st.decimals(-1000, 1000, places=2, allow_nan=False).map(lambda value: repr(float(value))),
    st.integers(-1000, 1000).map(str),
    st.floats(allow_nan=False, allow_infinity=False, width=32).map(repr),
    st.sampled_from(ODD),
)
RINGS = st.tuples(
    st.one_of(st.just(PLAIN), st.lists(NUMBERS, max_size=14)), st.sampled_from([",", ", ", ",\n\t", " , "])
).map(lambda drawn: drawn[1].join(drawn[0]).encode())


def written(rings: list[bytes]) -> list[bytes | None]:
    """The JSON of the points of rings given without their brackets."""
    found = coco_rings.Rings([b"[%b]" % ring for ring in rings]).written()
    return [None if one is None else GEOMETRY % one for one in found]


def points(ring: bytes) -> list[Any]:
    found: list[Any] = msgspec.json.decode(b"[" + ring + b"]")
    return found


@given(st.lists(RINGS, max_size=6))
def test_what_passes_is_what_decoding_and_encoding_gives(rings: list[bytes]) -> None:
    for ring, found in zip(rings, written(rings), strict=True):
        if found is not None:
            values = points(ring)
            pairs = [{"x": x, "y": y} for x, y in zip(values[0::2], values[1::2], strict=True)]
            assert found == msgspec.json.encode(pairs)
            assert repr(Ring(None, text=found).points) == repr(tuple(values))
            assert Ring(None, text=found) == Ring(tuple(values))
            assert hash(Ring(None, text=found)) == hash(Ring(tuple(values)))


@given(st.lists(RINGS, max_size=6), st.integers(0, 6))
def test_a_plain_ring_passes_whatever_stands_beside_it(rings: list[bytes], place: int) -> None:
    rings.insert(place, ", ".join(PLAIN).encode())
    assert written(rings)[min(place, len(rings) - 1)] is not None


@pytest.mark.parametrize(
    "number", ["-0", "1e5", "1.50", "20.10", "0.00001", "1.123456789012345678", '"/"', "[1]", "null"]
)
def test_a_number_that_would_be_written_otherwise_does_not_pass(number: str) -> None:
    assert written([",".join([*PLAIN, "3", number]).encode()]) == [None]


@pytest.mark.parametrize("number", ["-0.0", "0", "10", "100", "1000.0", "0.0001", "-0.5", "1.12345678901234"])
def test_a_number_in_its_shortest_form_passes(number: str) -> None:
    assert written([",".join([*PLAIN, "3", number]).encode()]) != [None]


@pytest.mark.parametrize(
    "ring",
    ["", "1,2,3,4", "1,2,3,4,5", "1,1,2,2,3,3,4,5", "1,2,5,6,9,1,1,2", "1,2,5,6,9,1,1.0,2.0"],
)
def test_a_ring_of_too_few_points_or_closed_or_that_begins_straight_does_not_pass(ring: str) -> None:
    assert written([ring.encode()]) == [None]
