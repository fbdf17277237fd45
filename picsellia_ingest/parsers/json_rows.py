"""What formats have in common whose JSON documents hold a row for each image: one file, or a tree of folders of them.

``prepare`` decodes every row once and keeps its byte range, name and counts; ``read`` decodes its shard's ranges from the
mapped files. Both go through ``_record``, so they cannot disagree: what concerns a whole row is reported by ``prepare``,
the rest by ``read``. In a folder, a file that is rejected does not stop the others. The rows of a large file are looked at
by processes.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from ..errors import InputError, ItemError
from ..model import Header, ImageRecord
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .base import Options, Shard, labels_of
from .checks import Warn
from .folders import json_files
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE
from .passes import Seen, TwoPasses, again, parts, seen
from .voc_layout import shown

R = TypeVar("R")

_LARGE, _TOGETHER = 8 << 20, 1 << 20
"""Bytes of a file's rows from which on processes look at them, and how many at a time."""


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


class JsonRows(TwoPasses[Row]):
    """A parser of JSON documents with rows."""

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self.root = path if path.is_dir() else path.parent
        self._files: list[tuple[str, bool]] = []

    @abstractmethod
    def _elements(self, file: JsonFile, on_problem: OnProblem) -> list[tuple[str, msgspec.Raw]]:
        """The rows of a document with their JSON pointers. Raises InputError when it is another one."""

    def _paths(self, on_problem: OnProblem) -> list[str]:
        """The documents, relative to the root. Raises InputError when there is none."""
        return json_files(self.path, on_problem)

    @abstractmethod
    def _record(self, reader: RowReader) -> ImageRecord:
        """The record of a row. Raises InputError when it is rejected whole."""

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every row once. Raises InputError when there is no file, or when the only one is rejected."""
        self._forget()
        self.notes, self._files = [], []
        names: set[str] = set()
        for path in self._paths(on_problem):
            try:
                with JsonFile.open(self.root / path) as file:
                    self._index(path, file, names, on_problem)
            except InputError as error:
                if not self.path.is_dir():
                    raise
                on_problem(error.problem)

    def _index(self, path: str, file: JsonFile, names: set[str], on_problem: OnProblem) -> None:
        elements = self._elements(file, on_problem)
        number = len(self._files)
        self._files.append((path, file.rewritten))
        rows = [Row(number, pointer, file.offset(raw), len(raw)) for pointer, raw in elements]
        for at, found in self._found(file, rows):
            if found.problem is not None:
                self._reject(found.problem, on_problem)
                continue
            if found.name in names:
                message = f"{found.name!r:.200} has another row before; both are kept"
                place = file.place(at.start, at.pointer)
                on_problem(Problem("image_repeated", message, place, Severity.WARNING, Unit.IMAGE))
            names.add(found.name)
            self._take(at, found)

    def _found(self, file: JsonFile, rows: list[Row]) -> Iterable[tuple[Row, Seen]]:
        """What there is to be seen in the rows of a file."""
        divided = parts(rows, [row.length for row in rows], _LARGE, _TOGETHER)
        if self.spread is None or len(divided) < 2 or not file.is_mapped:
            return zip(rows, self._seen(file, rows), strict=True)
        return self._looked_at(divided)

    def _look(self, sources: Sequence[Row]) -> Iterator[Seen]:
        with JsonFile.open(self.root / self._files[sources[0].file][0]) as file:
            yield from self._seen(file, sources)

    def _seen(self, file: JsonFile, rows: Iterable[Row]) -> Iterator[Seen]:
        for row in rows:
            yield seen(partial(self._read_one, file, row))

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
        return Header(labels_of(self._kinds))

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Decode the shard's rows from the mapped files. Raises InputError when a file has changed."""
        rows = self._sources[shard.start : shard.stop]
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
