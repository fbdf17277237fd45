"""Whether memory stays bounded however large a file is: seconds and peaks of every command over one COCO file.

    python -m benchmarks.bounded [look] [use] [GIGABYTES]        1 by default; 10 takes an hour or so, and 30 GB of disk

The file is like COCO's own (``benchmarks.inputs``), its annotations in any order. Planning is that of an upload of annotations to
a dataset that has all the pictures, without the platform: the journal and the plan are what grows. Counts are checked.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import numpy as np

from . import inputs
from .measure import Cost, cost

OURS = [sys.executable, "-m", "picsellia_ingest"]
PER_IMAGE = 7
BLOCK = 3500
"""Annotations whose shapes are generated; the blocks of the file repeat them, with other ids."""
IMAGE = '{"id": %d, "file_name": "%012d.jpg", "width": 640, "height": 480}'
PEAK, TOGETHER = 180, 300


def write(path: Path, gigabytes: float, seed: int = 7) -> int:
    """Write about so many gigabytes; the number of images."""
    block, length = _block(Random(seed))
    size = length + BLOCK / PER_IMAGE * len(IMAGE % (1, 1))
    blocks = max(1, round(gigabytes * 1e9 / size))
    images = blocks * BLOCK // PER_IMAGE
    owners = np.random.default_rng(seed).permutation(np.arange(blocks * BLOCK, dtype=np.int32)) // PER_IMAGE
    some = BLOCK // PER_IMAGE
    with path.open("w") as out:
        out.write('{"info": {"year": 2021}, "images": [')
        for start in range(0, images, some):
            rows = ", ".join(IMAGE % (n, n) for n in range(start, start + some))
            out.write(rows if not start else f", {rows}")
        out.write('], "annotations": [')
        for start in range(0, len(owners), BLOCK):
            ids = np.arange(start, start + BLOCK) ^ 1023
            pairs = np.stack([owners[start : start + BLOCK], ids], axis=1)
            out.write(("" if not start else ", ") + block % tuple(pairs.ravel().tolist()))
        categories = [{"id": n, "name": f"label {n}"} for n in range(1, inputs.LABELS + 1)]
        out.write(f'], "categories": {json.dumps(categories)}}}')
    return images


def _block(chance: Random) -> tuple[str, int]:
    """A text of annotations in which image ids and ids are left open, and about how long it becomes."""
    rows = []
    for number in range(BLOCK):
        row = inputs.annotation(chance, number, 0)
        rows.append(json.dumps({**row, "image_id": "%d", "id": "%d"}).replace('"%d"', "%d"))
    text = ", ".join(rows)
    return text, len(text) + 12 * BLOCK


def plan(source: Path) -> None:
    """Plan the upload of the annotations in this process, and print what it found."""
    from picsellia_ingest.parsers.coco import Coco
    from picsellia_ingest.upload.journal import Journal
    from picsellia_ingest.upload.plan import Job, plan_annotations, plan_pictures
    from picsellia_ingest.upload.report import Report

    report = Report()
    with (
        tempfile.TemporaryDirectory(dir=source.parent) as folder,
        Journal(Path(folder) / "j.db", "benchmark") as journal,
        Coco(source) as parser,
    ):
        parser.begin(report.problems)
        journal.begin()
        pictures = (
            {"external_url": name, "picture_id": name, "internal_key": name} for name in parser.names()
        )
        plan_pictures(pictures, journal)
        plan_annotations(Job("benchmark", parser=parser), journal, report, {}, lambda _: None)
        said = {"images": journal.count("document IS NOT NULL"), "instances": journal.total("instances", "1")}
        print(json.dumps(said))


def told(what: str, found: Cost) -> None:
    """One line of the result."""
    reached = found.peak <= PEAK and found.peak_together <= TOGETHER
    print(
        f"{what:30} {found.seconds:8.1f} s   peak of any process {found.peak:5.0f} MiB (target {PEAK}),"
        f" together {found.peak_together:5.0f} ({TOGETHER})   {'reached' if reached else 'MISSED'}",
        flush=True,
    )


def look(source: Path, images: int) -> None:
    """``inspect`` and ``validate``, once."""
    instances = images * PER_IMAGE
    inspected = cost([*OURS, "inspect", str(source), "--json"], 1)
    found = json.loads(inspected.said)
    assert (found["images"], found["instances"], found["images_without_instances"]) == (images, instances, 0)
    told("inspect", inspected)
    validated = cost([*OURS, "validate", str(source), "--output", "json"], 1)
    assert json.loads(validated.said)["counts"] == {}
    told("validate", validated)


def use(source: Path, images: int) -> None:
    """``convert`` and the planning of an upload, once."""
    instances = images * PER_IMAGE
    out = source.with_name("out.json")
    converted = cost(
        [*OURS, "convert", str(source), str(out), "--to", "PICSELLIA", "--nb-jobs", "2", "--json"], 1
    )
    found = json.loads(converted.said)
    assert (found["images_written"], found["instances_written"]) == (images, instances)
    told("convert --to PICSELLIA, 2 jobs", converted)
    out.unlink()
    planned = cost([sys.executable, "-m", "benchmarks.bounded", "plan", str(source)], 1)
    assert json.loads(planned.said) == {"images": images, "instances": instances}
    told("plan an upload", planned)


def main() -> None:
    halves = {"look": look, "use": use}
    asked = [word for word in sys.argv[1:] if word in halves] or list(halves)
    gigabytes = next((float(word) for word in sys.argv[1:] if word not in halves), 1.0)
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "instances.json"
        started = time.perf_counter()
        images = write(source, gigabytes)
        print(
            f"{source.stat().st_size / 1e9:.2f} GB, {images} images, {images * PER_IMAGE} annotations,"
            f" written in {time.perf_counter() - started:.0f} s",
            flush=True,
        )
        for half in asked:
            halves[half](source, images)


if __name__ == "__main__":
    if sys.argv[1:2] == ["plan"]:
        plan(Path(sys.argv[2]))
    else:
        main()
