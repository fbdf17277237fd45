"""Writing what was read of a file gives the same file, as data: on fixtures and on real datasets.

COCO's ``annotations`` are compared as a set, since their ids, not their order, say what belongs together. An XML
element's children are compared by name; a polygon's points in whichever of its two spellings. What is not there and what
is empty are one.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from picsellia_ingest import parsers
from picsellia_ingest.parsers import voc_xml
from picsellia_ingest.parsers.numbers import number
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import records_of
from tests.parsers.test_writers import written
from tests.paths import DATA, FIXTURES, dataset

COCO = {
    "picsellia_cartons_coco": ["test/_annotations.coco.json"],
    "picsellia_coco_exports": ["yolov8-segmentation.json"],
    "coco_val_labelbox": ["instances.json", "rle.json"],
    "coco_keypoints_mmpose": ["test_coco.json"],
    "taco_coco": ["annotations.json"],
    "labelme_examples": ["instance_segmentation/data_dataset_coco/annotations.json"],
    "sharks_three_formats": [f"coco/{split}/_annotations.coco.json" for split in ("train", "valid", "test")],
    "datumaro_assets": [
        "coco_dataset/coco/annotations/instances_train.json",
        "coco_dataset/coco/annotations/instances_val.json",
        "coco_dataset/coco/annotations/person_keypoints_train.json",
        "coco_dataset/coco/annotations/stuff_train.json",
        "coco_dataset/coco/annotations/labels_train.json",
        "coco_dataset/coco_roboflow/train/_annotations.coco.json",
        "coco_dataset/mmdet_coco/annotations/instances_train.json",
    ],
    "panlabel_fixtures": ["sample_valid.coco.json"],
}
VOC = {
    "raccoon_voc": ["Annotations"],
    "voc2007_official": ["Annotations"],
    "voc_polygon_modelarts": ["image_0006.xml", "supervision_object.xml"],
    "labelme_examples": ["bbox_detection/data_dataset_voc"],
    "datumaro_assets": [
        "voc_dataset/voc_dataset3",
        "roboflow_dataset/voc/train",
        "kaggle_dataset/relaxed_voc2",
    ],
}


def rewritten(path: Path, name: str, out: Path) -> ProblemLog:
    log = ProblemLog()
    parser = parsers.load(name)(path)
    parser.prepare(log)
    records, more = records_of(parser)
    written(parser, records, name, out)
    return more


def coco_data(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    data["annotations"] = sorted(map(plain_row, data["annotations"]))
    return data


def plain_row(row: dict[str, Any]) -> str:
    """A row as text, whole numbers without a point."""
    return re.sub(r"(?<=\d)\.0(?=[,\]}])", "", json.dumps(row, sort_keys=True))


def check_coco(path: Path, out: Path, renumbered: int = 0) -> None:
    rewritten(path, "COCO", out)
    before, after = coco_data(path), coco_data(out)
    assert after.keys() == before.keys()
    for key in before.keys() - {"annotations"}:
        assert after[key] == before[key]
    assert len(after["annotations"]) == len(before["annotations"])
    assert len(set(before["annotations"]) - set(after["annotations"])) == renumbered


@pytest.mark.parametrize("case", ["boxes", "classification", "demo", "keypoints", "masks", "no_sizes"])
def test_a_coco_fixture_is_written_as_it_was(case: str, tmp_path: Path) -> None:
    check_coco(FIXTURES / "COCO" / case / "instances.json", tmp_path / "out.json")


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in COCO.items() for file in files])
def test_a_real_coco_file_is_written_as_it_was(name: str, file: str, tmp_path: Path) -> None:
    renumbered = 2 if name == "taco_coco" else 0  # two of its annotation ids stand twice
    check_coco(dataset(name) / file, tmp_path / "out.json", renumbered)


def voc_data(root: etree._Element) -> Any:
    data = voc_xml.value(root)
    return _plain(data)


def _plain(value: Any, inside: str = "") -> Any:
    if isinstance(value, dict):
        if inside == "polygon":
            return _polygon(value)
        found = {key: _plain(one, key) for key, one in value.items()}
        return {key: one for key, one in found.items() if one not in ("", {}, [], None)}
    if isinstance(value, list):
        return [_plain(one, inside) for one in value]
    found_number = number(value)
    return value.strip() if found_number is None else found_number


def _polygon(value: dict[str, Any]) -> Any:
    points = value.get("pt")
    if points is None:
        order = sorted((int(key[1:]), key) for key in value if re.fullmatch(r"[xy]\d+", key))
        flat = [number(value[key]) for _, key in order]
    else:
        flat = [number(point[axis]) for point in points for axis in "xy"]
    if flat[:2] == flat[-2:]:
        flat = flat[:-2]
    return flat, {key: one for key, one in value.items() if key != "pt" and not re.fullmatch(r"[xy]\d+", key)}


def voc_files(path: Path) -> dict[str, Any]:
    files = [path] if path.is_file() else sorted(path.rglob("*.[xX][mM][lL]"))
    return {file.stem: voc_data(voc_xml.parse(voc_xml.content(file, str(file)), str(file))) for file in files}


@pytest.mark.parametrize("case", ["boxes", "demo", "polygons"])
def test_a_voc_fixture_is_written_as_it_was(case: str, tmp_path: Path) -> None:
    source = FIXTURES / "PASCAL-VOC" / case
    rewritten(source, "PASCAL-VOC", tmp_path / "out")
    before, after = voc_files(source), voc_files(tmp_path / "out")
    for stem, data in after.items():
        if "filename" not in before[stem]:  # where the file did not name its image, its own name did
            assert data.pop("filename") == stem
    assert after == before


@pytest.mark.parametrize(("name", "file"), [(name, file) for name, files in VOC.items() for file in files])
def test_a_real_voc_dataset_is_written_as_it_was(name: str, file: str, tmp_path: Path) -> None:
    source = dataset(name) / file
    rewritten(source, "PASCAL-VOC", tmp_path / "out")
    before, after = voc_files(source), voc_files(tmp_path / "out")
    names = {data.get("filename"): data for data in after.values()}
    assert len(after) == len(before)
    for stem, data in before.items():
        assert names[data.get("filename", stem)] == {"filename": stem, **data}


def picsellia_data(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text())
    names = [one["label"] for record in data["annotations"] for one in record.get("annotations") or ()]
    data.setdefault("categories", [{"name": name} for name in dict.fromkeys(names)])
    for record in data["annotations"]:
        for found in record["annotations"]:
            for key in [key for key, value in found.items() if not value]:
                del found[key]
    return data


@pytest.mark.parametrize("case", ["demo", "dictionary", "both_shapes", "snapshot"])
def test_a_picsellia_fixture_is_written_as_it_was(case: str, tmp_path: Path) -> None:
    source = next((FIXTURES / "PICSELLIA" / case).glob("*.json"))
    rewritten(source, "PICSELLIA", tmp_path / "out.json")
    assert picsellia_data(tmp_path / "out.json") == picsellia_data(source)


def test_every_readable_coco_file_of_the_real_datasets_is_compared_or_known_to_be_repaired() -> None:
    if not DATA.is_dir():
        pytest.skip("the real datasets are not here")
    repaired = {"yolov8-detection.json", "sample_invalid.coco.json"}
    for name, files in COCO.items():
        entries = json.loads((DATA / name / "expected.json").read_text())["entries"]
        stated = {
            file
            for file, entry in entries.items()
            if entry["format"] == "coco"
            and "panoptic" not in file
            and "caption" not in file
            and "image_info" not in file
        }
        if name not in ("datumaro_assets", "picsellia_coco_exports", "sharks_three_formats"):
            assert {file for file in stated if Path(file).name not in repaired} == set(files), name
