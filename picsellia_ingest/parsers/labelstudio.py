"""Label Studio JSON: a list of tasks, each an image with the results of its annotations.

Several annotations of one task are all kept, each instance with the number of its own; cancelled ones are
not. Predictions are no annotations: they stay in the record's attributes, with all else that the task says.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from ..errors import ItemError
from ..model import ImageRecord, Instance
from ..problems import OnProblem, Severity, Unit
from .checks import Size, Warn
from .folders import only_json
from .image_files import SUFFIXES
from .json_rows import JsonRows, RowReader, rows_of_list
from .jsonfile import JsonFile
from .labelstudio_results import instances, kind, size_of

if TYPE_CHECKING:
    from .writer import Writer

NUMBER = "annotation"
"""The key under which an instance keeps the number of its annotation."""


class LabelStudio(JsonRows):
    """Reads Label Studio exports: rectangles, rotated ones, polygons, brush masks, choices."""

    name: ClassVar[str] = "LABEL-STUDIO"
    recognised_by: ClassVar[str] = (
        "a list of tasks with 'data' and 'annotations' (or 'completions', or 'predictions')"
    )

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the first or last MiB has the keys of tasks; of a folder in each file."""
        return only_json(path, _is_labelstudio)

    @staticmethod
    def writer() -> type[Writer]:
        """What writes Label Studio tasks."""
        from .labelstudio_writer import LabelStudioWriter

        return LabelStudioWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every task once. Raises InputError when there is no file, or when the only one is no list of tasks."""
        self._predicted = 0
        super().prepare(on_problem)
        if self._predicted:
            self.notes.append(
                f"{self._predicted} tasks hold predictions: they are kept as attributes, and are no instances."
            )

    def _elements(self, file: JsonFile, on_problem: OnProblem) -> list[tuple[str, msgspec.Raw]]:  # noqa: ARG002 - it has nothing to report
        return rows_of_list(
            file, "not_a_list", "the document is not a list of tasks", "export as JSON, whole"
        )

    def _noted(self) -> int:
        return self._predicted

    def _note_also(self, noted: int) -> None:
        self._predicted += noted

    def _record(self, reader: RowReader) -> ImageRecord:
        if not isinstance(reader.row, dict):
            raise reader.reject("task_invalid", "a task cannot be read", "mend or remove it", 0)
        size, found = _read(reader)
        try:
            name = image_name(reader.row.get("data"))
        except ItemError as error:
            lost = len(found) + reader.lost
            raise reader.reject(error.code, error.message, error.hint, lost, "/data") from error
        self._predicted += bool(reader.row.get("predictions"))
        return ImageRecord(name, *size, found, (), reader.row)


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


def _is_labelstudio(text: bytes) -> bool:
    are_tasks = b'"data"' in text and b'"result"' in text
    return text.startswith(b"[") and are_tasks and b'"image_id"' not in text


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _read(reader: RowReader) -> tuple[Size, tuple[Instance, ...]]:
    """The size that a task's results state, and its instances; results that are instances are taken out of the task."""
    task = reader.row
    key = "completions" if "completions" in task and "annotations" not in task else "annotations"
    sets = [one if isinstance(one, dict) else {} for one in _listed(task.get(key))]
    results = [_listed(one.get("result")) for one in sets]
    size, agree = size_of([row for found in results for row in found])
    if not agree:
        error = ItemError("sizes_differ", "the results state different sizes of the picture")
        reader.report(error, Severity.WARNING, unit=Unit.IMAGE)
    live = [at for at, one in enumerate(sets) if results[at] and not one.get("was_cancelled")]
    if len(live) > 1:
        message = f"the image has {len(live)} annotations: all are kept, each instance says which it is of"
        reader.report(ItemError("annotations_several", message), Severity.WARNING, f"/{key}", Unit.IMAGE)
    found: list[Instance] = []
    for at in live:
        others = [row for row in results[at] if kind(row) is None]
        regions = {
            f"/{key}/{at}/result/{n}": row for n, row in enumerate(results[at]) if kind(row) is not None
        }

        def read(row: Any, warn: Warn, at: int = at, others: list[Any] = others) -> list[Instance]:
            if not isinstance(row, dict):
                message = f"a result is not an object: {row!r:.80}"
                raise ItemError("region_invalid", message, "mend or remove it")
            return instances({NUMBER: at, **row}, others, size, warn)

        found += chain.from_iterable(reader.instances(list(regions.values()), read, list(regions)))
        sets[at]["result"] = others
    return size, tuple(found)
