"""Annotations of every format say the same in an archive as in a folder, and their problems name the archive."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path

import pytest

import picsellia_ingest
from picsellia_ingest import parsers
from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.conversion import repair
from picsellia_ingest.errors import InputError, SourceError
from picsellia_ingest.model import ImageRecord
from picsellia_ingest.parsers import copies
from picsellia_ingest.parsers.base import Options
from picsellia_ingest.problems import Problem, ProblemLog
from picsellia_ingest.sources import find
from tests.paths import FIXTURES
from tests.sources.served import Bucket
from tests.sources.test_everywhere import DEMO, held, upload
from tests.test_every_format import made
from tests.upload.conftest import Destination

CASES = sorted(path.parent for path in FIXTURES.glob("*/*/case.txt"))


def zipped(folder: Path, where: Path) -> Path:
    return Path(shutil.make_archive(str(where / "packed"), "zip", folder))


def read(source: str | Path, name: str) -> tuple[list[ImageRecord], list[Problem]]:
    log = ProblemLog()
    try:
        with parsers.reader(find(source), name, Options()) as parser:
            parser.begin(log)
            records = [record for shard in parser.shards() for record in parser.read(shard, log)]
    except InputError as error:
        return [], [error.problem]
    return records, log.kept


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_zip_of_a_fixture_reads_as_its_folder_and_its_places_are_in_the_zip(
    case: Path, tmp_path: Path
) -> None:
    near, found = read(case, case.parent.name)
    archive = zipped(case, tmp_path)
    far, told = read(str(archive), case.parent.name)
    assert far == near  # a record's place does not count
    assert [one.code for one in told] == [one.code for one in found]
    assert [one.place.file for one in told] == [
        one.place.file.replace(str(case), str(archive)) for one in found
    ]
    places = [record.place.file for record in far if record.place is not None]
    assert all(place.startswith(str(archive)) for place in places)


@pytest.mark.parametrize("name", sorted(parsers.FORMATS))
def test_a_dataset_of_any_format_arrives_from_a_zip_as_from_its_folder(
    destination: Destination, elsewhere: Destination, name: str, tmp_path: Path
) -> None:
    source, _ = made(name, tmp_path)
    out = tmp_path / "out"
    inside = "images" if name == "MASKS" else ""
    near = upload(elsewhere, out / inside, source)
    archive = zipped(out, tmp_path)
    below = source.relative_to(out).as_posix()
    ann_path = archive if below == "." else f"{archive}/{below}"
    far = upload(destination, f"{archive}/{inside}".rstrip("/"), ann_path)
    assert near.verified
    assert far.verified, str(far)
    assert held(destination) == held(elsewhere)
    assert far.images_without_record == near.images_without_record


def test_annotations_in_a_bucket_are_converted_with_images_of_a_zip(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("in/instances.json", (DEMO / "instances.json").read_bytes())
    images = zipped(DEMO / "images", tmp_path)
    source = f"{bucket.address}/in/instances.json"
    report = picsellia_ingest.convert(source, tmp_path / "yolo", "YOLO", imgdir=str(images), images="link")
    assert (report.images_placed, report.instances_written) == (4, 7)
    placed = [path for path in (tmp_path / "yolo").rglob("*.*") if path.suffix in (".jpg", ".png")]
    assert sorted(path.read_bytes() for path in placed) == sorted(
        path.read_bytes() for path in (DEMO / "images").rglob("*.*") if path.suffix != ".txt"
    )
    found = picsellia_ingest.diff(source, tmp_path / "yolo", imgdir=str(images), tolerance=1e-6)
    assert found.images == (4, 4)


def test_a_repaired_copy_is_made_of_annotations_in_a_zip(tmp_path: Path) -> None:
    archive = zipped(FIXTURES / "COCO" / "bad_among_good", tmp_path)
    report = repair.repair(f"{archive}/instances.json", tmp_path / "good.json")
    assert report.instances_written > 0
    assert inspect(tmp_path / "good.json").problems.rejected == 0


def test_images_are_not_copied_and_masks_are_unless_they_are_among_the_images(tmp_path: Path) -> None:
    folder = tmp_path / "set"
    for name in (
        "images/a.jpg",
        "images/b.png",
        "masks/b.png",
        "labels/a.txt",
        ".git/x",
        "__MACOSX/labels/a.txt",
    ):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    archive = zipped(folder, tmp_path)
    source = find(archive)
    assert not isinstance(source, Path)
    copy = copies.Copy(source, find(f"{archive}/images"))
    names = sorted(path.relative_to(copy.path).as_posix() for path in copy.path.rglob("*") if path.is_file())
    copy.close()
    assert names == ["labels/a.txt", "masks/b.png"]


def test_a_private_copy_is_of_its_owner_alone_and_goes_with_its_parser(
    tmp_path: Path, temporary: Path
) -> None:
    archive = zipped(DEMO, tmp_path)
    parser = parsers.reader(find(archive), None, Options())
    (folder,) = temporary.iterdir()
    assert folder.stat().st_mode & 0o77 == 0
    pickle.loads(pickle.dumps(parser)).__exit__(None, None, None)
    assert folder.is_dir()
    del parser
    assert not folder.exists()


def test_more_annotations_than_there_is_room_for_are_refused_before_anything_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "BYTES_MAX", 100)
    with pytest.raises(InputError, match=r"bytes of annotations; 100 can be copied"):
        inspect(str(zipped(DEMO, tmp_path)))


def test_a_source_that_breaks_off_while_it_is_copied_leaves_nothing(bucket: Bucket) -> None:
    bucket.put_all(DEMO, "in/")
    bucket.faults.fail("GET", "instances.json", 1000, "closed")
    with pytest.raises(SourceError, match=r"instances\.json"):
        inspect(f"{bucket.address}/in")
