"""Datumaro JSON: a file for each subset, or a folder of them (``annotations/<subset>.json``).

``prepare`` takes the byte range of every item and reads it once for its name, labels and counts; ``read`` decodes its shard's
ranges again. A file's name is the split of its images, unless it is ``default``. What the format says beyond the model,
groups, layers, attributes, points of other kinds' categories, stays in the attributes, verbatim.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import InputError, ItemError
from ..model import Header, ImageRecord, Instance, Label
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .base import Options, Parser, Shard
from .checks import usable_label
from .datumaro_shapes import CAPTION, instance
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE
from .looks import edges
from .numbers import positive_int

if TYPE_CHECKING:
    from .writer import Writer

DEFAULT = "default"
"""The subset of images that are in none."""


class Entry(msgspec.Struct, array_like=True):
    """One item: its file, its number, where it stands, its image's name, and how many instances it states."""

    file: int
    number: int
    start: int
    length: int
    name: str
    instances: int


class Datumaro(Parser):
    """Reads Datumaro datasets: labels, boxes, rotated boxes, polygons, masks."""

    name: ClassVar[str] = "DATUMARO"
    recognised_by: ClassVar[str] = (
        "its keys 'items' and 'categories' (and 'label_id' in the items' annotations)"
    )

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._files: list[Path] = []
        self._tables: list[list[str | None]] = []
        self._entries: list[Entry] = []
        self._labels: dict[str, dict[str, Any]] = {}
        self._kinds: dict[str, set[str]] = {}
        self._attributes: dict[str, Any] = {}
        self._instances = 0

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
        """Read every item once. In a folder, a file that is rejected does not stop the others. Raises InputError."""
        self.notes, self._files, self._tables, self._entries, self._instances = [], [], [], [], 0
        self._labels, self._kinds, self._attributes = {}, {}, {}
        if not self.path.exists():
            raise reject(self.path, "missing", "there is no such file or folder", "check the path")
        files = (
            [self.path] if self.path.is_file() else [file for file in _files(self.path) if _is_datumaro(file)]
        )
        if not files:
            raise reject(self.path, "no_datumaro_file", "the folder holds no Datumaro file", "give the file")
        for path in files:
            try:
                with JsonFile.open(path) as file:
                    self._index(file, on_problem)
            except InputError as error:
                if len(files) == 1:
                    raise
                on_problem(error.problem)

    def _index(self, file: JsonFile, on_problem: OnProblem) -> None:
        top = file.top()
        items = file.array(top, "items") if isinstance(top, dict) else None
        if not isinstance(top, dict) or items is None:
            raise reject(
                file.path, "no_items", "there is no 'items' array", "is this a Datumaro file?", "/items"
            )
        said: dict[str, Any] = {}
        for key in top.keys() - {"items"}:
            try:
                said[key] = msgspec.json.decode(top[key])
            except UNREADABLE as error:
                place = file.place(file.offset(top[key]), f"/{key}")
                message = f"{key!r} cannot be read: {error}"
                on_problem(Problem("value_unreadable", message, place, Severity.WARNING, Unit.FILE))
        self._files.append(file.path)
        self._tables.append(self._categories(file, said, on_problem))
        self._attributes.update(said)
        starts, lengths = file.offsets(items)
        for number, raw in enumerate(items):
            entry = Entry(len(self._files) - 1, number, int(starts[number]), int(lengths[number]), "", 0)
            self._take(file, entry, _decoded(bytes(raw)), on_problem)

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
            self._labels.setdefault(str(name), more)
        return found

    def _take(self, file: JsonFile, entry: Entry, item: dict[str, Any] | None, on_problem: OnProblem) -> None:
        place = file.place(entry.start, f"/items/{entry.number}")
        if item is None:
            on_problem(
                Problem("item_invalid", "an item cannot be read", place, unit=Unit.IMAGE, hint="mend it")
            )
            return
        lost: list[int] = []
        record = self._record(file, entry, item, lambda problem: lost.append(problem.lost))
        entry.instances = len(record.instances) + sum(lost)
        self._instances += entry.instances
        if not record.file_name.strip():
            hint = "give it an id, or image.path"
            on_problem(
                Problem(
                    "image_unnamed",
                    "an item has no name",
                    place,
                    unit=Unit.IMAGE,
                    lost=entry.instances,
                    hint=hint,
                )
            )
            return
        entry.name = record.file_name
        for found in record.instances:
            self._kinds.setdefault(found.label, set()).add(found.kind)
        self._entries.append(entry)

    def header(self) -> Header:
        """The labels in their order; infos, other categories and the version in the attributes."""
        labels = (
            Label(name, frozenset(self._kinds.get(name, ())), more) for name, more in self._labels.items()
        )
        return Header(tuple(labels), self._attributes)

    def names(self) -> list[str]:
        """The path of every item's image, or the item's id."""
        return [entry.name for entry in self._entries]

    def count(self) -> int:
        """The number of items that have a name."""
        return len(self._entries)

    def instance_count(self) -> int:
        """The number of annotations, captions not counted."""
        return self._instances

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Decode the shard's items again."""
        entries = self._entries[shard.start : shard.stop]
        for index, path in enumerate(self._files):
            here = [entry for entry in entries if entry.file == index]
            if not here:
                continue
            with JsonFile.open(path) as file:
                for entry in here:
                    item = _decoded(file.slice(entry.start, entry.length))
                    if item is None or _name(item) != entry.name:
                        place = Place(str(path), byte=entry.start, pointer=f"/items/{entry.number}")
                        message = f"the item of {entry.name!r:.200} is not where it was before"
                        hint = "run the command again"
                        on_problem(
                            Problem(
                                "file_changed",
                                message,
                                place,
                                unit=Unit.IMAGE,
                                lost=entry.instances,
                                hint=hint,
                            )
                        )
                        continue
                    yield self._record(file, entry, item, on_problem)

    def _record(
        self, file: JsonFile, entry: Entry, item: dict[str, Any], on_problem: OnProblem
    ) -> ImageRecord:
        name = _name(item)
        image = item.get("image")
        size: tuple[int | None, int | None] = (None, None)
        if isinstance(image, dict):
            stated = image.pop("size", None)
            image.pop("path", None)
            if isinstance(stated, list) and len(stated) == 2:
                size = positive_int(stated[1]), positive_int(stated[0])
        rows = item.pop("annotations", None)
        reader = _Annotations(file, entry, self._tables[entry.file], size, on_problem)
        kept: list[Instance] = []
        captions: list[Any] = []
        for number, row in enumerate(rows if isinstance(rows, list) else []):
            if isinstance(row, dict) and row.get("type") == CAPTION:
                captions.append(row)
            elif (found := reader.read(row, number)) is not None:
                kept.append(found)
        if captions:
            item["captions"] = captions
        subset = file.path.stem
        place = Place(str(file.path), byte=entry.start, pointer=f"/items/{entry.number}")
        splits = () if subset == DEFAULT else (subset,)
        return ImageRecord(name, *size, tuple(kept), (), item, splits, place)


class _Annotations:
    """Reads the annotations of one item."""

    def __init__(
        self, file: JsonFile, entry: Entry, table: list[str | None], size: tuple[int | None, int | None],
        on_problem: OnProblem,
    ) -> None:  # fmt: skip
        self.file, self.entry, self.table, self.size, self.on_problem = file, entry, table, size, on_problem

    def read(self, row: Any, number: int) -> Instance | None:
        """The instance; None when it is rejected and reported."""
        pointer = f"/items/{self.entry.number}/annotations/{number}"

        def report(error: ItemError, severity: Severity) -> None:
            place = self.file.place(self.entry.start, f"{pointer}/{error.field}".rstrip("/"))
            lost = int(severity is Severity.ERROR)
            self.on_problem(Problem(error.code, error.message, place, severity, lost=lost, hint=error.hint))

        def warn(code: str, message: str, field: str) -> None:
            report(ItemError(code, message, field=field), Severity.WARNING)

        try:
            if not isinstance(row, dict):
                raise ItemError(
                    "annotation_invalid", f"an annotation is not an object: {row!r:.80}", "mend or remove it"
                )
            return instance(row, self._label(row), self.size, warn)
        except ItemError as error:
            report(error, Severity.ERROR)
            return None

    def _label(self, row: dict[str, Any]) -> str:
        number = row.pop("label_id", None)
        if type(number) is not int or not 0 <= number < len(self.table):
            message = f"no label has the id {number!r:.40}"
            raise ItemError("label_unknown", message, "list the label, or mend the id", "label_id")
        label = self.table[number]
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


def _decoded(text: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except UNREADABLE:
        return None
    return found if isinstance(found, dict) else None


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path] if path.is_file() else []
    return sorted(path.glob("*.json")) or sorted((path / "annotations").glob("*.json"))


def _is_datumaro(path: Path) -> bool:
    try:
        text = edges(path) if path.is_file() else b""
    except OSError:
        return False
    return (
        text.startswith(b"{")
        and all(key in text for key in (b'"items"', b'"categories"'))
        and b'"label' in text
    )
