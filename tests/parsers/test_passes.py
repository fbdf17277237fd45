"""Sources say the same when processes look at them first."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.parsers import cvat, file_per_image, json_rows, load
from picsellia_ingest.parsers.base import Spread
from picsellia_ingest.parsers.passes import TwoPasses
from picsellia_ingest.problems import Problem
from tests.parsers.passing import prepared
from tests.paths import FIXTURES, dataset

FORMATS = ("KITTI", "LABELME", "MASKS", "PASCAL-VOC", "YOLO")
FOLDERS = [found for name in FORMATS for found in sorted((FIXTURES / name).iterdir()) if found.is_dir()]
DOCUMENTS = [
    found
    for name in ("CREATEML", "CVAT", "DATUMARO", "LABEL-STUDIO", "VIA")
    for found in sorted((FIXTURES / name).rglob("*"))
    if found.is_dir() or found.suffix in (".json", ".xml")
]


def elsewhere(function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
    """Stands for processes, which get and give all in pickled form."""
    return (pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(task))))) for task in tasks)


def case(path: Path) -> str:
    return "-".join(path.relative_to(FIXTURES).parts)


def said(path: Path, name: str, spread: Spread | None) -> list[Any]:
    problems: list[Problem] = []
    with load(name)(path) as parser:
        assert isinstance(parser, TwoPasses)
        if rejected := prepared(parser, spread, problems):
            return [*problems, rejected]
        records = [record for shard in parser.shards() for record in parser.read(shard, problems.append)]
        return [
            *problems, records, parser.names(), parser.header(), parser.count(), parser.instance_count(), parser.notes,
        ]  # fmt: skip


@pytest.fixture
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Has processes look at however few sources, so many at a time."""

    def set_to(together: int) -> None:
        monkeypatch.setattr(file_per_image, "_MANY", 0)
        monkeypatch.setattr(file_per_image, "_TOGETHER", together)
        for module in (json_rows, cvat):
            monkeypatch.setattr(module, "_LARGE", 0)
            monkeypatch.setattr(module, "_TOGETHER", 1 if together == 1 else 200 * together)

    return set_to


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("path", FOLDERS + DOCUMENTS, ids=case)
def test_processes_see_what_one_process_sees(
    path: Path, together: int, few_are_many: Callable[[int], None]
) -> None:
    name = path.relative_to(FIXTURES).parts[0]
    expected = said(path, name, None)
    few_are_many(together)
    assert said(path, name, elsewhere) == expected


@pytest.mark.parametrize(
    ("source", "name"),
    [("voc2007_official", "PASCAL-VOC"), ("raccoon_voc", "PASCAL-VOC"), ("labelme_examples", "LABELME")],
)
def test_processes_see_real_data_as_one_process_does(
    source: str, name: str, few_are_many: Callable[[int], None]
) -> None:
    path = dataset(source)
    expected = said(path, name, None)
    few_are_many(7)
    assert said(path, name, elsewhere) == expected


def test_few_sources_are_looked_at_here() -> None:
    def never(*_: Any) -> Generator[Any, None, None]:
        raise AssertionError

    for path in (FIXTURES / "PASCAL-VOC" / "demo", *DOCUMENTS):
        name = path.relative_to(FIXTURES).parts[0]
        assert said(path, name, never) == said(path, name, None)


@pytest.mark.parametrize(
    "path",
    [
        "CREATEML/demo", "CVAT/demo/annotations.xml", "DATUMARO/demo/annotations", "LABEL-STUDIO/demo/tasks.json",
        "LABELME/demo", "VIA/demo/via_project.json", "YOLO/demo",
    ],
)  # fmt: skip
def test_processes_get_the_sources_in_parts(path: str, few_are_many: Callable[[int], None]) -> None:
    few_are_many(1)
    given: list[int] = []

    def counted(function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
        parts = [*tasks]
        given.extend(len(sources) for _, sources in parts)
        return elsewhere(function, parts)

    said(FIXTURES / path, path.partition("/")[0], counted)
    assert len(given) > 1
    assert set(given) == {1}
