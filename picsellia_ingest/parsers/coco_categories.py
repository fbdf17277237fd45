"""The categories of a COCO file: which label each id means.

A category that cannot be used costs nothing by itself: it is reported once, and every annotation of it is rejected
with the reason when it is read. A name that stands twice is one label; an id that is given to two names means neither.
"""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

from ..errors import ItemError
from ..problems import OnProblem, Problem, Severity, Unit
from .checks import check_label
from .jsonfile import JsonFile
from .jsontext import UNREADABLE, decoded, why

Id: TypeAlias = int | str


class Unusable(msgspec.Struct, frozen=True):
    """Why a category gives its annotations no label."""

    code: str
    message: str
    hint: str = ""


def id_key(value: object) -> Id | None:
    """An id as a key: 7, 7.0 and "7" are the same; any other text is itself; None when it is no id at all."""
    if isinstance(value, str):
        text = value.strip()
        digits = text.removeprefix("-")
        return int(text) if digits.isascii() and digits.isdigit() and len(text) < 40 else value
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return int(value) if value == value // 1 else None


class Categories:
    """Labels by category id, and what else is said of each label, in the file's order."""

    def __init__(self, file: JsonFile, on_problem: OnProblem) -> None:
        self.by_id: dict[Id, str | Unusable] = {}
        self.labels: dict[str, dict[str, Any]] = {}
        self._file = file
        self._on_problem = on_problem
        self._at = (0, "")

    def read(self, raws: list[msgspec.Raw]) -> None:
        """Take the elements of ``categories`` in."""
        for number, raw in enumerate(raws):
            self._at = (self._file.offset(raw), f"/categories/{number}")
            try:
                row = decoded(raw)
                key = id_key(row.get("id")) if isinstance(row, dict) else None
            except UNREADABLE as error:
                words, hint = why(error, raw)
                self._warn("category_invalid", f"a category cannot be read: {words}", hint=hint)
                continue
            if key is None:
                self._warn("category_invalid", "a category without a usable id", hint="give it an id")
                continue
            self._take(key, row)

    def _take(self, key: Id, row: dict[str, Any]) -> None:
        try:
            label = check_label(row.pop("name", None), self._warn, f"category {key!r:.80}")
        except ItemError as error:
            self.by_id.setdefault(key, Unusable(error.code, error.message, error.hint))
            self._warn(error.code, error.message, "name", error.hint)
            return
        earlier = self.by_id.get(key)
        if earlier == label:
            self._warn("category_repeated", f"the category {key!r:.80} ({label!r:.80}) is listed twice")
            return
        if label in self.labels:
            self._warn("label_repeated", f"two categories are called {label!r:.80}: they are one label")
        self.labels.setdefault(label, row)
        if earlier is None:
            self.by_id[key] = label
            return
        message, hint = f"several categories have the id {key!r:.80}", "give every category its own id"
        self._warn("category_id_repeated", f"{message}, {label!r:.80} among them", "id", hint)
        self.by_id[key] = Unusable("category_id_repeated", message, hint)

    def _warn(self, code: str, message: str, field: str = "", hint: str = "") -> None:
        offset, pointer = self._at
        place = self._file.place(offset, f"{pointer}/{'name' if field == 'label' else field}".rstrip("/"))
        self._on_problem(Problem(code, message, place, Severity.WARNING, Unit.FILE, hint=hint))
