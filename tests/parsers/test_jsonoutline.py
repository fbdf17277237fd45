"""The members of a large document are found without reading its two long arrays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.parsers import jsonoutline
from picsellia_ingest.parsers.jsonfile import JsonFile

KEYS = ("images", "annotations")
ROW = {
    "id": 1,
    "categories": 7,
    "segmentation": [[1, 2], {"a": "}, {"}],
    "bbox": [1, 2],
    "file_name": '], "images',
}
DOCUMENT = {
    "info": {"year": 2021, "images": 3},
    "images": [ROW] * 9,
    "annotations": [ROW] * 40,
    "categories": [{"id": 1, "name": "car"}],
}


def members(path: Path) -> tuple[Any, Any]:
    """What an outline tells, and reading the whole: where each member stands."""
    with JsonFile.open(path) as file:
        found, top = file.outline(KEYS), file.top()
        assert isinstance(top, dict)
        places = {key: (file.offset(raw), bytes(raw)) for key, raw in top.items()}
        return found and {key: (file.offset(raw), bytes(raw)) for key, raw in found.items()}, places


@given(order=st.permutations([*DOCUMENT]), indent=st.sampled_from([None, 0, 2]))
def test_an_outline_has_the_members_of_the_document_in_any_order(
    tmp_path_factory: pytest.TempPathFactory, order: list[str], indent: int | None
) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    path.write_text(json.dumps({key: DOCUMENT[key] for key in order}, indent=indent))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonoutline, "EDGE", 300)
        found, places = members(path)
    assert found == places


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"images": [ROW] * 9}),
        json.dumps([DOCUMENT]),
        json.dumps({**DOCUMENT, "more": 1})[:-1],
        json.dumps(DOCUMENT).replace("categories", "info"),
    ],
    ids=["one array", "a list", "cut off", "a key twice"],
)
def test_a_document_that_does_not_look_as_expected_has_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.MonkeyPatch.context() as patch, JsonFile.open(path) as file:
        patch.setattr(jsonoutline, "EDGE", 300)
        assert file.outline(KEYS) is None
