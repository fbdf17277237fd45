"""Rows keep their order in a document, whether they come one by one or in files."""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.parsers.spool import Spool

ROWS = st.lists(st.binary(min_size=1, max_size=4), min_size=1, max_size=4)


@given(st.lists(st.tuples(st.booleans(), ROWS), max_size=6), st.sampled_from([1, 5, 1 << 18]))
def test_rows_keep_their_order_however_they_come(
    given_rows: list[tuple[bool, list[bytes]]], together: int
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("picsellia_ingest.parsers.spool._BUFFER", together)
        folder = Path(name)
        spool = Spool(folder / "rows", b",\n")
        expected: list[bytes] = []
        for number, (in_file, rows) in enumerate(given_rows):
            expected += rows
            if not in_file:
                for row in rows:
                    spool.add(row)
                continue
            part = Spool(folder / f"part{number}", b",\n")
            for row in rows:
                part.add(row)
            spool.add_file(part.closed())
        assert spool.is_empty == (not expected)
        out = BytesIO()
        spool.pour(out)
        assert out.getvalue() == b",\n".join(expected)
        spool.remove()
        assert list(folder.iterdir()) == []


@given(st.binary(max_size=3), ROWS, ROWS, st.sampled_from([1, 5, 1 << 18]))
def test_rows_stand_in_the_document_between_what_is_before_and_behind_them(
    head: bytes, rows: list[bytes], others: list[bytes], together: int
) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("picsellia_ingest.parsers.spool._BUFFER", together)
        folder = Path(name)
        spool, beside = Spool(folder / "document", b",", head), Spool(folder / "beside", b";", b"unseen")
        for row in rows:
            spool.add(row)
        for row in others:
            beside.add(row)
        spool.go_on(b"|")
        beside.pour(spool)
        spool.end(b"!")
        for one in (spool, beside):
            one.remove()
        (document,) = folder.iterdir()
        assert document.read_bytes() == b"%b%b|%b!" % (head, b",".join(rows), b";".join(others))


@given(
    st.lists(st.binary(min_size=1, max_size=4).filter(lambda row: b"\n" not in row), max_size=6),
    st.integers(1, 9),
)
def test_rows_added_one_by_one_are_had_again(given_rows: list[bytes], together: int) -> None:
    with tempfile.TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("picsellia_ingest.parsers.spool._BUFFER", together)
        spool = Spool(Path(name) / "rows", b"\n")
        for row in given_rows:
            spool.add(row)
        assert [*spool.rows()] == given_rows
        spool.remove()
