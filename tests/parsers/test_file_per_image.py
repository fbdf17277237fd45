"""Sources of a file for each image say the same when processes look at them first."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.parsers import file_per_image, load
from picsellia_ingest.parsers.base import Spread
from picsellia_ingest.parsers.file_per_image import FilePerImage
from picsellia_ingest.problems import Problem
from tests.parsers.passing import prepared
from tests.paths import FIXTURES, dataset

FORMATS = ("KITTI", "LABELME", "MASKS", "PASCAL-VOC", "YOLO")
FOLDERS = [found for name in FORMATS for found in sorted((FIXTURES / name).iterdir()) if found.is_dir()]


def elsewhere(function: Callable[..., Any], tasks: Iterable[tuple[Any, ...]]) -> Generator[Any, None, None]:
    """Stands for processes, which get and give all in pickled form."""
    return (pickle.loads(pickle.dumps(function(*pickle.loads(pickle.dumps(task))))) for task in tasks)


def said(path: Path, name: str, spread: Spread | None) -> list[Any]:
    problems: list[Problem] = []
    with load(name)(path) as parser:
        assert isinstance(parser, FilePerImage)
        if rejected := prepared(parser, spread, problems):
            return [*problems, rejected]
        records = [record for shard in parser.shards() for record in parser.read(shard, problems.append)]
        return [
            *problems, records, parser.names(), parser.header(), parser.count(), parser.instance_count(), parser.notes,
        ]  # fmt: skip


@pytest.mark.parametrize("together", [1, 3])
@pytest.mark.parametrize("path", FOLDERS, ids=lambda path: f"{path.parent.name}-{path.name}")
def test_processes_see_what_one_process_sees(
    path: Path, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = path.parent.name
    expected = said(path, name, None)
    monkeypatch.setattr(file_per_image, "_MANY", 0)
    monkeypatch.setattr(file_per_image, "_TOGETHER", together)
    assert said(path, name, elsewhere) == expected


@pytest.mark.parametrize(
    ("source", "name"),
    [("voc2007_official", "PASCAL-VOC"), ("raccoon_voc", "PASCAL-VOC"), ("labelme_examples", "LABELME")],
)
def test_processes_see_real_data_as_one_process_does(
    source: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = dataset(source)
    expected = said(path, name, None)
    monkeypatch.setattr(file_per_image, "_MANY", 0)
    monkeypatch.setattr(file_per_image, "_TOGETHER", 7)
    assert said(path, name, elsewhere) == expected


def test_few_sources_are_looked_at_here(tmp_path: Path) -> None:
    def never(*_: Any) -> Generator[Any, None, None]:
        raise AssertionError

    path = FIXTURES / "PASCAL-VOC" / "demo"
    assert said(path, "PASCAL-VOC", never) == said(path, "PASCAL-VOC", None)
