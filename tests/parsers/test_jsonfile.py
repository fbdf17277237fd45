"""The mapped JSON file: exact offsets, exact places, and files that are not what they should be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.errors import InputError
from picsellia_ingest.parsers.jsonfile import JsonFile
from picsellia_ingest.parsers.jsontext import counts

values = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(), inner, max_size=4)),
    max_leaves=12,
)


def write(folder: Path, content: bytes) -> Path:
    path = folder / "file.json"
    path.write_bytes(content)
    return path


def refused(folder: Path, content: bytes) -> InputError:
    with pytest.raises(InputError) as caught, JsonFile.open(write(folder, content)) as file:
        file.top()
    return caught.value


@given(
    items=st.lists(values, max_size=8),
    indent=st.sampled_from([None, 1, 3]),
    blank=st.sampled_from(["", " ", "\n\t"]),
)
def test_every_element_is_found_at_its_offset(
    tmp_path_factory: pytest.TempPathFactory, items: list[Any], indent: int | None, blank: str
) -> None:
    text = (
        f'{blank}{{"items":{blank}['
        + f"{blank},".join(json.dumps(item, indent=indent) for item in items)
        + "]}"
    )
    path = write(tmp_path_factory.mktemp("json"), text.encode())
    with JsonFile.open(path) as file:
        top = file.top()
        assert isinstance(top, dict)
        raws = file.items(top["items"])
        assert raws is not None
        starts, lengths = file.offsets(raws)
        found = [
            msgspec.json.decode(file.slice(*span))
            for span in zip(starts.tolist(), lengths.tolist(), strict=True)
        ]
        del raws, top
    assert found == items


def test_separators_that_differ_in_length_do_not_move_an_element(tmp_path: Path) -> None:
    with JsonFile.open(write(tmp_path, b'{"a": [1,  2, 3,4 ,  5]}')) as file:
        top = file.top()
        assert isinstance(top, dict)
        raws = file.items(top["a"]) or []
        starts, _ = file.offsets(raws)
        assert [file.slice(int(start), 1) for start in starts] == [b"1", b"2", b"3", b"4", b"5"]


def test_a_place_has_line_column_and_byte(tmp_path: Path) -> None:
    with JsonFile.open(write(tmp_path, b'{\n"a": [\n  {"x": 1},\n  {"x": 2}]}')) as file:
        place = file.place(file.slice(0, 99).index(b'{"x": 2}'), "/a/1")
    assert (place.line, place.column, place.byte, place.pointer) == (4, 3, 23, "/a/1")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"<!DOCTYPE html><html>", "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git-lfs pointer"),
        (b"\x1f\x8b\x08\x00abc", "gzip"),
        (b"<annotation><object/></annotation>", "PASCAL-VOC XML"),
        (b"{'images': []}", "Python literal"),
        (b'{"a": 1}\n{"a": 2}\n', "JSON Lines"),
        (b'{"a": [1, 2', "ends early"),
        (b'{"a": 1} tail', "after the end"),
        (b'{"a": [1], "b": 2, "a": [3]}', "twice"),
    ],
)
def test_a_file_that_is_not_json_is_refused_and_described(tmp_path: Path, content: bytes, words: str) -> None:
    error = refused(tmp_path, content)
    assert words in str(error)
    assert "file.json" in str(error)


def test_an_error_of_syntax_names_line_and_column(tmp_path: Path) -> None:
    place = refused(tmp_path, b'{\n  "a": 1,\n  "b": nope\n}').problem.place
    assert (place.line, place.column) == (3, 9)


@pytest.mark.parametrize("depth", [10_000, 1_000_000])
def test_deep_nesting_is_refused_and_does_not_crash(tmp_path: Path, depth: int) -> None:
    error = refused(tmp_path, b'{"a": ' + b"[" * depth + b"]" * depth + b"}")
    assert error.problem.code == "nested_too_deep"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_other_encodings_give_the_same_elements(tmp_path: Path, encoding: str) -> None:
    with JsonFile.open(write(tmp_path, '{"a": "é"}'.encode(encoding))) as file:
        top = file.top()
        assert isinstance(top, dict)
        assert msgspec.json.decode(top["a"]) == "é"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be"])
def test_nan_in_another_encoding_becomes_a_text_too(tmp_path: Path, encoding: str) -> None:
    path = write(tmp_path, '{"a": [NaN, 1], "b": "é"}'.encode(encoding))
    with JsonFile.open(path) as file:
        top = file.top()
        assert isinstance(top, dict)
        assert [msgspec.json.decode(top[key]) for key in "ab"] == [["N", 1], "é"]


@pytest.mark.parametrize("block", [1 << 22, 7])
def test_nan_and_infinity_become_texts_and_move_no_offset(
    tmp_path: Path, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("picsellia_ingest.parsers.jsonrewrite.BLOCK", block)
    content = b'{"a": [NaN, -Infinity, Infinity, "NaN", "\\"NaN"], "b": 7}'
    with JsonFile.open(write(tmp_path, content)) as file:
        top = file.top()
        assert isinstance(top, dict)
        assert msgspec.json.decode(top["a"]) == ["N", "-Infini", "Infini", "NaN", '"NaN']
        assert file.offset(top["b"]) == content.index(b"7")


@given(
    st.lists(st.sampled_from(["a", "\n", "é", "\r\n", "\n\n"]), max_size=30),
    st.integers(1, 9),
    st.lists(st.integers(0, 60), min_size=1, max_size=8),
)
def test_a_place_counts_the_lines_before_it_whatever_the_block_and_what_was_asked_before(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[str], block: int, offsets: list[int]
) -> None:
    text = ("{}" + "".join(pieces)).encode()
    offsets = [min(offset, len(text)) for offset in offsets]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("picsellia_ingest.parsers.textlines.BLOCK", block)
        with JsonFile.open(write(tmp_path_factory.mktemp("json"), text)) as file:
            places = [file.place(offset, None) for offset in offsets]
    before = [text[:offset].split(b"\n") for offset in offsets]
    assert [(place.line, place.column, place.byte) for place in places] == [
        (len(lines), len(lines[-1]) + 1, offset) for lines, offset in zip(before, offsets, strict=True)
    ]


def test_lines_are_counted_once_however_often_a_file_is_opened_and_anew_when_it_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []

    def counting(text: memoryview, character: bytes, block: int) -> list[int]:
        counted.append(len(text))
        return counts(text, character, block)

    monkeypatch.setattr("picsellia_ingest.parsers.textlines.counts", counting)
    text = b"[" + b"\n" * 200_000 + b"]"

    def line_of(offset: int) -> int | None:
        with JsonFile.open(path) as file:
            return file.place(offset, None).line

    path = write(tmp_path, text)
    assert [line_of(offset) for offset in (100_000, 200_000, 150_000)] == [100_000, 200_000, 150_000]
    assert counted == [len(text)]
    path = write(tmp_path, b"[" + text[2:])
    assert line_of(100_000) == 100_000
    path = write(tmp_path, text.replace(b"[\n", b"[ ") + b" ")
    assert line_of(100_000) == 99_999
    assert len(counted) == 3


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("number", ["12", "NaN"])
def test_many_ranges_are_what_each_is_also_of_a_file_that_had_to_be_rewritten(
    tmp_path: Path, codec: str, number: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"images": [{"a": ' + number + '}, {"b": 1}]}', codec)
    with JsonFile.open(path) as file:
        top = file.top()
        assert isinstance(top, dict)
        starts, lengths = (found.tolist() for found in file.offsets(file.array(top, "images") or []))
        ranges = file.slices(starts, lengths)
        assert ranges == [file.slice(*at) for at in zip(starts, lengths, strict=True)]
    assert [b"NaN" in ranges[0], ranges[1]] == [False, b'{"b": 1}']


@given(
    st.lists(st.tuples(st.integers(0, 90), st.integers(0, 9)), max_size=8),
    st.booleans(),
    st.sampled_from([0, 3, 64]),
)
def test_many_ranges_are_read_together_or_one_by_one(
    tmp_path_factory: pytest.TempPathFactory, ranges: list[tuple[int, int]], in_order: bool, gaps: int
) -> None:
    text = bytes(range(33, 133))
    wanted = sorted(ranges) if in_order else ranges
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("picsellia_ingest.parsers.jsonspans._GAPS", gaps)
        with JsonFile.open(write(tmp_path_factory.mktemp("json"), b"{" + text)) as file:
            found = file.slices([start + 1 for start, _ in wanted], [length for _, length in wanted])
    assert found == [text[start : start + length] for start, length in wanted]
