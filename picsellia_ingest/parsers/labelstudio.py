"""Label Studio JSON: a list of tasks, each an image with the results of its annotations.

``prepare`` takes the byte range of every task and reads it once for its name, labels and counts; ``read`` decodes its shard's
ranges again. Several annotations of one task are all kept, each instance with the number of its own; cancelled ones are
not. Predictions are no annotations: they stay in the record's attributes, with all else that the task says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from ..errors import ItemError
from ..model import Header, ImageRecord, Instance, Label
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .base import Options, Parser, Shard
from .image_files import SUFFIXES
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE
from .labelstudio_results import instances, kind, size_of
from .looks import edges

if TYPE_CHECKING:
    from .writer import Writer

NUMBER = "annotation"
"""The key under which an instance keeps the number of its annotation."""


class Entry(msgspec.Struct, array_like=True):
    """One task: its number, where it stands, its image's name, and how many instances it states."""

    number: int
    start: int
    length: int
    name: str
    instances: int


class LabelStudio(Parser):
    """Reads Label Studio exports: rectangles, rotated ones, polygons, brush masks, choices."""

    name: ClassVar[str] = "LABEL-STUDIO"
    recognised_by: ClassVar[str] = (
        "a list of tasks with 'data' and 'annotations' (or 'completions', or 'predictions')"
    )

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._entries: list[Entry] = []
        self._kinds: dict[str, set[str]] = {}
        self._instances = 0

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the first or last 64 KB have the keys of tasks."""
        try:
            text = edges(path) if path.is_file() else b""
        except OSError:
            return False
        tasks = b'"data"' in text and b'"result"' in text
        return text.startswith(b"[") and tasks and b'"image_id"' not in text

    @staticmethod
    def writer() -> type[Writer]:
        """What writes Label Studio tasks."""
        from .labelstudio_writer import LabelStudioWriter

        return LabelStudioWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every task once. Raises InputError when the file is no list of tasks."""
        self.notes, self._entries, self._kinds, self._instances = [], [], {}, 0
        if self.path.is_dir() or not self.path.exists():
            what = "a folder, the format is one file" if self.path.is_dir() else "not there"
            raise reject(self.path, "missing", f"the path is {what}", "give the JSON file of the export")
        predictions = 0
        with JsonFile.open(self.path) as file:
            top = file.top()
            if not isinstance(top, list):
                raise reject(
                    self.path, "not_a_list", "the document is not a list of tasks", "export as JSON, whole"
                )
            starts, lengths = file.offsets(top)
            for number, raw in enumerate(top):
                entry = Entry(number, int(starts[number]), int(lengths[number]), "", 0)
                predictions += self._take(file, entry, bytes(raw), on_problem)
        if predictions:
            self.notes.append(
                f"{predictions} tasks hold predictions: they are kept as attributes, and are no instances."
            )

    def _take(self, file: JsonFile, entry: Entry, text: bytes, on_problem: OnProblem) -> bool:
        place = file.place(entry.start, f"/{entry.number}")
        task = _decoded(text)
        if task is None:
            hint = "mend or remove it"
            on_problem(Problem("task_invalid", "a task cannot be read", place, unit=Unit.IMAGE, hint=hint))
            return False
        lost: list[int] = []
        record = _Task(file, entry, task, lambda problem: lost.append(problem.lost)).record()
        entry.instances = len(record.instances) + sum(lost)
        self._instances += entry.instances
        try:
            entry.name = image_name(task.get("data"))
        except ItemError as error:
            where = file.place(entry.start, f"/{entry.number}/data")
            on_problem(
                Problem(
                    error.code, error.message, where, unit=Unit.IMAGE, lost=entry.instances, hint=error.hint
                )
            )
            return False
        for found in record.instances:
            self._kinds.setdefault(found.label, set()).add(found.kind)
        self._entries.append(entry)
        return bool(task.get("predictions"))

    def header(self) -> Header:
        """The labels in the order in which they come: an export does not list them."""
        return Header(tuple(Label(name, frozenset(kinds)) for name, kinds in self._kinds.items()))

    def names(self) -> list[str]:
        """The image's name of every task."""
        return [entry.name for entry in self._entries]

    def count(self) -> int:
        """The number of tasks that name an image."""
        return len(self._entries)

    def instance_count(self) -> int:
        """The number of regions, and of choices for a whole image, one for each label."""
        return self._instances

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Decode the shard's tasks again."""
        entries = self._entries[shard.start : shard.stop]
        if not entries:
            return
        with JsonFile.open(self.path) as file:
            for entry in entries:
                task = _decoded(file.slice(entry.start, entry.length))
                if task is None or _name_of(task) != entry.name:
                    place = Place(str(self.path), byte=entry.start, pointer=f"/{entry.number}")
                    message = f"the task of {entry.name!r:.200} is not where it was before"
                    hint = "run the command again"
                    on_problem(
                        Problem(
                            "file_changed", message, place, unit=Unit.IMAGE, lost=entry.instances, hint=hint
                        )
                    )
                    continue
                yield _Task(file, entry, task, on_problem).record()


def image_name(data: object) -> str:
    """The name of a task's image: of the one value of ``data`` that is an image's name or address. Raises ItemError.

    Of an address only the path counts, or what ``?d=`` says of local storage; no address is ever opened.
    """
    values = data if isinstance(data, dict) else {}
    texts = {str(key): text for key, text in values.items() if isinstance(text, str) and text.strip()}
    named = {
        key: _path(text)
        for key, text in texts.items()
        if PurePosixPath(_path(text)).suffix.lower() in SUFFIXES
    }
    if not named and len(texts) == 1:
        named = {key: _path(text) for key, text in texts.items()}
    if "image" in named:
        named = {"image": named["image"]}
    if len(named) != 1:
        found = ", ".join(sorted(named)) or "none"
        raise ItemError(
            "image_unnamed",
            f"the task's data name no image, or several (found: {found:.200})",
            "name it under 'image'",
        )
    name = next(iter(named.values()))
    if not name:
        raise ItemError("image_unnamed", "the task's image has no name", "name it under 'image'")
    return name


def _path(text: str) -> str:
    if "://" not in text and not text.startswith("/data/"):
        return text
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    local = parse_qs(parts.query).get("d")
    return local[0].lstrip("/") if local else unquote(parts.path).rpartition("/")[2]


def _name_of(task: dict[str, Any]) -> str | None:
    try:
        return image_name(task.get("data"))
    except ItemError:
        return None


def _decoded(text: bytes) -> dict[str, Any] | None:
    try:
        found = msgspec.json.decode(text)
    except UNREADABLE:
        return None
    return found if isinstance(found, dict) else None


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


class _Task:
    """One task as a record."""

    def __init__(self, file: JsonFile, entry: Entry, task: dict[str, Any], on_problem: OnProblem) -> None:
        self.file, self.entry, self.task, self.on_problem = file, entry, task, on_problem
        self.key = "completions" if "completions" in task and "annotations" not in task else "annotations"

    def record(self) -> ImageRecord:
        annotations = self.task.get(self.key)
        sets = (
            [one if isinstance(one, dict) else {} for one in annotations]
            if isinstance(annotations, list)
            else []
        )
        results: list[list[Any]] = [_listed(one.get("result")) for one in sets]
        size, agree = size_of([row for found in results for row in found])
        if not agree:
            self._report("sizes_differ", "the results state different sizes of the picture", "", Unit.IMAGE)
        live = [at for at, one in enumerate(sets) if results[at] and not one.get("was_cancelled")]
        if len(live) > 1:
            message = (
                f"the image has {len(live)} annotations: all are kept, each instance says which it is of"
            )
            self._report("annotations_several", message, f"/{self.key}", Unit.IMAGE)
        found: list[Instance] = []
        for at, one in enumerate(sets):
            if at in live:
                others = [row for row in results[at] if kind(row) is None]
                found += self._instances(at, results[at], others, size)
                one["result"] = others
        place = Place(str(self.file.path), byte=self.entry.start, pointer=f"/{self.entry.number}")
        return ImageRecord(self.entry.name, *size, tuple(found), (), self.task, place=place)

    def _instances(
        self, at: int, results: list[Any], others: list[Any], size: tuple[int | None, int | None]
    ) -> Iterator[Instance]:
        for number, row in enumerate(results):
            if kind(row) is None:
                continue
            pointer = f"/{self.key}/{at}/result/{number}"

            def warn(code: str, message: str, field: str, pointer: str = pointer) -> None:
                self._report(code, message, f"{pointer}/{field}", Unit.INSTANCE)

            try:
                if not isinstance(row, dict):
                    raise ItemError(
                        "region_invalid", f"a result is not an object: {row!r:.80}", "mend or remove it"
                    )
                made = instances({NUMBER: at, **row}, others, size, warn)
            except ItemError as error:
                self._report(
                    error.code, error.message, f"{pointer}/{error.field}", Unit.INSTANCE, error.hint, lost=1
                )
                continue
            yield from made

    def _report(
        self, code: str, message: str, pointer: str, unit: Unit, hint: str = "", lost: int = 0
    ) -> None:
        place = self.file.place(self.entry.start, f"/{self.entry.number}{pointer}".rstrip("/"))
        severity = Severity.ERROR if lost else Severity.WARNING
        self.on_problem(Problem(code, message, place, severity, unit, lost, hint))
