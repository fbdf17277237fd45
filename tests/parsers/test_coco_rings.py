"""A ring that passes as text is the text that decoding and encoding it would give."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest import geometry
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


@pytest.mark.parametrize("number", ["1e5", "12345678", "99999999.5", '"/"', "[1]", "null", "9" * 400])
def test_a_number_beyond_a_picture_or_none_or_with_an_exponent_does_not_pass(number: str) -> None:
    assert written([",".join([*PLAIN, "3", number]).encode()]) == [None]


@pytest.mark.parametrize(
    "number",
    [
        "-0",
        "1.50",
        "20.10",
        "123.45678901234567",
        "0.00001",
        "0.30000000000000004",
        "1.123456789012345678",
        "7" * 6 + ".00",
    ],
)
def test_a_number_in_another_form_passes_in_its_shortest(number: str) -> None:
    shortest = msgspec.json.encode(msgspec.json.decode(number)).decode()
    found = written([",".join([*PLAIN, "3", number]).encode(), b"1,2,1,2,1,2"])
    assert found == written([",".join([*PLAIN, "3", shortest]).encode(), b""])
    assert found[0] is not None
    assert found[0].endswith(b'{"x":3,"y":%b}]' % shortest.encode())


@pytest.mark.parametrize("number", ["-0.0", "0", "10", "100", "1000.0", "0.0001", "-0.5", "1.12345678901234"])
def test_a_number_in_its_shortest_form_passes(number: str) -> None:
    assert written([",".join([*PLAIN, "3", number]).encode()]) != [None]


@pytest.mark.parametrize(
    "ring",
    [
        "",
        "1,2,3,4",
        "1,2,3,4,5",
        "1,1,2,2,3,3,4,5",
        "1,2,5,6,1,2",
        "1,2,5,6,9,1,1.0,2.0",
        "1,2,5,6,9,1,1,2,1,2",
    ],
)
def test_a_ring_of_too_few_points_or_that_begins_straight_or_is_oddly_closed_does_not_pass(ring: str) -> None:
    assert written([ring.encode()]) == [None]


CORNERS = st.lists(
    st.tuples(st.sampled_from("12"), st.sampled_from(["1", "1.0", "2.50", "0.30000000000000004"])),
    min_size=1,
    max_size=5,
)


@given(st.lists(st.tuples(CORNERS, st.integers(0, 2)), max_size=4))
def test_a_ring_that_repeats_its_first_point_once_passes_without_that_and_is_known_as_closed(
    drawn: list[tuple[list[tuple[str, str]], int]],
) -> None:
    rings = [
        ",".join(",".join(corner) for corner in corners + corners[:1] * again) for corners, again in drawn
    ]
    found = coco_rings.Rings([b"[%b]" % ring.encode() for ring in rings])
    for ring, text, is_plain, is_closed in zip(
        rings, found.written(), found.plain, found.closed, strict=True
    ):
        cleaned = geometry.clean_ring(points(ring.encode()))
        assert is_plain == (text is not None)
        if text is not None:
            assert Ring(None, text=GEOMETRY % text).points == cleaned
            assert len(points(ring.encode())) - len(cleaned) == 2 * is_closed
        assert is_plain or not is_closed


def test_a_closed_ring_passes() -> None:
    found = coco_rings.Rings([b"[1, 2, 5, 6, 9, 1, 1, 2]", b"[1,2,5,6,9,1]", b"[1,2,5,6,9.10,1,1,2]"])
    assert (found.plain, found.closed) == ([True] * 3, [True, False, True])
    text = b'1,"y":2},{"x":5,"y":6},{"x":9,"y":1}'
    assert found.written() == [text, text, text.replace(b"9", b"9.1")]
