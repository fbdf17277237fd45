"""Elements written as text are, byte for byte, what lxml writes of the same tree."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from picsellia_ingest.parsers import xmltext
from picsellia_ingest.parsers.cvat_writer import append

NAMES = st.sampled_from(["a", "b", "name", "bndbox", "größe"])
TEXTS = st.one_of(
    st.text(max_size=8), st.sampled_from(["", " ", "\n\t", "a&b<c>\"d'\r\n\t", "\x00\x0bx", "\xa0", "]]>"])
)
PLAIN = st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none())


def mappings(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    own = st.dictionaries(NAMES.map("@{}".format), TEXTS, max_size=2)
    text: st.SearchStrategy[dict[str, Any]] = st.one_of(st.just({}), TEXTS.map(lambda text: {"#text": text}))
    children = st.dictionaries(NAMES, st.one_of(values, st.lists(values, max_size=3)), max_size=3)
    return st.tuples(own, text, children).map(lambda parts: parts[0] | parts[1] | parts[2])


MEMBERS = mappings(st.recursive(PLAIN, mappings, max_leaves=8))


def tree(members: dict[str, Any], *around: dict[str, Any]) -> etree._Element:
    root = etree.Element("root")
    before, behind = around or ({}, {})
    for name, value in (*before.items(), *members.items(), *behind.items()):
        append(root, name, value)
    return root


def written(root: etree._Element) -> str:
    etree.indent(root, "\t")
    return etree.tostring(root, encoding="utf-8").decode() + "\n"


@given(MEMBERS)
def test_text_is_what_lxml_writes(members: dict[str, Any]) -> None:
    assert xmltext.group("root", members, 0) == written(tree(members))


@given(MEMBERS, st.dictionaries(NAMES, TEXTS, min_size=1), st.dictionaries(NAMES, TEXTS, min_size=1))
def test_lines_that_are_there_already_stand_around_the_members(
    members: dict[str, Any], before: dict[str, str], behind: dict[str, str]
) -> None:
    lines = [
        "".join(xmltext.element(name, text, 1) for name, text in some.items()) for some in (before, behind)
    ]
    assert xmltext.group("root", members, 0, *lines) == written(tree(members, before, behind))


def test_what_was_said_beside_the_children_stays_and_is_not_indented() -> None:
    found = xmltext.group("a", {"@id": "1", "#text": "said", "b": "x", "c": ["", "y"]}, 1)
    assert found == '\t<a id="1">said<b>x</b>\n\t\t<c></c>\n\t\t<c>y</c>\n\t</a>\n'
