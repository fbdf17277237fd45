"""What formats have in common whose JSON documents hold a row for each image: one file, or a tree of folders of them.

``prepare`` decodes every row once and keeps its byte range, name and counts; ``read`` decodes its shard's ranges from the
mapped files. Both go through ``_record``, so they cannot disagree: what concerns a whole row is reported by ``prepare``,
the rest by ``read``. In a folder, a file that is rejected does not stop the others.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..errors import InputError, ItemError
from ..model import Header, ImageRecord
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .base import Options, Parser, Shard, labels_of
from .checks import Warn
from .folders import json_files
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE
from .passes import Lost, again
from .voc_layout import shown

R = TypeVar("R")


class Row(msgspec.Struct, array_like=True):
    """Where one image's row stands, and what the first pass found in it."""

    file: int
    pointer: str
    start: int
    length: int
    name: str = ""
    instances: int = 0


class RowReader:
    """Reads one row of a document: ``where`` is the document's path below the source, ``row`` what the row says."""

    def __init__(self, file: JsonFile, where: str, at: Row, row: Any, on_problem: OnProblem) -> None:
        self.file, self.where, self.at, self.row, self.on_problem = file, where, at, row, on_problem
        self.lost = 0
        """Instances that were reported and left out so far."""

    def report(
        self, error: ItemError, severity: Severity, pointer: str = "", unit: Unit = Unit.INSTANCE
    ) -> None:
        """Report something of the row, or below it."""
        lost = int(severity is Severity.ERROR and unit is Unit.INSTANCE)
        self.lost += lost
        self.on_problem(
            Problem(
                error.code,
                error.message,
                self.place(f"{pointer}/{error.field}"),
                severity,
                unit,
                lost,
                error.hint,
            )
        )

    def place(self, pointer: str = "") -> Place:
        """The place of the row, with the pointer of a value in it."""
        return self.file.place(self.at.start, f"{self.at.pointer}{pointer}".rstrip("/"))

    def reject(self, code: str, message: str, hint: str, lost: int, pointer: str = "") -> InputError:
        """The error that rejects the whole row, for something in it."""
        place = self.place(pointer)
        return InputError(Problem(code, message, place, unit=Unit.IMAGE, lost=lost, hint=hint))

    def instances(
        self, rows: list[Any], read: Callable[[Any, Warn], R], pointers: list[str]
    ) -> tuple[R, ...]:
        """The instances that some values are, or have; a value that ``read`` raises ItemError for is reported and left out."""
        found: list[R] = []
        for value, pointer in zip(rows, pointers, strict=True):

            def warn(code: str, message: str, field: str, pointer: str = pointer) -> None:
                self.report(ItemError(code, message, field=field), Severity.WARNING, pointer)

            try:
                found.append(read(value, warn))
            except ItemError as error:
                self.report(error, Severity.ERROR, pointer)
        return tuple(found)


def rows_of_list(file: JsonFile, code: str, message: str, hint: str) -> list[tuple[str, msgspec.Raw]]:
    """The rows of a document that is a list of them. Raises InputError when it is none."""
    top = file.top()
    if not isinstance(top, list):
        raise reject(file.path, code, message, hint)
    return [(f"/{number}", raw) for number, raw in enumerate(top)]


class JsonRows(Parser):
    """A parser of JSON documents with rows."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self.root = path if path.is_dir() else path.parent
        self._files: list[tuple[str, bool]] = []
        self._rows: list[Row] = []
        self._labels: dict[str, set[str]] = {}
        self._instances = 0

    @abstractmethod
    def _elements(self, file: JsonFile, on_problem: OnProblem) -> list[tuple[str, msgspec.Raw]]:
        """The rows of a document with their JSON pointers. Raises InputError when it is another one."""

    def _paths(self, on_problem: OnProblem) -> list[str]:
        """The documents, relative to the root. Raises InputError when there is none."""
        return json_files(self.path, on_problem)

    def _take(self, record: ImageRecord) -> None:
        """Take note of a record that is kept, during the first pass."""
        for instance in record.instances:
            self._labels.setdefault(instance.label, set()).add(instance.kind)

    @abstractmethod
    def _record(self, reader: RowReader) -> ImageRecord:
        """The record of a row. Raises InputError when it is rejected whole."""

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every row once. Raises InputError when there is no file, or when the only one is rejected."""
        self.notes, self._files, self._rows, self._labels, self._instances = [], [], [], {}, 0
        self._seen: set[str] = set()
        for path in self._paths(on_problem):
            try:
                with JsonFile.open(self.root / path) as file:
                    self._index(path, file, on_problem)
            except InputError as error:
                if not self.path.is_dir():
                    raise
                on_problem(error.problem)
        del self._seen

    def _index(self, path: str, file: JsonFile, on_problem: OnProblem) -> None:
        elements = self._elements(file, on_problem)
        number = len(self._files)
        self._files.append((path, file.rewritten))
        for pointer, raw in elements:
            at = Row(number, pointer, file.offset(raw), len(raw))
            counter = Lost()
            try:
                record = self._read_one(file, at, counter)
            except InputError as error:
                on_problem(error.problem)
                self._instances += error.problem.lost
                continue
            if record.file_name in self._seen:
                message = f"{record.file_name!r:.200} has another row before; both are kept"
                place = file.place(at.start, at.pointer)
                on_problem(Problem("image_repeated", message, place, Severity.WARNING, Unit.IMAGE))
            self._seen.add(record.file_name)
            at.name, at.instances = record.file_name, len(record.instances) + counter.lost
            self._instances += at.instances
            self._take(record)
            self._rows.append(at)

    def _read_one(self, file: JsonFile, at: Row, on_problem: OnProblem) -> ImageRecord:
        where = self._files[at.file][0]
        try:
            row = msgspec.json.decode(file.slice(at.start, at.length))
        except UNREADABLE as error:
            message = f"what is said of an image cannot be read: {error}"
            place = file.place(at.start, at.pointer)
            raise InputError(
                Problem("row_invalid", message, place, unit=Unit.IMAGE, hint="mend or remove it")
            ) from error
        record = self._record(RowReader(file, where, at, row, on_problem))
        place = Place(shown(file.path), byte=at.start, pointer=at.pointer)
        return msgspec.structs.replace(record, place=place)

    def header(self) -> Header:
        """The labels in the order in which they come."""
        return Header(labels_of(self._labels))

    def names(self) -> list[str]:
        """The name of every row's image."""
        return [row.name for row in self._rows]

    def count(self) -> int:
        """The number of rows that are not rejected."""
        return len(self._rows)

    def instance_count(self) -> int:
        """The number of instances that all rows state."""
        return self._instances

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Decode the shard's rows from the mapped files. Raises InputError when a file has changed."""
        rows = self._rows[shard.start : shard.stop]
        for number, (path, rewritten) in enumerate(self._files):
            mine = [row for row in rows if row.file == number]
            if mine:
                with JsonFile.open(self.root / path) as file:
                    if rewritten:
                        file.rewrite()
                    for row in mine:
                        yield from self._again(file, row, on_problem)

    def _again(self, file: JsonFile, row: Row, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """The record of a row; one that is not what ``prepare`` saw any more is left out and reported."""

        def changed(_: str) -> Problem:
            message = "the file has changed since it was planned"
            place = Place(shown(file.path), pointer=row.pointer)
            hint = "run the command again"
            return Problem("file_changed", message, place, unit=Unit.FILE, lost=row.instances, hint=hint)

        return again(lambda told: self._read_one(file, row, told), row, changed, on_problem)
