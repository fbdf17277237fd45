"""PICSELLIA, written: one annotation dictionary with images, categories and records (docs/protocol.md, section 4).

A record's objects are those of the wire; beside a polygon its box is kept, which a file can hold. Other formats'
attributes stand under ``attributes``. Images come behind the records of the same images, which are written as they come.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, ClassVar

import msgspec

from .. import wire
from ..losses import Losses
from ..model import POLYGON, RECTANGLE, ImageRecord, Instance, Polygon
from ..prepared import Prepared, Sent
from .checks import Size
from .documents import DocumentWriter
from .spool import Spool
from .writer import LONG, json_bytes, parts_of, under

_OWN = ("images", "categories", "annotations")
_SECTIONS = _IMAGES, _RECORDS = ("images", "annotations")


class PicselliaWriter(DocumentWriter):
    """Writes classifications, rectangles, polygons, answers, and every attribute."""

    name: ClassVar[str] = "PICSELLIA"
    suffix: ClassVar[str] = ".json"

    def rows(self, record: ImageRecord, losses: Losses) -> tuple[bytes | None, bytes | None]:
        """The row of ``images`` and the record; either is None where the file that was read had none."""
        if record.splits:
            losses.note("splits_not_held")
        attributes = dict(record.attributes) if self.native else under("attributes", record.attributes)
        image = attributes.pop("image", None) if self.native else {}
        size = {
            side: pixels
            for side, pixels in (("width", record.width), ("height", record.height))
            if pixels is not None
        }
        name = {"external_picture_url": record.file_name}
        listed = json_bytes({**name, **image, **size}) if isinstance(image, Mapping) else None
        objects = self._objects(record, losses)
        if listed is not None and self.native and not (attributes or objects or record.qa):
            return listed, None
        row: dict[str, Any] = {**name, **attributes, **({} if listed is not None else size)}
        if not self.native:
            row |= {"nb_labels": len(objects), "time_spent": 0}
        row["annotations"] = objects
        if record.qa:
            row["image_qa"] = [wire.answer(found) for found in record.qa]
        return listed, json_bytes(row)

    def _objects(self, record: ImageRecord, losses: Losses) -> list[Any]:
        instances, size = record.instances, (record.width, record.height)
        given = _whole(instances) if isinstance(instances, Prepared) and not self.native else []
        if given and None not in given:
            return given
        objects: list[Any] = []
        notes: Counter[str] = Counter()
        for number, ready in enumerate(given or [None] * len(instances)):
            if ready is None:
                objects += self._made(instances[number], size, notes, losses)
            else:
                objects.append(ready)
        if notes[wire.HOLES_BRIDGED]:
            losses.changed[wire.HOLES_BRIDGED] += notes[wire.HOLES_BRIDGED]
        return objects

    def _made(self, instance: Instance, size: Size, notes: Counter[str], losses: Losses) -> list[Any]:
        attributes = dict(instance.attributes) if self.native else under("attributes", instance.attributes)
        if instance.polygon is not None and len(instance.polygon.rings) > 1:
            rings = [
                ring for outer, holes in parts_of(instance.polygon, losses, size) for ring in (outer, *holes)
            ]
            instance = msgspec.structs.replace(instance, polygon=Polygon(tuple(rings)))
        objects = wire.objects(instance, rectangle=False, notes=notes)
        if instance.polygon is not None and instance.rectangle is not None:
            if len(objects) == 1:
                objects[0][RECTANGLE] = wire.box_object(instance.rectangle)
            else:
                losses.note("box_not_held")
        if not attributes:
            return objects
        more = {shape: attributes.pop(shape) for shape in (RECTANGLE, POLYGON) if shape in attributes}
        for found in objects:
            found |= attributes
            for shape, rest in more.items():
                if shape in found and isinstance(rest, Mapping):
                    found[shape] = {**found[shape], **rest}
        return objects

    def sections(self, row: Any) -> Sequence[tuple[str, bytes]]:
        """The image and the record, as far as there are any."""
        _, contents = row
        return [
            (section, content)
            for section, content in zip(_SECTIONS, contents, strict=True)
            if content is not None
        ]

    def begun(self, name: str) -> Spool:
        """Records go into the document; images, which are few bytes, wait until all of these are there."""
        if name != _RECORDS:
            return self.beside()
        return super().begun(self.document(""))

    def finish(self) -> str:
        """Put the images behind the records."""
        images, records = self.spool(_IMAGES), self.spool(_RECORDS)
        if not images.is_empty:
            records.go_on(b'\n],\n"images":[\n')
            images.pour(records)
        records.end(self.tail())
        return "" if self.folder else self.document("")

    def head(self) -> bytes:
        """Everything before the records."""
        said = self._said
        return b"{" + (said + b",\n" if len(said) <= LONG else b"") + b'"annotations":[\n'

    def tail(self) -> bytes:
        """Everything after the images: what stands before the records unless it is long."""
        return b"\n]" + (b",\n" + self._said if len(self._said) > LONG else b"") + b"}\n"

    @cached_property
    def _said(self) -> bytes:
        """What the header says, and the categories."""
        said = {key: value for key, value in self.header.attributes.items() if key not in _OWN}
        labels = [
            {
                "name": label.name,
                **(label.attributes if self.native else under("attributes", label.attributes)),
            }
            for label in self.header.labels
        ]
        return json_bytes({**(said if self.native else under("source", said)), "categories": labels})[1:-1]


def _whole(instances: Prepared) -> list[Sent | None]:
    """Their objects, with the attributes for which the file has a place."""
    found = [*instances.objects()]
    for at, said in instances.attributes().items():
        ready = found[at]
        if ready is not None:
            found[at] = msgspec.Raw(b'%b,"attributes":%b}' % (json_bytes(ready)[:-1], json_bytes(said)))
    return found
