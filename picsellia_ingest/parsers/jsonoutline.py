"""The members of a large JSON object that has two long arrays, without these being read.

Reading the whole to split it, and then the elements, is reading twice. Here the ends of the arrays are taken from what
stands around them, and the text with both left empty must be a document in which they are the members wanted. If what
was taken for the arrays then turns out to be two valid ones, the whole is that document: a value in place of a value.
"""

from __future__ import annotations

import re

import msgspec
import numpy as np

from .jsonspans import address
from .jsontext import UNREADABLE

EDGE = 1 << 20
"""Bytes around the arrays in which the rest of the document must stand; a smaller file is read as a whole."""
_AFTER = re.compile(rb'\]\s*(?:,\s*"(?:info|licenses|categories|type|source)"\s*:|[,}]\s*\Z)')
"""What stands behind such an array: keys that COCO has, and this package's files, the other array, or the end."""
_FIELDS: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


def outline(view: memoryview, keys: tuple[str, str]) -> dict[str, msgspec.Raw] | None:
    """The members of the document, those of ``keys`` unread; None where it does not look as expected."""
    if len(view) < 2 * EDGE:
        return None
    first = min(_begins(keys, bytes(view[:EDGE])), default=None)
    if first is None:
        return None
    other = keys[1] if first[1] == keys[0] else keys[0]
    second = _second(view, first[0], re.compile(rb'"%b"\s*:\s*\[' % other.encode()))
    if second is None:
        return None
    ends = _end(view, first[0], second.start()), _end(view, second.end(), len(view))
    if None in ends:
        return None
    spans = [(first[0], ends[0] or 0), (second.end() - 1, ends[1] or 0)]
    return _members(view, spans, (first[1], other))


def _second(view: memoryview, begin: int, pattern: re.Pattern[bytes]) -> re.Match[bytes] | None:
    """Where the other array begins: one of the two is mostly short, so the long one between is not gone through."""
    part = max(16 * EDGE, len(view) // 8)
    return (
        pattern.search(view, begin, begin + part)
        or pattern.search(view, max(begin, len(view) - part))
        or pattern.search(view, begin)
    )


def _begins(keys: tuple[str, str], head: bytes) -> list[tuple[int, str]]:
    found = [(re.search(rb'"%b"\s*:\s*\[' % key.encode(), head), key) for key in keys]
    return [(match.end() - 1, key) for match, key in found if match is not None]


def _end(view: memoryview, begin: int, end: int) -> int | None:
    begin = max(begin, end - EDGE)
    found = _AFTER.search(bytes(view[begin:end]))
    return None if found is None else begin + found.start() + 1


def _members(
    view: memoryview, spans: list[tuple[int, int]], keys: tuple[str, str]
) -> dict[str, msgspec.Raw] | None:
    """The members, if the text with two empty arrays in the place of ``spans`` is a document that has them."""
    (begin, end), (start, stop) = spans
    pieces = (view[:begin], b"[]", view[end:start], b"[]", view[stop:])
    if sum(map(len, pieces)) > 4 * EDGE:
        return None
    text = b"".join(pieces)
    try:
        found = _FIELDS.decode(text)
    except UNREADABLE:
        return None
    base = address(np.frombuffer(text, np.uint8))
    places = {key: address(raw) - base for key, raw in found.items()}
    gaps = end - begin - 2, stop - start - 2
    if [places.get(key) for key in keys] != [begin, start - gaps[0]]:
        return None
    members = {}
    for key, place in places.items():
        at = place + gaps[0] * (place > begin) + gaps[1] * (place > start - gaps[0])
        length = len(found[key]) + (gaps[keys.index(key)] if key in keys else 0)
        members[key] = msgspec.Raw(view[at : at + length])
    return members
