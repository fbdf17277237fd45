"""What every format must hold, on every fixture that is a readable source.

A new format passes by adding ``fixtures/<FORMAT>/<case>/``. The source is the case's only ``*.json`` file, else the
case's folder.
"""

from __future__ import annotations

import pickle
from collections import defaultdict
from pathlib import Path

import pytest

from picsellia_ingest import parsers
from picsellia_ingest.model import ImageRecord
from picsellia_ingest.parsers.base import Parser, Shard
from picsellia_ingest.problems import Problem, Severity, Unit
from tests.paths import FIXTURES

CASES = [path for name in parsers.FORMATS for path in sorted((FIXTURES / name).glob("*")) if path.is_dir()]


def source(case: Path) -> Path:
    files = sorted(case.glob("*.json"))
    return files[0] if len(files) == 1 else case


def prepared(case: Path) -> tuple[Parser, list[Problem]]:
    problems: list[Problem] = []
    parser = parsers.load(case.parent.name)(source(case))
    parser.prepare(problems.append)
    return parser, problems


def read(parser: Parser, size: int) -> tuple[list[ImageRecord], list[Problem]]:
    problems: list[Problem] = []
    records = [record for shard in parser.shards(size) for record in parser.read(shard, problems.append)]
    return records, problems


@pytest.fixture(params=CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def case(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_the_case_says_in_one_line_what_it_shows(case: Path) -> None:
    text = (case / "case.txt").read_text("utf-8")
    assert text.strip()
    assert text.count("\n") == 1
    assert text.endswith("\n")


def test_the_source_is_recognised_by_its_own_format_only(case: Path) -> None:
    recognised = [name for name in parsers.FORMATS if parsers.load(name).recognises(source(case))]
    assert recognised == [case.parent.name]
    assert parsers.find_format(source(case)).name == case.parent.name


def test_shards_of_any_size_give_the_same_records_and_problems(case: Path) -> None:
    parser, _ = prepared(case)
    whole = read(parser, 1000)
    assert read(parser, 1) == whole
    assert read(parser, 2) == whole


def test_shards_are_a_partition(case: Path) -> None:
    parser, _ = prepared(case)
    for size in (1, 2, 3, 1000):
        shards = parser.shards(size)
        covered = [number for shard in shards for number in range(shard.start, shard.stop)]
        assert covered == list(range(parser.count()))
        assert all(shard.stop - shard.start <= size for shard in shards)


def test_shards_may_be_read_in_any_order(case: Path) -> None:
    parser, _ = prepared(case)
    whole, _ = read(parser, 1000)
    backwards = [next(parser.read(Shard(at, at + 1), print)) for at in reversed(range(parser.count()))]
    assert backwards[::-1] == whole


def test_a_pickled_parser_reads_the_same(case: Path) -> None:
    parser, _ = prepared(case)
    copy: Parser = pickle.loads(pickle.dumps(parser))
    assert read(copy, 2) == read(parser, 2)
    assert (copy.names(), copy.header(), copy.notes) == (parser.names(), parser.header(), parser.notes)


def test_preparing_twice_changes_nothing(case: Path) -> None:
    parser, problems = prepared(case)
    again: list[Problem] = []
    before = (
        parser.names(),
        parser.header(),
        parser.instance_count(),
        read(parser, 1000),
        list(parser.notes),
    )
    parser.prepare(again.append)
    assert again == problems
    assert before == (
        parser.names(), parser.header(), parser.instance_count(), read(parser, 1000), list(parser.notes),
    )  # fmt: skip


def test_names_are_those_of_the_records(case: Path) -> None:
    parser, _ = prepared(case)
    records, _ = read(parser, 1000)
    assert parser.names() == [record.file_name for record in records]
    assert parser.count() == len(records)


def test_labels_cover_the_instances_and_their_kinds(case: Path) -> None:
    parser, _ = prepared(case)
    labels = parser.header().labels
    kinds: dict[str, set[str]] = defaultdict(set)
    for record in read(parser, 1000)[0]:
        for instance in record.instances:
            kinds[instance.label].add(instance.kind)
    stated = {label.name: label.kinds for label in labels}
    assert len(stated) == len(labels)
    assert kinds.keys() <= stated.keys()
    assert all(found <= stated[name] for name, found in kinds.items())


def test_the_account_adds_up(case: Path) -> None:
    parser, while_preparing = prepared(case)
    records, while_reading = read(parser, 2)
    problems = while_preparing + while_reading
    instances = sum(len(record.instances) for record in records)
    assert parser.instance_count() == instances + sum(problem.lost for problem in problems)
    assert all(problem.severity is Severity.ERROR for problem in problems if problem.lost)
    assert all(problem.lost == 1 for problem in problems if problem.lost and problem.unit is Unit.INSTANCE)
    assert not any(problem.lost for problem in problems if problem.unit is Unit.ANSWER)


def test_each_problem_is_reported_once_and_says_where_it_is(case: Path) -> None:
    parser, while_preparing = prepared(case)
    _, while_reading = read(parser, 2)
    problems = while_preparing + while_reading
    assert len({(problem.code, problem.message, str(problem.place)) for problem in problems}) == len(problems)
    for problem in problems:
        assert problem.code == problem.code.lower()
        assert problem.code.replace("_", "").isalnum()
        assert Path(problem.place.file).exists()
        assert problem.to_dict()["message"]


def test_every_record_knows_its_place(case: Path) -> None:
    parser, _ = prepared(case)
    for record in read(parser, 1000)[0]:
        assert record.place is not None
        assert Path(record.place.file).is_file()
