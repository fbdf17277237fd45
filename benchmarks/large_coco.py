"""Read a large generated COCO file: time as a ratio to ``json.load``, and peak memory.

    python benchmarks/large_coco.py [IMAGES]

The file is seeded: IMAGES images (20,000 by default), seven annotations each in any order, polygons of eight to forty
points, one in a hundred a crowd mask. Each step runs in a process of its own, so that its peak is its own.
"""

from __future__ import annotations

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def generate(path: Path, images: int) -> None:
    """Write the file, a line at a time."""
    chance = random.Random(7)
    numbers = [image for image in range(images) for _ in range(7)]
    chance.shuffle(numbers)
    with path.open("w") as out:
        rows = (
            json.dumps({"id": n, "file_name": f"{n:012}.jpg", "width": 640, "height": 480})
            for n in range(images)
        )
        out.write('{"images": [' + ", ".join(rows) + '], "annotations": [')
        for number, image in enumerate(numbers):
            out.write((", " if number else "") + json.dumps(annotation(chance, number, image)))
        out.write(
            '], "categories": ' + json.dumps([{"id": n, "name": f"label {n}"} for n in range(1, 81)]) + "}"
        )


def annotation(chance: random.Random, number: int, image: int) -> dict[str, object]:
    left, top = round(chance.uniform(0, 500), 2), round(chance.uniform(0, 400), 2)
    row: dict[str, object] = {
        "id": number,
        "image_id": image,
        "category_id": chance.randint(1, 80),
        "bbox": [left, top, 100.5, 60.25],
    }
    if number % 100 == 0:
        row["iscrowd"], row["segmentation"] = 1, {"size": [480, 640], "counts": [1000, 50, 480 * 640 - 1050]}
    else:
        points = [round(chance.uniform(0, 100), 2) for _ in range(2 * chance.randint(8, 40))]
        row["iscrowd"], row["segmentation"] = 0, [points]
    return row


def step(name: str, path: Path) -> None:
    """Do one step and print seconds and peak MiB."""
    from picsellia_ingest.parsers.coco import Coco
    from picsellia_ingest.problems import ProblemLog

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    if name == "json.load":
        with path.open() as stream:
            count = len(json.load(stream)["annotations"])
    else:
        parser, log = Coco(path), ProblemLog()
        parser.prepare(log)
        count = parser.instance_count()
        if name == "read":
            records = (record for shard in parser.shards(500) for record in parser.read(shard, log))
            assert sum(len(record.instances) for record in records) == count
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps([count, time.perf_counter() - started, (peak - before) / 1024]))


def main() -> None:
    if len(sys.argv) == 3:
        step(sys.argv[1], Path(sys.argv[2]))
        return
    images = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "large.json"
        generate(path, images)
        print(f"{path.stat().st_size / 1e6:.0f} MB, {images} images")
        base = 0.0
        for name in ("json.load", "index", "read"):
            done = subprocess.run(
                [sys.executable, __file__, name, str(path)], capture_output=True, text=True, check=True
            )
            count, seconds, peak = json.loads(done.stdout)
            base = base or seconds
            print(
                f"{name:10} {count} annotations  {seconds:6.2f} s  {seconds / base:5.2f} x json.load  peak +{peak:.0f} MiB"
            )


if __name__ == "__main__":
    main()
