"""The CSV files of Open Images, and where in them the rows of each image stand.

Files are told apart by their columns: boxes have XMin, labels of whole images have LabelName and Confidence, lists of
images have a Subset or an OriginalURL. The split is the row's Subset, or what the file's name begins with. Only offsets
are kept, in arrays, grouped by image with one argsort: the training set has fourteen million boxes.
"""

from __future__ import annotations

import csv
import re
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import msgspec
import numpy as np

from ..errors import InputError
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .jsonfile import reject
from .voc_layout import shown, walk

BOXES, LABELS, IMAGES = "boxes", "labels", "images"
_SPLIT = re.compile(r"(?:oidv\d+-)?(train|validation|test)-", re.I)
_DESCRIPTIONS = re.compile(r".*class-descriptions.*\.csv", re.I)
_EDGE = 1 << 16
_LINE_MAX = 1 << 20


class CsvFile(msgspec.Struct):
    """One file: what it holds, its columns, and the split that its name says."""

    path: str
    kind: str
    columns: list[str]
    split: str
    shown: str
    """The path as it stands in problems."""


class Index:
    """All images of a source by number, with their rows."""

    def __init__(self) -> None:
        self.files: list[CsvFile] = []
        self.ids: list[str] = []
        self.names: dict[str, str] = {}
        """Display names by LabelName."""
        self.lost = 0
        """Rows that name no image."""
        self._image, self._file = array("q"), array("q")
        self._start, self._length, self._line = array("q"), array("q"), array("q")
        self.order: Any = None
        self.first: Any = None

    def group(self) -> None:
        """Put the rows of each image together, in the order of the files."""
        images = np.array(self._image, np.int64)
        self.order = np.argsort(images, kind="stable")
        self.first = np.searchsorted(images[self.order], np.arange(len(self.ids) + 1))

    def rows(self, image: int) -> Iterator[tuple[int, int, int, int]]:
        """File, offset, length and line of each row of an image."""
        for at in self.order[self.first[image] : self.first[image + 1]].tolist():
            yield self._file[at], self._start[at], self._length[at], self._line[at]

    def add(self, root: Path, file: CsvFile, known: dict[str, int], on_problem: OnProblem) -> None:
        """Take in where the rows of one file stand."""
        number = len(self.files)
        self.files.append(file)
        column = file.columns.index("ImageID")
        with (root / file.path).open("rb") as stream:
            for line, start, text in _lines(stream):
                if line == 1 or not text.strip():
                    continue
                cells = cells_of(text)
                key = cells[column].strip() if cells and column < len(cells) else ""
                if not key:
                    place = Place(shown(root / file.path), line)
                    hint = "write one row on one line, with its ImageID"
                    counted = file.kind != IMAGES
                    on_problem(
                        Problem(
                            "row_invalid",
                            "the row names no image",
                            place,
                            unit=Unit.INSTANCE if counted else Unit.IMAGE,
                            lost=int(counted),
                            hint=hint,
                        )
                    )
                    self.lost += int(counted)
                    continue
                image = known.setdefault(key, len(known))
                if image == len(self.ids):
                    self.ids.append(key)
                for values, value in (
                    (self._image, image), (self._file, number), (self._start, start), (self._length, len(text)),
                    (self._line, line),
                ):  # fmt: skip
                    values.append(value)


def build(path: Path, on_problem: OnProblem) -> Index:
    """The index of a file, or of all CSV files of a folder. Raises InputError when there is none to read."""
    root = path if path.is_dir() else path.parent
    paths = [path.name]
    if path.is_dir():
        paths = [
            f"{folder}/{name}".lstrip("/")
            for folder, names in walk(root, on_problem)
            for name in names
            if name.lower().endswith(".csv")
        ]
    index = Index()
    known: dict[str, int] = {}
    for relative in paths:
        if _DESCRIPTIONS.fullmatch(Path(relative).name):
            index.names |= _descriptions(root / relative)
            continue
        file = look(root / relative, relative)
        if file is not None:
            index.add(root, file, known, on_problem)
        elif "segmentation" in relative:
            place = Place(shown(root / relative))
            message = "masks are not read: only boxes and labels of whole images are"
            on_problem(Problem("masks_not_read", message, place, Severity.WARNING, Unit.FILE))
    if not any(file.kind in (BOXES, LABELS) for file in index.files):
        hint = "give the folder that holds ...-annotations-bbox.csv"
        raise reject(path, "no_open_images_file", "there is no CSV file of boxes or labels here", hint)
    index.group()
    return index


def look(path: Path, relative: str) -> CsvFile | None:
    """What a CSV file is by its first line; None when it is not one of Open Images. Raises nothing."""
    try:
        if not path.is_file():
            return None
        with path.open("rb") as stream:
            head = stream.readline(_EDGE)
    except OSError:
        return None
    columns = [cell.strip() for cell in cells_of(head.removeprefix(b"\xef\xbb\xbf")) or ()]
    if "ImageID" not in columns or "MaskPath" in columns:
        return None
    kind = ""
    if {"XMin", "XMax", "YMin", "YMax", "LabelName"} <= set(columns):
        kind = BOXES
    elif {"LabelName", "Confidence"} <= set(columns):
        kind = LABELS
    elif {"Subset", "OriginalURL"} & set(columns):
        kind = IMAGES
    match = _SPLIT.match(path.name)
    return CsvFile(relative, kind, columns, match[1].lower() if match else "", shown(path)) if kind else None


def cells_of(text: bytes) -> list[str] | None:
    """The cells of one line; None when it is not UTF-8, or a quotation in it is not closed."""
    try:
        return next(csv.reader([text.decode().rstrip("\r\n")], strict=True), [])
    except (UnicodeError, csv.Error):
        return None


def _lines(stream: BinaryIO) -> Iterator[tuple[int, int, bytes]]:
    """Number, offset and content of each line; one that is too long is cut, and its rest passed over."""
    start, line = 0, 0
    while text := stream.readline(_LINE_MAX):
        length = len(text)
        while not text.endswith(b"\n") and (rest := stream.readline(_LINE_MAX)):
            length += len(rest)
            text = text[:1]
            if rest.endswith(b"\n"):
                break
        line += 1
        yield line, start, text
        start += length


def _descriptions(path: Path) -> dict[str, str]:
    """Display names by LabelName; the first line may be a heading."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream, strict=True) if len(row) > 1]
    except (OSError, UnicodeError, csv.Error) as error:
        raise InputError(
            Problem(
                "descriptions_invalid",
                f"the names of the classes cannot be read: {error}",
                Place(shown(path)),
                unit=Unit.FILE,
            )
        ) from error
    return {row[0].strip(): row[1].strip() for row in rows if row[0].strip() != "LabelName"}
