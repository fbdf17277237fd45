"""VIA: the JSON of the VGG Image Annotator 1.x and 2.x, a project or an export; one file, or a tree of folders.

A document maps keys to images, each with its regions as a list or, in 1.x, as an object. A region has a shape in pixels
and attributes; its label is the one attribute that a file's regions have, or the one called label, class, name, type or
category. Where that leaves a choice the file is refused with the candidates. Rectangles and polygons are read; circles,
ellipses, lines and points, which nothing can hold, are rejected by name. All else stays in the attributes, verbatim.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import InputError, ItemError
from ..model import Header, ImageRecord, Instance, Polygon, Rectangle
from ..problems import OnProblem, Problem, Severity, Unit
from .base import Options, labels_of
from .checks import Warn, ring, usable_label
from .folders import some_json
from .json_rows import JsonRows, RowReader
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE
from .names import split_folder
from .numbers import are_plain, as_numbers, number, text_number

if TYPE_CHECKING:
    from .writer import Writer

METADATA = "_via_img_metadata"
_CALLED = ("label", "class", "name", "type", "category")
_SIDES = ("x", "y", "width", "height")
_FILE_KEYS = ("size", "fileref", "base64_img_data")


class Via(JsonRows):
    """Reads rectangles and polygons."""

    name: ClassVar[str] = "VIA"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._attributes: dict[str, Any] = {}
        self._keys: dict[str, str] = {}

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or one of the first JSON files in the folder, has VIA's keys."""
        return some_json(path, _is_via)

    @staticmethod
    def writer() -> type[Writer]:
        """What writes VIA."""
        from .via_writer import ViaWriter

        return ViaWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every image once. Raises InputError when there is no file, or when the only one is rejected."""
        self._attributes, self._keys = {}, {}
        super().prepare(on_problem)

    def _elements(self, file: JsonFile, on_problem: OnProblem) -> list[tuple[str, msgspec.Raw]]:  # noqa: ARG002 - it has nothing to report
        top = file.top()
        images, pointer = top, ""
        if isinstance(top, dict) and METADATA in top:
            images, pointer = file.fields(top[METADATA]) or {}, f"/{METADATA}"
            self._attributes |= {key: plain(raw) for key, raw in top.items() if key != METADATA}
        if not isinstance(images, dict):
            hint = "is this another format's, or VIA 3's?"
            raise reject(file.path, "not_via", "the document is not an object of images by key", hint)
        self._keys[str(file.path)] = _label_key(file, images)
        return [(f"{pointer}/{_escaped(key)}", raw) for key, raw in images.items()]

    def header(self) -> Header:
        """The labels that a project lists as options, in its order, then all others in the order in which they come."""
        listed = [
            name for key in dict.fromkeys(self._keys.values()) for name in _options(self._attributes, key)
        ]
        return Header(labels_of(self._kinds, listed), self._attributes)

    def _record(self, reader: RowReader) -> ImageRecord:
        row = reader.row
        if not isinstance(row, dict):
            raise reader.reject(
                "row_invalid", f"an image is not an object: {row!r:.80}", "mend or remove it", 0
            )
        regions = row.pop("regions", None)
        rows = list(regions.values()) if isinstance(regions, dict) else [] if regions is None else regions
        if not isinstance(rows, list):
            message = f"the regions are no list: {regions!r:.80}"
            raise reader.reject("regions_invalid", message, "write a list of regions", 0)
        name = row.pop("filename", None)
        if not isinstance(name, str) or not name.strip():
            raise reader.reject("image_unnamed", "an image has no name", "add 'filename'", len(rows))
        label = self._keys[str(reader.file.path)]
        image: dict[str, Any] = {"key": _unescaped(reader.at.pointer.rpartition("/")[2]), "label": label}
        image |= {key: row.pop(key) for key in _FILE_KEYS if key in row}
        if image.get("base64_img_data"):
            image["base64_img_data"] = ""
            found = ItemError("image_data_left_out", "the picture in base64_img_data is left out")
            reader.report(found, Severity.WARNING, "/base64_img_data", Unit.IMAGE)
        ids = list(regions) if isinstance(regions, dict) else None
        if ids is not None:
            image["regions"] = "by key"
        pointers = [f"/regions/{_escaped(key)}" for key in ids or map(str, range(len(rows)))]
        named = [(region, label, ids[at] if ids else None) for at, region in enumerate(rows)]
        instances = reader.instances(named, _instance, pointers)
        if "file_attributes" in row:
            row["attributes"] = row.pop("file_attributes")
        folder = reader.where.rpartition("/")[0]
        path = name if not folder or "://" in name else f"{folder}/{name}"
        return ImageRecord(
            path, None, None, instances, (), {**row, "image": image}, split_folder(reader.where)
        )


def plain(raw: msgspec.Raw) -> Any:
    """A value; None when it cannot be decoded."""
    try:
        return msgspec.json.decode(raw)
    except UNREADABLE:
        return None


def _label_key(file: JsonFile, images: dict[str, msgspec.Raw]) -> str:
    """The attribute that is the label of a file's regions. Raises InputError when several may be."""
    found: dict[str, None] = {}
    for raw in images.values():
        row = plain(raw)
        regions = row.get("regions") if isinstance(row, dict) else None
        rows = regions.values() if isinstance(regions, dict) else regions if isinstance(regions, list) else ()
        for region in rows:
            said = region.get("region_attributes") if isinstance(region, dict) else None
            found |= dict.fromkeys(said) if isinstance(said, dict) else {}
    if len(found) < 2:
        return next(iter(found), _CALLED[0])
    called = [key for key in found if key.lower() in _CALLED]
    if len(called) == 1:
        return called[0]
    message = f"any of these attributes may be the label: {', '.join(map(repr, called or found)):.300}"
    hint = "call the one that is 'label', and the others otherwise"
    place = file.place(0, "")
    raise InputError(Problem("label_ambiguous", message, place, unit=Unit.FILE, hint=hint))


def _options(attributes: dict[str, Any], key: str) -> list[str]:
    """The values that a project lists for an attribute of regions."""
    found: Any = attributes
    for step in ("_via_attributes", "region", key, "options"):
        found = found.get(step) if isinstance(found, dict) else None
    return [name for name in found if usable_label(name)] if isinstance(found, dict) else []


def _instance(given: tuple[Any, str, str | None], warn: Warn) -> Instance:
    row, key, number_ = given
    if not isinstance(row, dict):
        raise ItemError("region_invalid", f"a region is not an object: {row!r:.80}", "mend or remove it")
    shape, said = row.pop("shape_attributes", None), row.pop("region_attributes", None)
    label = said.pop(key, None) if isinstance(said, dict) else None
    if not isinstance(label, str) or not usable_label(label):
        message = f"the region's {key!r:.40} is no label that can be shown: {label!r:.80}"
        raise ItemError("label_blank", message, "label it", "region_attributes")
    if not isinstance(shape, dict):
        raise ItemError(
            "no_geometry", f"the region has no shape: {shape!r:.80}", "draw it", "shape_attributes"
        )
    if said:
        row["attributes"] = said
    if number_ is not None:
        row["id"] = number_
    rectangle, polygon = shape_of(shape, warn)
    written = as_numbers(shape)
    if written != spelled(rectangle, polygon):
        row["segmentation"] = written
    return Instance(label, rectangle, polygon, (), row)


def shape_of(shape: dict[str, Any], warn: Warn | None = None) -> tuple[Rectangle | None, Polygon | None]:
    """The box or the polygon of a region's shape. Raises ItemError."""
    kind = shape.get("name")
    if kind == "rect":
        x, y, width, height = _numbers([shape.get(side) for side in _SIDES], "box_invalid", warn)
        if width <= 0 or height <= 0:
            message = f"the box has no area: {width:g} x {height:g}"
            raise ItemError("box_empty", message, "remove it, or draw it again", "shape_attributes")
        return Rectangle(x, y, width, height), None
    if kind != "polygon":
        message = f"a {kind!r:.40} has no place in a dataset of boxes and polygons"
        raise ItemError("shape_not_supported", message, "draw it as a polygon", "shape_attributes")
    xs, ys = shape.get("all_points_x"), shape.get("all_points_y")
    if not isinstance(xs, list) or not isinstance(ys, list) or len(xs) != len(ys):
        message = "all_points_x and all_points_y are not two lists of one length"
        raise ItemError("polygon_invalid", message, "mend or remove it", "shape_attributes")
    flat = _numbers([value for pair in zip(xs, ys, strict=True) for value in pair], "polygon_invalid", warn)
    return None, Polygon((ring(flat, "shape_attributes"),))


def spelled(rectangle: Rectangle | None, polygon: Polygon | None) -> dict[str, Any]:
    """A box, or the first ring of a polygon, as VIA writes it."""
    if rectangle is not None:
        values = (rectangle.left, rectangle.top, rectangle.width, rectangle.height)
        return {"name": "rect", **dict(zip(_SIDES, values, strict=True))}
    assert polygon is not None, "a region has a shape"
    points = polygon.rings[0].points
    return {"name": "polygon", "all_points_x": list(points[0::2]), "all_points_y": list(points[1::2])}


def _numbers(values: list[Any], code: str, warn: Warn | None) -> list[float]:
    if values and are_plain(values):
        return values
    found = [value for one in values if (value := number(one)) is not None]
    if len(found) < len(values):
        wrong = next(one for one in values if number(one) is None)
        message = f"a coordinate is not a finite number: {wrong!r:.80}"
        raise ItemError(code, message, "mend or remove the region", "shape_attributes")
    if warn is not None and any(map(text_number, values)):
        warn("number_as_text", "numbers are written as text", "shape_attributes")
    return found


def _escaped(key: str) -> str:
    return key.replace("~", "~0").replace("/", "~1")


def _unescaped(key: str) -> str:
    return key.replace("~1", "/").replace("~0", "~")


def _is_via(text: bytes) -> bool:
    keys = (b'"_via_img_metadata"', b'"shape_attributes"', b'"file_attributes"')
    return text[:1] == b"{" and any(key in text for key in keys)
