"""Datumaro JSON, written: one file, or in a folder ``annotations/<subset>.json``.

A polygon with holes or in parts becomes a mask where its rings lie on pixel edges; otherwise each part is a polygon of one
group, its holes joined by bridges. Attributes of other formats stand under ``attributes``.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, ClassVar

from .. import geometry, raster
from ..losses import Losses, notable
from ..model import ImageRecord, Instance, Polygon
from .datumaro import DEFAULT
from .documents import DocumentWriter, file_of
from .writer import json_bytes, lines_of, lose_box

_KINDS = {"rectangle": "bbox", "classification": "label"}


class DatumaroWriter(DocumentWriter):
    """Writes labels, boxes, polygons, masks, and every attribute."""

    name: ClassVar[str] = "DATUMARO"
    suffix: ClassVar[str] = ".json"
    by_split: ClassVar[bool] = True

    def document(self, split: str) -> str:
        """``annotations/<subset>.json`` in a folder; one file otherwise."""
        return f"annotations/{file_of(split) or DEFAULT}.json" if self.folder else f"{DEFAULT}.json"

    def rows(self, record: ImageRecord, losses: Losses) -> bytes:
        """One item."""
        item = dict(record.attributes) if self.native else {}
        captions = item.pop("captions", []) if self.native else []
        item.setdefault(
            "id", str(PurePosixPath(record.file_name).with_suffix("")) if record.file_name else ""
        )
        size = (
            {} if record.height is None or record.width is None else {"size": [record.height, record.width]}
        )
        if not self.native or isinstance(item.get("image"), dict):
            image = {"path": record.file_name, **size}
            item["image"] = {**(item.get("image") or {}), **image}
        if not self.native and (said := notable(record.attributes)):
            item["attr"] = said
        if record.qa:
            losses.note("image_answers_not_held")
        found: list[Any] = []
        for group, instance in enumerate(record.instances, start=1):
            found += self._annotations(instance, record, group, losses)
        item["annotations"] = [*found, *captions]
        return json_bytes(item)

    def _annotations(
        self, instance: Instance, record: ImageRecord, group: int, losses: Losses
    ) -> list[dict[str, Any]]:
        if instance.qa:
            losses.note("answers_not_held")
        row: dict[str, Any] = (
            dict(instance.attributes) if self.native else {"attributes": notable(instance.attributes)}
        )
        was = row.get("type") if self.native else None
        row["label_id"] = self.numbers[instance.label]
        polygon, box = instance.polygon, instance.rectangle
        if polygon is None:
            kind = {"type": _KINDS[instance.kind]}
            return [{**row, **kind, **({"bbox": [box.left, box.top, box.width, box.height]} if box else {})}]
        if was == "rotated_bbox":
            return [row]
        lose_box(instance, losses)
        return _drawn(polygon, row, was, record, losses, group)

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of every label."""
        return {label.name: number for number, label in enumerate(self.header.labels)}

    def head(self) -> bytes:
        """What the dataset says of itself, and its labels."""
        said = dict(self.header.attributes) if self.native else {"infos": notable(self.header.attributes)}
        categories = said.pop("categories", None)
        categories = dict(categories) if isinstance(categories, dict) else {}
        labels = [
            {"name": label.name, **(label.attributes if self.native else {"parent": "", "attributes": []})}
            for label in self.header.labels
        ]
        table = categories.get("label")
        categories["label"] = {"labels": labels, **(table if isinstance(table, dict) else {"attributes": []})}
        return json_bytes({**said, "categories": categories})[:-1] + b',\n"items":[\n'

    def tail(self) -> bytes:
        """The end."""
        return b"\n]}\n"


def _drawn(
    polygon: Polygon, row: dict[str, Any], was: object, record: ImageRecord, losses: Losses, group: int
) -> list[dict[str, Any]]:
    """The annotations of a polygon: a mask, or one polygon for each part."""
    parts = geometry.parts(polygon)
    holes = any(inner for _, inner in parts)
    rle = row.pop("rle", None) or {}
    height, width = rle.get("size") or (record.height or 0, record.width or 0)
    as_mask = was == "mask" or (was is None and (holes or len(parts) > 1))
    mask = raster.exact_mask(polygon, height, width) if as_mask else None
    if mask is not None:
        counts = raster.encode_counts(raster.run_lengths(mask))
        return [{**row, "type": "mask", "rle": {**rle, "counts": counts, "size": [height, width]}}]
    if len(parts) > 1:
        row["group"] = group
    return [
        {**row, "type": "polygon", "points": list(line)}
        for line in lines_of(polygon, losses, (record.width, record.height))
    ]
