"""CVAT for images 1.1, written: one file, which holds the splits as subsets.

A polygon with holes or in parts becomes a mask where its rings lie on pixel edges; otherwise each part is a polygon, its
holes joined by bridges. A rotated box is written as one where the file that was read had one. Attributes of other formats
become ``attribute`` elements, as text.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from lxml import etree

from .. import geometry, raster
from ..losses import Losses, notable
from ..model import ImageRecord, Instance, Polygon, Rectangle
from .cvat_shapes import CORNERS
from .documents import DocumentWriter
from .staging import Staging
from .voc_writer import as_texts
from .writer import first_split, lines_of, lose_box, lose_header, lose_image
from .xmltext import clean

_FLAGS = ("occluded", "z_order", "source", "group_id", "rotation")
_UNNUMBERED = "?"
_ABSENT: dict[str, str] = {"occluded": "0", "source": "manual", "z_order": "0"}


class CvatWriter(DocumentWriter):
    """Writes boxes, polygons, masks, tags and attributes."""

    name: ClassVar[str] = "CVAT"
    suffix: ClassVar[str] = ".xml"
    separator: ClassVar[bytes] = b"\n"

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        self._number = 0
        if not self.native:
            lose_header(self.header, losses)

    def rows(self, record: ImageRecord, losses: Losses) -> bytes:
        """The ``image`` element; another format's is numbered by ``add``."""
        said = dict(record.attributes) if self.native else {}
        image = etree.Element("image", id=str(said.pop("id", _UNNUMBERED)), name=clean(record.file_name))
        sides = {
            side: getattr(record, side) for side in ("width", "height") if getattr(record, side) is not None
        }
        split = first_split(record, losses)
        for name, value in {**({"subset": split} if split else {}), **sides, **said}.items():
            image.set(name, clean(str(value)))
        for instance in record.instances:
            self._shapes(image, (record.width, record.height), instance, losses)
        if clean(record.file_name) != record.file_name:
            losses.note("name_changed")
        if not self.native:
            lose_image(record, losses)
        etree.indent(image, "  ", level=1)
        return b"  " + etree.tostring(image, encoding="utf-8").rstrip()

    def add(self, row: Any) -> None:
        """Number the image, and put it behind the others."""
        document, content = row
        unnumbered = b'<image id="%s"' % _UNNUMBERED.encode()
        super().add((document, content.replace(unnumbered, b'<image id="%d"' % self._number, 1)))
        self._number += 1

    def _shapes(
        self, image: etree._Element, size: tuple[int | None, int | None], instance: Instance, losses: Losses
    ) -> None:
        if clean(instance.label) != instance.label:
            losses.drop("label_not_held")
            return
        said, named = self._said(instance, losses)
        for kind, shape in self._drawn(instance, size, said, losses):
            element = etree.SubElement(image, kind)
            element.set("label", instance.label)
            for name, value in {**said, **shape}.items():
                element.set(name, clean(str(value)))
            for name, value in named.items():
                append(element, "attribute", {"@name": name, "#text": value})
        if instance.qa:
            losses.note("answers_not_held")
        lose_box(instance, losses)

    def _said(self, instance: Instance, losses: Losses) -> tuple[dict[str, Any], dict[str, str]]:
        """XML attributes of the shape, and named attributes."""
        said = dict(instance.attributes)
        if self.native:
            named = said.pop("attributes", {})
            return said, dict(named) if isinstance(named, Mapping) else {}
        texts = as_texts(notable(said), losses)
        if "iscrowd" in texts:
            losses.note("crowd_not_held")
        own = {name: texts.pop(name) for name in _FLAGS if name in texts and name != "rotation"}
        return {**_ABSENT, **own}, texts

    def _drawn(
        self, instance: Instance, size: tuple[int | None, int | None], said: dict[str, Any], losses: Losses
    ) -> list[tuple[str, dict[str, Any]]]:
        """The elements an instance becomes, each with the XML attributes of its shape; what ``said`` states already is kept."""
        polygon, box = instance.polygon, instance.rectangle
        if polygon is None:
            return [("box", _corners(box, said))] if box is not None else [("tag", {})]
        if "rotation" in said and all(corner in said for corner in CORNERS):
            return [("box", {})]
        parts = geometry.parts(polygon)
        holes = any(inner for _, inner in parts)
        was_mask = all(name in said for name in ("left", "top", "width", "height"))
        as_mask = was_mask if self.native else holes or len(parts) > 1
        mask = _mask(polygon, said if was_mask else {}) if as_mask else None
        if mask is not None:
            return [("mask", mask)]
        return [
            (
                "polygon",
                {"points": ";".join(f"{x!r},{y!r}" for x, y in zip(line[0::2], line[1::2], strict=True))},
            )
            for line in lines_of(polygon, losses, size)
        ]

    def head(self) -> bytes:
        """The root, the version, and the task with its labels."""
        root = etree.Element("annotations")
        if self.native:
            for name, value in self.header.attributes.items():
                append(root, name, value)
        else:
            append(root, "version", "1.1")
            labels = [{"name": label.name} for label in self.header.labels]
            append(root, "meta", {"task": {"labels": {"label": labels}}})
        etree.indent(root, "  ")
        text = etree.tostring(root, encoding="utf-8", xml_declaration=True)
        return (
            text.removesuffix(b"</annotations>").removesuffix(b"/>").rstrip()
            + (b">" if len(root) == 0 else b"")
            + b"\n"
        )

    def tail(self) -> bytes:
        """The end of the root."""
        return b"\n</annotations>\n"


def _corners(box: Rectangle, said: Mapping[str, Any]) -> dict[str, str]:
    right, bottom = geometry.far_edge(box.left, box.width), geometry.far_edge(box.top, box.height)
    corners = zip(CORNERS, (box.left, box.top, right, bottom), strict=True)
    return {name: str(said.get(name, repr(value))) for name, value in corners}


def _mask(polygon: Polygon, was: Mapping[str, Any]) -> dict[str, Any] | None:
    """Row-major run lengths inside the mask's box: the one it had, or the polygon's bounds. None for no exact mask."""
    around = geometry.bounds(polygon)
    left, top = int(was.get("left", around.left)), int(was.get("top", around.top))
    width, height = int(was.get("width", around.width)), int(was.get("height", around.height))
    mask = raster.exact_mask(geometry.moved(polygon, left, top), height, width)
    if mask is None:
        return None
    runs = raster.run_lengths(np.ascontiguousarray(mask.T))
    return {
        "rle": ", ".join(map(str, runs.tolist())), "left": left, "top": top, "width": width, "height": height,
    }  # fmt: skip


def append(parent: etree._Element, name: str, value: Any) -> None:
    """Plain values as elements: the reverse of ``voc_xml.value``."""
    if name.startswith("@"):
        parent.set(name[1:], clean(str(value)))
    elif name == "#text":
        parent.text = clean(str(value))
    elif isinstance(value, list):
        for one in value:
            append(parent, name, one)
    else:
        element = etree.SubElement(parent, name)
        if isinstance(value, Mapping):
            for key, inner in value.items():
                append(element, key, inner)
        else:
            element.text = clean(str(value))
