"""T6 and T7: uploading beside the published client of 2021, to a platform that is 20 ms away and 40 ms more for a connection.

    python -m benchmarks.uploading [IMAGES [ANNOTATIONS]]        1,000 pictures of 200 KB and 5,000 annotations of 1 KB by default

Each upload is a whole process, start and verification included. What arrived is compared with what was sent before its time
counts: every picture and annotation, each once, byte for byte. The stub that stands for the platform is a process of its own
and says how long it was busy. CPU seconds are those of the client's processes, user and system.
"""

from __future__ import annotations

import io
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.published.environments import HOME, failure

from .measure import ROOT, row
from .stub import ask, serving

REPLY, CONNECT = 0.020, 0.040
VERSION = "5.0.22"
RUNS = 3
TOKEN = "0" * 40
OURS = "import sys; from picsellia_ingest.client import Client; name, ask = sys.argv[1], eval(sys.argv[2]); report = Client.Datalake(sys.argv[4], host=sys.argv[3]).upload('d', quiet=True, **ask); assert report.exit_code == 0, report"
THEIRS = "import sys, warnings; warnings.simplefilter('ignore'); from picsellia.client import Client; Client.Datalake(sys.argv[4], host=sys.argv[3]).upload(name='d', **eval(sys.argv[2]))"


@dataclass(frozen=True)
class Took:
    """Seconds from start to end, seconds between the first and last item that arrived, and CPU seconds of the client."""

    seconds: float
    between: float
    cpu: float
    requests: int
    busy: float


def pictures(folder: Path, count: int, seed: int = 7) -> None:
    """Noise as JPEG, each of about 200 KB."""
    from PIL import Image

    folder.mkdir()
    chance = random.Random(seed)
    for number in range(count):
        out = io.BytesIO()
        Image.frombytes("RGB", (512, 384), chance.randbytes(512 * 384 * 3)).save(out, "JPEG", quality=92)
        (folder / f"{number:06}.jpg").write_bytes(out.getvalue())


def annotations(path: Path, count: int, seed: int = 7) -> None:
    """A PICSELLIA file of polygons, about 1 KB a picture."""
    chance = random.Random(seed)

    def thing() -> dict[str, Any]:
        points = [{"x": chance.randint(0, 511), "y": chance.randint(0, 383)} for _ in range(8)]
        label = f"label {chance.randint(1, 10)}"
        return {"type": "polygon", "label": label, "polygon": {"geometry": points}, "qa": []}

    records = [
        {
            "external_picture_url": f"{number:06}.jpg",
            "nb_labels": 4,
            "time_spent": 1.5,
            "annotations": [thing() for _ in range(4)],
        }
        for number in range(count)
    ]
    path.write_text(json.dumps({"images": [], "categories": [], "annotations": records}))


class Race:
    """Two clients before one stub."""

    def __init__(self, host: str, folder: Path) -> None:
        self.host, self.folder = host, folder

    def ours(self, asked: dict[str, Any]) -> list[str]:
        (self.folder / "journal.db").unlink(missing_ok=True)
        return self._command(sys.executable, OURS, {**asked, "journal": str(self.folder / "journal.db")})

    def theirs(self, asked: dict[str, Any]) -> list[str]:
        return self._command(str(HOME / VERSION / "bin" / "python"), THEIRS, asked)

    def run(self, asked: dict[str, Any], begin: list[str], check: Callable[[Any], None]) -> list[Took]:
        """Their five jobs, once, since that is mostly waiting; our five, and all of ours."""
        runs = ((1, self.theirs, 5), (RUNS, self.ours, 5), (RUNS, self.ours, -1))
        return [
            self.took(times, partial(client, {**asked, "nb_jobs": jobs}), begin, check) for times, client, jobs in runs
        ]  # fmt: skip

    def _command(self, python: str, script: str, asked: dict[str, Any]) -> list[str]:
        return [python, "-c", script, "upload", repr(asked), self.host, TOKEN]

    def took(
        self, times: int, command: Callable[[], list[str]], begin: list[str], check: Callable[[Any], None]
    ) -> Took:
        """The median of some runs by time, each checked."""
        runs = []
        for _ in range(times):
            ask(self.host, "begin", begin)
            before, started = _cpu(), time.perf_counter()
            done = subprocess.run(
                command(), cwd=ROOT, env={**os.environ, "NO_PROXY": "127.0.0.1"}, capture_output=True, text=True, check=False
            )  # fmt: skip
            seconds = time.perf_counter() - started
            cpu = _cpu() - before
            assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
            seen = ask(self.host, "seen")
            check(seen)
            runs.append(Took(seconds, seen["seconds"], cpu, seen["requests"], seen["busy"]))
        return sorted(runs, key=lambda one: one.seconds)[times // 2]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def pictures_race(race: Race, count: int) -> None:
    folder = race.folder / "images"
    pictures(folder, count)
    size = sum(path.stat().st_size for path in folder.iterdir()) / count / 1000

    def check(seen: Any) -> None:
        names = sorted(path.name for path in folder.iterdir())
        assert (seen["pictures"], seen["objects"], seen["twice"]) == (names, count, 0)
        for name in names:
            assert ask(race.host, "object", name) == (folder / name).read_bytes()

    asked = {"imgdir": str(folder), "tags": ["t"]}
    print(f"{count} pictures of {size:.0f} KB:")
    compare("pictures", count, *race.run(asked, [], check))


def annotations_race(race: Race, count: int) -> None:
    source = race.folder / "annotations.json"
    annotations(source, count)
    wanted = {
        one["external_picture_url"]: one["annotations"]
        for one in json.loads(source.read_text())["annotations"]
    }

    def check(seen: Any) -> None:
        assert seen["annotations"] == dict.fromkeys(wanted, 1)
        for name, objects in wanted.items():
            assert ask(race.host, "annotation", name) == objects

    asked = {"ann_path": str(source), "ann_format": "PICSELLIA"}
    print(f"{count} annotations of {source.stat().st_size / count / 1000:.1f} KB in the file:")
    compare("annotations", count, *race.run(asked, sorted(wanted), check))
    print(
        f"     five bare connections, each with one request after the other: {bare(race.host, 5):.0f} a second"
    )


def bare(host: str, connections: int, each: int = 200) -> float:
    """Annotations a second that so many connections of http.client reach: what the stub and the machine allow."""
    address, body = urlsplit(host), json.dumps({"data": [[1]] * 300}).encode()
    seconds: list[float] = []

    def send() -> None:
        with closing(HTTPConnection(address.netloc)) as line:
            for number in range(1 + each):
                if number == 1:  # the first waits for the connection
                    began = time.perf_counter()
                line.request(
                    "PUT", "/annotation/bare/bare/bare.jpg", body, {"Authorization": f"Token {TOKEN}"}
                )
                line.getresponse().read()
            seconds.append(time.perf_counter() - began)

    threads = [threading.Thread(target=send) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return connections * each / statistics.mean(seconds)


def compare(what: str, count: int, theirs: Took, five: Took, every: Took) -> None:
    """The rows of one kind of item."""
    for name, took in ((f"{VERSION}, 5 jobs", theirs), ("ours, 5 jobs", five), ("ours, all jobs", every)):
        print(
            f"     {name:16} {took.seconds:6.2f} s, {count / took.seconds:5.0f} {what} a second"
            f" ({count / took.between:5.0f} on the line), {took.requests / count:.2f} requests and"
            f" {1000 * took.cpu / count:.2f} ms of CPU each; the stub was busy {100 * took.busy / took.seconds:.0f} %"
        )
    row("T6", f"{what}, 5 jobs / the 2021 client", theirs.seconds / five.seconds, least=2.8)
    row("T7", f"{what}, all jobs / the 2021 client's 5", theirs.seconds / every.seconds, least=10)
    used = statistics.mean((five.cpu, every.cpu))
    row("", f"CPU of {what} / the 2021 client", used / theirs.cpu, most=0.5)


def main() -> None:
    counts = [int(found) for found in sys.argv[1:]]
    if reason := failure(HOME, VERSION):
        print(f"the client of 2021 cannot be compared: {reason}")
        return
    with tempfile.TemporaryDirectory() as folder, serving(REPLY, CONNECT) as host:
        race = Race(host, Path(folder))
        pictures_race(race, counts[0] if counts else 1000)
        annotations_race(race, counts[1] if len(counts) > 1 else 5000)


if __name__ == "__main__":
    main()
