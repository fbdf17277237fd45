"""Conversion: everything that comes in is accounted for, losses are said first, and the result appears whole or not at all."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

import picsellia_ingest
from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.conversion import pipeline
from picsellia_ingest.conversion.report import Conversion
from picsellia_ingest.errors import FormatError, InputError, InvalidQueryError, ResourceNotFoundError
from picsellia_ingest.selection import selection
from picsellia_ingest.upload import reading
from tests.paths import FIXTURES, dataset

DEMO = FIXTURES / "COCO" / "demo"
MASKS = FIXTURES / "COCO" / "masks" / "instances.json"
KEYPOINTS = FIXTURES / "COCO" / "keypoints" / "instances.json"


def content(path: Path) -> dict[str, str]:
    files = [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file())
    return {str(file.relative_to(path)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def test_every_instance_is_accounted_for_and_the_counts_add_up(tmp_path: Path) -> None:
    report = picsellia_ingest.convert(
        FIXTURES / "COCO" / "bad_among_good" / "instances.json", tmp_path / "out", "PASCAL-VOC"
    )
    assert (report.images, report.instances) == (5, 25)
    assert (report.instances_written, report.rejected.total()) == (4, 21)
    assert report.exit_code == 3
    assert len(list((tmp_path / "out" / "Annotations").glob("*.xml"))) == 5


def test_what_the_target_cannot_hold_is_said_before_anything_appears(tmp_path: Path) -> None:
    seen: list[tuple[int, bool]] = []
    asked = pipeline.request(MASKS, tmp_path / "out", "voc", chosen=selection())

    def before(report: Conversion) -> None:
        seen.append((report.losses.changed["holes_bridged"], (tmp_path / "out").exists()))

    pipeline.run(asked, before)
    assert seen == [(2, False)]
    assert (tmp_path / "out").exists()


def test_keypoints_and_crowds_are_lost_by_name(tmp_path: Path) -> None:
    report = picsellia_ingest.convert(KEYPOINTS, tmp_path / "out", "PASCAL-VOC")
    assert report.losses.changed["keypoints_not_held"] == 1
    crowd = picsellia_ingest.convert(MASKS, tmp_path / "masks", "PASCAL-VOC")
    assert crowd.losses.changed["crowd_not_held"] >= 1
    assert any("crowd_not_held" in line for line in crowd.lines())


def test_strict_refuses_to_lose_and_leaves_nothing_behind(tmp_path: Path) -> None:
    report = picsellia_ingest.convert(MASKS, tmp_path / "out", "PASCAL-VOC", strict=True)
    assert report.refused
    assert report.exit_code == 3
    assert list(tmp_path.iterdir()) == []


def test_strict_lets_through_what_is_held_whole(tmp_path: Path) -> None:
    report = picsellia_ingest.convert(MASKS, tmp_path / "out.json", "COCO", strict=True)
    assert (report.refused, report.exit_code) == (False, 0)
    assert (tmp_path / "out.json").is_file()


def test_a_dry_run_reports_all_and_writes_nothing(tmp_path: Path) -> None:
    dry = picsellia_ingest.convert(MASKS, tmp_path / "out", "PASCAL-VOC", dry_run=True)
    assert list(tmp_path.iterdir()) == []
    real = picsellia_ingest.convert(MASKS, tmp_path / "out", "PASCAL-VOC")
    assert dry.losses == real.losses
    assert dry.instances_written == real.instances_written


def test_a_source_that_is_rejected_leaves_the_destination_as_it_was(tmp_path: Path) -> None:
    bad = tmp_path / "bad.json"
    bad.write_text('{"images": [], "annotations": [')
    (tmp_path / "out.json").write_text("precious")
    with pytest.raises(InputError):
        picsellia_ingest.convert(bad, tmp_path / "out.json", "PICSELLIA", ann_format="COCO", overwrite=True)
    assert (tmp_path / "out.json").read_text() == "precious"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.json", "out.json"]


@pytest.mark.parametrize("to", ["COCO", "PASCAL-VOC", "PICSELLIA"])
def test_two_runs_give_the_same_bytes(to: str, tmp_path: Path) -> None:
    for run in ("one", "two"):
        picsellia_ingest.convert(DEMO / "instances.json", tmp_path / run / "out", to)
    assert content(tmp_path / "one") == content(tmp_path / "two")


@pytest.mark.parametrize("to", ["COCO", "PASCAL-VOC", "PICSELLIA"])
def test_processes_give_the_same_bytes_as_one_thread(
    to: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = dataset("taco_coco") / "annotations.json"
    alone = picsellia_ingest.convert(source, tmp_path / "one" / "out", to)
    monkeypatch.setattr(reading, "MANY", 0)
    together = picsellia_ingest.convert(source, tmp_path / "two" / "out", to, nb_jobs=2)
    assert content(tmp_path / "one") == content(tmp_path / "two")
    assert alone.losses == together.losses
    assert alone.problems.counts == together.problems.counts
    assert alone.instances_written == together.instances_written == 4784


def test_images_are_copied_under_the_names_the_records_then_have(tmp_path: Path) -> None:
    report = picsellia_ingest.convert(
        DEMO / "instances.json", tmp_path / "out", "PASCAL-VOC", imgdir=DEMO / "images", images="copy"
    )
    assert report.images_placed == 4
    copied = content(tmp_path / "out" / "JPEGImages")
    assert copied == {
        name: digest for name, digest in content(DEMO / "images").items() if name != "notes.txt"
    }
    back = picsellia_ingest.diff(DEMO / "instances.json", tmp_path / "out")
    assert not back, str(back)


def test_images_are_linked_without_taking_space(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for path in (DEMO / "images").rglob("*.jpg"):
        (images / path.relative_to(DEMO / "images")).parent.mkdir(exist_ok=True)
        (images / path.relative_to(DEMO / "images")).write_bytes(path.read_bytes())
    report = picsellia_ingest.convert(
        DEMO / "instances.json", tmp_path / "out", "COCO", imgdir=images, images="link"
    )
    assert (tmp_path / "out" / "images" / "dock 01.jpg").stat().st_nlink == 2
    assert report.problems.counts == {"image_missing": 1}  # the PNG was not taken along
    assert report.exit_code == 3


def test_sizes_come_from_the_images_where_the_source_states_none(tmp_path: Path) -> None:
    source = json.loads((DEMO / "instances.json").read_text())
    for image in source["images"]:
        image.pop("width"), image.pop("height")
    (tmp_path / "in.json").write_text(json.dumps(source))
    picsellia_ingest.convert(tmp_path / "in.json", tmp_path / "out.json", "COCO", imgdir=DEMO / "images")
    written = json.loads((tmp_path / "out.json").read_text())
    stated = json.loads((DEMO / "instances.json").read_text())
    sizes = {row["file_name"]: (row["width"], row["height"]) for row in stated["images"]}
    assert {row["file_name"]: (row["width"], row["height"]) for row in written["images"]} == sizes


def test_a_size_that_is_not_the_images_is_warned_of_and_kept(tmp_path: Path) -> None:
    source = json.loads((DEMO / "instances.json").read_text())
    source["images"][0]["width"] *= 2
    (tmp_path / "in.json").write_text(json.dumps(source))
    report = picsellia_ingest.convert(
        tmp_path / "in.json", tmp_path / "out.json", "COCO", imgdir=DEMO / "images"
    )
    assert report.problems.counts == {"image_size_differs": 1}
    assert (
        json.loads((tmp_path / "out.json").read_text())["images"][0]["width"] == source["images"][0]["width"]
    )


def test_an_image_that_is_not_there_keeps_its_annotations_unless_images_are_wanted(tmp_path: Path) -> None:
    imgdir = tmp_path / "images"
    imgdir.mkdir()
    (imgdir / "dock 01.jpg").write_bytes((DEMO / "images" / "dock 01.jpg").read_bytes())
    report = picsellia_ingest.convert(DEMO / "instances.json", tmp_path / "a.json", "COCO", imgdir=imgdir)
    assert report.instances_written == report.instances
    assert (report.exit_code, set(report.problems.counts)) == (
        0,
        {"image_missing", "image_ambiguous"} & set(report.problems.counts),
    )
    wanted = picsellia_ingest.convert(
        DEMO / "instances.json", tmp_path / "b", "COCO", imgdir=imgdir, images="copy"
    )
    assert wanted.exit_code == 3
    assert wanted.instances_written + wanted.rejected.total() == wanted.instances


def test_splits_are_kept_where_both_formats_have_them(tmp_path: Path) -> None:
    source = FIXTURES / "COCO" / "folder"
    picsellia_ingest.convert(source, tmp_path / "voc", "PASCAL-VOC")
    assert sorted(path.name for path in (tmp_path / "voc" / "ImageSets" / "Main").iterdir()) == [
        "train.txt",
        "val.txt",
    ]
    picsellia_ingest.convert(tmp_path / "voc", tmp_path / "coco", "COCO")
    assert sorted(path.name for path in (tmp_path / "coco" / "annotations").iterdir()) == [
        "instances_train.json", "instances_val.json",
    ]  # fmt: skip
    assert not picsellia_ingest.diff(source, tmp_path / "coco")
    one = picsellia_ingest.convert(source, tmp_path / "one.json", "COCO")
    assert one.losses.changed["splits_not_held"] == 2


def test_boxes_are_written_as_asked_for_and_counted(tmp_path: Path) -> None:
    report = picsellia_ingest.convert(MASKS, tmp_path / "out.json", "COCO", rectangle=True)
    written = json.loads((tmp_path / "out.json").read_text())
    assert report.choices["box_preferred"] == report.instances == len(written["annotations"])
    assert all(row["bbox"] and not row["segmentation"] for row in written["annotations"])


def test_masks_that_have_a_box_are_not_traced_where_only_boxes_are_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = json.loads(MASKS.read_text())
    boxed = [row for row in given["annotations"] if row["segmentation"] and row.get("bbox")]
    assert any(isinstance(row["segmentation"], dict) for row in boxed)
    source = tmp_path / "in.json"
    source.write_text(json.dumps({**given, "annotations": boxed}))
    monkeypatch.setattr("picsellia_ingest.tracing._run_polygons", None)
    report = picsellia_ingest.convert(source, tmp_path / "out.json", "COCO", rectangle=True)
    assert report.choices["box_preferred"] == report.instances_written == len(boxed)
    written = json.loads((tmp_path / "out.json").read_text())["annotations"]
    assert [row["bbox"] for row in written] == [row["bbox"] for row in boxed]
    assert inspect(source).with_polygon == len(boxed)


def test_labels_are_renamed_merged_and_left_out_and_the_counts_add_up(tmp_path: Path) -> None:
    (tmp_path / "map.toml").write_text('[labels]\ncrate = "thing"\npallet = "thing"\n')
    source = FIXTURES / "COCO" / "classification" / "instances.json"
    report = picsellia_ingest.convert(source, tmp_path / "out.json", "COCO", labels=tmp_path / "map.toml")
    written = json.loads((tmp_path / "out.json").read_text())
    assert [row["name"] for row in written["categories"]].count("thing") == 1
    assert report.choices["label_renamed"] == 3
    dropped = picsellia_ingest.convert(source, tmp_path / "drop.json", "COCO", drop=["pallet"])
    assert (dropped.instances_written, dropped.choices["left_out_by_label"]) == (2, 1)
    kept = picsellia_ingest.convert(source, tmp_path / "only.json", "COCO", only=["pallet"])
    assert (kept.instances_written, kept.choices["left_out_by_label"]) == (1, 2)
    mapped = picsellia_ingest.convert(source, tmp_path / "none.json", "COCO", labels={"pallet": None})
    assert (mapped.instances_written, mapped.choices["left_out_by_label"]) == (2, 1)


def test_voc_corners_are_written_by_the_rule_they_were_read_by(tmp_path: Path) -> None:
    source = FIXTURES / "PASCAL-VOC" / "demo"
    for rule in ("as_written", "inclusive"):
        picsellia_ingest.convert(source, tmp_path / f"{rule}.json", "COCO", voc_coordinates=rule)
        picsellia_ingest.convert(
            tmp_path / f"{rule}.json", tmp_path / rule, "PASCAL-VOC", voc_coordinates=rule
        )
        assert not picsellia_ingest.diff(source, tmp_path / rule, voc_coordinates=rule)
    boxes = [
        json.loads((tmp_path / f"{rule}.json").read_text())["annotations"]
        for rule in ("as_written", "inclusive")
    ]
    for plain, inclusive in zip(*boxes, strict=True):
        left, top, width, height = plain["bbox"]
        if not plain["segmentation"]:
            assert inclusive["bbox"] == [left - 1, top - 1, width + 1, height + 1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"to": "BMP"}, "no format"),
        ({"images": "move"}, "copy, link or leave"),
        ({"images": "copy"}, "give imgdir"),
        ({"images": "copy", "imgdir": DEMO / "images", "destination": "x.json"}, "give a folder"),
        ({"nb_jobs": 0}, "nb_jobs is 0"),
        ({"only": ["crat"]}, "is 'crate' meant"),
        ({"drop": ["zebra"]}, "it has"),
        ({"labels": {"crate": 7}}, "gives 'crate' the name 7"),
        ({"labels": "not there.toml"}, "cannot be read"),
        ({"labels": FIXTURES / "COCO" / "demo" / "case.txt"}, "not TOML"),
    ],
)
def test_arguments_that_cannot_be_meant_are_refused_by_name(
    tmp_path: Path, arguments: dict[str, Any], words: str
) -> None:
    given = {"to": "COCO", "destination": "out", **arguments}
    given["destination"] = tmp_path / str(given["destination"])
    with pytest.raises(InvalidQueryError, match=words):
        picsellia_ingest.convert(DEMO / "instances.json", **given)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_images_or_a_source_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResourceNotFoundError, match="image folder"):
        picsellia_ingest.convert(DEMO / "instances.json", tmp_path / "out", "COCO", imgdir=tmp_path / "none")
    with pytest.raises(FormatError, match="no such file"):
        picsellia_ingest.convert(tmp_path / "none.json", tmp_path / "out", "COCO")


def test_real_data_goes_from_coco_through_voc_and_picsellia_and_back_unchanged(tmp_path: Path) -> None:
    source = dataset("coco_val_labelbox") / "rle.json"
    picsellia_ingest.convert(source, tmp_path / "voc", "PASCAL-VOC")
    picsellia_ingest.convert(tmp_path / "voc", tmp_path / "coco.json", "COCO")
    assert not picsellia_ingest.diff(source, tmp_path / "coco.json")
    boxes = dataset("picsellia_cartons_coco") / "test" / "_annotations.coco.json"
    picsellia_ingest.convert(boxes, tmp_path / "boxes.json", "PICSELLIA")
    picsellia_ingest.convert(tmp_path / "boxes.json", tmp_path / "back", "PASCAL-VOC")
    assert not picsellia_ingest.diff(boxes, tmp_path / "back")
