"""The elements of the arrays of a PICSELLIA file, as far as an index needs them: names, and the labels and kinds of objects.

They are looked at a window at a time. Those that the platform or this package wrote are decoded together into their types;
where one of a window is of another form, or has a key twice that says what it is, each is decoded by itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, TypeAlias

import msgspec

from ..model import CLASSIFICATION, POLYGON, RECTANGLE
from .checks import INSTANCES_MAX
from .jsonfile import JsonFile
from .jsonoutlined import Check
from .jsonspans import Window
from .jsontext import attempt, crumbs
from .picsellia_records import RAWS, Range, plain

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


class Object(msgspec.Struct):
    """What says the label and the kind of an instance."""

    label: str | int
    type: str | None = None
    rectangle: msgspec.Raw = _NOTHING
    polygon: msgspec.Raw = _NOTHING


class _Plain(msgspec.Struct):
    """A record or an image as nearly all are."""

    external_picture_url: str
    internal_picture_id: Any = None
    annotations: list[Object] | msgspec.UnsetType | None = msgspec.UNSET


_KEY = b'"external_picture_url"'
_PLAIN = msgspec.json.Decoder(list[_Plain])
_ROW = msgspec.json.Decoder(_Row)
_OBJECT = msgspec.json.Decoder(Object)
_OBJECTS = msgspec.json.Decoder(list[Object])
_FEW_BYTES = 1 << 20
"""A list of objects that are decoded without being counted before."""


class Element(NamedTuple):
    """A record or an image."""

    name: str | None
    """The picture's name; None when it has none."""
    picture: str | None
    """The picture's id."""
    objects: Iterable[Object | None]
    """Its objects, of those that are accepted; None for each that cannot be decoded."""
    number: int | None
    """How many they are; None where they are no list."""
    around: bytes
    """All of it but its objects; nothing where it is known that no key stands twice."""
    at: Range


def elements(file: JsonFile, rows: Elements, check: Check | None) -> Iterator[Element]:
    """The elements of an array of an open file; ``check`` is that of an outline (jsonoutlined)."""
    if isinstance(rows, list):
        starts, lengths = file.offsets(rows)
        for number, raw in enumerate(rows):
            yield _element(bytes(raw), Range(number, int(starts[number]), int(lengths[number])))
        return
    number = 0
    for window in file.windows(rows, _PLAIN, check, key=_KEY):
        places = zip(window.starts.tolist(), window.lengths.tolist(), strict=True)
        ranges = [Range(number + place, *at) for place, at in enumerate(places)]
        number += len(ranges)
        plain_rows = _plain_rows(window)
        if plain_rows is None:
            yield from map(_element, window.elements(), ranges)
        else:
            yield from map(_plain_element, plain_rows, ranges)


def _plain_element(row: _Plain, at: Range) -> Element:
    objects, picture = row.annotations or (), row.internal_picture_id
    name = row.external_picture_url
    return Element(name, picture if isinstance(picture, str) else None, objects, len(objects), b"", at)


def _element(text: bytes, at: Range) -> Element:
    row = attempt(_ROW, text)
    if row is None:
        return Element(None, None, (), 0, text, at)
    name, count = row.name, None
    objects: Iterable[Object | None] = ()
    if not crumbs(row.annotations):
        objects, count = _objects(row.annotations)
    if name is None or count is None or count > INSTANCES_MAX:
        objects = ()
    return Element(name, row.picture, objects, count, _around(text, row), at)


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


def _objects(raw: msgspec.Raw) -> tuple[Iterable[Object | None], int | None]:
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


def kind(row: Object) -> str | None:
    """The kind of the instance that an object will be; None when its type and geometry disagree."""
    has_box, has_polygon = _is_given(row.rectangle), _is_given(row.polygon)
    if row.type == CLASSIFICATION:
        return None if has_box or has_polygon else CLASSIFICATION
    if (row.type == RECTANGLE and not has_box) or (row.type == POLYGON and not has_polygon):
        return None
    return POLYGON if has_polygon else RECTANGLE if has_box else None
