"""How the format of a path is found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from picsellia_ingest import parsers
from picsellia_ingest.errors import FormatError, InvalidQueryError
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Rectangle
from picsellia_ingest.parsers import looks, voc_layout
from picsellia_ingest.parsers.base import Options
from picsellia_ingest.parsers.folders import ignore
from tests.parsers.passing import read_with, write_with
from tests.paths import FIXTURES

CASES = {
    "COCO": FIXTURES / "COCO" / "boxes" / "instances.json",
    "PASCAL-VOC": FIXTURES / "PASCAL-VOC" / "boxes",
    "YOLO": FIXTURES / "YOLO" / "demo",
    "LABELME": FIXTURES / "LABELME" / "demo",
    "CREATEML": FIXTURES / "CREATEML" / "odd" / "odd.json",
    "OPEN-IMAGES": FIXTURES / "OPEN-IMAGES" / "demo",
    "KITTI": FIXTURES / "KITTI" / "demo",
    "VIA": FIXTURES / "VIA" / "demo" / "via_project.json",
    "PICSELLIA": FIXTURES / "PICSELLIA" / "dictionary" / "annotations.json",
}


@pytest.mark.parametrize("name", CASES)
def test_a_path_is_recognised_without_a_name(name: str) -> None:
    assert parsers.find_format(CASES[name]).name == name


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("COCO", "COCO"),
        ("coco", "COCO"),
        ("ms-coco", "COCO"),
        ("VOC", "PASCAL-VOC"),
        ("pascal_voc", "PASCAL-VOC"),
        ("Pascal VOC", "PASCAL-VOC"),
        ("PASCAL-VOC", "PASCAL-VOC"),
        ("picsellia", "PICSELLIA"),
        ("Ultralytics", "YOLO"),
        ("darknet", "YOLO"),
        ("vgg", "VIA"),
        ("openimages", "OPEN-IMAGES"),
        ("label_me", "LABELME"),
        ("Create ML", "CREATEML"),
    ],
)
def test_names_may_be_spelled_freely(written: str, name: str) -> None:
    assert parsers.find_format(CASES[name], written).name == parsers.load(written).name == name


@pytest.mark.parametrize("written", ["", "YOLLO", "JSON"])
def test_an_unknown_name_is_answered_with_the_names_there_are(written: str) -> None:
    with pytest.raises(InvalidQueryError, match=", ".join(sorted(parsers.FORMATS))):
        parsers.find_format(CASES["COCO"], written)


@pytest.mark.parametrize("name", CASES)
def test_a_wrong_name_is_answered_with_what_the_path_is(name: str) -> None:
    for path in (path for other, path in CASES.items() if other != name):
        with pytest.raises(FormatError) as caught:
            parsers.find_format(path, name)
        other = next(other for other, each in CASES.items() if each == path)
        assert caught.value.message.startswith(f"this is a {other} f")
        assert f"not {name}" in caught.value.message


def test_a_named_format_that_cannot_be_recognised_is_left_to_its_parser(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")
    assert parsers.find_format(tmp_path / "broken.json", "COCO").name == "COCO"
    assert parsers.find_format(tmp_path / "gone.json", "COCO").name == "COCO"


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("<html>", "an HTML page"),
        ("", "an empty file"),
        ('{"a": 1}', "JSON"),
        ("\x1f\x8b", "binary|text|gzip"),
    ],
)
def test_a_file_in_no_known_format_is_described(tmp_path: Path, text: str, looks: str) -> None:
    (tmp_path / "any").write_text(text, "latin-1")
    with pytest.raises(FormatError, match=f"it looks like .*({looks})"):
        parsers.find_format(tmp_path / "any")


def test_a_folder_in_no_known_format_is_described(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="a folder without files"):
        parsers.find_format(tmp_path)
    (tmp_path / "a.csv").write_text("a,b")
    with pytest.raises(FormatError, match=r"a folder of files with \.csv"):
        parsers.find_format(tmp_path)
    with pytest.raises(FormatError, match="no such file or folder"):
        parsers.find_format(tmp_path / "gone")


def test_a_folder_in_two_formats_asks_for_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(CASES["COCO"].read_bytes())
    (tmp_path / "a.xml").write_text("<annotation/>")
    with pytest.raises(FormatError, match="COCO and PASCAL-VOC"):
        parsers.find_format(tmp_path)
    assert parsers.find_format(tmp_path, "voc").name == "PASCAL-VOC"


def test_other_packages_add_formats_and_cannot_take_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = "picsellia_ingest.parsers.picsellia:Picsellia"
    points = EntryPoints([EntryPoint(name, mine, parsers.GROUP) for name in ("My Format", "COCO")])
    monkeypatch.setattr(parsers, "entry_points", lambda group: points.select(group=group))
    assert parsers.load("my-format").name == "PICSELLIA"
    assert parsers.load("COCO").name == "COCO"
    with pytest.raises(InvalidQueryError, match="My Format"):
        parsers.load("other")


def test_importing_the_package_imports_no_parser() -> None:
    code = "import sys, picsellia_ingest.parsers; print([m for m in ('lxml', 'numpy', 'PIL') if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_folder_is_listed_once_while_its_format_is_looked_for_and_anew_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "a.txt").touch()
    scandir = os.scandir
    listed: list[object] = []

    def noted(path: Path) -> object:
        listed.append(path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", noted)
    with voc_layout.listed_once():
        walks = [list(voc_layout.walk(tmp_path, ignore)) for _ in range(3)]
        assert walks == [[("", []), ("below", ["a.txt"])]] * 3
        assert listed == [tmp_path, tmp_path / "below"]
    (tmp_path / "b.txt").touch()
    assert next(voc_layout.walk(tmp_path, ignore)) == ("", ["b.txt"])


@pytest.mark.parametrize(
    ("name", "edge"), [("COCO", 1 << 16), ("PICSELLIA", 1 << 16), ("DATUMARO", looks.EDGE)]
)
def test_what_is_written_is_recognised_however_much_it_says_of_itself(
    name: str, edge: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TACO has 200 KB of annotations of scenes beside its arrays, LVIS 300 KB of categories."""
    monkeypatch.setattr(looks, "EDGE", edge)
    says = {"info": {}, "scenes": [{"image_id": at, "text": "x" * 100} for at in range(3000)]}
    header = Header(tuple(Label(f"label {at}", frozenset({"rectangle"})) for at in range(2000)), says)
    boxes = tuple(Instance(label.name, Rectangle(1, 2, 3, 4)) for label in header.labels[:20])
    records = [ImageRecord(f"{at:0100}.jpg", 20, 10, instances=boxes) for at in range(1000)]
    path = tmp_path / "a.json"
    writer = parsers.load(name).writer()
    assert writer is not None
    write_with(writer(header, source=name), records, path)
    with parsers.find_format(path)(path, Options()) as parser:
        found, _, log = read_with(parser)
    assert [len(record.instances) for record in found] == [20] * 1000
    assert [label.name for label in parser.header().labels] == [label.name for label in header.labels]
    assert parser.header().attributes["scenes"] == says["scenes"]
    assert not log.counts


@pytest.mark.parametrize(
    "order", [["images", "annotations", "categories"], ["annotations", "images", "categories"]]
)
def test_a_coco_file_is_recognised_before_which_much_is_said(order: list[str], tmp_path: Path) -> None:
    """Whoever wrote it: here 700 KB stand before the arrays, and behind them 300 KB of categories."""
    boxes = [{"id": at, "image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4]} for at in range(30_000)]
    arrays = {
        "images": [{"id": 1, "file_name": "a.jpg"}],
        "annotations": boxes,
        "categories": [{"id": at, "name": f"label {at}", "def": "x" * 250} for at in range(1, 1200)],
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps({"scenes": ["x" * 100] * 7000, **{key: arrays[key] for key in order}}))
    assert parsers.find_format(path).name == "COCO"
