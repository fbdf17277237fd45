"""OPEN-IMAGES: the CSV files of Open Images v4 to v7, boxes and labels of whole images; one file, or a folder.

``prepare`` indexes the rows (open_images_index) and reads each image's once; ``read`` reads its shard's again. Boxes are
fractions of the picture, so the size is read from the image, found by its id below the folder or ``imgdir``; boxes of an
image whose size is not known are rejected together. A label with confidence 0 was verified to be absent: it is no
instance, and stays in the attributes of its image. LabelName is shown by its description where one is given.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

import msgspec

from ..errors import InputError, ItemError
from ..model import Header, ImageRecord, Instance, Rectangle
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .base import Options, Parser, Shard, labels_of
from .checks import check_fractions, check_inside, usable_label
from .folders import ignore
from .image_files import images_below, size_of
from .jsonfile import reject
from .names import stem
from .numbers import number
from .open_images_index import BOXES, IMAGES, LABELS, CsvFile, Index, build, cells_of, look
from .passes import Lost
from .voc_layout import shown, walk
from .yolo_rows import DIGITS

if TYPE_CHECKING:
    from .writer import Writer

SIDES = ("XMin", "XMax", "YMin", "YMax")
ABSENT = "absent"
"""The attribute of an image that lists the labels which were verified to be absent."""

_FOLDERS, _FILES = 2000, 40


class _Row(msgspec.Struct):
    kind: str
    place: Place
    cells: dict[str, str]
    split: str


class OpenImages(Parser):
    """Reads boxes, labels of whole images, and lists of images."""

    name: ClassVar[str] = "OPEN-IMAGES"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self.root = path if path.is_dir() else path.parent
        self._index = Index()
        self._kept: list[int] = []
        self._names: list[str] = []
        self._counts: list[int] = []
        self._images: dict[str, list[str]] = {}
        self._labels: dict[str, set[str]] = {}
        self._own: dict[str, str] = {}
        self._instances = 0

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or one of the first CSV files in the folder, has the columns of boxes or labels."""
        try:
            if not path.is_dir():
                return _is_one(path)
            few = islice(walk(path, ignore), _FOLDERS)
            files = (
                path / folder / name
                for folder, names in few
                for name in names
                if name.lower().endswith(".csv")
            )
            return any(map(_is_one, islice(files, _FILES)))
        except OSError:
            return False

    @staticmethod
    def writer() -> type[Writer]:
        """What writes OPEN-IMAGES."""
        from .open_images_writer import OpenImagesWriter

        return OpenImagesWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every image's rows once. Raises InputError when there is no file of boxes or labels."""
        self.notes = []
        if not os.path.lexists(self.path):
            raise reject(self.path, "missing", "there is no such file or folder", "check the path")
        self._index = build(self.path, on_problem)
        self._find_images()
        self._own = {}
        for key, name in self._index.names.items():
            self._own.setdefault(name, key)
        self._kept, self._names, self._counts, self._labels = [], [], [], {}
        self._instances = self._index.lost
        with _Opened(self.root) as opened:
            for image in range(len(self._index.ids)):
                counter = Lost()
                try:
                    record = self._record(image, opened, counter)
                except InputError as error:
                    on_problem(error.problem)
                    self._instances += error.problem.lost
                    continue
                self._kept.append(image)
                self._names.append(record.file_name)
                self._counts.append(len(record.instances) + counter.lost)
                self._instances += self._counts[-1]
                for instance in record.instances:
                    self._labels.setdefault(instance.label, set()).add(instance.kind)

    def _find_images(self) -> None:
        """All images by the last step of their path, without extension."""
        self._images = {}
        base = self.options.imgdir or self.root
        for name in images_below(base):
            self._images.setdefault(stem(name).rpartition("/")[2], []).append(name)

    def header(self) -> Header:
        """The described classes in their order, then all other labels in the order in which they come."""
        described = {name: {"id": own} for name, own in self._own.items() if usable_label(name)}
        return Header(labels_of(self._labels, said=described))

    def names(self) -> list[str]:
        """The path of every image, or its id where the image is not there."""
        return list(self._names)

    def count(self) -> int:
        """The number of images that rows name and that are not rejected."""
        return len(self._kept)

    def instance_count(self) -> int:
        """The number of rows of boxes, and of labels that are not verified to be absent."""
        return self._instances

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Read the rows of the shard's images again."""
        with _Opened(self.root) as opened:
            for at in range(shard.start, shard.stop):
                problems: list[Problem] = []
                try:
                    record = self._record(self._kept[at], opened, problems.append)
                    found = len(record.instances) + sum(one.lost for one in problems), record.file_name
                except InputError:
                    found = -1, ""
                if found != (self._counts[at], self._names[at]):
                    message = f"the rows of {self._names[at]!r:.200} have changed since they were planned"
                    place = Place(shown(self.path))
                    lost, hint = self._counts[at], "run the command again"
                    on_problem(Problem("file_changed", message, place, unit=Unit.IMAGE, lost=lost, hint=hint))
                    continue
                for problem in problems:
                    on_problem(problem)
                yield record

    def _record(self, image: int, opened: _Opened, on_problem: OnProblem) -> ImageRecord:
        rows = [self._row(*at, opened) for at in self._index.rows(image)]
        splits = tuple(dict.fromkeys(row.split for row in rows if row.split))
        key = self._index.ids[image]
        path = self._path(key, splits)
        boxes = [row for row in rows if row.kind == BOXES]
        size = size_of((self.options.imgdir or self.root) / path) if path and boxes else None
        said = [row for row in rows if row.kind == LABELS]
        absent = [row.cells for row in said if number(row.cells.get("Confidence")) == 0]
        said = [row for row in said if number(row.cells.get("Confidence")) != 0]
        if boxes and size is None:
            raise _unsized(key, boxes[0], len(boxes) + len(said))
        found: list[Instance] = []
        for row in [*boxes, *said]:
            try:
                found.append(self._instance(row, size, on_problem))
            except ItemError as error:
                on_problem(Problem(error.code, error.message, row.place, lost=1, hint=error.hint))
        attributes: dict[str, Any] = {"image": {"id": key}}
        for row in rows:
            if row.kind == IMAGES:
                attributes["image"]["listed"] = True
                attributes |= {
                    name: cell for name, cell in row.cells.items() if name not in ("ImageID", "Subset")
                }
        if absent:
            attributes[ABSENT] = absent
        width, height = size or (None, None)
        return ImageRecord(path or key, width, height, tuple(found), (), attributes, splits, rows[0].place)

    def _path(self, key: str, splits: tuple[str, ...]) -> str:
        """The image of an id: where Open Images keeps it, else the only one whose path ends so, in its split's folder."""
        paths = self._images.get(key.rpartition("/")[2], [])
        homes = [key, f"images/{key}", *(f"images/{split}/{key}" for split in splits)]
        for fits in (
            lambda path: stem(path) in homes[-1:],
            lambda path: stem(path) in homes,
            lambda path: f"/{stem(path)}".endswith(f"/{key}") and set(path.split("/")[:-1]) & set(splits),
            lambda path: f"/{stem(path)}".endswith(f"/{key}"),
        ):
            found = [path for path in paths if fits(path)]
            if found:
                return found[0] if len(found) == 1 else ""
        return ""

    def _row(self, number_: int, start: int, length: int, line: int, opened: _Opened) -> _Row:
        file = self._index.files[number_]
        cells = cells_of(opened.read(file.path, start, length)) or []
        said = {name: cell.strip() for name, cell in zip(file.columns, cells, strict=False) if cell.strip()}
        place = Place(file.shown, line)
        return _Row(file.kind, place, said, said.get("Subset", file.split))

    def _instance(self, row: _Row, size: tuple[int, int] | None, on_problem: OnProblem) -> Instance:
        said = dict(row.cells)
        key = said.pop("LabelName", "")
        label = self._index.names.get(key, key)
        if not usable_label(label):
            raise ItemError("label_blank", f"the label cannot be shown: {label!r:.80}", "name it")
        said.pop("ImageID", None)
        attributes: dict[str, Any] = {name: cell for name, cell in said.items() if name not in SIDES}
        if self._own.get(label, key) != key:
            attributes["id"] = key
        if row.kind == LABELS:
            return Instance(label, attributes=attributes)
        assert size is not None, "boxes of images without a size are rejected together"
        words = [said.get(side, "") for side in SIDES]
        rectangle = rectangle_of(words, size)

        def warn(code: str, message: str, field: str) -> None:  # noqa: ARG001 - a row has no fields
            on_problem(Problem(code, message, row.place, Severity.WARNING))

        check_inside(rectangle, None, size, warn)
        if fractions(rectangle, size) != [float(word) for word in words]:
            attributes["bbox"] = words
        return Instance(label, rectangle, None, (), attributes)


class _Opened:
    """The files that are open, by their path."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._files: dict[str, BinaryIO] = {}

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self._files.values():
            file.close()

    def read(self, path: str, start: int, length: int) -> bytes:
        """Some bytes of a file; fewer when it is not what it was."""
        try:
            if path not in self._files:
                self._files[path] = (self.root / path).open("rb")
            self._files[path].seek(start)
            return self._files[path].read(length)
        except OSError:
            return b""


def rectangle_of(words: list[str], size: tuple[int, int]) -> Rectangle:
    """The box of XMin, XMax, YMin, YMax in fractions, reckoned in decimals. Raises ItemError."""
    values = [number(word) for word in words]
    if None in values:
        wrong = words[values.index(None)]
        message = f"{SIDES[values.index(None)]} is not a finite number: {wrong!r:.40}"
        raise ItemError("box_invalid", message, "write four fractions of the picture")
    check_fractions([value or 0 for value in values])
    left, right, top, bottom = map(Decimal, words)
    if right <= left or bottom <= top:
        raise ItemError(
            "box_empty", f"the box has no area: x {left} to {right}, y {top} to {bottom}", "remove it"
        )
    width, height = size
    return Rectangle(
        float(left * width),
        float(top * height),
        float((right - left) * width),
        float((bottom - top) * height),
    )


def fractions(box: Rectangle, size: tuple[int, int]) -> list[float]:
    """XMin, XMax, YMin and YMax of a box."""
    width, height = size
    values = (
        box.left / width,
        (box.left + box.width) / width,
        box.top / height,
        (box.top + box.height) / height,
    )
    return [round(value, DIGITS) for value in values]


def _unsized(key: str, row: _Row, lost: int) -> InputError:
    message = (
        f"the image {key!r:.100} is not here, or cannot be read: without its size its boxes have no pixels"
    )
    return InputError(
        Problem("size_unknown", message, row.place, unit=Unit.IMAGE, lost=lost, hint="give --imgdir")
    )


def _is_one(path: Path) -> bool:
    found: CsvFile | None = look(path, path.name)
    return found is not None and found.kind in (BOXES, LABELS)
