"""What an inspection counts, and the hints that only many items together give."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.errors import InvalidQueryError
from picsellia_ingest.parsers.base import Options
from picsellia_ingest.upload import reading, workers
from tests.paths import FIXTURES

DEMO = FIXTURES / "COCO" / "demo"


def source(folder: Path, boxes: list[list[float]]) -> Path:
    """A COCO file of boxes on pictures of 100 x 100."""
    document: dict[str, Any] = {
        "images": [{"id": 1, "file_name": "a.jpg", "width": 100, "height": 100}],
        "annotations": [
            {"id": n, "image_id": 1, "category_id": 1, "bbox": box} for n, box in enumerate(boxes)
        ],
        "categories": [{"id": 1, "name": "a"}],
    }
    path = folder / "a.json"
    path.write_text(json.dumps(document))
    return path


def test_a_quick_inspection_counts_what_the_index_has_and_reads_no_instance(tmp_path: Path) -> None:
    found = inspect(source(tmp_path, [[1, 1, 5, 5], [1, 1, -5, 0]]), quick=True)
    assert (found.images, found.instances_stated, found.instances) == (1, 2, 0)
    assert found.labels.keys() == {"a"}
    assert not found.problems.counts
    assert "1 images, 2 instances are stated; none was read or checked" in list(found.lines())
    with pytest.raises(InvalidQueryError, match="no image"):
        inspect(DEMO / "instances.json", imgdir=DEMO / "images", quick=True)


def test_an_inspection_counts_what_is_there() -> None:
    found = inspect(DEMO / "instances.json", imgdir=DEMO / "images")
    assert (found.format, found.images, found.images_without_instances, found.instances) == ("COCO", 4, 1, 7)
    assert (found.with_box, found.with_polygon, found.image_files, found.images_missing) == (7, 4, 4, 0)
    assert found.labels == {"crate": 4, "pallet": 3}
    assert found.hints == []


@pytest.mark.parametrize(
    ("boxes", "words"),
    [
        ([[0.1, 0.2, 0.3, 0.4], [0.5, 0.5, 0.5, 0.5], [10, 10, 20, 20]], "2 of 3 shapes .* normalised"),
        ([[50, 40, 90, 95], [30, 60, 80, 99], [1, 1, 5, 5]], "2 of 3 boxes .* x1, y1, x2, y2"),
    ],
)
def test_boxes_that_look_like_another_convention_are_hinted_at(
    tmp_path: Path, boxes: list[list[float]], words: str
) -> None:
    (hint,) = inspect(source(tmp_path, boxes)).hints
    assert re.search(words, hint)


def test_ordinary_boxes_give_no_hint(tmp_path: Path) -> None:
    assert inspect(source(tmp_path, [[10, 10, 20, 20], [0, 0, 100, 100], [90, 90, 20, 5]])).hints == []


def test_what_declared_fractions_come_to_is_told_as_in_an_upload(tmp_path: Path) -> None:
    boxes = [[0.9, 0.9, 0.2, 0.05], [0.5, 0.5, 0.0005, 0.2], [0.1, 0.1, 0.2, 0.2]]
    options = Options(coordinates="normalised")
    counts = inspect(source(tmp_path, boxes), options=options).problems.counts
    assert counts == {"box_overhangs": 1, "box_sliver": 1}


def test_when_no_image_is_in_the_folder_the_folder_is_doubted(tmp_path: Path) -> None:
    found = inspect(source(tmp_path, [[1, 1, 5, 5]]), imgdir=DEMO / "images")
    assert found.images_missing == 1
    assert "right one" in found.hints[0]
    assert found.problems.lost == {"image_missing": 1}


def many(folder: Path) -> Path:
    """A COCO file of 1,500 pictures with things of all kinds, among them what is to be said and what is rejected."""
    boxes = [
        [1, 1, 5, 5],
        [90.5, 2, 30, 4],
        [1, 1, 5, 5.1],
        [0, 0, 100, 100],
        [3, 3, 1, 2],
        [1, 1, -5, 0],
        [200, 1, 2, 2],
    ]
    document: dict[str, Any] = {
        "images": [{"id": n, "file_name": f"{n}.jpg", "width": 100, "height": 100} for n in range(1500)],
        "annotations": [
            {
                "id": n,
                "image_id": n % 1400,
                "category_id": n % 3,
                "bbox": boxes[(n * n + n // 1400) % len(boxes)],
            }
            for n in range(4000)
        ],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
    }
    path = folder / "many.json"
    path.write_text(json.dumps(document))
    return path


def images_of_many(folder: Path) -> Path:
    """Images of that file: of its size, of others, turned, broken, in a folder, missing, and some that it does not name."""
    (folder / "images" / "sub").mkdir(parents=True)
    for number in range(100):
        picture = Image.new("RGB", [(100, 100), (100, 80), (40, 100)][number % 3])
        exif = Image.Exif()
        exif[0x0112] = 6 if number % 7 == 0 else 1
        name = f"sub/{number}.jpg" if number % 5 == 0 else f"{number}.jpg"
        picture.save(folder / "images" / name, exif=exif)
    (folder / "images" / "13.jpg").write_bytes(b"no image")
    (folder / "images" / "nobody.png").write_bytes((DEMO / "images" / "dock 01.jpg").read_bytes())
    return folder / "images"


@pytest.mark.parametrize("keep", [3, 1000, sys.maxsize])
@pytest.mark.parametrize("has_images", [False, True])
def test_a_source_that_processes_read_is_told_as_by_one(
    keep: int, has_images: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, images = many(tmp_path), images_of_many(tmp_path) if has_images else None
    one = inspect(path, imgdir=images, keep=keep, survey=True)
    monkeypatch.setattr(reading, "MANY", 0)
    monkeypatch.setattr(workers, "processes", lambda _: 2)
    monkeypatch.setattr(reading, "spread", spread := Noted(reading.spread))
    several = inspect(path, imgdir=images, keep=keep, survey=True)
    assert spread.processes == [2]
    assert several.to_dict() == one.to_dict()
    assert [*several.lines()] == [*one.lines()]
    assert several.problems == one.problems
    assert one.problems.counts["category_unknown"] == 1334
    assert len(one.to_dict()["survey"]["suspects"]) > 10
    if has_images:
        assert (one.image_files, one.images_missing) == (101, 1401)
        counts = one.problems.counts
        assert (counts["image_missing"], counts["not_an_image"], counts["image_size_differs"]) == (
            1400,
            2,
            65,
        )


class Noted:
    """``reading.spread``, and how many processes it was asked for."""

    def __init__(self, spread: Callable[..., Any]) -> None:
        self.spread, self.processes = spread, list[int]()

    def __call__(self, function: Any, tasks: Any, nb_jobs: int, *more: Any) -> Any:
        self.processes.append(nb_jobs)
        return self.spread(function, tasks, nb_jobs, *more)
