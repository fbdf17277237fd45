"""The elements of the arrays of a PICSELLIA file, as far as an index needs them: names, and the labels and kinds of objects.

They are looked at a window at a time, those of a large array by several processes as far as they can be. Those that the platform
or this package wrote are decoded together into their types; where one of a window is of another form, or has a key twice
that says what it is, each is decoded by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

import msgspec

from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from . import jsonparts
from .checks import INSTANCES_MAX
from .jsonfile import JsonFile
from .jsonoutlined import Check
from .jsonspans import Window
from .jsontext import attempt, crumbs
from .picsellia_records import RAWS, Range, plain

if TYPE_CHECKING:
    from .base import Spread

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
        yield from map(_element, map(bytes, rows), _ranges(starts.tolist(), lengths.tolist(), 0))
        return
    begin, number = 1, 0
    for part, following in jsonparts.parts(file, rows, read, spread, _KEY):
        yield from _of_part(part, number)
        begin, number = following, number + len(part.names)
    for window in file.windows(rows, _PLAIN, check, begin, _KEY) if begin < len(rows) else ():
        if (found := _part(window)) is not None:
            yield from _of_part(found, number)
        else:
            yield from map(
                _element, window.elements(), _ranges(window.starts.tolist(), window.lengths.tolist(), number)
            )
        number += len(window.starts)


def _of_part(part: Part, number: int) -> Iterator[Element]:
    """The elements of a part, of which the first has this number and all that is to be said of labels."""
    kinds = part.kinds
    ranges = _ranges(part.starts, part.lengths, number)
    for name, picture, objects, at in zip(part.names, part.pictures, part.numbers, ranges, strict=True):
        yield Element(name, picture, kinds, objects, b"", at)
        kinds = []


def _ranges(starts: Sequence[int], lengths: Sequence[int], number: int) -> Iterator[Range]:
    return map(Range, count(number), starts, lengths)


def read(path: Path, begin: int, end: int) -> Part | None:
    """A part of an array, in bytes of the text; None if its elements are not all plain."""
    found = jsonparts.each((path, begin, end), _PLAIN, _part, _KEY)
    if found is None:
        return None
    part = Part(*([*chain.from_iterable(column)] for column in zip(*found, strict=True)))
    return part._replace(kinds=[*dict.fromkeys(part.kinds)])


def _part(window: Window[_Plain]) -> Part | None:
    """A window in columns, if each element is plain and has no key twice that says what it is."""
    rows = window.rows
    if rows is None or window.text.count(_KEY) != len(rows):
        return None
    listed = [row.annotations for row in rows if row.annotations is not msgspec.UNSET]
    if window.text.count(b'"annotations"') != len(listed):
        return None
    names, objects = [row.external_picture_url for row in rows], [row.annotations or () for row in rows]
    numbers = [*map(len, objects)]
    if max(numbers, default=0) > INSTANCES_MAX or not all(map(str.strip, names)):
        return None
    pictures = [found if isinstance(found := row.internal_picture_id, str) else None for row in rows]
    kinds = [*dict.fromkeys(_kinds(chain.from_iterable(objects)))]
    return Part(names, pictures, numbers, window.starts.tolist(), window.lengths.tolist(), kinds)


def _element(text: bytes, at: Range) -> Element:
    row = attempt(_ROW, text)
    if row is None:
        return Element(None, None, (), 0, text, at)
    name, number = row.name, None
    objects: Iterable[_Object | None] = ()
    if not crumbs(row.annotations):
        objects, number = _objects(row.annotations)
    if name is None or number is None or number > INSTANCES_MAX:
        objects = ()
    return Element(name, row.picture, _kinds(objects), number, _around(text, row), at)


def names(text: bytes) -> tuple[str | None, str | None]:
    """The name and the id of the picture of a record."""
    row = attempt(_ROW, text)
    return (None, None) if row is None else (row.name, row.picture)


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
