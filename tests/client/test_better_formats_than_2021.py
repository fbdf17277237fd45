"""What the published 2021 client reads wrongly arrives as it was written (D1-D13, D17); each test fails on it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from picsellia_ingest.client.inspect import inspect
from tests.client.sources import BOX, RING, Uploads, coco, picture, voc, voc_box

RECTANGLE = {"top": 6, "left": 4, "width": 20, "height": 10}
LINE = [{"x": x, "y": y} for x, y in zip(RING[::2], RING[1::2], strict=True)]
SQUARE = [30, 30, 40, 30, 40, 40, 30, 40]


def kinds(objects: list[dict[str, Any]]) -> list[str]:
    return sorted(thing["type"] for thing in objects)


@pytest.mark.parametrize("fetched", [False, True])
def test_d01_images_and_annotations_together_make_the_dataset(uploads: Uploads, fetched: bool) -> None:
    source = coco(uploads.folder, {"bbox": BOX})
    if fetched:
        assert uploads(None, "other").exit_code == 0
        uploads.lake.dataset.fetch("other")
        uploads.folder.joinpath("journal.db").unlink()
    assert uploads(source).exit_code == 0
    assert [thing["rectangle"] for thing in uploads.objects()] == [RECTANGLE]


def test_d02_joining_annotations_to_images_is_linear(tmp_path: Path) -> None:
    def seconds(images: int) -> float:
        many = ({"image_id": number % images, "bbox": BOX} for number in range(7 * images))
        source = coco(tmp_path, *many, names=[f"{number}.jpg" for number in range(images)])
        began = time.process_time()
        assert inspect(source).instances == 7 * images
        return time.process_time() - began

    seconds(500)
    # Four times the size is four times the work, and sixteen times where every image looks at every annotation.
    assert seconds(8000) < 10 * seconds(2000)


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ([{"bbox": BOX}, {"segmentation": [RING]}], ["polygon", "rectangle"]),
        ([{"segmentation": [RING]}, {"bbox": BOX, "segmentation": []}], ["polygon", "rectangle"]),
        ([{"bbox": BOX}], ["rectangle"]),
        ([{"segmentation": [RING]}], ["polygon"]),
        ([], []),
    ],
)
def test_d03_each_annotation_has_a_shape_of_its_own(
    uploads: Uploads, annotations: list[dict[str, Any]], expected: list[str]
) -> None:
    assert uploads(coco(uploads.folder, *annotations)).exit_code == 0
    assert kinds(uploads.objects()) == expected


def test_d04_classifications_arrive_as_such(uploads: Uploads) -> None:
    assert uploads(coco(uploads.folder, {})).exit_code == 0
    (thing,) = uploads.objects()
    assert (thing["type"], thing["label"]) == ("classification", "Car")


@pytest.mark.parametrize("crowd", [0, 1])
def test_d05_run_length_masks_arrive_as_polygons_of_the_same_area(uploads: Uploads, crowd: int) -> None:
    # Columns 2 and 3 of 48 pixels each, rows 10 to 19.
    mask = {"size": [48, 64], "counts": [2 * 48 + 10, 10, 38, 10, 64 * 48 - 3 * 48 - 20]}
    source = coco(uploads.folder, {"segmentation": mask, "iscrowd": crowd, "area": 20})
    assert uploads(source).exit_code == 0
    (thing,) = uploads.objects()
    corners = {(point["x"], point["y"]) for point in thing["polygon"]["geometry"]}
    assert corners == {(2, 10), (4, 10), (4, 20), (2, 20)}


def test_d06_every_ring_of_a_polygon_arrives(uploads: Uploads) -> None:
    report = uploads(coco(uploads.folder, {"segmentation": [RING, SQUARE]}))
    assert report.exit_code == 0
    assert (report.instances.uploaded, len(uploads.objects())) == (1, 2)
    assert report.changed_shape


@pytest.mark.parametrize(
    "bad",
    [{"segmentation": [RING[:-1]]}, {"bbox": BOX, "category_id": 99}],
    ids=["odd ring", "unknown category"],
)
def test_d07_what_cannot_be_read_is_named_and_counted(uploads: Uploads, bad: dict[str, Any]) -> None:
    report = uploads(coco(uploads.folder, {"bbox": BOX}, bad))
    assert (report.exit_code, report.instances.uploaded, report.instances.rejected.total()) == (3, 1, 1)
    (problem,) = report.problems.kept
    assert problem.hint
    assert "/annotations/1" in str(problem.place)


def test_d07_a_flat_ring_costs_no_run(uploads: Uploads) -> None:
    report = uploads(coco(uploads.folder, {"bbox": BOX}, {"segmentation": RING}))
    assert report.instances.uploaded + report.instances.rejected.total() == 2
    assert report.problems.kept


def test_d08_rectangle_makes_a_box_of_every_shape(uploads: Uploads) -> None:
    source = coco(
        uploads.folder, {"segmentation": [RING]}, {"segmentation": [RING], "bbox": BOX}, {"bbox": BOX}
    )
    assert uploads(source, rectangle=True).exit_code == 0
    boxes = [thing["rectangle"] for thing in uploads.objects()]
    assert boxes == [{"top": 6, "left": 4, "width": 20.5, "height": 10}, RECTANGLE, RECTANGLE]


def test_d09_voc_corners_arrive_as_written(uploads: Uploads) -> None:
    voc(uploads.folder / "xml", "a", voc_box("car", 0, 1, 10, 12), filename="a.jpg")
    assert uploads(uploads.folder / "xml").exit_code == 0
    assert [thing["rectangle"] for thing in uploads.objects()] == [
        {"top": 1, "left": 0, "width": 10, "height": 11}
    ]


def test_d10_labels_keep_their_case(uploads: Uploads) -> None:
    voc(uploads.folder / "xml", "a", voc_box("Car", 1, 1, 9, 9), voc_box("car", 1, 1, 9, 9), filename="a.jpg")
    assert uploads(uploads.folder / "xml").exit_code == 0
    assert [thing["label"] for thing in uploads.objects()] == ["Car", "car"]


def test_d11_voc_polygons_arrive_with_their_fractions(uploads: Uploads) -> None:
    points = "".join(
        f"<x{number}>{x}</x{number}><y{number}>{y}</y{number}>"
        for number, (x, y) in enumerate([(4.5, 6), (24, 6.25), (14, 16)], 1)
    )
    shape = f"<object><name>car</name><polygon>{points}</polygon></object>"
    voc(uploads.folder / "xml", "a", shape, filename="a.jpg")
    report = uploads(uploads.folder / "xml")
    assert (report.exit_code, report.labels) == (0, [("car", "polygon")])
    (thing,) = uploads.objects()
    assert thing["polygon"]["geometry"] == [{"x": 4.5, "y": 6}, {"x": 24, "y": 6.25}, {"x": 14, "y": 16}]


def test_d12_no_file_of_a_voc_folder_decides_for_the_others(uploads: Uploads) -> None:
    folder = uploads.folder / "xml"
    picture(uploads.images / "a.jpg")
    picture(uploads.images / "b.jpg", 1)
    voc(folder, "a", filename="a.jpg")
    voc(folder, "b", voc_box("car", 1, 1, 9, 9), size=False, filename="b.jpg")
    (folder / "notes.txt").write_text("no XML")
    assert uploads(folder).exit_code == 0
    assert (uploads.objects("a.jpg"), kinds(uploads.objects("b.jpg"))) == ([], ["rectangle"])


@pytest.mark.parametrize("filename", ["a", "", None])
def test_d13_a_file_name_without_an_extension_or_none_leads_to_the_picture(
    uploads: Uploads, filename: str | None
) -> None:
    voc(uploads.folder / "xml", "a", voc_box("car", 1, 1, 9, 9), filename=filename)
    assert uploads(uploads.folder / "xml").exit_code == 0
    assert kinds(uploads.objects()) == ["rectangle"]


def test_d13_a_stale_file_name_is_named_and_not_passed_over(uploads: Uploads) -> None:
    voc(uploads.folder / "xml", "a", voc_box("car", 1, 1, 9, 9), filename="stale.png")
    report = uploads(uploads.folder / "xml")
    assert (report.exit_code, dict(report.instances.rejected)) == (3, {"image_missing": 1})
    assert "stale.png" in str(report.problems.kept[0])


def test_d17_a_picsellia_file_needs_no_counters_and_one_missing_picture_costs_only_itself(
    uploads: Uploads,
) -> None:
    picture(uploads.images / "a.jpg")
    qa = [{"type": "text", "question": "tilt?", "answer": "3"}]
    thing = {"type": "rectangle", "label": "car", "rectangle": RECTANGLE, "qa": qa}
    names = ("missing.jpg", "a.jpg")
    records = [{"external_picture_url": name, "annotations": [thing], "image_qa": qa} for name in names]
    document = {"images": [], "categories": [{"name": "car"}], "annotations": records}
    source = uploads.folder / "picsellia.json"
    source.write_text(json.dumps(document))
    report = uploads(source, ann_format="PICSELLIA")
    assert (report.instances.uploaded, report.instances.rejected.total(), report.exit_code) == (1, 1, 3)
    dataset = uploads.lake.dataset.fetch("d")
    assert dataset is not None
    (record,) = dataset.get_annotations("a.jpg")
    assert (record["annotations"], record["image_qa"]) == ([thing], qa)


def test_d17_labels_of_many_objects_are_found_once_each(tmp_path: Path) -> None:
    thing = {"type": "rectangle", "label": "car", "rectangle": RECTANGLE}
    record = {"external_picture_url": "a.jpg", "annotations": [thing] * 500}
    source = tmp_path / "picsellia.json"
    source.write_text(json.dumps({"images": [], "categories": [], "annotations": [record] * 20}))
    assert dict(inspect(source).labels) == {"car": 10_000}
