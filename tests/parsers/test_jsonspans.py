"""The elements of an array are found where they stand, however little of it is looked at together."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.parsers import jsonspans

VALUES = st.recursive(
    st.one_of(st.integers(-9, 9), st.sampled_from(["}, {", '"}', "],[", "{", "\\", "a"])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "}, {"]), inner, max_size=2)
    ),
    max_leaves=6,
)
OBJECTS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
ELEMENTS = st.one_of(st.dictionaries(st.sampled_from(["a", "b", "},{"]), VALUES, max_size=3), VALUES)


@given(
    st.lists(ELEMENTS, max_size=12), st.integers(1, 60), st.lists(st.sampled_from([", ", ",", " ,\n", ",  "]), min_size=1),
    st.sampled_from(["", " ", "\n\t"]),
)  # fmt: skip
def test_every_element_is_found_whatever_the_window(
    elements: list[Any], window: int, separators: list[str], blank: str
) -> None:
    text, expected = f"[{blank}", []
    for number, element in enumerate(elements):
        text += separators[number % len(separators)] if number else ""
        written = json.dumps(element, ensure_ascii=False).encode()
        expected.append((len(text.encode()), len(written)))
        text += written.decode()
    array = memoryview(f"{text}{blank}]".encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonspans, "WINDOW", window)
        found = [*jsonspans.windows(array, OBJECTS, 3)]
    spans = [span for part in found for span in zip(part.starts.tolist(), part.lengths.tolist(), strict=True)]
    assert spans == [(start + 3, length) for start, length in expected]
    assert [one for part in found for one in part.elements()] == [
        bytes(array[start : start + length]) for start, length in expected
    ]
    for part in found:
        assert part.rows is None or [*map(len, part.rows)] == [
            len(msgspec.json.decode(one)) for one in part.elements()
        ]


NAMED = st.builds(
    lambda name, more: {"name": name, **more},
    st.sampled_from(["a", 'b"', "}, {"]),
    st.dictionaries(
        st.sampled_from(["a", "b", "list"]),
        VALUES | st.sampled_from([[{"a": 1}, {"b": 2}], [{}, {"name": "a"}, {"name": "b"}]]),
        max_size=3,
    ),
)


class Named(msgspec.Struct):
    name: str


NAMES = msgspec.json.Decoder(list[Named])


@given(
    st.lists(NAMED | NAMED | NAMED | ELEMENTS, max_size=12),
    st.integers(1, 90),
    st.sampled_from([(", ", ": "), (",", ":"), (" ,\n", " : ")]),
    st.sampled_from([None, 2]),
)
def test_elements_are_found_by_the_key_that_they_begin_with(
    elements: list[Any], window: int, separators: tuple[str, str], indent: int | None
) -> None:
    text = json.dumps(elements, separators=separators, indent=indent).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonspans, "WINDOW", window)
        found = [*jsonspans.windows(memoryview(text), NAMES, key=b'"name"')]
    assert [msgspec.json.decode(one) for part in found for one in part.elements()] == elements
    starts = [start for part in found for start in part.starts.tolist()]
    assert [text[start : start + 1] for start in starts] == [json.dumps(one)[:1].encode() for one in elements]
    for part in found:
        if part.rows is not None:
            assert [one.name for one in part.rows] == [
                msgspec.json.decode(one)["name"] for one in part.elements()
            ]
