"""What an image costs in the formats that are written and read, as a source grows, also where each has something to be said of it.

    python -m benchmarks.formats [IMAGES] [FORMAT ...]        1,000 by default, and four times as many

A COCO file (``benchmarks.inputs``, without its masks) is converted to each format and inspected there: seven polygons of 24
points an image, or their boxes. Then another in which each reaches past the edge of its picture, so that each instance has a
problem. Counts are checked. Times are of whole processes, less that of one that reads a single image.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
from pathlib import Path

from PIL import Image

from . import inputs
from .measure import Cost, cost

OURS = [sys.executable, "-m", "picsellia_ingest"]
FORMATS = {
    "COCO": ".json", "PICSELLIA": ".json", "PASCAL-VOC": "", "YOLO": "", "LABELME": "", "CVAT": ".xml", "DATUMARO": ".json",
    "LABEL-STUDIO": ".json", "CREATEML": ".json", "VIA": ".json", "OPEN-IMAGES": "",
}  # fmt: skip
"""The formats, and what the name of their one file ends with."""
UNSIZED = ("CREATEML", "VIA", "OPEN-IMAGES")
"""Formats without the size of the picture, past whose edge something could reach."""
FRACTIONS = ("YOLO", "OPEN-IMAGES")
"""Formats of fractions of the picture, whose size is read from it."""
GROWTH = 4


def source(path: Path, images: int, *, over: bool) -> int:
    """The file; ``over`` the edge or not. The number of instances."""
    inputs.coco(path, images)
    document = json.loads(path.read_text())
    document["annotations"] = [one for one in document["annotations"] if not one["iscrowd"]]
    for one in document["annotations"] if over else ():
        shift = inputs.WIDTH - 5 - one["bbox"][0]
        one["bbox"][0] += shift
        one["segmentation"] = [
            [round(value + shift * (at % 2 == 0), 2) for at, value in enumerate(ring)]
            for ring in one["segmentation"]
        ]
    path.write_text(json.dumps(document))
    return len(document["annotations"])


def measure(folder: Path, name: str, images: int, *, over: bool) -> Cost:
    """What it costs to inspect so many images."""
    document, pictures, to = folder / "in.json", folder / "pictures", folder / f"out{FORMATS[name]}"
    stated = source(document, images, over=over)
    pictures.mkdir(exist_ok=True)
    for number in range(images):
        if not (path := pictures / f"{number:012}.jpg").exists():
            Image.new("1", (inputs.WIDTH, inputs.HEIGHT)).save(path)
    cost([*OURS, "convert", str(document), str(to), "--to", name], runs=1)
    command = [*OURS, "inspect", str(to), "--ann-format", name, "--json"]
    found = cost(command + ["--imgdir", str(pictures)] * (name in FRACTIONS), runs=1)
    said = json.loads(found.said)
    assert (said["images"], said["instances_stated"]) == (images, stated), said
    assert sum(said["problems"]["counts"].values()) >= stated * over, said
    shutil.rmtree(to) if to.is_dir() else to.unlink()
    return found


def main() -> None:
    words = sys.argv[1:]
    images = next((int(word) for word in words if word.isdigit()), 1_000)
    names = [word for word in words if not word.isdigit()] or list(FORMATS)
    print(f"microseconds an image at {images} and {GROWTH * images} images")
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for over, what in ((False, "clean"), (True, "a problem each"))[: 1 if name in UNSIZED else 2]:
                one, few, many = (
                    measure(Path(folder), name, n, over=over) for n in (1, images, GROWTH * images)
                )
                first, last = (
                    (few.seconds - one.seconds) / images,
                    (many.seconds - one.seconds) / images / GROWTH,
                )
                print(
                    f"{name:13} {what:15} {1e6 * first:7.0f} {1e6 * last:7.0f} us   {last / first:5.2f} x",
                    flush=True,
                )


if __name__ == "__main__":
    main()
