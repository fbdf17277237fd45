"""Real datasets go from format to format and stay the same; so do the conversions that others published of them."""

from __future__ import annotations

from pathlib import Path

import pytest

import picsellia_ingest
from tests.paths import dataset

EXACT, NEARLY = 0.0, 1e-6
"""Pixels: fractions of the picture are not exact to the last digit."""


@pytest.mark.parametrize("split", ["train", "valid", "test"])
@pytest.mark.parametrize(
    ("source", "to", "rectangle", "tolerance"),
    [
        ("coco", "YOLO", False, NEARLY),
        ("coco", "CREATEML", True, EXACT),
        ("createml", "COCO", False, EXACT),
        ("createml", "YOLO", False, NEARLY),
        ("coco", "PASCAL-VOC", False, EXACT),
        ("coco", "LABELME", False, EXACT),
        ("coco", "CVAT", False, EXACT),
        ("coco", "LABEL-STUDIO", False, NEARLY),
        ("coco", "DATUMARO", False, EXACT),
        ("coco", "VIA", False, EXACT),
        ("coco", "PICSELLIA", False, EXACT),
        ("createml", "KITTI", False, EXACT),
        ("createml", "OPEN-IMAGES", False, NEARLY),
    ],
)
def test_sharks_stay_the_same(
    split: str, source: str, to: str, rectangle: bool, tolerance: float, tmp_path: Path
) -> None:
    folder = dataset("sharks_three_formats") / source / split
    path = folder / f"_annotations.{source}.json"
    report = picsellia_ingest.convert(path, tmp_path / "out", to, imgdir=folder, images="copy")
    assert report.instances_written == report.instances
    found = picsellia_ingest.diff(path, written(tmp_path / "out"), tolerance=tolerance, rectangle=rectangle)
    assert not found, str(found)
    assert found.same == report.instances


def written(out: Path) -> Path:
    """What to point at: the folder, or the one file of a format that is one."""
    for name in ("annotations.json", "annotations.xml"):
        if (out / name).is_file():
            return out / name
    return out


def test_sharks_in_yolo_stay_the_same(tmp_path: Path) -> None:
    source = dataset("sharks_three_formats") / "yolov9"
    for to, rectangle in (("COCO", False), ("CREATEML", True)):
        picsellia_ingest.convert(source, tmp_path / to, to)
        found = picsellia_ingest.diff(source, tmp_path / to, rectangle=rectangle, tolerance=NEARLY)
        assert not found, str(found)
        assert found.same == 60


def test_the_boxes_of_labelme_and_of_the_voc_files_made_from_them_are_the_same() -> None:
    folder = dataset("labelme_examples") / "bbox_detection"
    found = picsellia_ingest.diff(folder / "data_annotated", folder / "data_dataset_voc")
    assert (bool(found), found.same) == (False, 9), str(found)


def test_the_polygons_of_labelme_and_of_the_coco_file_made_from_them_are_the_same_but_for_what_it_leaves_out() -> (
    None
):
    folder = dataset("labelme_examples") / "instance_segmentation"
    found = picsellia_ingest.diff(
        folder / "data_annotated", folder / "data_dataset_coco" / "annotations.json", tolerance=NEARLY
    )
    assert found.same == 12
    assert found.counts == {"only in the first": 2}
    assert all("'__ignore__'" in difference.what for difference in found.differences)


@pytest.mark.parametrize("kind", ["bbox_detection", "instance_segmentation"])
@pytest.mark.parametrize("to", ["PASCAL-VOC", "COCO", "LABELME", "YOLO"])
def test_labelme_examples_stay_the_same(kind: str, to: str, tmp_path: Path) -> None:
    source = dataset("labelme_examples") / kind / "data_annotated"
    picsellia_ingest.convert(source, tmp_path / "out", to, imgdir=source, images="copy")
    found = picsellia_ingest.diff(source, tmp_path / "out", tolerance=NEARLY)
    assert not found, str(found)
    assert found.same == {"bbox_detection": 9, "instance_segmentation": 14}[kind]


def test_labelmes_voc_masks_go_to_coco_as_masks_and_come_back_the_same(tmp_path: Path) -> None:
    source = dataset("labelme_examples") / "instance_segmentation" / "data_dataset_voc"
    report = picsellia_ingest.convert(source, tmp_path / "coco.json", "COCO", ann_format="PASCAL-VOC")
    assert not report.losses.changed.keys() - {"splits_not_held", "labels_not_held"}
    found = picsellia_ingest.diff(source, tmp_path / "coco.json", first_format="PASCAL-VOC")
    assert (bool(found), found.same) == (False, 12), str(found)


def test_the_losses_of_coco_with_holes_crowds_and_keypoints_are_named() -> None:
    crowds = dataset("coco_val_labelbox") / "rle.json"
    people = dataset("coco_keypoints_mmpose") / "test_coco.json"
    for to in ("PASCAL-VOC", "YOLO"):
        report = picsellia_ingest.convert(crowds, "nowhere", to, dry_run=True)
        assert report.losses.changed["crowd_not_held"] == 10
        assert report.losses.changed["holes_bridged"] == 4
        assert not report.losses.dropped
        report = picsellia_ingest.convert(people, "nowhere", to, dry_run=True)
        assert report.losses.changed["keypoints_not_held"] == 14
    assert not Path("nowhere").exists()
