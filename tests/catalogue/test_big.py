"""Group B: whatever is in 20 to 60 MB, reading it is bounded: no crash, no hang, less than 600 MB.

Each monster is read in a process of its own, whose memory is limited and whose peak is asked for.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MB_MAX = 600
READ = """
import json, resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
from pathlib import Path
from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.errors import InputError
try:
    found = inspect(Path(sys.argv[1]), sys.argv[2])
    said = {"images": found.images, "instances": found.instances, "stated": found.instances_stated,
            "counts": found.problems.counts, "lines": sum(map(len, found.lines()))}
except InputError as error:
    said = {"refused": error.problem.code, "lines": len(str(error))}
# Not ru_maxrss: that counts what the parent held when it forked.
said["mb"] = int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0]) >> 10
print(json.dumps(said))
"""

HEAD = b'{"images": [{"id": 1, "file_name": "good.jpg", "width": 64, "height": 48}], "categories": [{"id": 1, "name": "crate"}], '
UNSIZED = HEAD.replace(b'"images": [', b'"images": [{"id": 2, "file_name": "b.jpg"}, ')
GOOD = b'{"id": 1, "image_id": 1, "category_id": 1, "bbox": [5, 6, 20, 30]}'


def read(path: Path, name: str = "COCO") -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", READ, str(path), name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert not done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["mb"] < MB_MAX, found
    assert found["lines"] < 100_000
    return found


def coco(path: Path, annotations: bytes, extra: bytes = b"", head: bytes = HEAD) -> Path:
    path.write_bytes(head + extra + b'"annotations": [' + GOOD + annotations + b"]}")
    return path


def ring(numbers: int) -> bytes:
    angles = np.linspace(0, 2 * np.pi, numbers // 2, endpoint=False)
    points = np.stack([32 + 20 * np.cos(angles), 24 + 20 * np.sin(angles)], axis=1).round(6)
    return json.dumps([points.ravel().tolist()]).encode()


def one_huge_polygon(folder: Path) -> Path:
    return coco(
        folder / "a.json",
        b', {"id": 2, "image_id": 1, "category_id": 1, "segmentation": ' + ring(3_000_000) + b"}",
    )


def many_rings(folder: Path) -> Path:
    rings = b", ".join([b"[1, 1, 9, 1, 9, 9]"] * 1_000_000)
    return coco(
        folder / "a.json", b', {"id": 2, "image_id": 1, "category_id": 1, "segmentation": [' + rings + b"]}"
    )


def nested(folder: Path) -> Path:
    return coco(folder / "a.json", b"", b'"junk": ' + b"[" * 1_000_000 + b"]" * 1_000_000 + b", ")


def nested_objects(folder: Path) -> Path:
    return coco(
        folder / "a.json",
        b', {"id": 2, "image_id": 1, "category_id": 1, "x": '
        + b'{"a":' * 1_000_000
        + b"1"
        + b"}" * 1_000_000
        + b"}",
    )


def unknown_images(folder: Path) -> Path:
    return coco(folder / "a.json", b', {"image_id": 7, "category_id": 1}' * 1_000_000)


def on_images(annotation: bytes, *counts: int) -> bytes:
    """So many annotations on the first image, so many on the second, below what is accepted of one image."""
    return b"".join(annotation % image * count for image, count in enumerate(counts, start=1))


def all_bad(folder: Path) -> Path:
    annotations = on_images(b', {"image_id": %d, "category_id": 1, "bbox": [1, 2]}', 200_000, 200_000)
    return coco(folder / "a.json", annotations, head=UNSIZED)


def no_objects(folder: Path) -> Path:
    return coco(folder / "a.json", b", {}" * 10_000_000)


def numbers_for_annotations(folder: Path) -> Path:
    return coco(folder / "a.json", b",1" * 20_000_000)


def a_long_label(folder: Path) -> Path:
    head = HEAD.replace(b"crate", b"x" * 40_000_000)
    return coco(folder / "a.json", b"", head=head)


def a_long_name(folder: Path) -> Path:
    return coco(folder / "a.json", b"", head=HEAD.replace(b"good", b"x" * 40_000_000))


def many_categories(folder: Path) -> Path:
    rows = b"".join(b', {"id": %d, "name": "label %d"}' % (n, n) for n in range(2, 100_002))
    return coco(folder / "a.json", b"", head=HEAD.replace(b'"crate"}', b'"crate"}' + rows))


def many_on_one_image(folder: Path) -> Path:
    return coco(
        folder / "a.json",
        b"".join(
            b', {"id": %d, "image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40.5]}' % n
            for n in range(2, 300_001)
        ),
    )


def too_many_on_one_image(folder: Path) -> Path:
    return coco(
        folder / "a.json", on_images(b', {"image_id": %d, "category_id": 1, "bbox": [1, 2, 3, 4]}', 1_000_000)
    )


def many_images(folder: Path) -> Path:
    rows = b", ".join(b'{"id": %d, "file_name": "%d.jpg"}' % (n, n) for n in range(2, 1_000_000))
    return coco(folder / "a.json", b"", head=HEAD.replace(b'"images": [', b'"images": [' + rows + b", "))


def many_nan(folder: Path) -> Path:
    annotation = b', {"image_id": %d, "category_id": 1, "bbox": [1, 2, NaN, -Infinity]}'
    return coco(folder / "a.json", on_images(annotation, 250_000, 300_000), head=UNSIZED)


def wide(folder: Path) -> Path:
    annotation = b', {"image_id": %d, "category_id": 1, "bbox": [1, 2, 30, 40]}'
    path = coco(folder / "a.json", on_images(annotation, 200_000, 200_000), head=UNSIZED)
    path.write_bytes(path.read_text().encode("utf-16"))
    return path


def mask(size: tuple[int, int], counts: list[int]) -> bytes:
    head = b'{"id": 2, "image_id": 2, "category_id": 1, "segmentation": '
    return b", " + head + json.dumps({"size": size, "counts": counts}).encode() + b"}"


def a_huge_mask(folder: Path) -> Path:
    side = 8192
    return coco(folder / "a.json", mask((side, side), [0, 1, side * side - 2, 1]), head=UNSIZED)


def a_huge_mask_with_a_hole(folder: Path) -> Path:
    side = 8192
    middle = side * side // 2 + side // 2
    return coco(folder / "a.json", mask((side, side), [0, middle, 1, side * side - middle - 1]), head=UNSIZED)


def a_mask_beyond_all(folder: Path) -> Path:
    return coco(folder / "a.json", mask((10**6, 10**6), [0, 10**12]), head=UNSIZED)


def dust(folder: Path) -> Path:
    side = 3000
    return coco(folder / "a.json", mask((side, side), [1] * (side * side)), head=UNSIZED)


def junk(folder: Path) -> Path:
    extra = b"".join(b'"junk %d": [%s], ' % (n, b"1, " * 10_000 + b"1") for n in range(1500))
    return coco(folder / "a.json", b"", extra)


MONSTERS: dict[Callable[[Path], Path], dict[str, Any]] = {
    one_huge_polygon: {"instances": 2},
    many_rings: {"instances": 2},
    nested: {"refused": "nested_too_deep"},
    nested_objects: {"refused": "nested_too_deep"},
    unknown_images: {"instances": 1, "stated": 1_000_001},
    all_bad: {"instances": 1, "stated": 400_001},
    no_objects: {"refused": "elements_too_small"},
    numbers_for_annotations: {"refused": "elements_too_small"},
    a_long_label: {"instances": 0, "stated": 1},
    a_long_name: {"instances": 1},
    many_categories: {"instances": 1},
    many_on_one_image: {"instances": 300_000},
    too_many_on_one_image: {"instances": 0, "counts": {"instances_too_many": 1}},
    many_images: {"images": 999_999, "instances": 1},
    many_nan: {"instances": 1, "stated": 550_001},
    wide: {"instances": 400_001},
    a_huge_mask: {"instances": 2},
    a_huge_mask_with_a_hole: {"instances": 2},
    a_mask_beyond_all: {"instances": 1, "stated": 2},
    dust: {"instances": 2},
    junk: {"instances": 1},
}  # fmt: skip


@pytest.mark.parametrize("make", MONSTERS, ids=lambda make: make.__name__)
def test_a_monstrous_coco_file_is_read_within_bounds(make: Callable[[Path], Path], tmp_path: Path) -> None:
    found = read(make(tmp_path))
    wanted = MONSTERS[make]
    assert {key: found.get(key) for key in wanted} == wanted, found


BOX = b"<bndbox><xmin>5</xmin><ymin>6</ymin><xmax>25</xmax><ymax>36</ymax></bndbox>"
OBJECT = b"<object><name>crane</name>" + BOX + b"</object>"
FLAGS = b"\n    <pose>Unspecified</pose>\n    <truncated>0</truncated>\n    <difficult>0</difficult>\n    "
VERBOSE = (
    OBJECT.replace(b"<bndbox>", FLAGS + b"<bndbox>")
    .replace(b"<x", b"\n      <x")
    .replace(b"<y", b"\n      <y")
)
VOC = b"<annotation><filename>%s.jpg</filename>%s</annotation>"


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (VERBOSE * 100_000, {"instances": 100_000}),
        (b"<a/>" * 2_300_000, {"instances": 0, "images": 1}),
        (b"<a>1</a> " * 1_100_000, {"instances": 0, "images": 1}),
        (b"<a/>" * 4_000_000, {"refused": "file_too_large"}),
        (OBJECT * 600_000, {"refused": "file_too_large"}),
        (b"<object><name>" + b"x" * 10_000_000 + b"</name>" + BOX + b"</object>", {"stated": 1, "instances": 0}),
    ],
    ids=["objects", "elements", "texts", "too many elements", "60 MB", "label"],
)  # fmt: skip
def test_a_monstrous_voc_file_is_read_within_bounds(
    content: bytes, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "a.xml"
    path.write_bytes(VOC % (b"a", content))
    found = read(path, "PASCAL-VOC")
    assert {key: found.get(key) for key in wanted} == wanted, found


def test_a_folder_of_empty_files_is_summarised(tmp_path: Path) -> None:
    for number in range(20_000):
        (tmp_path / f"{number}.xml").touch()
    (tmp_path / "good.xml").write_bytes(VOC % (b"good", OBJECT))
    found = read(tmp_path, "PASCAL-VOC")
    assert (found["images"], found["instances"], found["counts"]) == (1, 1, {"empty_file": 20_000})


def test_masks_that_are_large_and_nearly_empty_are_read_within_bounds(tmp_path: Path) -> None:
    for part in ("SegmentationObject", "SegmentationClass"):
        (tmp_path / part).mkdir()
        picture = Image.new("P", (5000, 5000))
        picture.putpalette([0, 0, 0, 128, 0, 0])
        picture.putpixel((0, 0), 1)
        picture.putpixel((4999, 4999), 1)
        picture.save(tmp_path / part / "a.png")
    assert read(tmp_path, "PASCAL-VOC")["instances"] == 1


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (b'{"external_picture_url": "a.jpg", "annotations": [' + b", ".join([b'{"type": "classification", "label": "wet"}'] * 300_000) + b"]}", {"instances": 300_000}),
        (b'{"external_picture_url": "a.jpg", "annotations": [' + b", ".join([b"null"] * 5_000_000) + b"]}", {"counts": {"annotations_invalid": 1}}),
        (b", ".join([b'{"external_picture_url": "a.jpg"}'] * 600_000), {"images": 600_000}),
    ],
    ids=["objects", "nulls", "records"],
)  # fmt: skip
def test_a_monstrous_file_of_the_platform_is_read_within_bounds(
    record: bytes, wanted: dict[str, Any], tmp_path: Path
) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b'{"annotations": [' + record + b"]}")
    found = read(path, "PICSELLIA")
    assert {key: found.get(key) for key in wanted} == wanted, found
