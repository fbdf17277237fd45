"""The records and images of a PICSELLIA file, joined by the picture's name, and where several pictures have it by its id.

Records that can be of no picture are reported here; all other findings wait until the record is read. The elements are looked
at a window at a time; those that the platform or this package wrote are decoded together. While it works, the names of
records are in memory.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from hashlib import blake2b
from itertools import repeat
from typing import Any, TypeAlias

import msgspec
import numpy as np

from ..errors import ItemError
from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from ..problems import OnProblem, Problem, Severity, Unit
from .checks import INSTANCES_MAX, plain_label
from .jsonfile import JsonFile
from .jsonoutlined import Check
from .jsonspans import Window
from .jsontext import Keys, attempt, crumbs, repeated_key
from .picsellia_index import Listed, PicselliaIndex
from .picsellia_records import RAWS, Range, plain

_NOTHING = msgspec.Raw(b"null")
_NAMING = Keys("external_picture_url", "annotations")
_EMPTY = (b"null", b"[]", b"{}", b'{"geometry":[]}', b'{"geometry": []}')
_LONGEST = max(map(len, _EMPTY))
Elements: TypeAlias = msgspec.Raw | list[msgspec.Raw]
"""An array, split already or not."""


class _Row(msgspec.Struct):
    """What names a record or an image, and its objects."""

    external_picture_url: msgspec.Raw = _NOTHING
    internal_picture_id: msgspec.Raw = _NOTHING
    annotations: msgspec.Raw = _NOTHING

    @property
    def name(self) -> str | None:
        """The picture's name; None when it has none."""
        found = plain(self.external_picture_url)
        return found if isinstance(found, str) and found.strip() else None

    @property
    def picture(self) -> str | None:
        """The picture's id; None when there is none."""
        found = plain(self.internal_picture_id)
        return found if isinstance(found, str) else None


class _Object(msgspec.Struct):
    label: str | int
    type: str | None = None
    rectangle: msgspec.Raw = _NOTHING
    polygon: msgspec.Raw = _NOTHING


class _Plain(msgspec.Struct):
    """A record or an image as nearly all are."""

    external_picture_url: str
    internal_picture_id: Any = None
    annotations: list[_Object] | msgspec.UnsetType | None = msgspec.UNSET


_KEY = b'"external_picture_url"'
_PLAIN = msgspec.json.Decoder(list[_Plain])
_ROW = msgspec.json.Decoder(_Row)
_OBJECT = msgspec.json.Decoder(_Object)
_OBJECTS = msgspec.json.Decoder(list[_Object])
_FEW_BYTES = 1 << 20
"""A list of objects that are decoded without being counted before."""


def build(
    file: JsonFile,
    records: Elements,
    images: Elements,
    index: PicselliaIndex,
    on_problem: OnProblem,
    check: Check | None = None,
) -> PicselliaIndex:
    """Put the records and images of an open file into an empty index; ``check`` is that of an outline (jsonoutlined)."""
    builder = _Builder(file, index, on_problem, check)
    builder.take_records(records)
    builder.take_images(images)
    return index


class _Builder:
    def __init__(
        self, file: JsonFile, index: PicselliaIndex, on_problem: OnProblem, check: Check | None
    ) -> None:
        self.file, self.index, self.on_problem, self.check = file, index, on_problem, check
        self.first: dict[str, int] = {}
        """Where the first record of each name is among those that are taken in."""
        self.others: dict[str, list[int]] = {}
        """Where the further ones are."""
        self.rejected: list[int] = []
        """How many had been taken in when a record was rejected."""
        self.by_id: dict[str, dict[str | None, int]] = {}
        """Of names that several records have, where the first with each id is."""
        self.full: set[str] = set()
        """Such names whose records all have an image."""
        self.noted: set[tuple[str | int, str | None]] = set()
        """Labels with kinds that were seen."""

    def _elements(self, rows: Elements) -> Iterator[tuple[_Plain | None, bytes, Range]]:
        """Each element: decoded if it is plain, else as it is, and where it stands."""
        if isinstance(rows, list):
            starts, lengths = self.file.offsets(rows)
            places = zip(starts.tolist(), lengths.tolist(), strict=True)
            for number, (raw, at) in enumerate(zip(rows, places, strict=True)):
                yield None, bytes(raw), Range(number, *at)
            return
        number = 0
        for window in self.file.windows(rows, _PLAIN, self.check, key=_KEY):
            plain_rows = _plain_rows(window)
            for row, text, start, length in zip(
                repeat(None) if plain_rows is None else plain_rows,
                window.elements() if plain_rows is None else repeat(b""),
                window.starts.tolist(),
                window.lengths.tolist(),
                strict=False,
            ):
                yield row, text, Range(number, start, length)
                number += 1

    def _records(self, rows: Elements) -> Iterator[tuple[str | None, int | None, bytes, Range]]:
        """Each record's name and number of objects, whose labels are taken in, what is around these, and where it stands."""
        for one, text, at in self._elements(rows):
            if one is not None:
                objects = one.annotations or ()
                self._note(objects)
                yield one.external_picture_url, len(objects), b"", at
            else:
                row = attempt(_ROW, text)
                yield *self._tally(row), _around(text, row), at

    def take_records(self, rows: Elements) -> None:
        """Take the records in; those that are rejected are reported."""
        index, listed = self.index, Listed(self.index.scratch, 2)
        for name, objects, around, at in self._records(rows):
            index.instances += objects or 0
            if self._is_rejected(around, at, name, objects) or name is None or objects is None:
                self.rejected.append(listed.count)
                continue
            first = self.first.setdefault(name, listed.count)
            if first != listed.count:
                number = first + bisect_right(self.rejected, first)
                again = ItemError(
                    "image_repeated", f"{name!r:.200} has another record, number {number}; both are kept"
                )
                self._report(again, at, index.pointer(at.number), severity=Severity.WARNING)
                self.others.setdefault(name, []).append(listed.count)
            listed.add(name, (at.number, at.start, at.length), (objects,))
        index.record_names, (index.records, index.objects) = listed.all()
        index.joined = index.scratch.zeros(len(index.records), np.int64, shared=True)

    def _is_rejected(self, text: bytes, at: Range, name: str | None, objects: int | None) -> bool:
        """Whether a record is rejected, which is reported; ``text`` is all of it but its objects."""
        lost = objects or 0
        if (twice := repeated_key(text, _NAMING)) is not None:
            field, code, hint = twice, "key_repeated", "keep the one that is meant"
            message = f"a record has {twice!r} twice"
        elif lost > INSTANCES_MAX:
            field, code, hint = "annotations", "instances_too_many", "split the image"
            message = f"{name!r:.200} has {lost} objects; at most {INSTANCES_MAX} are accepted"
        elif name is None:
            field, code, hint = "external_picture_url", "image_unnamed", "add external_picture_url"
            message = f"a record with {lost} objects names no picture"
        elif objects is None:
            field, code, hint = "annotations", "annotations_invalid", "mend the record"
            message = f"the annotations of {name!r:.200} are not a list"
        else:
            return False
        pointer = f"{self.index.pointer(at.number)}/{field}"
        self._report(ItemError(code, message, hint), at, pointer, lost)
        return True

    def _report(
        self, found: ItemError, at: Range, pointer: str, lost: int = 0, severity: Severity = Severity.ERROR
    ) -> None:
        where = self.file.place(at.start, pointer)
        self.on_problem(Problem(found.code, found.message, where, severity, Unit.IMAGE, lost, found.hint))

    def _tally(self, row: _Row | None) -> tuple[str | None, int | None]:
        """A record's name and the number of its objects, whose labels are taken in.

        The number is None when ``annotations`` is something else than a list or null.
        """
        if row is None:
            return None, 0
        name = row.name
        if crumbs(row.annotations):
            return name, None
        objects, count = _objects(row.annotations)
        if name is None or count is None or count > INSTANCES_MAX:
            return name, count
        self._note(objects)
        return name, count

    def _note(self, objects: Iterable[_Object | None]) -> None:
        for found in objects:
            if found is None or (seen := (found.label, _kind(found))) in self.noted:
                continue
            self.noted.add(seen)
            label = plain_label(found.label)
            if label is not None and seen[1] is not None:
                self.index.kinds.setdefault(label, set()).add(seen[1])

    def take_images(self, rows: Elements) -> None:
        """Give each image to the records of its picture; one of which there are none is an entry of its own."""
        index, alone = self.index, Listed(self.index.scratch, 1)
        seen: set[bytes] = set()
        for one, text, at in self._elements(rows):
            name, picture = _names(one, text)
            pointer = f"/images/{at.number}"
            if name is None:
                unnamed = ItemError("image_unnamed", "an image has no name", "add external_picture_url")
                self._report(unnamed, at, f"{pointer}/external_picture_url")
                continue
            key = blake2b(repr((name, picture)).encode(), digest_size=16).digest()
            if key in seen:
                message = f"the image {name!r:.200} is listed twice"
                self._report(ItemError("image_repeated", message), at, pointer, severity=Severity.WARNING)
                continue
            seen.add(key)
            if name in self.first:
                self._join(name, picture, at)
            else:
                alone.add(name, (at.number, at.start, at.length))
        index.image_names, (index.images,) = alone.all()

    def _join(self, name: str, picture: str | None, at: Range) -> None:
        """Give an image to the record of its id, or to all of its name; each keeps the first one."""
        positions = [self.first[name]]
        if name in self.others:
            if name in self.full:
                return
            by_id = self._by_id(name)
            if picture is not None and picture in by_id:
                positions = [by_id[picture]]
            else:
                positions += self.others[name]
                self.full.add(name)
        for position in positions:
            if not self.index.joined[3 * position + 2]:
                self.index.joined[3 * position : 3 * position + 3] = at.number, at.start, at.length

    def _by_id(self, name: str) -> dict[str | None, int]:
        if name not in self.by_id:
            found = self.by_id[name] = {}
            for position in (self.first[name], *self.others[name]):
                _, start, length = self.index.records[3 * position : 3 * position + 3].tolist()
                row = attempt(_ROW, self.file.slice(start, length))
                found.setdefault(None if row is None else row.picture, position)
        return self.by_id[name]


def _plain_rows(window: Window[_Plain]) -> list[_Plain] | None:
    """The elements of a window, if each is plain and has no key twice that says what it is."""
    rows = window.rows
    if rows is None or window.text.count(_KEY) != len(rows):
        return None
    listed = [row.annotations for row in rows if row.annotations is not msgspec.UNSET]
    are_once = window.text.count(b'"annotations"') == len(listed)
    are_few = all(len(objects or ()) <= INSTANCES_MAX for objects in listed)
    return rows if are_once and are_few and all(row.external_picture_url.strip() for row in rows) else None


def _names(one: _Plain | None, text: bytes) -> tuple[str | None, str | None]:
    """The name and the id of a picture, as far as an image has them."""
    if one is not None:
        picture = one.internal_picture_id
        return one.external_picture_url, picture if isinstance(picture, str) else None
    row = attempt(_ROW, text)
    return (None, None) if row is None else (row.name, row.picture)


def _around(text: bytes, row: _Row | None) -> bytes:
    """A record with nothing in the place of its objects, which are most of it and have other keys."""
    if row is None or len(row.annotations) == 0:
        return text
    before, objects, behind = text.rpartition(bytes(row.annotations))
    return b"%bnull%b" % (before, behind) if objects else text


def _objects(raw: msgspec.Raw) -> tuple[Iterable[_Object | None], int | None]:
    """The objects of a list, None for each that cannot be decoded, and how many they are; the number is None where it is no list."""
    objects = attempt(_OBJECTS, raw) if len(raw) <= _FEW_BYTES else None
    if objects is not None:
        return objects, len(objects)
    raws = [] if bytes(raw) == b"null" else attempt(RAWS, raw)
    return (() if raws is None else (attempt(_OBJECT, one) for one in raws)), None if raws is None else len(
        raws
    )


def _is_given(raw: msgspec.Raw) -> bool:
    return len(raw) > _LONGEST or bytes(raw) not in _EMPTY


def _kind(row: _Object) -> str | None:
    """The kind of the instance that an object will be; None when its type and geometry disagree."""
    has_box, has_polygon = _is_given(row.rectangle), _is_given(row.polygon)
    if row.type == CLASSIFICATION:
        return None if has_box or has_polygon else CLASSIFICATION
    if (row.type == RECTANGLE and not has_box) or (row.type == POLYGON and not has_polygon):
        return None
    return POLYGON if has_polygon else RECTANGLE if has_box else None
