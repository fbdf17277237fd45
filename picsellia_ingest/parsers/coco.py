"""COCO: one JSON file, or a folder of them.

``prepare`` indexes the mapped files (coco_index); ``read`` decodes only the byte ranges of its shard and turns each
annotation into an instance (coco_shapes). Which files of a folder are read is in coco_files. Keys that the model does
not know stay verbatim in the attributes of the header, record or instance.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import InputError, ItemError
from ..model import Answer, Header, ImageRecord, Instance, Label
from ..problems import OnProblem, Place, Problem, Severity, Unit
from . import coco_files
from .answers import answers
from .base import Options, Parser, Shard
from .coco_categories import id_key
from .coco_index import CocoIndex, build, is_caption
from .coco_plain import plain_instance
from .coco_shapes import instance
from .jsonfile import JsonFile
from .jsontext import UNREADABLE, Keys, decoded, repeated_key, why
from .numbers import positive_int

if TYPE_CHECKING:
    from .writer import Writer


class Coco(Parser):
    """Reads COCO datasets: boxes, polygons, run-length masks, classifications, images without annotations."""

    name: ClassVar[str] = "COCO"
    recognised_by: ClassVar[str] = "its keys 'images', 'annotations' and those of their elements"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._indexes: list[CocoIndex] = []

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or a file in the folder, has the keys of a COCO dataset or results list."""
        files = coco_files.json_files(path) if path.is_dir() else [path]
        return any(coco_files.kind(file) is not None for file in files[:100])

    @staticmethod
    def writer() -> type[Writer]:
        """What writes COCO."""
        from .coco_writer import CocoWriter

        return CocoWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Index every file that is read. In a folder, a file that is rejected does not stop the others."""
        self._indexes = []
        files, self.notes = coco_files.readable(self.path, on_problem)
        for path in files:
            try:
                with JsonFile.open(path) as file:
                    self._indexes.append(build(file, on_problem))
            except InputError as error:
                if len(files) == 1:
                    raise
                on_problem(error.problem)
        if captions := sum(index.captions for index in self._indexes):
            self.notes.append(f"{captions} captions are kept with their images; they are no instances.")

    def header(self) -> Header:
        """Labels in the order of the categories; a label that several files have is one."""
        labels: dict[str, Label] = {}
        attributes: dict[str, Any] = {}
        for index in self._indexes:
            attributes.update(index.attributes)
            for name, more in index.labels.items():
                earlier = labels.get(name, Label(name, frozenset(), more))
                labels[name] = Label(name, earlier.kinds | index.kinds[name], earlier.attributes)
        return Header(tuple(labels.values()), attributes)

    def names(self) -> list[str]:
        """``file_name`` of every image, as written."""
        return [name for index in self._indexes for name in index.names]

    def count(self) -> int:
        """The number of images that have a file name."""
        return sum(len(index.names) for index in self._indexes)

    def instance_count(self) -> int:
        """The number of elements of ``annotations``, captions not counted."""
        return sum(index.instances for index in self._indexes)

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Decode the shard's images and their annotations from the mapped files."""
        start = 0
        for index in self._indexes:
            stop = start + len(index.names)
            first, last = max(shard.start, start), min(shard.stop, stop)
            if first < last:
                with JsonFile.open(index.path) as file:
                    if index.rewritten:
                        file.rewrite()
                    for record in range(first - start, last - start):
                        yield _record(file, index, record, on_problem)
            start = stop


def _record(file: JsonFile, index: CocoIndex, record: int, on_problem: OnProblem) -> ImageRecord:
    offset, number = int(index.image_start[record]), int(index.image_number[record])
    pointer = f"/images/{number}"
    name = index.names[record]
    row = _image_row(file, offset, int(index.image_length[record]), name, on_problem)
    size: list[int | None] = []
    for side in ("width", "height"):
        stated = row.pop(side, None) if side in row else _ABSENT
        pixels = positive_int(stated)
        if pixels is None and stated is not _ABSENT:
            message = f"the {side} of {name!r:.200} is {stated!r:.40}; the picture's own is used"
            place = file.place(offset, f"{pointer}/{side}")
            on_problem(Problem("image_size_invalid", message, place, Severity.WARNING, Unit.IMAGE))
        size.append(pixels)
    reader = _Annotations(file, index, (size[0], size[1]), on_problem)
    instances = tuple(
        found
        for position in range(int(index.first[record]), int(index.first[record + 1]))
        if (found := reader.read(position)) is not None
    )
    if reader.captions:
        row["captions"] = reader.captions
    qa = _answers(row, file, offset, pointer, on_problem)
    place = Place(str(file.path), byte=offset, pointer=pointer)
    return ImageRecord(name, size[0], size[1], instances, qa, row, index.splits, place)


def _answers(
    row: dict[str, Any], file: JsonFile, offset: int, pointer: str, on_problem: OnProblem
) -> tuple[Answer, ...]:
    """The answers that this package's writer keeps under a key of its own: COCO has no place for them."""
    if ANSWERS not in row:
        return ()

    def report(problem: ItemError, severity: Severity) -> None:
        place = file.place(offset, f"{pointer}/{ANSWERS}/{problem.field}")
        on_problem(Problem(problem.code, problem.message, place, severity, Unit.ANSWER, hint=problem.hint))

    return answers(row.pop(ANSWERS), report)


ANSWERS = "picsellia_qa"
"""The key under which questions and answers stand, in the form of the platform's own files."""


_ABSENT = object()
_MEANING = Keys("image_id", "category_id", "bbox", "segmentation")
"""The keys of an annotation that say what it is."""


def _image_row(file: JsonFile, offset: int, length: int, name: str, on_problem: OnProblem) -> dict[str, Any]:
    """What else the file says of an image; nothing, with a warning, when that cannot be read."""
    try:
        row = decoded(file.slice(offset, length))
    except UNREADABLE as error:
        message = f"what else is said of {name!r:.200} cannot be read: {why(error)[0]}"
        on_problem(
            Problem("image_unreadable", message, file.place(offset, None), Severity.WARNING, Unit.IMAGE)
        )
        return {}
    del row["file_name"]
    return dict(row)


class _Annotations:
    """Reads the annotations of one image."""

    def __init__(
        self, file: JsonFile, index: CocoIndex, size: tuple[int | None, int | None], on_problem: OnProblem
    ) -> None:
        self.file, self.index, self.size, self.on_problem = file, index, size, on_problem
        self.captions: list[dict[str, Any]] = []

    def read(self, position: int) -> Instance | None:
        """The instance at a position of the index; None when it is a caption, or rejected and reported."""
        index = self.index
        offset = int(index.annotation_start[position])
        text = self.file.slice(offset, int(index.annotation_length[position]))
        plain = plain_instance(text, index.categories, self.size)
        if plain is not None:
            return plain
        pointer = f"/annotations/{index.annotation_number[position]}"

        def report(problem: ItemError, severity: Severity) -> None:
            at = f"{pointer}/{problem.field}" if problem.field else pointer
            lost = int(severity is Severity.ERROR and not is_caption(text, index))
            place = self.file.place(offset, at)
            self.on_problem(
                Problem(problem.code, problem.message, place, severity, lost=lost, hint=problem.hint)
            )

        def warn(code: str, message: str, field: str) -> None:
            report(ItemError(code, message, field=field), Severity.WARNING)

        try:
            row = _decoded(text)
            if "caption" in row and id_key(row.get("category_id")) not in self.index.categories:
                self.captions.append(row)
                return None
            label = self._label(row)
            qa = _answers(row, self.file, offset, pointer, self.on_problem)
            found = instance(row, label, self.size, warn)
            return msgspec.structs.replace(found, qa=qa) if qa else found
        except ItemError as error:
            report(error, Severity.ERROR)
            return None

    def _label(self, row: dict[str, Any]) -> str:
        value = row.pop("category_id", None)
        key = id_key(value)
        if key is None or key not in self.index.categories:
            raise ItemError(
                "category_unknown",
                f"no category has the id {value!r:.40}",
                "add the category, or mend the id",
                "category_id",
            )
        label = self.index.categories[key]
        if not isinstance(label, str):
            raise ItemError(label.code, label.message, label.hint, "category_id")
        return label


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        row = decoded(text)
    except UNREADABLE as error:
        words, hint = why(error)
        raise ItemError("annotation_invalid", f"an annotation cannot be read: {words}", hint) from error
    if not isinstance(row, dict):
        raise ItemError("annotation_invalid", "an annotation is not an object", "mend or remove it")
    if (key := repeated_key(text, _MEANING)) is not None:
        raise ItemError("key_repeated", f"an annotation has {key!r} twice", "keep the one that is meant", key)
    return row
