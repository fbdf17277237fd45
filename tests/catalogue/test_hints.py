"""What a whole file looks like, where each item by itself may be right; and what the command prints of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from picsellia_ingest.client.inspect import inspect
from tests.catalogue.judge import Make, coco, dumped


def document(
    boxes: list[list[float]] | None = None, polygons: list[list[float]] | None = None
) -> dict[str, Any]:
    made = coco()
    common = {"image_id": 1, "category_id": 1}
    made["annotations"] = [{"id": n, **common, "bbox": box} for n, box in enumerate(boxes or [])]
    made["annotations"] += [
        {"id": 1000 + n, **common, "segmentation": [points]} for n, points in enumerate(polygons or [])
    ]
    return made


def hints(folder: Path, what: dict[str, Any], imgdir: Path | None = None) -> list[str]:
    path = folder / "a.json"
    path.write_bytes(dumped(what))
    return inspect(path, "COCO", imgdir).hints


def every(**values: Any) -> Make:
    return lambda made: [row.update(values) for row in made["annotations"]] and None


NORMAL: list[list[float]] = [[5, 6, 20, 30], [0, 0, 64, 48], [30, 30, 10, 5]]


@pytest.mark.parametrize(
    ("boxes", "polygons", "words"),
    [
        ([[0.1, 0.2, 0.3, 0.4]] * 3, [], "3 of 3 shapes have no number above 1: they look normalised"),
        ([], [[0.1, 0.1, 0.5, 0.1, 0.5, 0.5]] * 3, "3 of 3 shapes have no number above 1"),
        ([[30, 20, 60, 45]] * 3, [], "3 of 3 boxes would fit their picture as x1, y1, x2, y2"),
        ([[50, 40, 100, 90]] * 3, [], "3 of 3 shapes lie wholly or partly outside their picture"),
        ([[500, 400, 100, 90]] * 3, [], "3 of 3 shapes lie wholly or partly outside their picture"),
    ],
)  # fmt: skip
def test_shapes_of_another_convention_are_hinted_at_once(
    boxes: list[list[float]], polygons: list[list[float]], words: str, tmp_path: Path
) -> None:
    (hint,) = hints(tmp_path, document(boxes, polygons))
    assert words in hint


@pytest.mark.parametrize("few", [[0.1, 0.2, 0.3, 0.4], [30, 20, 60, 45], [500, 400, 9, 9]])
def test_a_single_odd_box_among_good_ones_gives_no_hint(few: list[float], tmp_path: Path) -> None:
    assert hints(tmp_path, document([*NORMAL, few])) == []


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (every(image_id=77), "annotations are of images that are not listed"),
        (every(category_id=77), "annotations have a category that is not listed"),
        (every(bbox=[5, 6, 20, 30, 45]), "boxes are rotated"),
    ],
)
def test_what_costs_most_instances_is_hinted_at(
    make: Callable[[dict[str, Any]], None], words: str, tmp_path: Path
) -> None:
    made = document(NORMAL)
    make(made)
    (hint,) = hints(tmp_path, made)
    assert words in hint
    assert "3 of 3" in hint


def test_labels_that_look_the_same_are_hinted_at(tmp_path: Path) -> None:
    made = document(NORMAL)
    made["categories"] = [
        {"id": n, "name": name} for n, name in enumerate(["x", "Crate", "crate", "cra\u200bte"])
    ]
    found = hints(tmp_path, made)
    assert any("'Crate', 'crate'" in hint for hint in found)
    assert any("\\u200b" in hint and "cannot be seen" in hint for hint in found)


@pytest.mark.parametrize(
    ("size", "words"),
    [((128, 96), "are not those of the pictures"), ((48, 64), "width and height exchanged")],
)
def test_sizes_that_are_all_unlike_are_hinted_at(size: tuple[int, int], words: str, tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name in ("good.jpg", "odd.jpg"):
        Image.new("RGB", size).save(images / name)
    (hint,) = hints(tmp_path, document(NORMAL), images)
    assert "2 of 2" in hint
    assert words in hint


def test_when_no_image_is_there_the_folder_is_doubted(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    Image.new("RGB", (9, 9)).save(images / "other.jpg")
    (hint,) = hints(tmp_path, document(NORMAL), images)
    assert "is it the right one?" in hint


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        (dumped(document(NORMAL)), 0, "0 problems cost something"),
        (dumped(document([[5, 6, 20]])), 3, "box_invalid"),
        (dumped(document([[0.1, 0.2, 0.3, 0.4]])), 0, "hint: 1 of 1 shapes have no number above 1"),
        (dumped(document(NORMAL))[:200], 3, "ends early"),
        (b"", 3, "an empty file"),
        (b"<!DOCTYPE html><html></html>", 3, "HTML page"),
        (b"version https://git-lfs.github.com/spec/v1\n", 3, "git lfs pull"),
        (b"\x1f\x8b" + bytes(40), 3, "unpack it first"),
        (b'[{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 1}]', 3, "results list"),
    ],
)
def test_validate_says_it_in_one_line_and_ends_with_the_right_code(
    content: bytes, code: int, words: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-m", "picsellia_ingest", "validate", str(path)],
        capture_output=True,
        text=True,
        check=False,
    )
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert words in told
    assert "Traceback" not in told
