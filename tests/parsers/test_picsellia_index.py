"""The index of a PICSELLIA file says the same in memory and on disk."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picsellia_ingest.parsers import (
    jsonoutline,
    jsonparts,
    jsonspans,
    picsellia_elements,
    picsellia_index,
    scratch,
)
from picsellia_ingest.parsers.picsellia import Picsellia
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import one_by_one

NAMES = st.sampled_from(["a.jpg", "b.jpg", "c.jpg", "é.jpg", " ", None, 5])
PICTURES = st.sampled_from(["1", "2", None, 4])
OBJECTS = st.lists(
    st.sampled_from(
        [
            {"type": "classification", "label": "wet"},
            {"type": "rectangle", "label": "b", "rectangle": {"left": 1, "top": 2, "width": 3, "height": 4}},
            {"type": "rectangle", "label": "b", "polygon": {"geometry": [[1, 1], [4, 1], [4, 9]]}},
            {
                "type": "rectangle",
                "label": 7,
                "rectangle": {},
                "polygon": {"geometry": [{"x": 1, "y": 2}] * 3},
            },
            {"label": "b", "attributes": {"annotations": 1, "external_picture_url": "], \n}, {"}},
            {"external_picture_url": "a.jpg", "label": "c", "type": "classification"},
            7,
        ]
    ),
    max_size=2,
)
NAMING = {"external_picture_url": NAMES, "internal_picture_id": PICTURES}
PLAIN_OBJECTS: st.SearchStrategy[list[Any]] = st.just([{"type": "classification", "label": "dry"}]) | st.just(
    []
)
PLAIN = st.fixed_dictionaries(
    {
        "external_picture_url": st.sampled_from(["a.jpg", "b.jpg", '"c".jpg', "é.jpg", " "]),
        "annotations": PLAIN_OBJECTS | OBJECTS,
    },
    optional={
        "internal_picture_id": PICTURES,
        "width": st.just(5),
        "annotations AGAIN": PLAIN_OBJECTS,
        "external_picture_url AGAIN": st.just("a.jpg"),
    },
)
RECORDS = st.one_of(
    PLAIN,
    PLAIN,
    st.fixed_dictionaries(
        {}, optional={**NAMING, "annotations": OBJECTS | st.just("x"), "width": st.just(5)}
    ),
    st.just(7),
)
IMAGES = st.one_of(
    st.fixed_dictionaries({"width": st.integers(1, 9)}, optional=NAMING),
    st.just("q"),
)


def said(path: Path, *, pickled: bool = False, spread: bool = False) -> Any:
    """Everything that a file says when it is read."""
    log = ProblemLog()
    with Picsellia(path) as parser:
        parser.spread = one_by_one if spread else None
        parser.begin(log)
        reader = pickle.loads(pickle.dumps(parser)) if pickled else parser
        records = [record for shard in reader.shards(2) for record in reader.read(shard, log)]
        counts = reader.count(), reader.instance_count(), reader.header(), reader.notes
        return (*counts, [*reader.names()], records, [one.place for one in records], log.kept, log.lost)


def written(path: Path, records: list[Any], images: list[Any], bare: bool, indent: int | None) -> None:
    document = {"images": images, "annotations": records, "categories": [{"name": "wet"}]}
    path.write_text(json.dumps(records if bare else document, indent=indent).replace(" AGAIN", ""))


@settings(max_examples=250, deadline=None)
@given(
    records=st.lists(PLAIN, max_size=3) | st.lists(RECORDS, max_size=9),
    images=st.lists(IMAGES | PLAIN, max_size=6), bare=st.booleans(),
    indent=st.sampled_from([None, 1]), window=st.integers(20, 600), edge=st.integers(40, 400),
)  # fmt: skip
def test_elements_that_are_decoded_together_are_indexed_as_each_by_itself(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[Any],
    images: list[Any],
    bare: bool,
    indent: int | None,
    window: int,
    edge: int,
) -> None:
    """However little of a file is looked at together, and whether or not its arrays are found by an outline."""
    path = tmp_path_factory.mktemp("picsellia") / "a.json"
    written(path, records, images, bare, indent)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(picsellia_elements, "_part", lambda _: None)
        expected = said(path)
    assert said(path) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonspans, "WINDOW", window)
        patch.setattr(jsonoutline, "EDGE", edge)
        assert said(path) == expected
        patch.setattr(jsonparts, "SEGMENT", window // 2)
        patch.setattr(jsonparts, "LARGE", 1)
        assert said(path, spread=True) == expected


@settings(max_examples=150, deadline=None)
@given(
    records=st.lists(RECORDS, max_size=7), images=st.lists(IMAGES, max_size=6), bare=st.booleans(),
    indent=st.sampled_from([None, 1]), together=st.integers(1, 3),
)  # fmt: skip
def test_an_index_on_disk_says_what_one_in_memory_says(
    tmp_path_factory: pytest.TempPathFactory,
    records: list[Any],
    images: list[Any],
    bare: bool,
    indent: int | None,
    together: int,
) -> None:
    path = tmp_path_factory.mktemp("picsellia") / "a.json"
    written(path, records, images, bare, indent)
    expected = said(path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "KEPT", 0)
        patch.setattr(scratch, "STEP", 3)
        patch.setattr(picsellia_index, "_TOGETHER", together)
        assert said(path) == expected
        assert said(path, pickled=True) == expected


def test_a_repeated_name_is_said_with_the_number_of_the_element_that_had_it_first(tmp_path: Path) -> None:
    named = {"external_picture_url": "a.jpg", "annotations": []}
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"annotations": [7, {"annotations": []}, named, 7, named]}))
    log = ProblemLog()
    with Picsellia(path) as parser:
        parser.begin(log)
    found = next(problem for problem in log.kept if problem.code == "image_repeated")
    assert "another record, number 2;" in found.message
    assert found.place.pointer == "/annotations/4"
