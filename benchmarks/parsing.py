"""T1 to T5 and T8: reading and converting, beside ``orjson.loads`` and the peers in the same run.

    python -m benchmarks.parsing [IMAGES] [masks] [coco] [to_voc] [from_voc]        20,000 by default; COCO's train2017 has 118,000

Results are checked before they are timed: the boxes and coordinates that come out are those that went in.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from . import inputs
from .measure import Cost, cost, peers, row

OURS = [sys.executable, "-m", "picsellia_ingest"]
ORJSON = "import gc, orjson, sys, time; gc.disable(); data = open(sys.argv[1], 'rb').read(); t = time.perf_counter(); orjson.loads(data); print(time.perf_counter() - t)"
HOTCOCO = "import sys; from hotcoco import COCO; COCO(sys.argv[1]).to_voc(sys.argv[2])"
FROM_VOC = "import sys; from hotcoco import COCO; COCO.from_voc(sys.argv[1]).save(sys.argv[2])"


def convert(source: Path, to: Path, kind: str, *more: str) -> Cost:
    """Our command."""
    return cost([*OURS, "convert", str(source), str(to), "--to", kind, *more], before=lambda: _remove(to))


def _remove(path: Path) -> None:
    """Put what an earlier run wrote aside: where thousands of files were just deleted, some file systems are slow to make others."""
    if path.is_dir():
        path.rename(path.with_name(f"{path.name}-{time.monotonic_ns()}"))
    path.unlink(missing_ok=True)


def check(source: Path, written: Path, *, boxes: bool) -> None:
    """Instances, and the sum of their coordinates, as the source has them."""
    annotations = json.loads(source.read_text())["annotations"]
    records = json.loads(written.read_text())["annotations"]
    objects = [found for record in records for found in record["annotations"]]
    rectangles = [found["rectangle"] for found in objects if "rectangle" in found]
    assert boxes <= (len(rectangles) == len(annotations))
    expected = sum(sum(one["bbox"]) for one in annotations)
    seen = sum(sum(found[side] for side in ("left", "top", "width", "height")) for found in rectangles)
    if boxes:
        assert abs(seen - expected) < 1e-6 * expected, (seen, expected)
        return
    polygons = [found for found in objects if found["type"] == "polygon"]
    rings = [one["segmentation"] for one in annotations if isinstance(one["segmentation"], list)]
    points = sum(len(found["polygon"]["geometry"]) for found in polygons)
    assert points >= sum(len(ring) // 2 for one in rings for ring in one)
    assert len({(record["external_picture_url"]) for record in records}) <= len(records)


def orjson_seconds(python: Path, path: Path) -> float:
    """``orjson.loads`` without garbage collection, the measure of all."""
    command = [str(python), "-c", ORJSON, str(path)]
    runs = [
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout) for _ in range(5)
    ]
    return statistics.median(runs)


def coco_files(folder: Path, python: Path, images: int) -> None:
    """T1 to T4."""
    source, out = folder / "train.json", folder / "out.json"
    inputs.coco(source, images)
    base = orjson_seconds(python, source)
    print(
        f"{source.stat().st_size / 1e6:.0f} MB, {images} images, {7 * images} annotations; orjson.loads {base:.2f} s"
    )
    one, two = (convert(source, out, "PICSELLIA", "--nb-jobs", str(jobs)) for jobs in (1, 2))
    check(source, out, boxes=False)
    quick, whole = (cost([*OURS, "inspect", *more, str(out)]) for more in (("--quick",), ()))
    peer = to_voc_by_hotcoco(source, folder, python)
    row("T1", "COCO -> PICSELLIA, 2 jobs / orjson.loads", two.seconds / base, most=1.0)
    row("T1", "COCO -> PICSELLIA, 1 job / orjson.loads", one.seconds / base, most=1.5)
    row("T1", "hotcoco coco2voc / COCO -> PICSELLIA, 2 jobs", peer.seconds / two.seconds, least=3)
    inputs.coco(folder / "twice.json", 2 * images)
    twice = convert(folder / "twice.json", out, "PICSELLIA", "--nb-jobs", "2")
    print(
        f"T2   peak of any process {two.peak:.0f} MiB (target 180), together {two.peak_together:.0f} (300); of twice the file {twice.peak:.0f}, {twice.peak_together:.0f}"
    )
    row("T2", "peak of any process, of twice the file / of the file", twice.peak / two.peak, most=1.1)
    index = cost([*OURS, "inspect", "--quick", str(source)])
    row("T3", "inspect --quick / orjson.loads", index.seconds / base, most=0.4)
    row(
        "",
        "inspect, all instances read and checked / orjson.loads",
        cost([*OURS, "inspect", str(source)]).seconds / base,
    )
    box = convert(source, out, "PICSELLIA", "--rectangle", "--nb-jobs", "2")
    check(source, out, boxes=True)
    row("T4", "COCO -> PICSELLIA, boxes, 2 jobs / orjson.loads", box.seconds / base, most=0.6)
    row("", "inspect --quick, of the PICSELLIA file / orjson.loads of the COCO file", quick.seconds / base)
    row("", "inspect, of the PICSELLIA file / orjson.loads of the COCO file", whole.seconds / base)
    for what, more in (("", ()), (", one label left out", ("--drop", "label 1"))):
        same = convert(source, out, "COCO", "--nb-jobs", "2", *more)
        row("", f"COCO -> COCO{what}, 2 jobs / orjson.loads", same.seconds / base)


def to_voc_by_hotcoco(source: Path, folder: Path, python: Path) -> Cost:
    """The peer's way to VOC, which is boxes only."""
    to = folder / "hotcoco"
    return cost([str(python), "-c", HOTCOCO, str(source), str(to)], before=lambda: _remove(to))


def to_voc(folder: Path, python: Path, images: int) -> None:
    """T5."""
    source = folder / "train.json"
    inputs.coco(source, images)
    peer = to_voc_by_hotcoco(source, folder, python)
    # hotcoco writes boxes only; the polygons are five times as much text.
    ours = convert(source, folder / "voc", "PASCAL-VOC", "--rectangle")
    row("T5", "COCO -> VOC, boxes / hotcoco", ours.seconds / peer.seconds, most=1)
    ours = convert(source, folder / "voc", "PASCAL-VOC")
    row("", "COCO -> VOC, with polygons / hotcoco, without", ours.seconds / peer.seconds)


def from_voc(folder: Path, python: Path, images: int) -> None:
    """T5, the other way round."""
    source, out = folder / "devkit", folder / "voc.json"
    source.mkdir()
    inputs.voc(source / "Annotations", images)
    ours = convert(source, out, "COCO")
    found = json.loads(out.read_text())
    assert (len(found["images"]), len(found["annotations"])) == (images, 2 * images)
    theirs = cost([str(python), "-c", FROM_VOC, str(source), str(folder / "theirs.json")])
    assert len(json.loads((folder / "theirs.json").read_text())["annotations"]) == 2 * images
    row("T5", "VOC -> COCO / hotcoco", ours.seconds / theirs.seconds, most=1)
    panlabel = [
        str(python.with_name("panlabel")),
        "convert",
        "--from",
        "voc",
        "--to",
        "coco",
        "--allow-lossy",
    ]
    try:
        other = cost([*panlabel, "--input", str(source), "--output", str(folder / "panlabel.json")])
        row("T5", "VOC -> COCO / panlabel", ours.seconds / other.seconds, most=1)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"panlabel cannot be compared: {error}")


def masks() -> None:
    """T8: exact masks to rings, and back to the same pixels."""
    import random

    import numpy as np

    from picsellia_ingest import raster, tracing

    chance = random.Random(7)
    seconds = []
    for _ in range(300):
        counts = inputs.runs(chance)["counts"]
        started = time.perf_counter()
        polygon = tracing.rle_polygon(counts, inputs.HEIGHT, inputs.WIDTH)
        seconds.append(time.perf_counter() - started)
        filled = np.arange(len(counts)) % 2 == 1
        whole = np.repeat(filled, counts).reshape(inputs.WIDTH, inputs.HEIGHT).T
        assert polygon is not None
        assert (raster.polygon_mask(polygon, inputs.HEIGHT, inputs.WIDTH) == whole).all()
    median = statistics.median(seconds) * 1000
    print(
        f"T8   crowd mask -> exact rings, median {median:.2f} ms (target 1 ms) {'reached' if median <= 1 else 'MISSED'}"
    )


def main() -> None:
    wanted = [word for word in sys.argv[1:] if not word.isdigit()] or ["masks", "coco", "to_voc", "from_voc"]
    images = next((int(word) for word in sys.argv[1:] if word.isdigit()), 20_000)
    if "masks" in wanted:
        masks()
    python = peers()
    for part, work in (("coco", coco_files), ("to_voc", to_voc), ("from_voc", from_voc)):
        if part in wanted and python is not None:
            with tempfile.TemporaryDirectory() as folder:
                work(Path(folder), python, images)


if __name__ == "__main__":
    main()
