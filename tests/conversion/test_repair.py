"""A repaired copy: only what is certain is repaired, all of it is listed, and the copy has nothing left to reject."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.conversion import repair
from picsellia_ingest.errors import InvalidQueryError
from picsellia_ingest.parsers import FORMATS, load
from picsellia_ingest.parsers.image_files import images_below
from tests.parsers.test_conformance import CASES, source
from tests.paths import FIXTURES, ROOT

BAD = [case for case in CASES if case.name == "bad_among_good"]


def test_every_format_has_a_case_of_bad_things() -> None:
    assert {case.parent.name for case in BAD} == set(FORMATS)


@pytest.mark.parametrize("case", BAD, ids=lambda case: case.parent.name)
def test_a_repaired_copy_holds_what_can_be_read_and_has_nothing_to_reject_or_to_repair(
    case: Path, tmp_path: Path
) -> None:
    writer = load(case.parent.name).writer()
    assert writer is not None
    report = repair.repair(
        source(case), tmp_path / "copy", imgdir=case if writer.needs_images and images_below(case) else None
    )
    copy = tmp_path / "copy"
    if (copy / "annotations.json").is_file():
        copy /= "annotations.json"
    found = inspect(copy, case.parent.name)
    assert not found.problems.lost
    assert not found.problems.warnings.keys() & repair.REPAIRS.keys()
    assert found.instances == report.instances_written
    assert report.instances_written + report.rejected.total() == report.instances


def test_repairs_and_what_is_not_in_the_copy_are_listed_with_their_counts(tmp_path: Path) -> None:
    report = repair.repair(FIXTURES / "COCO" / "bad_among_good" / "instances.json", tmp_path / "copy.json")
    lines = list(repair.lines(report))
    assert "repaired box_negative: 1 boxes of negative width or height, drawn from the other corner" in lines
    assert "left out box_rotated: 1 instances of which nothing certain can be made" in lines
    assert lines[-1].startswith("4 of 25 instances are in")


def test_a_source_without_fault_is_copied_as_it_is(tmp_path: Path) -> None:
    path = FIXTURES / "COCO" / "boxes" / "instances.json"
    report = repair.repair(path, tmp_path / "copy.json")
    assert "there was nothing to repair" in list(repair.lines(report))
    assert json.loads((tmp_path / "copy.json").read_text()) == json.loads(path.read_text())


def test_names_are_written_as_the_files_are_called_where_only_one_can_be_meant(tmp_path: Path) -> None:
    document = json.loads((FIXTURES / "COCO" / "demo" / "instances.json").read_text())
    document["images"][0]["file_name"] = "elsewhere/DOCK#02.JPG"
    document["images"] = document["images"][:1]
    document["annotations"] = [
        row for row in document["annotations"] if row["image_id"] == document["images"][0]["id"]
    ]
    (tmp_path / "in.json").write_text(json.dumps(document))
    images = FIXTURES / "COCO" / "demo" / "images"
    report = repair.repair(tmp_path / "in.json", tmp_path / "out.json", imgdir=images)
    assert report.problems.warnings["matched_by_case"] == 1
    assert json.loads((tmp_path / "out.json").read_text())["images"][0]["file_name"] == "dock#02.jpg"


def test_a_copy_that_would_replace_its_source_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "in.json"
    path.write_text((FIXTURES / "COCO" / "boxes" / "instances.json").read_text())
    with pytest.raises(InvalidQueryError, match="replace its source"):
        repair.repair(path, path, overwrite=True)


def test_every_repair_is_a_warning_that_the_code_gives() -> None:
    code = "".join(
        path.read_text() for path in (ROOT / "picsellia_ingest").rglob("*.py") if path.stem != "repair"
    )
    assert [name for name in repair.REPAIRS if f'"{name}"' not in code] == []


def test_validate_writes_the_copy_and_lists_the_repairs(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "picsellia_ingest", "validate", FIXTURES / "COCO" / "bad_among_good" / "instances.json",
         "--fix", tmp_path / "copy.json"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "repaired number_as_text: 1" in done.stderr
    assert (tmp_path / "copy.json").is_file()
