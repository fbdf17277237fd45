"""What is a number in an annotation file, and what only Python takes for one."""

from __future__ import annotations

import pytest

from picsellia_ingest.parsers.numbers import number, positive_int, text_number


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
