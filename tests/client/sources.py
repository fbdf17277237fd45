"""Small datasets that the tests of uploads make, and a strict platform that counts and fails as it is told."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

from picsellia_ingest.client import Client
from picsellia_ingest.server import RunningPlatform
from picsellia_ingest.upload.report import Report
from tests.upload.faults import Faults

SIZE = (64, 48)
BOX = [4, 6, 20, 10]
RING = [4, 6, 24.5, 6, 24.5, 16, 4, 16]


def picture(path: Path, color: int = 0, **more: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE, (color % 256, 10, 20)).save(path, **more)
    return path


def coco(folder: Path, *annotations: dict[str, Any], names: Iterable[str] = ("a.jpg",)) -> Path:
    """A COCO file of labels ``Car`` (1) and ``car`` (2); annotations are of the first image unless they say else."""
    document = {
        "images": [
            {"id": number, "file_name": name, "width": SIZE[0], "height": SIZE[1]}
            for number, name in enumerate(names)
        ],
        "categories": [{"id": 1, "name": "Car"}, {"id": 2, "name": "car"}],
        "annotations": [
            {"id": number, "image_id": 0, "category_id": 1, **annotation}
            for number, annotation in enumerate(annotations)
        ],
    }
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "coco.json"
    path.write_text(json.dumps(document))
    return path


def voc(folder: Path, name: str, *objects: str, size: bool = True, filename: str | None = None) -> Path:
    """One VOC file ``<name>.xml``."""
    folder.mkdir(parents=True, exist_ok=True)
    stated = (
        f"<size><width>{SIZE[0]}</width><height>{SIZE[1]}</height><depth>3</depth></size>" if size else ""
    )
    named = f"<filename>{filename}</filename>" if filename is not None else ""
    path = folder / f"{name}.xml"
    path.write_text(f"<annotation>{named}{stated}{''.join(objects)}</annotation>")
    return path


def voc_box(label: str, *corners: float) -> str:
    sides = zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True)
    inside = "".join(f"<{side}>{value}</{side}>" for side, value in sides)
    return f"<object><name>{label}</name><bndbox>{inside}</bndbox></object>"


class Uploads:
    """Uploads to a strict platform as a user would make them."""

    def __init__(self, running: RunningPlatform, folder: Path, faults: Faults) -> None:
        self.running, self.folder, self.faults = running, folder, faults
        self.images = folder / "images"
        self.lake = Client.Datalake(running.token, host=running.address)

    def __call__(self, source: Path | None, name: str = "d", *, images: bool = True, **more: Any) -> Report:
        """One upload of the folder ``images`` and of annotations."""
        if images and not self.images.exists():
            picture(self.images / "a.jpg")
        journal = self.folder / "journal.db"
        return self.lake.upload(
            name, imgdir=self.images if images else None, ann_path=source, journal=journal, quiet=True, **more
        )

    def objects(self, picture: str = "a.jpg", name: str = "d") -> list[dict[str, Any]]:
        """What the platform holds of a picture."""
        dataset = self.lake.dataset.fetch(name)
        assert dataset is not None
        return [thing for record in dataset.get_annotations(picture) for thing in record["annotations"]]
