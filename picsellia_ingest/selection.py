"""Which instances are written, under which label and in which shape: choices a user makes, each one counted.

A label map is a TOML file, ``car = "vehicle"`` a line, at its top or under ``[labels]``; two labels with one new name
become one, and a label mapped to ``false`` is left out.
"""

from __future__ import annotations

import difflib
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from . import geometry
from .errors import InvalidQueryError
from .model import RECTANGLE, Attributes, Header, ImageRecord, Instance, Label
from .prepared import Prepared, Sent, Stated, some

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LEFT_OUT, IN_OTHER_SPLIT, RENAMED, AS_BOX = (
    "left_out_by_label",
    "left_out_by_split",
    "label_renamed",
    "box_preferred",
)

REASONS = {
    LEFT_OUT: "instances left out by their label",
    IN_OTHER_SPLIT: "instances of images that are in other splits",
    RENAMED: "instances under another label",
    AS_BOX: "instances with a polygon, written as boxes",
}
"""What each choice did, for people."""


@dataclass(frozen=True, slots=True)
class Selection:
    """``labels`` gives new names, or None to leave a label out. Empty ``only`` means all; ``drop`` comes after it.

    With ``rectangle`` an instance that has a polygon becomes its box, or the polygon's bounds.
    """

    rectangle: bool = False
    labels: Mapping[str, str | None] = field(default_factory=dict)
    only: frozenset[str] = frozenset()
    drop: frozenset[str] = frozenset()

    def name(self, label: str) -> str | None:
        """The label's name in the target; None when its instances are left out."""
        if (self.only and label not in self.only) or label in self.drop:
            return None
        return self.labels.get(label, label)

    def check(self, header: Header) -> None:
        """Raise InvalidQueryError for a label in ``only`` or ``drop`` that the source does not have: a slip of the pen."""
        known = [label.name for label in header.labels]
        for name in sorted(self.only | self.drop):
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"is {near[0]!r} meant?" if near else f"it has {', '.join(map(repr, known)) or 'none'}"
                raise InvalidQueryError(f"the source has no label {name!r}", f"{hint:.300}")

    def header(self, header: Header) -> Header:
        """The header of what is written: labels that become one are one, with the attributes of the first."""
        labels: dict[str, Label] = {}
        for label in header.labels:
            name = self.name(label.name)
            if name is None:
                continue
            kinds = {RECTANGLE if self.rectangle and kind == "polygon" else kind for kind in label.kinds}
            earlier = labels.get(name, Label(name, frozenset(), label.attributes))
            labels[name] = Label(name, earlier.kinds | kinds, earlier.attributes)
        return Header(tuple(labels.values()), header.attributes)

    def apply(self, record: ImageRecord, counts: Counter[str]) -> ImageRecord:
        """The record as it is written; what is changed or left out is counted by instance."""
        if not (self.rectangle or self.labels or self.only or self.drop):
            return record
        given = record.instances
        if not isinstance(given, Prepared):
            kept = [self._chosen(one, counts) for one in given]
            found = tuple(self._as_box(one, counts) for one in kept if one is not None)
            return msgspec.structs.replace(record, instances=found)
        if self.labels or self.only or self.drop:
            given = self._some(given, counts)
        return msgspec.structs.replace(
            record, instances=self._boxed(given, counts) if self.rectangle else given
        )

    def _some(self, given: Prepared, counts: Counter[str]) -> Prepared:
        """Those that are chosen, some under another label; what is no object is made."""
        members: list[Instance | int] = []
        names: dict[int, str] = {}
        for at, stated in enumerate(given.stated()):
            if stated is None:
                made = self._chosen(given[at], counts)
                members += [] if made is None else [made]
                continue
            name = self.name(stated.label)
            if name is None:
                counts[LEFT_OUT] += 1
                continue
            if name != stated.label:
                counts[RENAMED] += 1
                names[len(members)] = name
            members.append(at)
        return some(given, members, names)

    def _boxed(self, given: Prepared, counts: Counter[str]) -> Prepared:
        """Instances that are objects already as their boxes; what is no object is made, and may have no polygon."""
        boxes = given.boxes()
        others = {at: self._as_box(given[at], counts) for at, box in enumerate(boxes) if box is None}
        stated = zip(given.stated(), boxes, strict=True)
        counts.update(AS_BOX for one, box in stated if box is not None and one and one.has_polygon)
        return _Boxed(given, boxes, others)

    def _chosen(self, instance: Instance, counts: Counter[str]) -> Instance | None:
        name = self.name(instance.label)
        if name is None:
            counts[LEFT_OUT] += 1
            return None
        if name == instance.label:
            return instance
        counts[RENAMED] += 1
        return msgspec.structs.replace(instance, label=name)

    def _as_box(self, instance: Instance, counts: Counter[str]) -> Instance:
        if not self.rectangle or instance.polygon is None:
            return instance
        counts[AS_BOX] += 1
        box = geometry.around(instance.rectangle, instance.polygon)
        return msgspec.structs.replace(instance, polygon=None, rectangle=box)


class _Boxed(Prepared):
    """Instances of which only the boxes are left; ``others`` have no JSON."""

    __slots__ = ("_boxes", "_given", "_others")

    def __init__(self, given: Prepared, boxes: Sequence[Sent | None], others: Mapping[int, Instance]) -> None:
        super().__init__()
        self._given, self._boxes, self._others = given, boxes, others

    def __len__(self) -> int:
        return len(self._boxes)

    def make(self, at: int) -> Instance:
        return self._others.get(at) or msgspec.structs.replace(self._given[at], polygon=None)

    def objects(self) -> Sequence[Sent | None]:
        return self._boxes

    outlines = boxes = objects

    def stated(self) -> Sequence[Stated | None]:
        found = zip(self._given.stated(), self._boxes, strict=True)
        return [
            Stated(one.label, one.box, has_box=True, has_polygon=False) if one and box else None
            for one, box in found
        ]

    def attributes(self) -> Mapping[int, Attributes]:
        return self._given.attributes()


def selection(
    *,
    rectangle: bool = False,
    labels: Mapping[str, str | None] | str | Path | None = None,
    only: Iterable[str] = (),
    drop: Iterable[str] = (),
) -> Selection:
    """The selection that arguments ask for; ``labels`` may be the path of a TOML file. Raises InvalidQueryError."""
    found = _load(Path(labels)) if isinstance(labels, (str, Path)) else dict(labels or {})
    mapped: dict[str, str | None] = {}
    for old, new in found.items():
        if new is not None and new is not False and not (isinstance(new, str) and new.strip()):
            raise InvalidQueryError(
                f"the label map gives {old!r} the name {new!r}",
                "write a text, or false to leave the label out",
            )
        mapped[old] = new if isinstance(new, str) else None
    return Selection(rectangle, mapped, frozenset(only), frozenset(drop))


def _load(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text("utf-8-sig"))
    except OSError as error:
        raise InvalidQueryError(
            f"the label map {str(path)!r} cannot be read: {error.strerror}", "check labels"
        ) from error
    except ValueError as error:  # TOML and encoding errors are both
        raise InvalidQueryError(
            f"the label map {str(path)!r} is not TOML: {error}", 'write lines like car = "vehicle"'
        ) from error
    table = document.get("labels", document)
    if not isinstance(table, dict):
        raise InvalidQueryError(
            f"'labels' in {str(path)!r} is not a table", 'write [labels], then car = "vehicle"'
        )
    return table
