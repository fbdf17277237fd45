"""A labelled dataset made for a test, and whether the platform's own tables and files hold it exactly once."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from picsellia_ingest.server.objects import ObjectName, Objects
from picsellia_ingest.server.store.lake import PICTURES

_PICTURES = """
SELECT p.external_url, p.internal_key, o.uuid FROM dataset d JOIN dataset_picture m ON m.dataset_id=d.id
JOIN picture p ON p.id=m.picture_id JOIN organization o ON o.id=p.organization_id WHERE d.name=?"""
_ANNOTATIONS = """
SELECT p.external_url, a.objects, a.image_qa FROM dataset d JOIN annotation a ON a.dataset_id=d.id
JOIN picture p ON p.id=a.picture_id WHERE d.name=?"""


@dataclass(frozen=True, slots=True)
class Source:
    """A dataset on disk: boxes, polygons, labels and answers; pictures are named after the dataset."""

    name: str
    images: Path
    annotations: Path

    @property
    def arguments(self) -> list[str]:
        """The options of the command line that name it."""
        return ["--name", self.name, "--imgdir", str(self.images), "--ann-path", str(self.annotations)]


def make(folder: Path, name: str, count: int) -> Source:
    """Write a dataset of so many pictures. Of two objects of one picture that are alike, both are meant."""
    images = folder / name
    images.mkdir(parents=True)
    records = []
    for number in range(count):
        picture = f"{name}-{number:03}.png"
        Image.new("RGB", (16, 16), (number % 256, number // 256, len(name))).save(images / picture)
        records.append({"external_picture_url": picture, **_said(number)})
    source = folder / f"{name}.json"
    source.write_text(json.dumps({"annotations": records}))
    return Source(name, images, source)


def _said(number: int) -> dict[str, Any]:
    corners = [{"x": x, "y": y} for x, y in ((1, 1), (9, 1), (9, 1.5 + number % 10))]
    shape = {"top": 1, "left": 2, "width": 3, "height": 4}
    answer = {"type": "text", "question": "which?", "answer": str(number)}
    box = {"type": "rectangle", "label": "crate", "rectangle": shape, "qa": []}
    ring = {"type": "polygon", "label": "net", "polygon": {"geometry": corners}, "qa": []}
    kinds: list[dict[str, Any]] = [
        {"annotations": [box, box, ring]},
        {"annotations": [{**box, "qa": [answer]}, {"type": "classification", "label": "night", "qa": []}]},
        {"annotations": [ring], "image_qa": [answer]},
    ]
    return kinds[number % len(kinds)]


def faults_of(root: Path, source: Source) -> list[str]:
    """What the platform of this folder holds otherwise than the source says; nothing when each thing is there once."""
    stored = Objects(root / "objects")
    with closing(sqlite3.connect(root / "platform.db")) as base:
        datasets = base.execute("SELECT version FROM dataset WHERE name=?", (source.name,)).fetchall()
        pictures = base.execute(_PICTURES, (source.name,)).fetchall()
        annotations = base.execute(_ANNOTATIONS, (source.name,)).fetchall()
        lake = base.execute("SELECT count(*) FROM picture WHERE external_url LIKE ?", (f"{source.name}-%",))
        in_lake = lake.fetchone()[0]
    found = [
        (name, stored.path(ObjectName(owner, PICTURES, key)).read_bytes()) for name, key, owner in pictures
    ]
    meant = [(path.name, path.read_bytes()) for path in source.images.iterdir()]
    faults = [] if len(datasets) == 1 else [f"{len(datasets)} versions of the dataset"]
    faults += [] if in_lake == len(meant) else [f"{in_lake} pictures in the lake"]
    faults += _unlike("picture", Counter(meant), Counter(found))
    said = json.loads(source.annotations.read_text())["annotations"]
    wanted = _flat((row["external_picture_url"], row["annotations"], row.get("image_qa", [])) for row in said)
    there = _flat((name, json.loads(objects), json.loads(answers)) for name, objects, answers in annotations)
    return faults + _unlike("object", wanted, there)


def _flat(records: Iterable[tuple[str, list[Any], list[Any]]]) -> Counter[tuple[str, str]]:
    """Each object and each answer, with its picture."""
    return Counter(
        (name, json.dumps(one, sort_keys=True))
        for name, objects, answers in records
        for one in [*objects, *answers]
    )


def _unlike(what: str, wanted: Counter[Any], found: Counter[Any]) -> list[str]:
    lacking, beyond = wanted - found, found - wanted
    return [f"{what} lacking: {one[0]}" for one in lacking.elements()] + [
        f"{what} too many: {one[0]}" for one in beyond.elements()
    ]
