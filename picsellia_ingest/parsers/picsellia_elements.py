"""The elements of the arrays of a PICSELLIA file, as far as an index needs them: names, and the labels and kinds of objects.

They are looked at a window at a time, those of a large array by several processes as far as they can be. Those that the platform
or this package wrote are decoded together into their types; where one of a window is of another form, or has a key twice
that says what it is, each is decoded by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from .checks import INSTANCES_MAX
from .jsonfile import JsonFile
from .jsonoutlined import Check
from .jsonspans import Window, segments, windows
from .jsontext import attempt, crumbs
from .picsellia_records import RAWS, Range, plain

if TYPE_CHECKING:
    from .base import Spread

SEGMENT = 4 << 20
"""Bytes of an array that a process takes at a time."""
LARGE = 3 * SEGMENT
"""Bytes of an array from which on several processes read it."""
_NOTHING = msgspec.Raw(b"null")
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


Kind: TypeAlias = tuple[str | int, str | None]
"""A label, as written, and the kind of an instance that has it; None where that cannot be told."""


class Element(NamedTuple):
    """A record or an image."""

    name: str | None
    """The picture's name; None when it has none."""
    picture: str | None
    """The picture's id."""
    kinds: Iterable[Kind]
    """The labels and kinds of its objects, be it of those that follow too."""
    number: int | None
    """How many objects there are; None where they are no list."""
    around: bytes
    """All of it but its objects; nothing where it is known that no key stands twice."""
    at: Range


class Part(NamedTuple):
    """Plain elements that follow each other, in columns."""

    names: list[str]
    pictures: list[str | None]
    numbers: list[int]
    starts: list[int]
    lengths: list[int]
    kinds: list[Kind]
    """The labels and kinds of all, each once."""


def elements(
    file: JsonFile, rows: Elements, check: Check | None, spread: Spread | None = None
) -> Iterator[Element]:
    """The elements of an array of an open file; ``check`` is that of an outline (jsonoutlined), ``spread`` runs functions in processes."""
    if isinstance(rows, list):
        starts, lengths = file.offsets(rows)
        for number, raw in enumerate(rows):
            yield _element(bytes(raw), Range(number, int(starts[number]), int(lengths[number])))
        return
    begin, number = 1, 0
    for part, begin in _parts(file, rows, spread):  # noqa: B007 - where the rest begins
        places = zip(part.starts, part.lengths, strict=True)
        ranges = [Range(number + place, *at) for place, at in enumerate(places)]
        kinds: list[Kind] = part.kinds
        for one in zip(part.names, part.pictures, part.numbers, ranges, strict=True):
            yield Element(*one[:2], kinds, one[2], b"", one[3])
            kinds = []
        number += len(ranges)
    for window in file.windows(rows, _PLAIN, check, begin, _KEY) if begin < len(rows) else ():
        places = zip(window.starts.tolist(), window.lengths.tolist(), strict=True)
        ranges = [Range(number + place, *at) for place, at in enumerate(places)]
        number += len(ranges)
        plain_rows = _plain_rows(window)
        if plain_rows is None:
            yield from map(_element, window.elements(), ranges)
        else:
            yield from map(_plain_element, plain_rows, ranges)


def _parts(file: JsonFile, rows: msgspec.Raw, spread: Spread | None) -> Iterator[tuple[Part, int]]:
    """What processes find up to the first part that is not plain, and where the next part begins (coco_parts)."""
    if spread is None or len(rows) < LARGE or not file.is_mapped:
        return
    offset, spans = file.offset(rows), segments(memoryview(rows), SEGMENT, _KEY)
    results = spread(read, [(file.path, offset + begin, offset + end) for begin, end, _ in spans])
    for (_, _, end), found in zip(spans, results, strict=True):
        if found is None:
            results.close()
            return
        yield found, end


def read(path: Path, begin: int, end: int) -> Part | None:
    """A part of an array, in bytes of the text; None if its elements are not all plain."""
    with JsonFile.open(path) as file:
        text = memoryview(file.slice(begin - 1, end - begin + 2))
    part, seen = Part([], [], [], [], [], []), dict[Kind, None]()
    try:
        for window in windows(text, _PLAIN, begin - 1, key=_KEY):
            rows = _plain_rows(window)
            if rows is None:
                return None
            for row in rows:
                seen |= dict.fromkeys(_kinds(row.annotations or ()))
            part.names.extend(row.external_picture_url for row in rows)
            part.pictures.extend(map(_picture, rows))
            part.numbers.extend(len(row.annotations or ()) for row in rows)
            part.starts.extend(window.starts.tolist())
            part.lengths.extend(window.lengths.tolist())
    except (ValueError, RecursionError):
        return None
    return part._replace(kinds=[*seen])


def _picture(row: _Plain) -> str | None:
    found = row.internal_picture_id
    return found if isinstance(found, str) else None


def _plain_element(row: _Plain, at: Range) -> Element:
    objects = row.annotations or ()
    return Element(row.external_picture_url, _picture(row), _kinds(objects), len(objects), b"", at)


def _element(text: bytes, at: Range) -> Element:
    row = attempt(_ROW, text)
    if row is None:
        return Element(None, None, (), 0, text, at)
    name, count = row.name, None
    objects: Iterable[_Object | None] = ()
    if not crumbs(row.annotations):
        objects, count = _objects(row.annotations)
    if name is None or count is None or count > INSTANCES_MAX:
        objects = ()
    return Element(name, row.picture, _kinds(objects), count, _around(text, row), at)


def names(text: bytes) -> tuple[str | None, str | None]:
    """The name and the id of the picture of a record."""
    row = attempt(_ROW, text)
    return (None, None) if row is None else (row.name, row.picture)


def _plain_rows(window: Window[_Plain]) -> list[_Plain] | None:
    """The elements of a window, if each is plain and has no key twice that says what it is."""
    rows = window.rows
    if rows is None or window.text.count(_KEY) != len(rows):
        return None
    listed = [row.annotations for row in rows if row.annotations is not msgspec.UNSET]
    are_once = window.text.count(b'"annotations"') == len(listed)
    are_few = all(len(objects or ()) <= INSTANCES_MAX for objects in listed)
    return rows if are_once and are_few and all(row.external_picture_url.strip() for row in rows) else None


def _around(text: bytes, row: _Row) -> bytes:
    """A record with nothing in the place of its objects, which are most of it and have other keys."""
    if len(row.annotations) == 0:
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


def _kinds(objects: Iterable[_Object | None]) -> Iterator[Kind]:
    return ((found.label, _kind(found)) for found in objects if found is not None)


def _kind(row: _Object) -> str | None:
    """The kind of the instance that an object will be; None when its type and geometry disagree."""
    has_box, has_polygon = _is_given(row.rectangle), _is_given(row.polygon)
    if row.type == CLASSIFICATION:
        return None if has_box or has_polygon else CLASSIFICATION
    if (row.type == RECTANGLE and not has_box) or (row.type == POLYGON and not has_polygon):
        return None
    return POLYGON if has_polygon else RECTANGLE if has_box else None
