"""COCO: one JSON file, or a folder of them.

``prepare`` indexes the mapped files (coco_index); ``read`` decodes only the byte ranges of its shard and turns each
annotation into an instance (coco_records). Which files of a folder are read is in coco_files. Keys that the model does
not know stay verbatim in the attributes of the header, record or instance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import InputError
from ..model import Header, ImageRecord, Label
from ..problems import OnProblem
from . import coco_files
from .base import Options, Parser, Shard
from .coco_index import CocoIndex, build
from .coco_records import records
from .jsonfile import JsonFile
from .many_names import joined
from .scratch import Scratch

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
        self.scratch = Scratch()
        files, self.notes = coco_files.readable(self.path, on_problem)
        for path in files:
            try:
                with JsonFile.open(path) as file:
                    self._indexes.append(build(file, self.scratch, on_problem, self.spread))
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

    def names(self) -> Sequence[str]:
        """``file_name`` of every image, as written."""
        return joined([index.names for index in self._indexes])

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
                    yield from records(file, index, first - start, last - start, on_problem)
            start = stop
