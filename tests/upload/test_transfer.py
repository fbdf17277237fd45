"""The names under which pictures are stored."""

from __future__ import annotations

import re

import pytest

from picsellia_ingest.upload.transfer import object_key


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("a.JPG", ".jpg"),
        ("a.b/photo", ""),
        ("photo", ""),
        (".hidden", ""),
        ("a.p n", ""),
        ("a.tar.gz", ".gz"),
    ],
)
def test_the_key_ends_with_the_extension_and_with_nothing_where_there_is_none(name: str, ending: str) -> None:
    assert re.fullmatch(r"[0-9a-f]{64}" + re.escape(ending), object_key(name, b"bytes"))
