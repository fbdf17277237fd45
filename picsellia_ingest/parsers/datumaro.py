"""Datumaro JSON: a file for each subset, or a folder of them (``annotations/<subset>.json``).

A file's name is the split of its images, unless it is ``default``. What the format says beyond the model,
groups, layers, attributes, points of other kinds' categories, stays in the attributes, verbatim.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import ItemError
from ..model import Header, ImageRecord, Instance
from ..problems import OnProblem, Problem, Severity, Unit
from .base import Options, labels_of
from .checks import Size, Warn, usable_label
from .datumaro_shapes import CAPTION, instance
from .json_rows import JsonRows, RowReader
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE
from .looks import edges_if_any
from .numbers import positive_int

if TYPE_CHECKING:
    from .writer import Writer

DEFAULT = "default"
"""The subset of images that are in none."""


class Datumaro(JsonRows):
    """Reads Datumaro datasets: labels, boxes, rotated boxes, polygons, masks."""

    name: ClassVar[str] = "DATUMARO"
    recognised_by: ClassVar[str] = (
        "its keys 'items' and 'categories' (and 'label_id' in the items' annotations)"
    )

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._tables: dict[str, list[str | None]] = {}
        self._listed: dict[str, dict[str, Any]] = {}
        self._attributes: dict[str, Any] = {}

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or most files in the folder or in its ``annotations``, have the keys of a dataset."""
        try:
            files = _files(path)[:20]
            return sum(map(_is_datumaro, files)) * 2 > len(files)
        except OSError:
            return False

    @staticmethod
    def writer() -> type[Writer]:
        """What writes Datumaro."""
        from .datumaro_writer import DatumaroWriter

        return DatumaroWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every item once. Raises InputError when there is no file, or when the only one is rejected."""
        self._tables, self._listed, self._attributes = {}, {}, {}
        super().prepare(on_problem)

    def _paths(self, on_problem: OnProblem) -> list[str]:
        if not self.path.is_dir():
            return super()._paths(on_problem)
        found = [str(file.relative_to(self.path)) for file in _files(self.path) if _is_datumaro(file)]
        if not found:
            raise reject(self.path, "no_datumaro_file", "the folder holds no Datumaro file", "give the file")
        return found

    def _elements(self, file: JsonFile, on_problem: OnProblem) -> list[tuple[str, msgspec.Raw]]:
        top = file.top()
        items = file.array(top, "items") if isinstance(top, dict) else None
        if not isinstance(top, dict) or items is None:
            raise reject(
                file.path, "no_items", "there is no 'items' array", "is this a Datumaro file?", "/items"
            )
        said: dict[str, Any] = {}
        for key in [key for key in top if key != "items"]:
            try:
                said[key] = msgspec.json.decode(top[key])
            except UNREADABLE as error:
                place = file.place(file.offset(top[key]), f"/{key}")
                message = f"{key!r} cannot be read: {error}"
                on_problem(Problem("value_unreadable", message, place, Severity.WARNING, Unit.FILE))
        self._tables[str(file.path)] = self._categories(file, said, on_problem)
        self._attributes.update(said)
        return [(f"/items/{number}", raw) for number, raw in enumerate(items)]

    def _categories(self, file: JsonFile, said: dict[str, Any], on_problem: OnProblem) -> list[str | None]:
        """The label of every ``label_id``; None for one that cannot be shown."""
        categories = said.get("categories")
        table = categories.get("label") if isinstance(categories, dict) else None
        listed = table.pop("labels", None) if isinstance(table, dict) else None
        found: list[str | None] = []
        for number, row in enumerate(listed if isinstance(listed, list) else []):
            name = row.get("name") if isinstance(row, dict) else row
            if not usable_label(name):
                place = file.place(0, f"/categories/label/labels/{number}/name")
                message = f"a label has no name that can be shown: {name!r:.80}"
                on_problem(
                    Problem("label_blank", message, place, Severity.WARNING, Unit.FILE, hint="name it")
                )
                found.append(None)
                continue
            found.append(str(name))
            more = (
                {key: value for key, value in row.items() if key != "name"} if isinstance(row, dict) else {}
            )
            self._listed.setdefault(str(name), more)
        return found

    def header(self) -> Header:
        """The labels in their order; infos, other categories and the version in the attributes."""
        return Header(labels_of(self._kinds, said=self._listed), self._attributes)

    def _record(self, reader: RowReader) -> ImageRecord:
        item = reader.row
        if not isinstance(item, dict):
            raise reader.reject("item_invalid", "an item cannot be read", "mend it", 0)
        name, size = _name(item), _size(item)
        rows = item.pop("annotations", None)
        captions: list[Any] = []
        given: dict[str, Any] = {}
        for number, row in enumerate(rows if isinstance(rows, list) else []):
            if isinstance(row, dict) and row.get("type") == CAPTION:
                captions.append(row)
            else:
                given[f"/annotations/{number}"] = row
        table = self._tables[str(reader.file.path)]

        def read(row: Any, warn: Warn) -> Instance:
            if not isinstance(row, dict):
                message = f"an annotation is not an object: {row!r:.80}"
                raise ItemError("annotation_invalid", message, "mend or remove it")
            return instance(row, _label(row, table), size, warn)

        kept = reader.instances(list(given.values()), read, list(given))
        if not name.strip():
            lost, hint = len(kept) + reader.lost, "give it an id, or image.path"
            raise reader.reject("image_unnamed", "an item has no name", hint, lost)
        if captions:
            item["captions"] = captions
        subset = reader.file.path.stem
        return ImageRecord(name, *size, kept, (), item, () if subset == DEFAULT else (subset,))


def _size(item: dict[str, Any]) -> Size:
    """The size that an item states, which is taken out of it, as the path is."""
    image = item.get("image")
    stated = image.pop("size", None) if isinstance(image, dict) else None
    if isinstance(image, dict):
        image.pop("path", None)
    if isinstance(stated, list) and len(stated) == 2:
        return positive_int(stated[1]), positive_int(stated[0])
    return None, None


def _label(row: dict[str, Any], table: list[str | None]) -> str:
    number = row.pop("label_id", None)
    if type(number) is not int or not 0 <= number < len(table):
        message = f"no label has the id {number!r:.40}"
        raise ItemError("label_unknown", message, "list the label, or mend the id", "label_id")
    label = table[number]
    if label is None:
        raise ItemError("label_blank", f"label {number} has no usable name", "name it", "label_id")
    return label


def _name(item: dict[str, Any]) -> str:
    for key in ("image", "media"):
        held = item.get(key)
        path = held.get("path") if isinstance(held, dict) else None
        if isinstance(path, str) and path.strip():
            return path
    found = item.get("id")
    return found if isinstance(found, str) else ""


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.is_file() else []
    return sorted(path.glob("*.json")) or sorted((path / "annotations").glob("*.json"))


def _is_datumaro(path: Path) -> bool:
    text = edges_if_any(path)
    return (
        text.startswith(b"{")
        and all(key in text for key in (b'"items"', b'"categories"'))
        and b'"label' in text
    )
