"""The categories of a COCO file: which label each id means.

A category that cannot be used costs nothing by itself: it is reported once, and every annotation of it is rejected
with the reason when it is read. A name that stands twice is one label; an id that is given to two names means neither.
"""

from __future__ import annotations

from dataclasses import dataclass, field
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


@dataclass(slots=True)
class Categories:
    """Labels by category id, and what else is said of each label, in the file's order."""

    by_id: dict[Id, str | Unusable] = field(default_factory=dict)
    labels: dict[str, dict[str, Any]] = field(default_factory=dict)


def read(file: JsonFile, raws: list[msgspec.Raw], on_problem: OnProblem) -> Categories:
    """The categories of a file."""
    found = Categories()
    for number, raw in enumerate(raws):
        offset, pointer = file.offset(raw), f"/categories/{number}"

        def warn(
            code: str, message: str, field: str = "", hint: str = "", at: int = offset, of: str = pointer
        ) -> None:
            place = file.place(at, f"{of}/{field}" if field else of)
            on_problem(Problem(code, message, place, Severity.WARNING, Unit.FILE, hint=hint))

        try:
            row = decoded(raw)
            key = id_key(row.get("id")) if isinstance(row, dict) else None
        except UNREADABLE as error:
            words, hint = why(error)
            warn("category_invalid", f"a category cannot be read: {words}", "", hint)
            continue
        if key is None:
            warn("category_invalid", "a category without a usable id", "", "give it an id")
            continue
        try:
            label = check_label(
                row.pop("name", None),
                lambda code, message, _: warn(code, message, "name"),
                f"category {key!r:.80}",
            )
        except ItemError as error:
            found.by_id.setdefault(key, Unusable(error.code, error.message, error.hint))
            warn(error.code, error.message, "name", error.hint)
            continue
        _take(found, key, label, row, warn)
    return found


def _take(found: Categories, key: Id, label: str, row: dict[str, Any], warn: Any) -> None:
    earlier = found.by_id.get(key)
    if earlier == label:
        warn("category_repeated", f"the category {key!r:.80} ({label!r:.80}) is listed twice")
        return
    if label in found.labels:
        warn("label_repeated", f"two categories are called {label!r:.80}: they are one label")
    found.labels.setdefault(label, row)
    if earlier is None:
        found.by_id[key] = label
        return
    message = f"the id {key!r:.80} is given to several categories, {label!r:.80} among them"
    hint = "give every category its own id"
    warn("category_id_repeated", message, "id", hint)
    found.by_id[key] = Unusable("category_id_repeated", f"several categories have the id {key!r:.80}", hint)
