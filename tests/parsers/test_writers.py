"""What every writer must hold, on every fixture that its format's reader reads.

Two laws: what is written of a file's records reads back as the same records; and writing them again gives the same
bytes. That a file is written as the same data is proven for each format by its own tests.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from picsellia_ingest import parsers
from picsellia_ingest.errors import InvalidQueryError
from picsellia_ingest.losses import REASONS, Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Rectangle
from picsellia_ingest.parsers.base import Parser
from picsellia_ingest.parsers.writer import Output
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, records_of, write_with
from tests.parsers.test_conformance import CASES, prepared, source
from tests.paths import FIXTURES

WRITABLE = [name for name in parsers.FORMATS if parsers.load(name).writer() is not None]


def written(parser: Parser, records: list[ImageRecord], to: str, destination: Path) -> Losses:
    """The records of a prepared parser, written in a format."""
    writer = parsers.load(to).writer()
    assert writer is not None
    return write_with(writer(parser.header(), parser.options, parser.name), records, destination)


def destination(folder: Path, to: str, *, whole: bool = False) -> Path:
    """Where to write; with ``whole`` a folder where the format keeps splits apart in one."""
    writer = parsers.load(to).writer()
    assert writer is not None
    in_folder = whole and getattr(writer, "by_split", False)
    return folder / ("out" if in_folder else f"out{writer.suffix}")


def reread(path: Path, name: str, like: Parser | None = None) -> tuple[Parser, list[ImageRecord]]:
    log = ProblemLog()
    parser = parsers.load(name)(path, None if like is None else like.options)
    parser.prepare(log)
    return parser, records_of(parser)[0]


def content(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture(
    params=[case for case in CASES if case.parent.name in WRITABLE],
    ids=lambda case: f"{case.parent.name}-{case.name}",
)
def case(request: pytest.FixtureRequest) -> Path:
    found: Path = request.param
    return found


def test_what_is_written_of_a_files_records_reads_back_as_the_same_records(
    case: Path, tmp_path: Path
) -> None:
    name = case.parent.name
    parser, _ = prepared(case)
    records, _ = records_of(parser)
    out = destination(tmp_path, name, whole=True)
    losses = written(parser, records, name, out)
    assert losses.changed.keys() <= {"ids_renumbered", "holes_bridged", "name_changed", "splits_not_held"}
    assert not losses.dropped
    again, back = reread(out, name, parser)
    assert sorted(map(without_numbers, back), key=by_name) == sorted(
        map(without_numbers, records), key=by_name
    )
    assert {label.name for label in again.header().labels} == {label.name for label in parser.header().labels}


def without_numbers(record: ImageRecord) -> tuple[object, ...]:
    """A record as it must come back; numbers of the file's own may be given anew."""
    numbers = ("id", "image_id")
    instances = [
        (
            one.label,
            one.rectangle,
            one.polygon,
            one.qa,
            {k: v for k, v in one.attributes.items() if k not in numbers},
        )
        for one in record.instances
    ]
    attributes = {key: value for key, value in record.attributes.items() if key not in (*numbers, "captions")}
    return record.file_name, record.width, record.height, instances, record.qa, attributes, record.splits


def by_name(record: tuple[object, ...]) -> str:
    return repr(record[:3])


def test_writing_the_same_records_twice_gives_the_same_bytes(case: Path, tmp_path: Path) -> None:
    parser, _ = prepared(case)
    records, _ = records_of(parser)
    for run in ("one", "two"):
        written(parser, records, case.parent.name, tmp_path / run / "out")
    assert content(tmp_path / "one" / "out") == content(tmp_path / "two" / "out")


@pytest.mark.parametrize("name", WRITABLE)
def test_nothing_appears_when_writing_fails_and_nothing_is_left_behind(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.parent.name == name)
    parser, _ = prepared(case)
    records, _ = records_of(parser)

    def failing() -> Iterator[ImageRecord]:
        yield from records
        raise RuntimeError("in the middle")

    writer = parsers.load(name).writer()
    assert writer is not None
    made = writer(parser.header(), parser.options, name)
    with pytest.raises(RuntimeError), Output(made, tmp_path / "out") as output:
        output.write(failing(), [*made.keys([record.file_name for record in records], output.losses), "more"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", [one for one in WRITABLE if getattr(parsers.load(one).writer(), "by_split", False)]
)
def test_images_of_splits_that_have_one_document_are_all_in_it(name: str, tmp_path: Path) -> None:
    splits = {"a.png": ("default",), "b.png": (), "c.png": ("x/y",), "d.png": ("x/./y",), "e.png": ("train",)}
    box = Instance("x", Rectangle(1, 2, 3, 4))
    records = [ImageRecord(one, 64, 48, (box,), splits=where) for one, where in splits.items()]
    kind = parsers.load(name).writer()
    assert kind is not None
    losses = write_with(kind(Header((Label("x"),)), None, "KITTI"), records, tmp_path / "out")
    found, _, _ = read_with(parsers.load(name)(tmp_path / "out"))
    assert sorted(record.file_name.rpartition("/")[2] for record in found) == list(splits)
    held = {record.file_name.rpartition("/")[2]: record.splits for record in found}
    assert losses.changed["splits_not_held"] == sum(held[one] != where for one, where in splits.items())


@pytest.mark.parametrize("name", WRITABLE)
def test_what_is_there_already_is_not_overwritten_unless_that_is_asked_for(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.parent.name == name)
    parser, _ = prepared(case)
    records, _ = records_of(parser)
    out = destination(tmp_path, name)
    written(parser, records, name, out)
    before = content(out)
    with pytest.raises(InvalidQueryError, match="is there already"):
        written(parser, records, name, out)
    writer = parsers.load(name).writer()
    assert writer is not None
    with Output(writer(parser.header(), parser.options, name), out, overwrite=True):
        pass
    assert content(out) != before
    assert [path.name for path in tmp_path.iterdir()] == [out.name]


@pytest.mark.parametrize("name", WRITABLE)
@pytest.mark.parametrize("of", ["COCO", "PICSELLIA", "PASCAL-VOC"])
def test_every_demo_can_be_written_in_every_format_and_losses_have_reasons(
    of: str, name: str, tmp_path: Path
) -> None:
    parser, _ = prepared(FIXTURES / of / "demo")
    records, _ = records_of(parser)
    out = destination(tmp_path, name)
    losses = written(parser, records, name, out)
    assert losses.changed.keys() | losses.dropped.keys() <= REASONS.keys()
    found = parsers.find_format(out)
    assert found.name == name
    _, back = reread(out, name)
    kept = sum(len(record.instances) for record in back)
    stated = sum(len(record.instances) for record in records) - losses.dropped.total()
    assert kept == stated or losses.changed.keys() & {"split_in_parts"}
    assert source(FIXTURES / of / "demo").exists()
