"""T10: what an image costs as a dataset grows: the plan, the journal, the resumed run, the verification; and the platform's side.

    python -m benchmarks.scale [client] [platform] [SIZE ...]

At 10,000 and 100,000 images by default, 5,000 at least; 1,000,000 takes an hour or two. Two halves. The client's: annotations of as many pictures as the stub (``benchmarks.stub``, without delays) says to hold are
uploaded, which goes through everything but the bytes of pictures, and then the same command is run again; and a folder of as
many image files, hard links to a few, is planned, and planned again. Each is a process of its own, whose CPU time counts, since
the machine may be shared; time and peak of memory are told too. The platform's: its tables are filled directly, in the shape
that uploads leave them in, and then what single requests take is asked over HTTP.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from picsellia_ingest.upload import workers

from .measure import ROOT
from .stub import ask, serving

SIZES = (10_000, 100_000)
LABELS = 20
LINKS = 50_000
"""Hard links to one file: a file system has a limit."""
FLAT = 1.2


def name_of(number: int) -> str:
    return f"{number // 1000:04}/{number:07}.jpg"


def source(path: Path, size: int, seed: int = 7) -> None:
    """A COCO file of boxes, two an image, written a line at a time."""
    chance = random.Random(seed)
    with path.open("w") as out:
        rows = (
            json.dumps({"id": n, "file_name": name_of(n), "width": 640, "height": 480}) for n in range(size)
        )
        out.write('{"images": [' + ",\n".join(rows) + '], "annotations": [')
        for number in range(2 * size):
            box = [
                chance.randint(0, 500),
                chance.randint(0, 400),
                chance.randint(1, 100),
                chance.randint(1, 60),
            ]
            one = {
                "id": number,
                "image_id": number // 2,
                "category_id": chance.randint(1, LABELS),
                "bbox": box,
                "iscrowd": 0,
            }
            out.write((",\n" if number else "") + json.dumps(one))
        out.write(
            '], "categories": '
            + json.dumps([{"id": n, "name": f"label {n}"} for n in range(1, LABELS + 1)])
            + "}"
        )


def images(folder: Path, size: int) -> None:
    """A folder of small pictures: links to a few files, so that it is the number that costs."""
    from PIL import Image

    folder.mkdir()
    for number in range(size):
        path = folder / name_of(number)
        if number % 1000 == 0:
            path.parent.mkdir()
        if number % LINKS == 0:
            first = path
            Image.new("RGB", (64, 48), (number % 256, 0, 0)).save(path)
        else:
            path.hardlink_to(first)


def child(host: str, asked: dict[str, Any]) -> None:
    """One upload in this process; prints seconds of CPU by stage, the time it took, and the peak of memory in MiB."""
    from picsellia_ingest.client import Client
    from picsellia_ingest.client import ingest as uploads
    from picsellia_ingest.upload.progress import Quiet

    marks: list[tuple[str, float]] = []

    class Marks(Quiet):
        def stage(self, name: str, total: int | None) -> None:
            marks.append((name, time.process_time()))

    lake = Client.Datalake("0" * 40, host=host)
    journal = asked.pop("journal")
    kind = asked.pop("ann_format", None)
    job = uploads.job(
        "d", None, asked.pop("imgdir", None), asked.pop("ann_path", None), kind, ["t"], -1, **asked
    )
    started, clock = time.process_time(), time.perf_counter()
    report = uploads.upload(lake._session, job, journal, Marks())
    ended, wall = time.process_time(), time.perf_counter() - clock
    assert report.exit_code == 0, report
    seconds: dict[str, float] = {"all": ended - started}
    for (name, begun), (_, until) in zip(marks, [*marks[1:], ("", ended)], strict=True):
        seconds[name] = seconds.get(name, 0.0) + until - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "wall": wall, "peak": peak, "uploaded": report.instances.uploaded, "there": report.instances.already_there}))  # fmt: skip


def ran(host: str, asked: dict[str, Any]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scale", "child", host, json.dumps(asked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def client(folder: Path, size: int) -> dict[str, float]:
    """Microseconds an image, by what was done, and MiB of memory."""
    folder.mkdir()
    with serving(0, 0) as host:
        source(folder / "instances.json", size)
        images(folder / "images", size)
        ask(host, "begin", [name_of(number) for number in range(size)])
        annotate = {
            "ann_path": str(folder / "instances.json"),
            "ann_format": "COCO",
            "journal": str(folder / "a.db"),
        }
        first, again = ran(host, dict(annotate)), ran(host, dict(annotate))
        assert (first["uploaded"], again["uploaded"], again["there"]) == (2 * size, 0, 2 * size)
        counts = ask(host, "seen")["annotations"]
        assert len(counts) == size
        assert set(counts.values()) == {1}
        ask(host, "begin", [])
        look = {"imgdir": str(folder / "images"), "dry_run": True, "journal": str(folder / "b.db")}
        planned, remembered = ran(host, dict(look)), ran(host, dict(look))
    found = {
        "annotations: plan": sum(first["seconds"][name] for name in ("index", "records")),
        "annotations: send, with the journal": first["seconds"]["annotations"],
        "annotations: verify and report": first["seconds"]["verify"],
        "annotations: all": first["seconds"]["all"],
        "the same command again": again["seconds"]["all"],
        "image files: plan": planned["seconds"]["images"],
        "image files: plan again": remembered["seconds"]["images"],
    }
    found = {what: 1e6 * seconds / size for what, seconds in found.items()}
    runs = {"first": first, "again": again, "image files": planned}
    told = (f"{what} {run['wall']:.0f} s and {run['peak']:.0f} MiB at most" for what, run in runs.items())
    print(f"     {size:,} images: " + ", ".join(told), flush=True)
    return found


def fill(root: Path, size: int) -> None:
    """Rows as uploads leave them: pictures with a tag, all in one dataset, each with two objects."""
    from picsellia_ingest.server.platform import Platform
    from picsellia_ingest.server.schema import (
        annotation,
        annotation_label,
        dataset,
        dataset_picture,
        label,
        picture,
        picture_tag,
    )

    platform = Platform.open(root, token="0" * 40)
    chance = random.Random(7)
    ids = range(1, size + 1)

    def texts() -> Any:
        for number in ids:
            kinds = (1 + chance.randrange(LABELS // 2), 1 + LABELS // 2 + chance.randrange(LABELS // 2))
            box = {"top": 1, "left": 2, "width": 30, "height": 40}
            yield (
                number,
                kinds,
                json.dumps(
                    [
                        {"type": "rectangle", "label": f"label {kind}", "rectangle": box, "qa": []}
                        for kind in kinds
                    ]
                ),
            )

    rows: list[tuple[Any, Any]] = [
        (dataset, [{"id": 1, "uuid": _uuid(0), "organization_id": 1, "name": "d", "version": "first", "private": True}]),
        (label, [{"id": n, "dataset_id": 1, "name": f"label {n}", "type": "rectangle"} for n in range(1, LABELS + 1)]),
        (picture, ({"id": n, "uuid": _uuid(n), "organization_id": 1, "external_url": name_of(n), "internal_key": f"{n:064}.jpg",
                    "width": 640, "height": 480, "source": "sdk", "creation_date": "2021-09-14"} for n in ids)),
        (picture_tag, ({"picture_id": n, "tag": "t"} for n in ids)),
        (dataset_picture, ({"dataset_id": 1, "picture_id": n} for n in ids)),
        (annotation, ({"id": n, "dataset_id": 1, "picture_id": n, "objects": text, "image_qa": "[]", "nb_instances": 2, "duration": 0.0,
                       "creation_date": "2021-09-14"} for n, _, text in texts())),
    ]  # fmt: skip
    chance.seed(7)
    rows.append(
        (annotation_label, ({"annotation_id": n, "label_id": kind, "picture_id": n, "instances": 1} for n, kinds, _ in texts() for kind in kinds))
    )  # fmt: skip
    with platform.database.writing() as conn:
        for table, values in rows:
            if table is annotation_label:
                chance.seed(7)
            for batch in workers.windows(values, 5000):
                conn.execute(table.insert(), batch)
    platform.close()


def _uuid(number: int) -> str:
    return f"00000000-0000-4000-8000-{number:012}"


def platform(root: Path, size: int) -> dict[str, float]:
    """Milliseconds of single requests to the embedded platform, each the median of some."""
    import requests

    from picsellia_ingest.server import start

    fill(root, size)
    running = start(root, token="0" * 40)
    try:
        with requests.Session() as session:
            return _requests(session, running.address, size)
    finally:
        running.stop()


def _requests(session: Any, address: str, size: int) -> dict[str, float]:  # noqa: PLR0915 - one line for each request
    session.headers["Authorization"] = "Token " + "0" * 40
    site = address.removesuffix("sdk/v2/")
    org = session.post(address + "get_organization", data="{}").json()["organization_id"]
    dataset, chance = _uuid(0), random.Random(1)
    box = {
        "type": "rectangle",
        "label": "label 1",
        "rectangle": {"top": 1, "left": 2, "width": 3, "height": 4},
        "qa": [],
    }
    body = json.dumps({"data": [box]})
    made: list[str] = []

    def ok(answer: Any) -> Any:
        assert answer.ok, answer.text[:300]
        return answer

    def upload() -> None:
        key = f"{len(made):08}{size:056}.png"
        signed = ok(
            session.post(
                address + "generate_presigned_url",
                data=json.dumps({"method": "post", "object_name": key, "bucket_model": False}),
            )
        ).json()["url"]
        ok(
            session.post(
                signed["url"],
                data=signed["fields"],
                files={"file": (key, _PNG)},
                headers={"Authorization": None},
            )
        )
        picture = {
            "internal_key": key,
            "external_url": f"new {len(made)}.png",
            "height": 1,
            "width": 1,
            "tags": ["t"],
            "source": "sdk",
        }
        made.append(
            ok(session.put(address + f"picture/upload/{org}", data=json.dumps(picture))).json()["picture_id"]
        )

    def pages(start: int) -> Callable[[], None]:
        offsets = itertools.count(start, 200)

        def fetch() -> None:
            query = f"limit=200&offset={next(offsets)}&snapshot=False"
            found = ok(session.get(address + f"annotation/{dataset}?{query}")).json()
            assert len(found["annotations"]) == 200

        return fetch

    def members() -> None:
        chosen = [_uuid(1 + chance.randrange(size)) for _ in range(500)]
        ok(session.post(address + f"dataset/{org}", data=json.dumps({"pk": dataset, "pictures": chosen})))

    def browse(path: str) -> Callable[[], None]:
        return lambda: ok(session.get(site + path, headers={"Authorization": None})) and None

    token = session.post(
        site + "enter", data={"token": "0" * 40}, headers={"Authorization": None}, allow_redirects=True
    )
    assert token.ok, token.text[:300]
    look = {
        "a picture: address, bytes, registration": (upload, 50),
        "an annotation of a picture": (lambda: ok(session.put(address + f"annotation/new/{dataset}/" + name_of(1 + chance.randrange(size)).replace("/", "%2F"), data=body)), 200),
        "500 pictures made members": (members, 20),
        "a page of 200 annotations, from the first on": (pages(0), 20),
        "a page of 200 annotations, from the middle on": (pages(size // 2), 20),
        "a page of 200 annotations, the last 20": (pages(size - 4400), 20),
        "a dataset by its name": (lambda: ok(session.get(address + f"dataset/{org}/d/latest")), 20),
        "statistics of a dataset": (lambda: ok(session.post(address + f"dataset/{dataset}/update_stats", data=json.dumps({"repartition": {"label 1": size}, "nb_annotations": size, "nb_objects": size}))), 20),
        "the page of all datasets": (browse(""), 5),
        "the page of a dataset, with counts of labels": (browse(f"datasets/{dataset}"), 5),
    }  # fmt: skip
    found = {what: _median(function, times) for what, (function, times) in look.items()}
    started = time.perf_counter()
    listed = ok(session.get(address + f"picture/{dataset}")).json()["pictures"]
    found["the list of all pictures, each 1,000"] = 1e6 * (time.perf_counter() - started) / len(listed)
    assert len(listed) == size
    return found


def _median(function: Callable[[], Any], times: int) -> float:
    function()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - started)
    return 1000 * statistics.median(seconds)


_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000" "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)  # fmt: skip


def table(title: str, unit: str, sizes: list[int], found: list[dict[str, float]]) -> None:
    """One column for each size, and how much dearer the largest is than the smallest."""
    print(f"\n{title:46} " + " ".join(f"{size:>12,}" for size in sizes) + f"   {unit}")
    for what in found[0]:
        ratio = found[-1][what] / found[0][what]
        word = "" if len(sizes) == 1 else f"   x {ratio:.2f} {'flat' if ratio <= FLAT else 'NOT FLAT'}"
        print(f"     {what:41} " + " ".join(f"{one[what]:12.1f}" for one in found) + word, flush=True)


def main() -> None:
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], json.loads(sys.argv[3]))
        return
    halves = {"client": client, "platform": platform}
    asked = [word for word in sys.argv[1:] if word in halves] or list(halves)
    sizes = [int(word) for word in sys.argv[1:] if word not in halves] or list(SIZES)
    found: dict[str, list[dict[str, float]]] = {half: [] for half in asked}
    for size in sizes:
        for half in asked:
            with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
                found[half].append(halves[half](Path(folder) / half, size))
    if "client" in found:
        table("T10  the client, CPU for each image", "microseconds", sizes, found["client"])
    if "platform" in found:
        table("T10  the embedded platform, for each request", "milliseconds", sizes, found["platform"])


if __name__ == "__main__":
    main()
