"""Arrays of millions of tiny elements are told from records, whatever stands in their texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.parsers import jsontext

values = st.recursive(
    st.integers(0, 9) | st.text('ab"\\[]{},é\n', max_size=6),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text('"\\,{', max_size=3), inner, max_size=3)
    ),
    max_leaves=5,
)


crumbs = st.dictionaries(st.sampled_from(["", '":', "a"]), st.integers(0, 9) | st.just('":'), max_size=1)


@given(
    st.lists(values, max_size=12) | st.lists(crumbs, max_size=12),
    st.sampled_from([1, 2, 3, 7, 1 << 18]),
    st.booleans(),
)
def test_elements_are_counted_whatever_their_texts_hold(elements: list[Any], piece: int, plain: bool) -> None:
    text = json.dumps(elements, ensure_ascii=plain).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsontext, "MANY", 2)
        patch.setattr(jsontext, "_PIECE", piece)
        patch.setattr(jsontext, "PLAIN", 0)  # braces alone decide nothing
        found = jsontext.crumbs(text)
    assert found == (len(elements) > 2 and len(text) < jsontext.SMALL * len(elements))


def test_a_text_that_ends_with_a_backslash_hides_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsontext, "MANY", 1000)
    assert jsontext.crumbs(b'["\\\\", ' + b"1, " * 2000 + b"1]")
    assert not jsontext.crumbs(b'["\\\\", "' + b"1, " * 2000 + b'1"]')


@pytest.mark.parametrize("text", ['"\\\\"', '"[["', '"\\\\\\"[["', "{}"])
def test_nesting_is_counted_outside_of_texts(text: str) -> None:
    def nested(levels: int) -> bytes:
        return f'[{text}, "{"[" * 200}", {"[" * (levels - 1)}{"]" * (levels - 1)}]'.encode()

    assert jsontext.decoded(nested(jsontext.DEEPEST))[0] == json.loads(text)
    with pytest.raises(RecursionError, match="nested more than 100"):
        jsontext.decoded(nested(jsontext.DEEPEST + 1))
