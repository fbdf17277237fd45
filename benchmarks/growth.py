"""What a thing costs in every format as one picture holds ever more of it: boxes, corners, parts, holes, labels.

    python -m benchmarks.growth [THINGS] [FORMAT ...]        5,000 by default, and four times as many

A COCO file with one picture is converted to each format, and compared with one in which everything lies further right. What
comes out is counted. Times are of whole processes, less that of one that reads a single thing.
"""

from __future__ import annotations

import json
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from picsellia_ingest.raster import run_lengths

from .measure import cost

OURS = [sys.executable, "-m", "picsellia_ingest"]
FORMATS = (
    "PICSELLIA", "COCO", "PASCAL-VOC", "YOLO", "LABELME", "CVAT", "DATUMARO", "LABEL-STUDIO", "CREATEML", "VIA", "KITTI",
    "OPEN-IMAGES",
)  # fmt: skip
SIDE, STEP = 4000, 20
GROWTH = 4
NOISE = 0.05
"""Seconds that two runs of a process may differ by."""


def boxes(count: int, shift: float) -> list[dict[str, Any]]:
    """So many boxes."""
    return [{"bbox": [*_place(number, shift), 9, 7]} for number in range(count)]


def corners(count: int, shift: float) -> list[dict[str, Any]]:
    """A polygon of so many corners."""
    turns = [2 * math.pi * number / (count + 2) for number in range(count + 2)]
    ring = [
        round(value, 4)
        for turn in turns
        for value in (2000 + shift + 1900 * math.cos(turn), 2000 + 1900 * math.sin(turn))
    ]
    return [{"segmentation": [ring]}]


def parts(count: int, shift: float) -> list[dict[str, Any]]:
    """A polygon of so many parts."""
    places = [_place(number, shift) for number in range(count)]
    return [{"segmentation": [[x, y, x + 9, y, x + 9, y + 7] for x, y in places]}]


def holes(count: int, shift: float) -> list[dict[str, Any]]:
    """A mask of so many holes."""
    mask = np.zeros((SIDE, SIDE), np.bool_)
    side = math.isqrt(count - 1) + 1
    mask[: 4 * side, int(4 * shift) : 4 * side] = True
    for number in range(count):
        row, column = divmod(number, side)
        mask[4 * row + 1 : 4 * row + 3, 4 * column + 2] = False
    return [{"segmentation": {"size": [SIDE, SIDE], "counts": run_lengths(mask).tolist()}}]


def labels(count: int, shift: float) -> list[dict[str, Any]]:
    """Boxes with a label each."""
    return [{**one, "category_id": number} for number, one in enumerate(boxes(count, shift), start=1)]


def _place(number: int, shift: float) -> tuple[float, float]:
    row, column = divmod(number, SIDE // STEP - 1)
    return STEP * column + 0.5 + shift, STEP * row % (SIDE - STEP) + 0.5


def source(
    path: Path, make: Callable[[int, float], list[dict[str, Any]]], count: int, shift: float = 0.0
) -> int:
    """The file; how many instances it has."""
    annotations = [
        {"id": number, "image_id": 1, "category_id": 1, "iscrowd": 0, **one}
        for number, one in enumerate(make(count, shift), start=1)
    ]
    used = {one["category_id"] for one in annotations}
    categories = [{"id": number, "name": f"label {number}"} for number in sorted(used)]
    images = [{"id": 1, "file_name": "a.png", "width": SIDE, "height": SIDE}]
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    return len(annotations)


def converted(folder: Path, name: str, count: int, stated: int) -> float:
    """Seconds to convert the file of so many things."""
    given, to = folder / f"{count}.json", folder / f"{name}-{count}"
    found = cost([*OURS, "convert", str(given), str(to), "--to", name, "--json"], runs=1)
    said = json.loads(found.said)
    dropped = sum(said["losses"]["dropped"].values())
    assert said["instances_written"] + dropped == said["instances"] == stated, said
    return found.seconds


def compared(folder: Path, count: int) -> float:
    """Seconds to find every difference to the file in which all lies further right."""
    pair = [str(folder / f"{name}{count}.json") for name in ("", "moved-")]
    started = time.perf_counter()
    found = subprocess.run([*OURS, "diff", *pair, "--tolerance", "0.1"], capture_output=True, check=False)
    assert found.returncode == 6, found.stdout
    return time.perf_counter() - started


def grown(what: str, seconds: dict[int, float]) -> None:
    """Print what a thing costs, given how long one takes, some and many; and the ratio, where that is more than noise."""
    (_, one), (some, few), (most, many) = seconds.items()
    first, last = (few - one) / some, (many - one) / most
    ratio = f"{last / first:5.2f} x" if few - one > NOISE else ""
    print(f"{what:24} {1e6 * first:8.1f} {1e6 * last:8.1f} us   {ratio}", flush=True)


def main() -> None:
    words = sys.argv[1:]
    things = next((int(word) for word in words if word.isdigit()), 5_000)
    names = [word for word in words if not word.isdigit()] or list(FORMATS)
    print(f"microseconds a thing at {things} and {GROWTH * things} things in a picture")
    for make in (boxes, corners, parts, holes, labels):
        with tempfile.TemporaryDirectory() as temporary:
            folder = Path(temporary)
            stated = {}
            for count in (1, things, GROWTH * things):
                stated[count] = source(folder / f"{count}.json", make, count)
                source(folder / f"moved-{count}.json", make, count, shift=0.25)
            for name in names:
                found = {count: converted(folder, name, count, stated[count]) for count in stated}
                grown(f"{make.__name__:8} {name}", found)
            grown(f"{make.__name__:8} diff", {count: compared(folder, count) for count in stated})


if __name__ == "__main__":
    main()
