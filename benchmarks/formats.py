"""What an image costs in every format that is written and read, as a source grows, also where each has something to be said of it.

    python -m benchmarks.formats [IMAGES] [FORMAT ...]        2,000 by default, and four times as many

A COCO file (``benchmarks.inputs``, without its masks, which KITTI and CreateML cannot hold) is converted to each format and
inspected there: seven polygons of 24 points an image, or their boxes. Then another in which each reaches past the edge of its
picture, so that each instance has a problem. Counts are checked. Times are of whole processes, less that of one that reads a
single image.
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
    "LABEL-STUDIO": ".json", "CREATEML": ".json", "VIA": ".json", "KITTI": "", "OPEN-IMAGES": "",
}  # fmt: skip
"""The formats, and what the name of their one file ends with."""
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
    found = cost(command + ["--imgdir", str(pictures)] * (name == "YOLO"), runs=1)
    said = json.loads(found.said)
    assert (said["images"], said["instances_stated"]) == (images, stated), said
    assert sum(said["problems"]["counts"].values()) >= stated * over, said
    shutil.rmtree(to) if to.is_dir() else to.unlink()
    return found


def main() -> None:
    words = sys.argv[1:]
    images = next((int(word) for word in words if word.isdigit()), 2_000)
    names = [word for word in words if not word.isdigit()] or list(FORMATS)
    print(
        f"microseconds an image at {images} and {GROWTH * images} images, and bytes of memory for each image more"
    )
    with tempfile.TemporaryDirectory() as folder:
        for name in names:
            for over, what in ((False, "clean"), (True, "a problem each")):
                one, few, many = (
                    measure(Path(folder), name, n, over=over) for n in (1, images, GROWTH * images)
                )
                first, last = (
                    (few.seconds - one.seconds) / images,
                    (many.seconds - one.seconds) / images / GROWTH,
                )
                grown = (many.peak - few.peak) * 2**20 / ((GROWTH - 1) * images)
                print(
                    f"{name:13} {what:15} {1e6 * first:7.0f} {1e6 * last:7.0f} us   {last / first:5.2f} x   {grown:6.0f} B",
                    flush=True,
                )


if __name__ == "__main__":
    main()
