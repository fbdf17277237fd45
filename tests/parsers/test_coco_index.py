"""However a COCO file is indexed - in memory or on disk, some elements at a time or one by one, here or in parts - it says the same."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from picsellia_ingest.conversion.pipeline import convert
from picsellia_ingest.errors import InputError
from picsellia_ingest.parsers import (
    coco_columns,
    coco_images,
    coco_owners,
    coco_parts,
    jsonoutline,
    jsonparts,
    jsonspans,
    scratch,
)
from picsellia_ingest.parsers.base import Spread
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.problems import Problem
from tests.parsers.passing import one_by_one, prepared


class Impossible(msgspec.Struct):
    """What no element is: it is looked at by itself then."""

    nowhere: int


ODD = msgspec.json.Decoder(list[Impossible])
ABSENT: dict[str, Any] = {}


def some(key: str, *values: Any) -> st.SearchStrategy[dict[str, Any]]:
    """A member that is there, mostly with one of the first values, or is not there."""
    return st.sampled_from(
        [*({key: value} for value in values), *({key: value} for value in values[:3]), ABSENT]
    )


def merged(*members: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.tuples(*members).map(lambda found: {key: one[key] for one in found for key in one})


BOX = [1, 2, 3.5, 4]
RING = [[1, 1, 9, 1, 9, 9.5]]
MASK = {"size": [4, 4], "counts": [3, 2, 11]}
PLAIN_IMAGE = st.integers(0, 4).map(lambda n: {"id": n, "file_name": f"{n}.jpg", "width": 20, "height": 10})
IMAGE = merged(
    some("id", 1, 2, 3, 1.0, "2", "x", None, 1 << 70, -5, True),
    some("file_name", "a.jpg", "b.jpg", "c.jpg", "é}, {.jpg", ' "id": 3', "", " ", "\\", 7),
    some("width", 20, 10),
    some("license", 1, {"id": 2}, [{"file_name": "n"}]),
)
PLAIN_ANNOTATION = st.tuples(st.integers(0, 5), st.integers(0, 9)).map(
    lambda found: {"id": found[1], "image_id": found[0], "category_id": 1, "bbox": BOX, "segmentation": RING}
)
ANNOTATION = merged(
    some("id", 1, 2, 3, "1", 1.0, None, 1 << 70, "n", -1),
    some("image_id", 1, 2, 3, 1.0, "2", "x", None, 1 << 70, -5, 99),
    some("category_id", 1, 2, 1, "1", 77, None, 1 << 70),
    some("bbox", BOX, [], None, "}, {", [1, 2]),
    some("segmentation", RING, MASK, [], [[]], {}, None),
    some("caption", "a {b}", "", ABSENT, ABSENT),
    some("extra", {"a": {"b": [{"c": 1}, {"d": "}, {"}]}}),
)
MEMBERS = st.fixed_dictionaries(
    {
        "images": st.one_of(
            st.lists(PLAIN_IMAGE, max_size=5, unique_by=lambda row: row["id"]),
            st.lists(PLAIN_IMAGE | IMAGE, max_size=6),
            st.lists(st.one_of(IMAGE, st.just(7)), max_size=4),
        ),
        "annotations": st.one_of(
            st.lists(PLAIN_ANNOTATION, max_size=12),
            st.lists(PLAIN_ANNOTATION | ANNOTATION, max_size=12),
            st.lists(st.one_of(ANNOTATION, st.sampled_from([None, "}, {", 1])), max_size=5),
        ),
        "categories": st.just([{"id": 1, "name": "car"}, {"id": 2, "name": "van"}]) | st.just([]),
    }
)
OTHERS = st.fixed_dictionaries(
    {},
    optional={
        "info": st.sampled_from([{"a": [1], "categories": [1]}, ["}], "]]),
        "licenses": st.just([{"id": 1}]),
        "more": st.just({"annotations": [{"id": 1}], "b": "}, {"}),
    },
)
DOCUMENT = (
    st.tuples(MEMBERS, OTHERS)
    .flatmap(lambda found: st.permutations([*found[0].items(), *found[1].items()]))
    .map(dict)
)
STYLE = st.sampled_from([{}, {"separators": (",", ":")}, {"indent": 1}, {"ensure_ascii": False}])


@contextmanager
def patched(
    kept: int, step: int, window: int, edge: int = jsonoutline.EDGE, dense: int = 8, *, plainly: bool = True
) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "KEPT", kept)
        patch.setattr(scratch, "STEP", step)
        patch.setattr(jsonspans, "WINDOW", window)
        patch.setattr(jsonoutline, "EDGE", edge)
        patch.setattr(coco_owners, "_DENSE", dense)
        if not plainly:
            patch.setattr(coco_images, "PLAIN", ODD)
            patch.setattr(coco_parts, "PLAIN", ODD)
        yield


@contextmanager
def divided(segment: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jsonparts, "SEGMENT", segment)
        patch.setattr(jsonparts, "LARGE", 1)
        yield


def said(path: Path, spread: Spread | None = None) -> list[Any]:
    """All that a source gives, read from a parser that was pickled."""
    problems: list[Problem] = []
    with Coco(path) as parser:
        if rejected := prepared(parser, spread, problems):
            return [*problems, rejected]
        copy: Coco = pickle.loads(pickle.dumps(parser))
        names = copy.names()
        records = [record for shard in copy.shards(3) for record in copy.read(shard, problems.append)]
        again = [names[at] for at in range(len(names))]
        assert again == [*names] == names[:] == [record.file_name for record in records]
        return [
            *problems, records, [tuple(record.instances) for record in records], [record.place for record in records],
            copy.header(), copy.count(), copy.instance_count(), copy.notes,
        ]  # fmt: skip


def written(path: Path, out: Path) -> bytes | str:
    try:
        convert(path, out, "PICSELLIA", ann_format="COCO", nb_jobs=1)
    except InputError as error:
        return str(error)
    return out.read_bytes()


@settings(max_examples=80, deadline=None)
@given(
    documents=st.lists(DOCUMENT, min_size=1, max_size=2),
    style=STYLE,
    window=st.integers(1, 400),
    step=st.integers(1, 5),
    edge=st.integers(1, 300),
    segment=st.integers(1, 300),
)
def test_an_index_on_disk_says_what_one_in_memory_says(
    tmp_path_factory: pytest.TempPathFactory,
    documents: list[Any],
    style: dict[str, Any],
    window: int,
    step: int,
    edge: int,
    segment: int,
) -> None:
    folder = tmp_path_factory.mktemp("coco")
    for number, document in enumerate(documents):
        (folder / f"instances_{number}.json").write_text(json.dumps(document, **style))
    path = folder if len(documents) > 1 else folder / "instances_0.json"
    results = tmp_path_factory.mktemp("results")
    expected, text = said(path), written(path, results / "memory.json")
    with patched(0, step, window, edge, dense=edge % 3):
        assert said(path) == expected
        assert written(path, results / "disk.json") == text
    with patched(64, step, window, plainly=False):
        assert said(path) == expected
    with patched(0, step, window, edge), divided(segment):
        assert said(path, one_by_one) == expected


BREAKS = st.sampled_from(
    [
        "",
        "}",
        "]",
        "[",
        "{",
        ",",
        '"',
        "NaN",
        "\ufeff",
        "]}",
        '], "categories": [',
        '"images": [',
        "\\ud83d",
        " ",
        "{}",
        "1,",
    ]
)


@settings(max_examples=150, deadline=None)
@given(
    document=DOCUMENT, style=STYLE, at=st.floats(0, 1), cut=st.integers(0, 30), put=BREAKS, window=st.integers(1, 300),
    edge=st.integers(1, 200), segment=st.integers(1, 200),
)  # fmt: skip
def test_a_broken_document_is_refused_as_when_it_is_read_as_a_whole(
    tmp_path_factory: pytest.TempPathFactory,
    document: Any,
    style: dict[str, Any],
    at: float,
    cut: int,
    put: str,
    window: int,
    edge: int,
    segment: int,
) -> None:
    path = tmp_path_factory.mktemp("coco") / "instances.json"
    text = json.dumps(document, **style)
    place = int(at * len(text))
    path.write_text(text[:place] + put + text[place + cut :])
    expected = said(path)
    with patched(0, 3, window, edge):
        assert said(path) == expected
    with patched(0, 3, window, edge), divided(segment):
        assert said(path, one_by_one) == expected


def test_all_parts_of_a_plain_file_are_read_by_processes(tmp_path: Path) -> None:
    annotations = [
        {"id": n, "image_id": n % 9, "category_id": 1, "bbox": BOX, "segmentation": RING} for n in range(99)
    ]
    images = [{"id": n, "file_name": f"{n}.jpg"} for n in range(9)]
    source = tmp_path / "a.json"
    source.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "car"}]})
    )
    read: list[int] = []

    def noted(function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        for found in one_by_one(function, tasks):
            assert isinstance(found, coco_columns.Columns)
            read.extend(found.ids.tolist())
            yield found

    expected = said(source)
    with divided(500):
        assert said(source, noted) == expected
    assert sorted(read) == [*range(99)]


def test_what_is_on_disk_goes_with_the_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "scratch"))
    (tmp_path / "scratch").mkdir()
    images = [{"id": n, "file_name": f"{n}.jpg"} for n in range(9)]
    annotations = [{"id": n, "image_id": n, "category_id": 1, "bbox": BOX} for n in range(9)]
    source = tmp_path / "a.json"
    source.write_text(
        json.dumps({"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "car"}]})
    )
    with patched(0, 2, 64), Coco(source) as parser:
        parser.prepare(print)
        (folder,) = (tmp_path / "scratch").iterdir()
        assert len([*folder.iterdir()]) == 8  # what readers need; the rest has no name any more
        assert len(pickle.dumps(parser)) < 4000
    assert not [*(tmp_path / "scratch").iterdir()]


@given(
    st.lists(st.integers(-3, 3) | st.sampled_from([-(1 << 63), (1 << 63) - 1]), max_size=20),
    st.integers(1, 5),
)
def test_values_that_stand_before_are_found_in_their_order(values: list[int], step: int) -> None:
    kept_in = scratch.Scratch()
    with patched(0, step, 1):
        found = [
            place
            for part in scratch.repeats(np.array(values, np.int64), kept_in, but=2)
            for place in part.tolist()
        ]
    kept_in.close()
    assert found == [at for at, value in enumerate(values) if value in values[:at] and value != 2]
