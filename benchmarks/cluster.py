"""An upload on a Dask cluster of 1, 2 and 4 workers, each a process of its own, to a platform whose answers take their time.

    python -m benchmarks.cluster [IMAGES [REPLY_SECONDS [THREADS]]]        2,000 images, 0.1 s, 16 threads a worker by default

The workers do the same jobs each, so what is measured is what more of them bring. What arrived is checked before a time
counts: every picture once. All run on this machine and share its cores, which limits what is seen here; so does the
stub that stands for the platform.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image

from picsellia_ingest.client import Client
from tests.upload.clusters import Cluster

from .stub import ask, serving

WORKERS = (1, 2, 4)
TOKEN = "0" * 40


def images(folder: Path, count: int) -> None:
    """Small pictures, no two alike."""
    folder.mkdir()
    for number in range(count):
        Image.new("RGB", (8, 8), (number % 256, number // 256 % 256, number // 65536)).save(
            folder / f"{number:06}.png"
        )


def upload(host: str, folder: Path, workers: int, threads: int, work: Path) -> float:
    """Seconds of one upload, verification included, on a cluster that is there already."""
    work.mkdir()
    cluster = Cluster(work, {})
    try:
        cluster.add(workers, "--nthreads", str(threads))
        while cluster.logs().count("Registered to") < workers:
            time.sleep(0.1)
        ask(host, "begin", [])
        lake = Client.Datalake(TOKEN, host=host)
        begun = time.perf_counter()
        report = lake.upload(
            "d", imgdir=folder, nb_jobs=threads, backend="dask", scheduler=cluster.address, quiet=True,
            journal=work / "journal.db",
        )  # fmt: skip
        seconds = time.perf_counter() - begun
    finally:
        cluster.stop()
    held = ask(host, "held")
    wanted = sorted(path.name for path in folder.iterdir())
    if report.exit_code or held["pictures"] != wanted or held["twice"] or held["members"] != len(wanted):
        raise SystemExit(f"not everything is there once: {report}")
    return seconds


def main(count: int = 2000, reply: float = 0.1, threads: int = 16) -> None:
    """Upload with each number of workers, and print the ratios."""
    with tempfile.TemporaryDirectory() as name, serving(reply, 0.0) as host:
        work = Path(name)
        os.environ["XDG_STATE_HOME"] = str(work / "state")
        images(work / "images", count)
        print(f"{count} images, answers after {reply} s, {threads} threads a worker")
        first = 0.0
        for workers in WORKERS:
            seconds = upload(host, work / "images", workers, threads, work / str(workers))
            first = first or seconds
            print(f"{workers} workers: {seconds:.1f} s, {first / seconds:.2f} times as fast as 1", flush=True)


if __name__ == "__main__":
    given = sys.argv[1:]
    main(*(kind(text) for kind, text in zip((int, float, int), given, strict=False)))
