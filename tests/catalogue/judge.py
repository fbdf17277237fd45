"""How a row of the catalogue of bad inputs is judged: by what the public seams say and give.

Every bad thing stands beside a good one (``good.jpg`` with one box), which must arrive. The verdict is the unit of the
gravest problem; a warning without a loss is WARN, no word at all SILENT.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.errors import InputError
from picsellia_ingest.model import ImageRecord, Rectangle
from picsellia_ingest.parsers import reader
from picsellia_ingest.parsers.base import Options, Shard
from picsellia_ingest.problems import Problem, ProblemLog, Severity, Unit
from picsellia_ingest.sources import find

FILE, IMAGE, OBJECT, ANSWER, WARN, SILENT = "file", "image", "object", "answer", "warning", "silent"
_GRAVEST = ((Unit.FILE, FILE), (Unit.IMAGE, IMAGE), (Unit.INSTANCE, OBJECT), (Unit.ANSWER, ANSWER))
GOOD = Rectangle(5, 6, 20, 30)


class Row(NamedTuple):
    """One line of a table. ``says`` is a pattern for what is told, in any order of words."""

    id: str
    make: Any
    expect: str
    says: str = ""


def table(*rows: tuple[Any, ...]) -> pytest.MarkDecorator:
    """The rows as parameters of a test, named by their ids; no id stands twice."""
    made = [Row(*row) for row in rows]
    assert len({row.id for row in made}) == len(made)
    return pytest.mark.parametrize("row", made, ids=[row.id for row in made])


@dataclass(frozen=True)
class Found:
    """What became of an input."""

    verdict: str
    told: str
    problems: list[Problem]
    records: list[ImageRecord]
    stated: int = 0

    def record(self, name: str) -> ImageRecord:
        """The first record of that name."""
        return next(record for record in self.records if record.file_name == name)


def judge(path: Path, imgdir: Path | None = None, name: str | None = None) -> Found:
    """Read a source as a user would. Anything but a deliberate refusal of the file is a failure of the test."""
    try:
        inspection = inspect(path, name, imgdir)
    except InputError as error:
        return Found(FILE, str(error), [error.problem], [])
    problems, told = inspection.problems.kept, [*inspection.notes, *inspection.hints]
    errors = {problem.unit for problem in problems if problem.severity is Severity.ERROR}
    quiet = WARN if problems or inspection.hints else SILENT
    verdict = next((verdict for unit, verdict in _GRAVEST if unit in errors), quiet)
    log = ProblemLog()
    with reader(find(path), name, Options()) as parser:
        parser.begin(log)
        records = list(parser.read(Shard(0, parser.count()), log))
    kept = sum(len(record.instances) for record in records)
    assert inspection.instances_stated == kept + sum(log.lost.values())
    text = "\n".join([*map(str, problems), *told])
    return Found(verdict, text, problems, records, inspection.instances_stated)


def check(row: Row, found: Found) -> None:
    """The verdict and the words are those of the table, every problem has a place, and the good instance arrived."""
    assert found.verdict == row.expect, found.told
    assert re.search(row.says, found.told, re.S), found.told
    for problem in found.problems:
        assert problem.place.file
        if problem.unit in (Unit.INSTANCE, Unit.ANSWER):
            assert problem.place.pointer
    if found.stated:
        assert GOOD in [one.rectangle for one in found.record("good.jpg").instances]


def token(text: str) -> str:
    """A value that stands in the JSON as ``text``, without quotes."""
    return f"@{text}@"


def dumped(document: Any) -> bytes:
    """A document as JSON; tokens stand bare in it."""
    return re.sub(r'"@(.*?)@"', r"\1", json.dumps(document)).encode()


Make = Callable[[dict[str, Any]], Any]


def coco() -> dict[str, Any]:
    """A COCO dataset: a good annotation of ``good.jpg`` and one of ``odd.jpg``, which a row makes odd."""
    return {
        "images": [
            {"id": 1, "file_name": "good.jpg", "width": 64, "height": 48},
            {"id": 2, "file_name": "odd.jpg", "width": 64, "height": 48},
        ],
        "annotations": [
            {"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 6, 20, 30]},
            {"id": 2, "image_id": 2, "category_id": 1, "bbox": [5, 6, 20, 30]},
        ],
        "categories": [{"id": 1, "name": "crate"}, {"id": 2, "name": "pallet"}],
    }


def odd(**more: Any) -> Make:
    """Change the second annotation."""
    return lambda document: document["annotations"][1].update(more)


def drawn(**more: Any) -> Make:
    """Give the second annotation these keys in the place of its box."""

    def make(document: dict[str, Any]) -> None:
        del document["annotations"][1]["bbox"]
        document["annotations"][1].update(more)

    return make


def image(**more: Any) -> Make:
    """Change the second image."""
    return lambda document: document["images"][1].update(more)


def named(name: Any) -> Make:
    """Name the second category, and use it."""

    def make(document: dict[str, Any]) -> None:
        document["categories"][1]["name"] = name
        document["annotations"][1]["category_id"] = 2

    return make


def put(**more: Any) -> Make:
    """Change the top of the document."""
    return lambda document: document.update(more)


def without(*path: str | int) -> Make:
    """Take the value at a path out."""

    def make(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        del document[path[-1]]

    return make


def more(where: str, *values: Any) -> Make:
    """Add elements to an array."""
    return lambda document: document[where].extend(values)


def both(*makes: Make) -> Make:
    """One change after the other."""

    def make(document: dict[str, Any]) -> None:
        for each in makes:
            each(document)

    return make


def written(folder: Path, row: Row, document: dict[str, Any], name: str = "odd.json") -> Path:
    """A row's file: its bytes as they are, or the document that its function changed or returned."""
    content = row.make
    if callable(content):
        answer = content(document)
        content = answer if isinstance(answer, bytes) else dumped(document if answer is None else answer)
    path = folder / name
    path.write_bytes(content)
    return path
