"""CREATEML: Apple's JSON, a list of images with their boxes; one file, or a folder with one in each split's folder.

A box is given by its centre and its size in pixels (Apple, Building an Object Detector Data Source). The size of an image
is not stated and not needed. An image's name counts from the file that has it. The documents call the keys ``image`` and
``annotations`` or, older, ``imagefilename`` and ``annotation``; both are read. Centres are reckoned in decimals, so that
an edge comes out as a person would write it; where that does not lead back, the attribute ``bbox`` keeps the numbers.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import ItemError
from ..losses import Losses
from ..model import ImageRecord, Instance, Rectangle
from ..problems import OnProblem
from .checks import Warn, usable_label
from .folders import some_json
from .json_rows import JsonRows, RowReader, rows_of_list
from .jsonfile import JsonFile
from .names import split_folder
from .numbers import as_numbers, number, text_number
from .split_documents import SplitDocumentWriter
from .writer import box_of, json_bytes, lose_image, lose_instance

if TYPE_CHECKING:
    from .writer import Writer

_SIDES = ("x", "y", "width", "height")
_NAMES, _LISTS = ("image", "imagefilename"), ("annotations", "annotation")


class CreateMl(JsonRows):
    """Reads boxes, and images without any."""

    name: ClassVar[str] = "CREATEML"

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or one of the first JSON files in the folder, is a list of images with annotations."""
        return some_json(path, _is_createml)

    @staticmethod
    def writer() -> type[Writer]:
        """What writes CREATEML."""
        return CreateMlWriter

    def _elements(self, file: JsonFile, on_problem: OnProblem) -> list[tuple[str, msgspec.Raw]]:  # noqa: ARG002 - it has nothing to report
        hint = "is this another format's?"
        return rows_of_list(file, "not_createml", "the document is not a list of images", hint)

    def _record(self, reader: RowReader) -> ImageRecord:
        row = reader.row
        if not isinstance(row, dict):
            raise reader.reject(
                "row_invalid", f"an image is not an object: {row!r:.80}", "mend or remove it", 0
            )
        key, listed = _key(row, _NAMES), _key(row, _LISTS)
        rows = row.pop(listed, None) or []
        if not isinstance(rows, list):
            message = f"{listed!r} is not a list: {rows!r:.80}"
            raise reader.reject("annotations_invalid", message, "write a list of boxes", 0)
        name = row.pop(key, None)
        if not isinstance(name, str) or not name.strip():
            raise reader.reject("image_unnamed", "an image has no name", "add 'image'", len(rows))
        instances = reader.instances(rows, _instance, [f"/{listed}/{at}" for at in range(len(rows))])
        row |= {"image": {"keys": [key, listed]}} if (key, listed) != (_NAMES[0], _LISTS[0]) else {}
        folder = reader.where.rpartition("/")[0]
        path = f"{folder}/{name}" if folder else name
        return ImageRecord(path, None, None, instances, (), row, split_folder(reader.where))


def _key(row: dict[str, Any], keys: tuple[str, str]) -> str:
    return keys[1] if keys[1] in row and keys[0] not in row else keys[0]


def _instance(row: object, warn: Warn) -> Instance:
    if not isinstance(row, dict):
        raise ItemError(
            "annotation_invalid", f"an annotation is not an object: {row!r:.80}", "mend or remove it"
        )
    label = row.pop("label", None)
    if not usable_label(label):
        message = f"the box has no label that can be shown: {label!r:.80}"
        raise ItemError("label_blank", message, "label it", "label")
    written = row.pop("coordinates", None)
    values = [number(written.get(side)) for side in _SIDES] if isinstance(written, dict) else []
    if not values or None in values:
        message = f"the coordinates are not four finite numbers: {written!r:.120}"
        raise ItemError("box_invalid", message, "write x, y, width and height", "coordinates")
    if any(text_number(written[side]) for side in _SIDES):
        warn("number_as_text", f"numbers are written as text: {written!r:.120}", "coordinates")
    x, y, width, height = (value or 0 for value in values)
    if width <= 0 or height <= 0:
        message = f"the box has no area: {width:g} x {height:g}"
        raise ItemError("box_empty", message, "remove it, or draw it again", "coordinates")
    rectangle = Rectangle(_edge(x, width), _edge(y, height), width, height)
    written = as_numbers(written)
    if written != _coordinates(rectangle):
        row["bbox"] = written
    return Instance(label, rectangle, None, (), row)


def _edge(centre: float, length: float) -> float:
    return _plain(Decimal(repr(centre)) - Decimal(repr(length)) / 2)


def _plain(value: Decimal) -> float:
    found = float(value)
    return int(found) if found.is_integer() and abs(found) < 1 << 53 else found


def _coordinates(box: Rectangle) -> dict[str, float]:
    """A box as its centre and size."""
    x = _plain(Decimal(repr(box.left)) + Decimal(repr(box.width)) / 2)
    y = _plain(Decimal(repr(box.top)) + Decimal(repr(box.height)) / 2)
    return {"x": x, "y": y, "width": box.width, "height": box.height}


def _is_createml(text: bytes) -> bool:
    if text[:1] != b"[" or any(
        key in text for key in (b'"data"', b'"result"', b'"image_id"', b'"segmentation"')
    ):
        return False
    named = b'"image"' in text or b'"imagefilename"' in text
    return named and (b'"annotations"' in text or b'"annotation"' in text)


class CreateMlWriter(SplitDocumentWriter):
    """Writes boxes; of a polygon its bounds. In a folder each split has a document beside its images."""

    name: ClassVar[str] = "CREATEML"
    file: ClassVar[str] = "_annotations.createml.json"

    def rows(self, record: ImageRecord, losses: Losses) -> bytes:
        """The row of one image."""
        said = dict(record.attributes) if self.native else {}
        own = said.pop("image", None)
        key, listed = own["keys"] if isinstance(own, dict) and "keys" in own else (_NAMES[0], _LISTS[0])
        if not self.native:
            lose_image(record, losses)
            if record.width is not None:
                losses.note("size_not_held")
        boxes = [row for one in record.instances if (row := self._box(one, losses)) is not None]
        return json_bytes({key: self.name_in_document(record), listed: boxes, **said})

    def _box(self, instance: Instance, losses: Losses) -> dict[str, Any] | None:
        box = box_of(instance, losses)
        if box is None:
            losses.drop("classification_not_held")
            return None
        said = dict(instance.attributes) if self.native else {}
        if not self.native:
            lose_instance(instance, losses)
        written = said.pop("bbox", None)
        same = isinstance(written, dict) and _same(written, box)
        return {"label": instance.label, "coordinates": written if same else _coordinates(box), **said}

    def head(self) -> bytes:
        """What stands before the rows."""
        return b"[\n"

    def tail(self) -> bytes:
        """What stands after the rows."""
        return b"\n]\n"


def _same(written: dict[str, Any], box: Rectangle) -> bool:
    """Whether coordinates as a file spelled them are still those of a box."""
    values = [number(written.get(side)) for side in _SIDES]
    x, y, width, height = (value or 0 for value in values)
    return None not in values and Rectangle(_edge(x, width), _edge(y, height), width, height) == box
