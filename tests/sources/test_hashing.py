"""A stream is hashed once through it, and kept only as far as that is asked for."""

from __future__ import annotations

import hashlib
import io

import pytest

from picsellia_ingest.sources import hashing


@pytest.mark.parametrize(("keep", "is_kept"), [(0, False), (9, False), (10, True), (100, True)])
def test_a_stream_is_hashed_from_where_it_is_and_kept_up_to_a_size(
    keep: int, is_kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hashing, "_BLOCK", 4)
    stream = io.BytesIO(b"before0123456789")
    stream.seek(6)
    size, sha256, content = hashing.digest(stream, keep)
    assert (size, sha256) == (10, hashlib.sha256(b"0123456789").digest())
    assert content == (b"0123456789" if is_kept else None)
