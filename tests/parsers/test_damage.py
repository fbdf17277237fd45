"""However a file is damaged, reading it ends in records, problems or one InputError, and the account adds up."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picsellia_ingest import wire
from picsellia_ingest.errors import InputError
from picsellia_ingest.parsers import load
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.problems import ProblemLog
from tests.paths import FIXTURES

SOURCES = {
    "COCO": sorted(FIXTURES.glob("COCO/*/instances.json")),
    "PICSELLIA": sorted(FIXTURES.glob("PICSELLIA/*/*.json")),
    "CREATEML": sorted(FIXTURES.glob("CREATEML/**/*.json")),
    "VIA": sorted(FIXTURES.glob("VIA/**/*.json")),
    "LABELME": sorted(FIXTURES.glob("LABELME/*/*.json")),
    "KITTI": sorted(FIXTURES.glob("KITTI/**/label_2/*.txt")),
    "PASCAL-VOC": sorted(FIXTURES.glob("PASCAL-VOC/**/*.xml")),
}
VALUES: list[Any] = [
    None, True, 0, -1, 1.5, 1e308, 10**30, "", "x", "NaN", "12", [], [[]], [1], [1, 2, 3, 4], [[1, 2, 3, 4, 5, 6]], {}, [None],
    {"size": [2, 2], "counts": [1, 3]}, {"counts": "abc", "size": [4, 4]}, {"size": [2, 2], "counts": "oo"}, "\ud83d", "a\x00b",
    {"geometry": [{"x": 1, "y": 2}] * 3}, {"top": 1, "left": 2, "width": 3, "height": 4},
]  # fmt: skip


def check(name: str, path: Path) -> None:
    parser, log = load(name)(path), ProblemLog()
    try:
        parser.prepare(log)
    except InputError:
        return
    records = list(parser.read(Shard(0, parser.count()), log))
    assert {record.file_name for record in records} <= set(parser.names())
    kept = sum(len(record.instances) for record in records)
    assert parser.instance_count() == kept + sum(log.lost.values())
    labels = {label.name for label in parser.header().labels}
    for record in records:
        assert {instance.label for instance in record.instances} <= labels
        document = wire.document(record, rectangle=False, notes=Counter())
        encoded = wire.encode(document)
        assert msgspec.to_builtins(wire.decode(encoded)) == msgspec.json.decode(encoded)


@pytest.mark.parametrize("name", sorted(SOURCES))
@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_bytes_are_survived(tmp_path: Path, name: str, data: st.DataObject) -> None:
    source = data.draw(st.sampled_from(SOURCES[name]))
    content = bytearray(source.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content)))
        content[at : at + data.draw(st.integers(0, 20))] = data.draw(st.binary(max_size=3))
    path = tmp_path / source.name
    path.write_bytes(content)
    check(name, path)


def put(document: Any, data: st.DataObject) -> None:
    """Put another value at some place of a document."""
    steps: list[tuple[Any, Any]] = []
    inside = document
    while isinstance(inside, (dict, list)) and inside and (not steps or data.draw(st.booleans())):
        keys = list(inside) if isinstance(inside, dict) else range(len(inside))
        key = data.draw(st.sampled_from(keys))
        steps.append((inside, key))
        inside = inside[key]
    if steps:
        container, key = steps[-1]
        container[key] = copy.deepcopy(data.draw(st.sampled_from(VALUES)))


@pytest.mark.parametrize("name", sorted(SOURCES.keys() - {"PASCAL-VOC", "KITTI"}))
@given(data=st.data())
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_changed_values_are_survived(tmp_path: Path, name: str, data: st.DataObject) -> None:
    readable = [
        source for source in SOURCES[name] if source.parent.name != "nan" and "_cut" not in source.name
    ]
    document = json.loads(data.draw(st.sampled_from(readable)).read_text())
    for _ in range(data.draw(st.integers(1, 3))):
        put(document, data)
    path = tmp_path / "damaged.json"
    path.write_text(json.dumps(document))
    check(name, path)
