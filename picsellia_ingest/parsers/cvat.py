"""CVAT for images: one XML file, or a folder of them.

``prepare`` finds where every ``image`` element stands (xmlfile) and reads each once for its name, labels and counts, those of a
large file by processes; ``read`` parses its shard's elements again. An image's ``subset`` is its split. What stands before the images, the task with its
labels, stays in the header. A shape that is neither a box, an area nor a tag is rejected by name (cvat_shapes).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import InputError, ItemError
from ..model import Header, ImageRecord, Instance
from ..problems import OnProblem, Place, Problem, Severity, Unit
from . import voc_xml
from .base import Options, Shard, labels_of
from .cvat_shapes import OTHERS, SHAPES, instance
from .jsonfile import reject
from .numbers import positive_int
from .passes import Seen, TwoPasses, parts, seen
from .voc_xml import Element, children, local, text, value
from .xmlfile import Piece, XmlFile

if TYPE_CHECKING:
    from .writer import Writer

_HEAD = 1 << 14
_SHAPES = frozenset((*SHAPES, *OTHERS))
_LARGE, _TOGETHER = 4 << 20, 1 << 20
"""Bytes of a file's images from which on processes look at them, and how many at a time."""


class Entry(msgspec.Struct, array_like=True):
    """One image: the file it is in, its number there, where its element stands, and what the first pass found."""

    file: int
    number: int
    start: int
    stop: int
    line: int
    name: str = ""
    instances: int = 0


class Cvat(TwoPasses[Entry]):
    """Reads CVAT for images: boxes, rotated boxes, polygons, masks, tags, attributes."""

    name: ClassVar[str] = "CVAT"
    recognised_by: ClassVar[str] = "XML whose root is <annotations>, with <image> or <meta> in it"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._files: list[Path] = []
        self._labels: dict[str, dict[str, Any]] = {}
        self._attributes: dict[str, Any] = {}

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or most of the folder's first XML files, begin as CVAT's do."""
        try:
            files = _first_files(path) if path.is_dir() else [path]
            return sum(map(_is_cvat, files)) * 2 > len(files)
        except OSError:
            return False

    @staticmethod
    def writer() -> type[Writer]:
        """What writes CVAT."""
        from .cvat_writer import CvatWriter

        return CvatWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Index every file. In a folder, a file that is rejected does not stop the others. Raises InputError."""
        self._forget()
        self.notes, self._files, self._labels, self._attributes = [], [], {}, {}
        files = self._found()
        for path in files:
            try:
                with XmlFile(path) as file:
                    self._index(file, on_problem)
            except InputError as error:
                if len(files) == 1:
                    raise
                self._reject(error.problem, on_problem)

    def _found(self) -> list[Path]:
        if not self.path.exists():
            raise reject(self.path, "missing", "there is no such file or folder", "check the path")
        if not self.path.is_dir():
            return [self.path]
        files = [file for file in sorted(self.path.glob("*.xml")) if _is_cvat(file)]
        if not files:
            raise reject(self.path, "no_cvat_file", "the folder holds no CVAT file (*.xml)", "give the file")
        return files

    def _index(self, file: XmlFile, on_problem: OnProblem) -> None:
        pieces = file.pieces("annotations")
        if not any(piece.name == "image" for piece in pieces):
            _refuse_video(file, pieces)
        self._files.append(file.path)
        images = [piece for piece in pieces if piece.name == "image"]
        entries = [
            Entry(len(self._files) - 1, number, piece.start, piece.stop, piece.line)
            for number, piece in enumerate(images, start=1)
        ]
        sizes = [piece.stop - piece.start for piece in images]
        looked_at = self._looked_at(parts(entries, sizes, _LARGE, _TOGETHER))
        for piece in pieces:
            if piece.name == "image":
                entry, found = next(looked_at)
                if found.problem is None:
                    self._take(entry, found)
                else:
                    self._reject(found.problem, on_problem)
            elif piece.name == "track":
                lost = len(file.element(piece))
                self._instances += lost
                message = f"a track of {lost} shapes belongs to a video, not to an image"
                place = Place(str(file.path), piece.line, byte=piece.start)
                hint = "export the task as 'CVAT for images'"
                on_problem(
                    Problem("track_not_supported", message, place, unit=Unit.FILE, lost=lost, hint=hint)
                )
            else:
                self._say(file.element(piece))

    def _say(self, element: Element) -> None:
        """Take in what the file says of itself: its task with the labels."""
        self._attributes[local(element)] = value(element)
        for label in element.iter("label"):
            name = "".join(text(child) for child in children(label, "name"))
            if name:
                more = value(label, frozenset({"name"}))
                self._labels.setdefault(name, more if isinstance(more, dict) else {})

    def _look(self, sources: Sequence[Entry]) -> Iterator[Seen]:
        if sources:
            with XmlFile(self._files[sources[0].file]) as file:
                for entry in sources:
                    yield seen(partial(self._load, file, entry))

    def header(self) -> Header:
        """The labels of the task in their order, then all others; ``meta`` and ``version`` verbatim."""
        return Header(labels_of(self._kinds, said=self._labels), self._attributes)

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Parse the shard's elements again."""
        entries = self._sources[shard.start : shard.stop]
        for index, path in enumerate(self._files):
            here = [entry for entry in entries if entry.file == index]
            if not here:
                continue
            with XmlFile(path) as file:
                for entry in here:
                    try:
                        yield self._load(file, entry, on_problem)
                    except InputError as error:
                        on_problem(replace(error.problem, lost=entry.instances))

    def _load(self, file: XmlFile, entry: Entry, on_problem: OnProblem) -> ImageRecord:
        """One image. Raises InputError when its element cannot be read, or has no name."""
        piece = Piece("image", entry.start, entry.stop, entry.line)
        element = file.element(piece)
        if element.get("name", "").strip():
            return self._record(file, piece, element, entry.number, on_problem)
        pointer = f"/annotations/image[{entry.number}]/@name"
        place = Place(str(file.path), piece.line, byte=piece.start, pointer=pointer)
        lost = sum(local(child) in _SHAPES for child in element)
        raise InputError(
            Problem(
                "image_unnamed", "an image has no name", place, unit=Unit.IMAGE, lost=lost, hint="name it"
            )
        )

    def _record(
        self, file: XmlFile, piece: Piece, element: Element, number: int, on_problem: OnProblem
    ) -> ImageRecord:
        said: dict[str, Any] = {str(key): str(found) for key, found in element.items()}
        name, subset = said.pop("name", ""), said.pop("subset", "")
        pointer = f"/annotations/image[{number}]"
        size: list[int | None] = []
        for side in ("width", "height"):
            stated = said.pop(side, None)
            size.append(positive_int(stated))
            if stated is not None and size[-1] is None:
                place = Place(str(file.path), piece.line, byte=piece.start, pointer=f"{pointer}/@{side}")
                message = f"the {side} of {name!r:.200} is {stated!r:.40}; the picture's own is used"
                on_problem(Problem("image_size_invalid", message, place, Severity.WARNING, Unit.IMAGE))
        shapes = [child for child in element if local(child) in _SHAPES]
        reader = _Shapes(str(file.path), piece, pointer, (size[0], size[1]), on_problem)
        kept = tuple(
            found for at, child in enumerate(shapes, 1) if (found := reader.read(child, at)) is not None
        )
        place = Place(str(file.path), piece.line, byte=piece.start, pointer=pointer)
        return ImageRecord(name, size[0], size[1], kept, (), said, (subset,) if subset else (), place)


class _Shapes:
    """Reads the shapes of one image."""

    def __init__(
        self,
        shown: str,
        piece: Piece,
        pointer: str,
        size: tuple[int | None, int | None],
        on_problem: OnProblem,
    ) -> None:
        self.shown, self.piece, self.pointer, self.size, self.on_problem = (
            shown,
            piece,
            pointer,
            size,
            on_problem,
        )

    def read(self, element: Element, position: int) -> Instance | None:
        """The instance; None when it is rejected and reported. ``position`` counts the image's shapes from 1."""

        def report(error: ItemError, severity: Severity) -> None:
            line = self.piece.line + (voc_xml.line(element) or 1) - 1
            pointer = f"{self.pointer}/*[{position}]" + (f"/{error.field}" if error.field else "")
            lost = int(severity is Severity.ERROR)
            place = Place(self.shown, line, pointer=pointer)
            self.on_problem(Problem(error.code, error.message, place, severity, lost=lost, hint=error.hint))

        def warn(code: str, message: str, field: str) -> None:
            report(ItemError(code, message, field=field), Severity.WARNING)

        try:
            return instance(element, self.size, warn)
        except ItemError as error:
            report(error, Severity.ERROR)
            return None


def _refuse_video(file: XmlFile, pieces: list[Piece]) -> None:
    """Raise InputError for a file that holds tracks and no image."""
    tracks = [piece for piece in pieces if piece.name == "track"]
    if tracks:
        raise reject(
            file.path, "cvat_video", f"this is CVAT for video: {len(tracks)} tracks over frames, and no image",
            "export the task as 'CVAT for images'",
        )  # fmt: skip


def _first_files(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        names = sorted([entry.name for entry in entries if entry.name.endswith(".xml")])
    return [folder / name for name in names[:20]]


def _is_cvat(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except OSError:
        return False
    return voc_xml.root_name(head) == "annotations" and any(
        tag in head for tag in (b"<image", b"<meta", b"<track")
    )
