"""Whole labelled folders at once: ``push_dataset`` up to 5.0.2, ``upload`` later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.published.scripts.common import OBJECTS, dataset, failure

SIDES = {"a.jpg": 100, "b.jpg": 120}
BOX = {"top": 8, "left": 4, "width": 25, "height": 21}


def drive(client: Any, shape: Any) -> dict[str, Any]:
    _sources()
    lake = client.datalake
    if not shape.has("Datalake.upload"):
        lake.push_dataset("picsellia", ["p"], imgdir="p", annotations_path="p.json", format="picsellia")
        dataset(client, "afterwards", "c.jpg")
        lake.push_dataset("afterwards", annotations_path="c.json", format="picsellia", only_annotations=True)
        _legacy(client)
        lake.push_dataset("legacy", ["legacy"], annotations_path="legacy.json", format="legacy")
        return {}
    together = {
        "picsellia": failure(_upload, lake, "picsellia", "p", "p.json", "PICSELLIA"),
        "coco": failure(_upload, lake, "coco", "q", "q.json", "COCO"),
        "voc": failure(_upload, lake, "voc", "v", "voc", "PASCAL-VOC"),
    }
    lake.upload(name="pictures", imgdir="r", tags=["r"], nb_jobs=2)
    for name, file, source, kind in (
        ("after picsellia", "c.jpg", "c.json", "PICSELLIA"),
        ("after coco", "d.jpg", "d.json", "COCO"),
        ("after voc", "e.jpg", "voc e", "PASCAL-VOC"),
    ):
        dataset(client, name, file)
        lake.upload(name=name, ann_path=source, ann_format=kind, nb_jobs=2)
    return {"together": together}


def _upload(lake: Any, name: str, imgdir: str, source: str, kind: str) -> None:
    lake.upload(name=name, imgdir=imgdir, ann_path=source, ann_format=kind, tags=[name], nb_jobs=2)


def _legacy(client: Any) -> None:
    """What the platform before this one exported: pictures by address, here of a picture under another name."""
    (held,) = client.datalake.picture.fetch(1, ["afterwards"])
    write_picsellia("legacy.json", "l.jpg")
    document = json.loads(Path("legacy.json").read_text())
    document["images"][0]["signed_url"] = client.urls._get_presigned_url("get", held["internal_key"])
    Path("legacy.json").write_text(json.dumps(document))


def _sources() -> None:
    for folder in "pqvr":
        Path(folder).mkdir()
        for name in SIDES:
            Path(folder, f"{folder}-{name}").write_bytes(Path(name).read_bytes())
    write_picsellia("p.json", "p-a.jpg", "p-b.jpg")
    write_picsellia("c.json", "c.jpg")
    _coco("q.json", "q-a.jpg", "q-b.jpg")
    _coco("d.json", "d.jpg")
    for folder, names in (("voc", ["v-a.jpg", "v-b.jpg"]), ("voc e", ["e.jpg"])):
        Path(folder).mkdir()
        for name in names:
            Path(folder, name).with_suffix(".xml").write_text(_voc(name))


def write_picsellia(path: str | Path, *names: str) -> None:
    records = [
        {"external_picture_url": name, "nb_labels": 3, "time_spent": 1.5, "annotations": OBJECTS}
        for name in names
    ]
    images = [{"external_picture_url": name} for name in names]
    Path(path).write_text(json.dumps({"images": images, "categories": [], "annotations": records}))


def _coco(path: str, *names: str) -> None:
    box = [BOX["left"], BOX["top"], BOX["width"], BOX["height"]]
    document = {
        "images": [
            {"id": number, "file_name": name, "width": 100, "height": 80} for number, name in enumerate(names)
        ],
        "categories": [{"id": 1, "name": "crane"}],
        "annotations": [
            {"id": number, "image_id": number, "category_id": 1, "bbox": box, "segmentation": []}
            for number in range(len(names))
        ],
    }
    Path(path).write_text(json.dumps(document))


def _voc(name: str) -> str:
    box = "<xmin>5</xmin><ymin>9</ymin><xmax>30</xmax><ymax>30</ymax>"
    return (
        f"<annotation><filename>{name}</filename><size><width>100</width><height>80</height><depth>3</depth></size>"
        f"<object><name>crane</name><bndbox>{box}</bndbox></object></annotation>"
    )
