"""What is a number in an annotation file, and what only Python takes for one."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.parsers.numbers import number, plain_decimals, plain_pairs, positive_int, text_number

DECIMAL = re.compile(r"[ \t\n\r\f\v]*[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?[ \t\n\r\f\v]*")


@pytest.mark.parametrize(
    ("value", "expected"),
    [(3, 3), (3.5, 3.5), ("12", 12), (" 12.5 ", 12.5), ("1e2", 100), ("-.5", -0.5), (-0.0, 0)],
)
def test_numbers_and_plain_decimals_pass(value: object, expected: float) -> None:
    assert number(value) == expected


@pytest.mark.parametrize(
    "value",
    [
        True,
        None,
        "",
        "NaN",
        "inf",
        "1_000",
        "１２",
        "12,5",
        "0x10",
        [1],
        float("nan"),
        float("inf"),
        1e308,
        10**400,
        "9" * 99,
    ],
)
def test_what_only_python_takes_for_a_number_does_not(value: object) -> None:
    assert number(value) is None


def test_a_number_in_text_is_told_from_a_number() -> None:
    assert text_number("12")
    assert not text_number(12)
    assert not text_number("twelve")


@pytest.mark.parametrize(
    ("value", "expected"), [(64, 64), ("64.0", 64), (0, None), (-64, None), (64.5, None), (None, None)]
)
def test_an_image_size_is_a_whole_number_above_zero(value: object, expected: int | None) -> None:
    assert positive_int(value) == expected


def test_an_integer_that_no_reader_keeps_exactly_is_a_float() -> None:
    assert number(2**63 - 1) == 2**63 - 1
    assert isinstance(number(10**30), float)


@given(
    st.text("0123456789.eE+-_ \t\x1c\x00nafixy٣１", max_size=9)
    | st.floats().map(str)
    | st.integers().map(str)
)
def test_text_is_a_number_where_it_is_a_decimal_of_ascii_and_nowhere_else(text: str) -> None:
    is_decimal = DECIMAL.fullmatch(text) is not None and len(text) <= 64
    expected = float(text) if is_decimal and abs(float(text)) < 1e100 else None
    assert number(text) == expected
    if expected is not None and re.fullmatch(r"\s*[-+]?\d{1,15}\s*", text):
        assert type(number(text)) is int


coordinates = st.one_of(
    st.integers(),
    st.floats(),
    st.sampled_from([True, None, "3", 2**63, -(2**63), 2**63 - 1, 1e99, 10**400, math.nan, math.inf]),
)


@given(
    st.lists(
        st.one_of(st.lists(coordinates, min_size=2, max_size=2), st.lists(coordinates), coordinates),
        max_size=6,
    )
)
def test_pairs_that_are_plainly_numbers_are_as_each_number_by_itself(points: list[Any]) -> None:
    found = plain_pairs(points)
    if found is not None:
        assert all(isinstance(point, list) and len(point) == 2 for point in points)
        each = [number(value) for point in points for value in point]
        assert (found, list(map(type, found))) == (each, list(map(type, each)))


@given(
    st.lists(st.lists(st.integers(-999, 999) | st.floats(-1e15, 1e15), min_size=2, max_size=2), min_size=1)
)
def test_pairs_of_usual_numbers_are_plain(points: list[list[float]]) -> None:
    assert plain_pairs(points) == [value for point in points for value in point]


@given(st.lists(st.text("0123456789.-", max_size=17) | st.text("12eE+_ ٣", max_size=3), max_size=4))
def test_words_that_are_plainly_decimals_are_as_each_by_itself(words: list[str]) -> None:
    found = plain_decimals(words)
    if found is not None:
        each = [number(word) for word in words]
        assert (found, list(map(type, found))) == (each, list(map(type, each)))


@given(st.lists(st.integers(-(10**14) + 1, 10**14).map(str) | st.floats(-999, 999).map("{:.3f}".format)))
def test_short_decimals_are_plain(words: list[str]) -> None:
    assert plain_decimals(words) == list(map(float, words))
