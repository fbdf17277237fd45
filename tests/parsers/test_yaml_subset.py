"""The small YAML reader: what it reads, what it refuses, that it writes what it reads, and that it stays quick."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.parsers.yaml_subset import Value, YamlError, quoted, sections, value

DOCUMENT = """\
# what the yard holds
path: ../crates  # beside this
train: [a/b, "c, d", 'it''s', don't,]
val:
- x#y
-   C:\\data # tail
names:
  0: person, adult
  1: "a # b"
  2: 'x: y'
  3:
more: {0: a, 1: "b"}
long: [
  a, # one
  b
]
nothing: ~
roboflow:
  version: 7
  url: https://example.com/x#k
"""


def everything(text: str) -> dict[str, Value]:
    return {key: value(section, line) for key, (section, line) in sections(text).items()}


def refused_at(text: str) -> int | None:
    """The line of the error, if the text is refused."""
    try:
        everything(text)
    except YamlError as error:
        return error.line
    return None


def test_scalars_lists_and_objects_are_read_in_every_spelling() -> None:
    assert everything(DOCUMENT) == {
        "path": "../crates",
        "train": ["a/b", "c, d", "it's", "don't"],
        "val": ["x#y", "C:\\data"],
        "names": {"0": "person, adult", "1": "a # b", "2": "x: y", "3": ""},
        "more": {"0": "a", "1": "b"},
        "long": ["a", "b"],
        "nothing": "",
        "roboflow": {"version": "7", "url": "https://example.com/x#k"},
    }


def test_sections_know_their_lines_and_keep_their_text() -> None:
    found = sections(DOCUMENT)
    assert {key: line for key, (_, line) in found.items()}["names"] == 7
    assert found["val"][0] == "\n- x#y\n-   C:\\data # tail"
    again = "".join(
        f"{key}:{'' if text.startswith(chr(10)) else ' '}{text}\n" for key, (text, _) in found.items()
    )
    assert {key: text for key, (text, _) in sections(again).items()} == {
        key: text for key, (text, _) in found.items()
    }


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a: 1\nb 2\n", 2),
        ("a: 1\na: 2\n", 2),
        ("{a: 1}\n", 1),
        ("a: 1\n---\nb: 2\n", 2),
        ("a: *x\n", 1),
        ("a: !!str x\n", 1),
        ("a: |\n  x\n", 1),
        ("a: x: y\n", 1),
        ("a: [b, [c]]\n", 1),
        ("a: [b\n", 1),
        ("a: [b,,c]\n", 1),
        ('a: "b\n', 1),
        ('a: "\\x"\n', 1),
        ("a:\n  - b\n  c: d\n", 3),
        ("a:\n  b: c\n  - d\n", 3),
        ("a:\n  b: c\n  b: d\n", 3),
        ("a: b\n  c\n", 1),
    ],
)
def test_anything_else_is_refused_with_its_line(text: str, line: int) -> None:
    assert refused_at(text) == line


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True))
def test_what_is_quoted_reads_back_as_the_same_text(texts: list[str]) -> None:
    def read(text: str) -> Value:
        return everything(text)["a"]

    assert read("a: [" + ", ".join(map(quoted, texts)) + "]") == texts
    assert read("a:\n" + "\n".join(f"- {quoted(text)}" for text in texts)) == texts
    assert read("a:\n" + "\n".join(f"  {at}: {quoted(text)}" for at, text in enumerate(texts))) == {
        str(at): text for at, text in enumerate(texts)
    }
    assert read(f"a: {quoted(texts[0])}") == texts[0]


@given(st.text(alphabet="ab:,[]{}\"'\\#-&| \n\t0", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    line = refused_at(text)
    assert line is None or 1 <= line <= text.count("\n") + 1


@pytest.mark.parametrize(
    "unit", ["'a'", "'", '"\\', "a ", "a,", "a' ", "'' ", "#", " #", "a: ", "\n", "[", "''"]
)
@pytest.mark.timeout(10)
def test_long_text_takes_time_in_proportion(unit: str) -> None:
    for text in (
        f"a: [{unit * 100_000}]",
        f"a: {unit * 100_000}",
        unit * 100_000,
        f"a:\n  - {unit * 100_000}",
    ):
        refused_at(text)
