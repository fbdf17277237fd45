"""VIA, written: an export of images by key, or the project that was read, in a folder one for each split.

The key is VIA's own, the file's name and its size in bytes, -1 where that is not known. A region holds one outline: each
part of an instance becomes a region, holes are opened by bridges of zero width. Foreign attributes are region and file
attributes, where VIA keeps them.
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..errors import ItemError
from ..losses import Losses, notable
from ..model import ImageRecord, Instance, Polygon, Ring
from .split_documents import SplitDocumentWriter
from .staging import Staging
from .via import METADATA, shape_of, spelled
from .writer import json_bytes, lines_of, lose_box

_LABEL = "label"


class ViaWriter(SplitDocumentWriter):
    """Writes boxes, polygons, and every attribute."""

    name: ClassVar[str] = "VIA"
    file: ClassVar[str] = "via_region_data.json"

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        self._losses = losses
        self._taken: set[tuple[str, str]] = set()

    def rows(self, record: ImageRecord, losses: Losses) -> Any:
        """The key of an image and what is said of it."""
        said = dict(record.attributes) if self.native else {}
        own = said.pop("image", None)
        own = dict(own) if isinstance(own, dict) else {}
        name = self.name_in_document(record)
        key, label, form = (own.pop(one, None) for one in ("key", "label", "regions"))
        if self.native:
            attributes = {"file_attributes": said.pop("attributes")} if "attributes" in said else {}
        else:
            attributes = {"file_attributes": notable(record.attributes)}
            own = {"size": -1}
            if record.width is not None:
                losses.note("size_not_held")
            if record.qa:
                losses.note("image_answers_not_held")
        regions = [
            row for one in record.instances for row in self._regions(one, str(label or _LABEL), losses)
        ]
        listed = [row for _, row in regions]
        by_key = {str(at if number is None else number): row for at, (number, row) in enumerate(regions)}
        row = {"filename": name, **own, "regions": by_key if form else listed, **attributes, **said}
        return str(key if key is not None else f"{name}{own.get('size', -1)}"), json_bytes(row)

    def _regions(self, instance: Instance, label: str, losses: Losses) -> list[tuple[Any, dict[str, Any]]]:
        """The regions of an instance, each with the key that it had among those of its image."""
        box, polygon = instance.rectangle, instance.polygon
        if box is None and polygon is None:
            losses.drop("classification_not_held")
            return []
        if instance.qa:
            losses.note("answers_not_held")
        said = dict(instance.attributes) if self.native else {"attributes": notable(instance.attributes)}
        attributes, number, written = (said.pop(one, None) for one in ("attributes", "id", "segmentation"))
        attributes = attributes if isinstance(attributes, dict) else {}
        if label in attributes:
            losses.note("attributes_not_held", [label])
        lose_box(instance, losses)
        shapes = [spelled(box, None)] if polygon is None else self._outlines(polygon, losses)
        if isinstance(written, dict) and _same(written, instance):
            shapes = [written]
        more = {"region_attributes": {**attributes, label: instance.label}, **said}
        return [(number, {"shape_attributes": shape, **more}) for shape in shapes]

    def _outlines(self, polygon: Polygon, losses: Losses) -> list[dict[str, Any]]:
        return [spelled(None, Polygon((Ring(line),))) for line in lines_of(polygon, losses, (None, None))]

    def add(self, row: Any) -> None:
        """Put an image behind the others of its document, under a key that is free there."""
        document, (wanted, content) = row
        key, tries = wanted, 1
        while (document, key) in self._taken:
            tries += 1
            key = f"{wanted}_{tries}"
        if key != wanted:
            self._losses.note("ids_renumbered")
        self._taken.add((document, key))
        super().add((document, json_bytes(key) + b":" + content))

    def head(self) -> bytes:
        """What stands before the images: of a project, all that it says besides."""
        said = dict(self.header.attributes) if self.native else {}
        if not said:
            return b"{\n"
        return json_bytes(said)[:-1] + b',"' + METADATA.encode() + b'":{\n'

    def tail(self) -> bytes:
        """What stands after the images."""
        return b"\n}}\n" if self.native and self.header.attributes else b"\n}\n"


def _same(written: dict[str, Any], instance: Instance) -> bool:
    try:
        return shape_of(written) == (instance.rectangle, instance.polygon)
    except ItemError:
        return False
