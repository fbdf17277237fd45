"""PASCAL-VOC, written: ``Annotations/<image>.xml``, and ``ImageSets/Main/<split>.txt`` where there are splits.

Corners follow ``voc_coordinates``, as they do when read, and are the shortest decimals that give the box back exactly.
A polygon is written as x1, y1, x2, ...; each part is a ``polygon`` element, and a hole is joined to its part by a bridge of
zero width, which is undone when it is read. VOC's own elements are written verbatim; what other formats say becomes
``attributes`` of a name and a value, as CVAT writes them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from lxml import etree

from .. import bridges, geometry
from ..losses import Losses
from ..model import ImageRecord, Instance, Polygon, Rectangle, notable
from .names import inside, unique_stems
from .staging import Staging
from .voc_layout import ANNOTATIONS, IMAGE_SETS
from .writer import Encoded, Writer, lose_header, lose_image

_FLAGS = {"pose": "Unspecified", "truncated": "0", "difficult": "0"}
"""What VOC's own tools expect of every object, and what they say when nothing is known."""

_BEFORE = ("folder",)
_SCALAR = (str, int, float, bool)


class VocWriter(Writer):
    """Writes boxes, polygons in parts, and attributes as text."""

    name: ClassVar[str] = "PASCAL-VOC"

    def keys(self, names: Sequence[str], losses: Losses) -> list[str]:  # noqa: ARG002 - the file states the image's name
        """A stem for every image; that of a second image of one name is another, which loses nothing."""
        return unique_stems(names, Losses())

    def image_path(self, record: ImageRecord, key: str) -> str:  # noqa: ARG002 - the file states the image's name
        """``JPEGImages``, under the name that ``filename`` states."""
        return f"JPEGImages/{inside(record.file_name)}"

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        self._sets: dict[str, list[str]] = {}
        lose_header(self.header, losses, unused=True)

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """One XML file, and the sets it is in."""
        root = etree.Element("annotation")
        attributes = dict(record.attributes) if self.native else {}
        size = attributes.pop("size", {})
        for name in _BEFORE:
            if name in attributes:
                append(root, name, attributes.pop(name))
        etree.SubElement(root, "filename").text = clean(record.file_name)
        for name, value in attributes.items():
            append(root, name, value)
        self._size(root, record, size)
        for instance in record.instances:
            self._object(root, instance, losses)
        if not self.native:
            lose_image(record, losses)
        etree.indent(root, "\t")
        content = etree.tostring(root, encoding="utf-8") + b"\n"
        return Encoded([(f"{ANNOTATIONS}/{key}.xml", content)], (key, record.splits))

    def _size(self, root: etree._Element, record: ImageRecord, more: Any) -> None:
        sides = {
            side: getattr(record, side) for side in ("width", "height") if getattr(record, side) is not None
        }
        if sides or more:
            size = etree.SubElement(root, "size")
            for name, value in {**sides, **(more if isinstance(more, Mapping) else {})}.items():
                append(size, name, value if isinstance(value, (dict, list)) else str(value))

    def _object(self, root: etree._Element, instance: Instance, losses: Losses) -> None:
        if (code := _cannot_be_written(instance)) is not None:
            losses.drop(code)
            return
        element = etree.SubElement(root, "object")
        etree.SubElement(element, "name").text = instance.label
        attributes = dict(instance.attributes) if self.native else _foreign(instance, losses)
        rest = {name: attributes.pop(name, None) for name in ("bndbox", "polygon", "xmax", "ymax")}
        named = attributes.pop("attributes", None)
        for name, value in attributes.items():
            append(element, name, value)
        if named is not None:
            append(element, "attributes", _listed(named))
        box = instance.rectangle
        if box is None and instance.polygon is not None and not self.native:
            box = geometry.bounds(instance.polygon)
        if box is not None:
            self._box(element, box, rest)
        if instance.polygon is not None:
            _polygons(element, instance.polygon, rest["polygon"], losses)
        if instance.qa:
            losses.note("answers_not_held")

    def _box(self, element: etree._Element, box: Rectangle, rest: Mapping[str, Any]) -> None:
        right, bottom = geometry.far_edge(box.left, box.width), geometry.far_edge(box.top, box.height)
        shift = 1 if self.options.voc_coordinates == "inclusive" else 0
        corners = {"xmin": box.left + shift, "ymin": box.top + shift, "xmax": right, "ymax": bottom}
        bndbox = etree.SubElement(element, "bndbox")
        for name, value in corners.items():
            etree.SubElement(bndbox, name).text = rest.get(name) or repr(value)
        _rest(bndbox, rest["bndbox"])

    def add(self, row: Any) -> None:
        """Put the image on the lists of its splits."""
        key, splits = row
        for split in splits:
            self._sets.setdefault(split if "/" in split else f"Main/{split}", []).append(key)

    def finish(self) -> str:
        """Write the lists."""
        self.staging.path(ANNOTATIONS).mkdir(exist_ok=True)
        for name, keys in self._sets.items():
            path = self.staging.path(f"{IMAGE_SETS}/{inside(name)}.txt")
            path.write_text("".join(f"{key}\n" for key in keys), "utf-8")
        return ""


def _cannot_be_written(instance: Instance) -> str | None:
    if instance.rectangle is None and instance.polygon is None:
        return "classification_not_held"
    return None if clean(instance.label).strip() == instance.label else "label_not_held"


def _polygons(element: etree._Element, polygon: Polygon, rest: Any, losses: Losses) -> None:
    """One element for each part."""
    parts = geometry.parts(polygon)
    if any(holes for _, holes in parts):
        losses.note("holes_bridged")
    rests = rest if isinstance(rest, list) and len(rest) == len(parts) else [rest] * len(parts)
    for (outer, holes), more in zip(parts, rests, strict=True):
        points = bridges.line(outer, holes)
        shape = etree.SubElement(element, "polygon")
        for number, (x, y) in enumerate(zip(points[0::2], points[1::2], strict=True), start=1):
            etree.SubElement(shape, f"x{number}").text = repr(x)
            etree.SubElement(shape, f"y{number}").text = repr(y)
        _rest(shape, more)


def _foreign(instance: Instance, losses: Losses) -> dict[str, Any]:
    """The attributes of another format: VOC's own flags as elements, other texts and numbers under ``attributes``."""
    said = notable(instance.attributes)
    if "iscrowd" in said:
        losses.note("crowd_not_held")
    flags = {name: _text(said.pop(name)) for name in _FLAGS if isinstance(said.get(name), _SCALAR)}
    texts = as_texts(said, losses)
    return {**_FLAGS, **flags, **({"attributes": texts} if texts else {})}


def as_texts(said: Mapping[str, Any], losses: Losses) -> dict[str, str]:
    """The attributes that can be written as a name and a text; the others are counted as lost, numbers as changed."""
    held = {name: value for name, value in said.items() if isinstance(value, _SCALAR) and clean(name) == name}
    texts = {name: _text(value) for name, value in held.items()}
    as_text = [name for name, value in held.items() if texts[name] != value]
    if as_text:
        losses.note("attributes_as_text", as_text)
    losses.attributes({name: value for name, value in said.items() if name not in held})
    return texts


def _text(value: Any) -> str:
    """A number or flag as VOC writes it: flags as 1 and 0."""
    return clean(str(int(value)) if isinstance(value, bool) else str(value))


def _listed(attributes: Any) -> Any:
    """Named values as elements, the reverse of what the reader makes of them."""
    if (
        isinstance(attributes, dict)
        and attributes
        and all(isinstance(value, str) for value in attributes.values())
    ):
        return {"attribute": [{"name": name, "value": value} for name, value in attributes.items()]}
    return attributes


def _rest(element: etree._Element, rest: Any) -> None:
    for name, value in rest.items() if isinstance(rest, Mapping) else ():
        append(element, name, value)


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
            _rest(element, value)
        else:
            element.text = clean(str(value))


_NO_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def clean(text: str) -> str:
    """Text without the characters that XML cannot hold (XML 1.0, section 2.2)."""
    return _NO_XML.sub("", text)
