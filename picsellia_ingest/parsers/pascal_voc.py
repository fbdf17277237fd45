"""PASCAL-VOC: one XML file for an image, with or without masks.

The files are found by voc_layout and read by file_per_image. Trust ends at the bytes (voc_xml): nothing that a file
names is ever opened. What a file says of its image is in voc_objects, its masks in voc_masks.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import msgspec

from ..errors import InputError, InvalidQueryError
from ..model import RECTANGLE, Header, ImageRecord
from ..problems import OnProblem, Problem, Severity, Unit
from . import voc_layout, voc_xml
from .base import Options, labels_of
from .file_per_image import FilePerImage, Glance
from .folders import ignore
from .jsonfile import reject
from .voc_layout import Source
from .voc_masks import ClassNames, Masks, class_names
from .voc_objects import Evidence, RecordReader, mask_record
from .voc_plain import PlainFile, PlainFiles, content

if TYPE_CHECKING:
    from .writer import Writer

_HEAD = 1 << 14
_LOOKED_AT, _SAMPLE = 5000, 100
_RULES = ("as_written", "inclusive")


class PascalVoc(FilePerImage[Source]):
    """Reads VOC annotations: boxes, polygons, parts, and instances drawn as masks."""

    quickness: ClassVar[int] = 4
    name: ClassVar[str] = "PASCAL-VOC"
    recognised_by: ClassVar[str] = "XML files whose root is <annotation>, or folders of VOC masks"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        if self.options.voc_coordinates not in _RULES:
            raise InvalidQueryError(
                f"voc_coordinates is {self.options.voc_coordinates!r}", f"choose one of {', '.join(_RULES)}"
            )
        self._names: dict[str, ClassNames] = {}
        self._evidence = Evidence()

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or one of the first XML files in the folder, has an ``annotation``; or there are VOC masks."""
        try:
            if not path.is_dir():
                return _is_voc(path)
            seen = 0
            for folder, files in islice(voc_layout.walk(path, ignore), _LOOKED_AT):
                if _has_masks(folder, files):
                    return True
                found = [file for file in files if file.lower().endswith(".xml")]
                if any(_is_voc(path / folder / file) for file in found[:: 1 + len(found) // _SAMPLE]):
                    return True
                seen += len(files)
                if seen > _LOOKED_AT * 20:
                    return False
            return False
        except OSError:
            return False

    @staticmethod
    def writer() -> type[Writer]:
        """What writes PASCAL-VOC."""
        from .voc_writer import VocWriter

        return VocWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every file once. Raises InputError when there is none, or when the only one is rejected."""
        self.notes, self._names, self._evidence = [], {}, Evidence()
        self._read_once(self._found(on_problem), on_problem, single=not self.path.is_dir())
        self._note(self._evidence)

    def _found(self, on_problem: OnProblem) -> list[Source]:
        if not self.path.is_dir():
            if not os.path.lexists(self.path):
                raise reject(self.path, "missing", "there is no such file or folder", "check the path")
            return [Source("", self.path.stem, self.path.name)]
        found = voc_layout.scan(self.path, on_problem)
        if not found:
            raise reject(
                self.path,
                "no_voc_file",
                "the folder holds no *.xml file and no VOC masks",
                "give the folder of XML files",
            )
        return found

    def _noted(self) -> tuple[Evidence, dict[str, ClassNames]]:
        return self._evidence, self._names

    def _note_also(self, noted: tuple[Evidence, dict[str, ClassNames]]) -> None:
        evidence, names = noted
        self._evidence.add(evidence)
        self._names.update(names)

    def _note(self, evidence: Evidence) -> None:
        if evidence.boxes:
            self.notes.append(evidence.note(self.options.voc_coordinates == "inclusive"))
        semantic = sum(source.xml is None and source.objects is None for source in self._sources)
        if semantic:
            self.notes.append(
                f"{semantic} images have only class masks: each class is one instance, in as many parts as it has."
            )
        unused = sum(bool(source.xml and source.classes and not source.objects) for source in self._sources)
        if unused:
            self.notes.append(f"{unused} class masks without object masks, beside XML files, are not used.")

    def header(self) -> Header:
        """Labels that the source lists, in its order, then all others in the order in which they come."""
        listed = [name for names in self._names.values() if names.stated for name in names.names[1:] if name]
        return Header(labels_of(self._kinds, listed))

    def _quick(self, *, first: bool) -> Callable[[Source], Glance | None] | None:
        """The look at files by their layouts (voc_plain)."""
        if self.options.voc_coordinates == "inclusive" or not self.path.is_dir():
            return None
        files = PlainFiles()
        folder = str(self.path / "_")[:-1]

        def look(source: Source) -> Glance | None:
            if source.xml is None or source.objects is not None:
                return None
            path = folder + source.xml
            data = content(path)
            found = None if data is None else files.read(data)
            if found is None:
                return None
            if first:
                for corners in found.corners:
                    self._evidence.take(corners, found.size)
            name = found.name or _stem(source)
            shown = path if path.isascii() else self._shown(source.xml)
            return Glance(name, found.labels, RECTANGLE, partial(_plain, found, shown, name, source.sets))

        return look

    def _load(self, source: Source, on_problem: OnProblem) -> ImageRecord:
        """One record. Raises InputError when its file is rejected whole."""
        stem, root = _stem(source), None
        inclusive = self.options.voc_coordinates == "inclusive"
        if source.xml is not None:
            where = self.path / source.xml if self.path.is_dir() else self.path
            shown = self._shown(source.xml)
            root = voc_xml.parse(voc_xml.content(where, shown), shown)
        masks = self._masks(source, on_problem, needed=root is None)
        if root is None or source.xml is None:
            assert masks is not None
            return _with_sets(mask_record(masks, stem, on_problem), source.sets)
        reader = RecordReader(self._shown(source.xml), inclusive, on_problem, self._evidence)
        return _with_sets(reader.read(root, stem, masks), source.sets)

    def _masks(self, source: Source, on_problem: OnProblem, *, needed: bool) -> Masks | None:
        """A record's masks. Beside an XML file, bad ones are reported and left out, and class masks alone are not used."""
        if source.objects is None and not needed:
            return None
        if source.root not in self._names:
            self._names[source.root] = class_names(self.path / source.root)
        objects = None if source.objects is None else self.path / source.objects
        classes = None if source.classes is None else self.path / source.classes
        try:
            return Masks(
                objects,
                classes,
                self._names[source.root],
                self._shown(source.objects or source.classes or ""),
            )
        except InputError as error:
            if needed:
                raise
            found = error.problem
            message = f"{found.message}; the boxes stay"
            on_problem(Problem(found.code, message, found.place, Severity.WARNING, Unit.IMAGE, 0, found.hint))
            return None

    def _shown(self, relative: str) -> str:
        return voc_layout.shown(self.path / relative if self.path.is_dir() else self.path)


def _plain(found: PlainFile, shown: str, name: str, sets: tuple[str, ...]) -> ImageRecord:
    return _with_sets(found.record(shown, name), sets)


def _stem(source: Source) -> str:
    """What names a record whose file does not."""
    return voc_layout.shown(Path(source.stem)).rpartition("/")[2]


def _with_sets(record: ImageRecord, sets: tuple[str, ...]) -> ImageRecord:
    """The record with its splits: a set of ``ImageSets/Main`` by its name alone, others with their folder."""
    if not sets:
        return record
    return msgspec.structs.replace(record, splits=tuple(name.removeprefix("Main/") for name in sets))


def _is_voc(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return voc_xml.root_name(stream.read(_HEAD)) == "annotation"
    except OSError:
        return False


def _has_masks(folder: str, files: list[str]) -> bool:
    last = folder.rpartition("/")[2]
    return last in (voc_layout.OBJECTS, voc_layout.CLASSES) and any(
        file.lower().endswith(".png") for file in files
    )
