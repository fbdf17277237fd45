"""Rings of COCO as the JSON of their points, by the batch: no number becomes a Python object on its way to a writer.

All rings of a batch are one text, in which the commas are found at once. Every second one ends a point and the others
stand between x and y, so two replacements turn ``1,2,3,4`` into the members of ``{"x":1,"y":2},{"x":3,"y":4}``. A ring
passes only if that is certain to be what decoding and encoding it would give: numbers in their shortest form, at least
three points, the first three not on one line; the last may repeat the first once, and is left out. Rings with numbers
that may not be in that form are decoded and encoded before. All others are None here, and are read number by number.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from .jsontext import decoded_together

_Ints: TypeAlias = NDArray[np.int64]
_Bytes: TypeAlias = NDArray[np.uint8]

_BEGIN, _COMMA, _DOT, _MINUS, _ZERO, _NINE = b"/,.-09"
_BETWEEN, _AFTER, _END = 1, 2, ord("}")
_LONGEST = 16
"""Characters of a number up to which its shortest form is the only one without a zero at its end: 15 digits and a point."""
_WHOLE = 7
"""Characters before the point that a number may have: the arithmetic with such numbers is exact."""
_TOGETHER = 1024
"""Rings that are looked at together: what is made of them on the way fits into a processor's cache."""
_ROUNDING = 1e-6
"""Pixels; numbers of so many digits are off by less."""
_TINY = np.frombuffer(b"0.0000", np.uint8)
"""What a number begins with that would be written with an exponent."""
_NEGATIVE = re.compile(rb"-0(?:,|\.0000)")
"""Minus nothing, and what would be written with an exponent."""
_NUMBERS = msgspec.json.Decoder(list[list[int | float]])
_encode = msgspec.json.Encoder().encode
_NO_INTS = np.zeros(0, np.int64)
_BLANK = b" \t\r\n"
_MARKED = bytes.maketrans(b"[]", b"/,")

_POINT = b',{"x":'
GEOMETRY = b'[{"x":%b]'
"""The JSON of a ring's points, of what ``Rings.written`` makes of it."""


class Rings:
    """Rings given as ``[x, y, x, y]`` from a valid document, and which of them are plain."""

    def __init__(self, rings: Sequence[bytes | msgspec.Raw]) -> None:
        parts = [rings[begin : begin + _TOGETHER] for begin in range(0, len(rings), _TOGETHER)]
        self._parts = list(map(_part, parts))
        self.plain: list[bool] = list(chain.from_iterable(part.plain for part in self._parts))
        self.closed: list[bool] = list(chain.from_iterable(part.closed for part in self._parts))
        """Of those that are plain, which repeat their first point at their end."""

    def written(self) -> list[bytes | None]:
        """The JSON of each: its points without what GEOMETRY has around them; None if it is not that plain."""
        texts = chain.from_iterable(part.written() for part in self._parts)
        found = [text if is_plain else None for text, is_plain in zip(texts, self.plain, strict=True)]
        if any(self.closed):
            return [
                text[: text.rindex(_POINT)] if is_closed and text else text
                for text, is_closed in zip(found, self.closed, strict=True)
            ]
        return found


class _Part(NamedTuple):
    """Some rings as one text, all but those that are no lists of pairs of numbers."""

    plain: list[bool]
    text: bytes
    commas: _Ints
    last: _Ints
    """The number that each ends with."""
    usable: list[bool]
    closed: list[bool]

    def written(self) -> Iterator[bytes | None]:
        """The JSON of each that is usable, plain or not."""
        found = iter(_marked(self.text, self.commas, self.last))
        return (next(found) if is_usable else None for is_usable in self.usable)


def _part(rings: Sequence[bytes | msgspec.Raw], *, are_shortest: bool = False) -> _Part:
    text = b"".join(rings).translate(_MARKED, _BLANK)  # /1,2,3,4,/5,6,7,8,
    characters = np.frombuffer(text, np.uint8)
    if characters.min() < _COMMA or characters.max() > _NINE or characters[-1] != _COMMA:
        return _only(rings, list(map(_is_flat, rings)), are_shortest=are_shortest)
    commas = np.flatnonzero(characters == _COMMA)
    last = np.append(np.flatnonzero(characters[commas[:-1] + 1] == _BEGIN), len(commas) - 1)
    lengths = np.diff(commas, prepend=-1)
    if len(last) != len(rings) or lengths.min() < 2:  # one is no list, or holds another
        return _only(rings, list(map(_is_flat, rings)), are_shortest=are_shortest)
    first = np.append(0, last[:-1] + 1)
    counts = last - first + 1
    if (counts & 1).any():  # the commas of all rings behind it would change places
        return _only(rings, (counts % 2 == 0).tolist(), are_shortest=are_shortest)
    if are_shortest:
        unusual = _large(characters, commas, lengths)
    else:
        unusual = _unusual(text, characters, commas, lengths)
    odd = _hold(unusual, first, last)
    if not are_shortest and odd.any() and (again := _again(rings, odd)) is not None:
        return _part(again, are_shortest=True)
    bent, closed = _forms(text, characters, commas, first, last)
    plain = bent & (counts - 2 * closed >= 6) & ~odd
    return _Part(plain.tolist(), text, commas, last, [True] * len(rings), (plain & closed).tolist())


def _again(rings: Sequence[bytes | msgspec.Raw], odd: NDArray[np.bool_]) -> list[bytes | msgspec.Raw] | None:
    """The rings, the odd ones decoded and encoded; None if that cannot be."""
    values = decoded_together(
        _NUMBERS, [bytes(ring) for ring, is_odd in zip(rings, odd.tolist(), strict=True) if is_odd]
    )
    if values is None:
        return None
    shortest = map(_encode, values)
    return [next(shortest) if is_odd else ring for ring, is_odd in zip(rings, odd.tolist(), strict=True)]


def _marked(text: bytes, commas: _Ints, last: _Ints) -> list[bytes]:
    marked = np.frombuffer(text, np.uint8).copy()
    marked[commas[0::2]] = _BETWEEN
    marked[commas[1::2]] = _AFTER
    marked[commas[last]] = _END
    points: list[bytes] = marked.tobytes().replace(b"\x01", b',"y":').replace(b"\x02", b'},{"x":').split(b"/")
    del points[0]
    return points


def _is_flat(ring: bytes | msgspec.Raw) -> bool:
    """Whether it is a list of numbers, one at least."""
    text = bytes(ring).translate(None, _BLANK)
    return text.startswith(b"[") and text != b"[]" and not text[1:-1].translate(None, b"0123456789.,-")


def _only(rings: Sequence[bytes | msgspec.Raw], usable: list[bool], *, are_shortest: bool) -> _Part:
    some = [ring for ring, is_usable in zip(rings, usable, strict=True) if is_usable]
    if not some:
        return _Part(usable, b"", _NO_INTS, _NO_INTS, usable, usable)
    part = _part(some, are_shortest=are_shortest)
    plain, of_some, closed = iter(part.plain), iter(part.usable), iter(part.closed)
    return part._replace(
        plain=[is_usable and next(plain) for is_usable in usable],
        usable=[is_usable and next(of_some) for is_usable in usable],
        closed=[is_usable and next(closed) for is_usable in usable],
    )


def _hold(numbers: _Ints, first: _Ints, last: _Ints) -> NDArray[np.bool_]:
    """Which rings, from their ``first`` to their ``last`` number, hold one of these."""
    found: NDArray[np.bool_] = np.searchsorted(numbers, first) != np.searchsorted(numbers, last, side="right")
    return found


def _unusual(text: bytes, characters: _Bytes, commas: _Ints, lengths: _Ints) -> _Ints:
    """The numbers, in order, that are not surely in their shortest form, or may be too large.

    ``lengths`` are those of the numbers, with the comma behind each and the mark before the first.
    """
    wide = np.flatnonzero(lengths > _WHOLE)
    begins = _begins(characters, commas, wide)
    is_tiny = (characters[begins[:, None] + np.arange(len(_TINY))] == _TINY).all(axis=1)
    found = [wide[(commas[wide] - begins > _LONGEST) | is_tiny], _large(characters, commas, lengths)]
    zeros = np.flatnonzero(characters[commas - 1] == _ZERO)
    at = commas[zeros] - 2
    keep = characters[at] >= _ZERO
    zeros, at = zeros[keep], at[keep]
    while len(zeros):  # 1.50 is not in its shortest form, 150 is
        is_dot = characters[at] == _DOT
        found.append(zeros[is_dot])
        keep = characters[at] >= _ZERO
        zeros, at = zeros[keep], at[keep] - 1
    if b"-" in text:
        found.append(np.searchsorted(commas, [match.start() + 1 for match in _NEGATIVE.finditer(text)]))
    return np.sort(np.concatenate(found))


def _large(characters: _Bytes, commas: _Ints, lengths: _Ints) -> _Ints:
    """The numbers that may be too large."""
    wide = np.flatnonzero(lengths > _WHOLE)
    begins = _begins(characters, commas, wide)
    early = characters[begins[:, None] + np.arange(1, _WHOLE + 1)] == _DOT
    found: _Ints = wide[~early.any(axis=1) & (commas[wide] - begins > _WHOLE)]
    return found


def _begins(characters: _Bytes, commas: _Ints, numbers: _Ints) -> _Ints:
    """Where numbers begin, each behind the comma before it."""
    begins: _Ints = np.where(numbers > 0, commas[numbers - 1] + 1, 0)
    begins += characters[begins] == _BEGIN
    return begins


def _forms(
    text: bytes, characters: _Bytes, commas: _Ints, first: _Ints, last: _Ints
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Of each ring whether its first three points are on no line and its last is not its first, or repeats it just once; and that.

    Told by more than rounding.
    """
    numbers = np.stack([*(np.minimum(first + place, last) for place in range(6)), last - 1, last])
    x, y, second_x, second_y, third_x, third_y, last_x, last_y = _values(characters, commas, numbers)
    across, down, far_across, far_down = second_x - x, second_y - y, third_x - x, third_y - y
    reach = abs(across) + abs(down) + abs(far_across) + abs(far_down)
    is_bent: NDArray[np.bool_] = abs(across * far_down - down * far_across) > _ROUNDING * reach
    is_open: NDArray[np.bool_] = abs(last_x - x) + abs(last_y - y) > _ROUNDING
    is_closed = np.zeros(len(first), np.bool_)
    rings = np.flatnonzero(~is_open & is_bent)
    if len(rings):
        before = np.maximum(last[rings] - 3, first[rings])
        before_x, before_y = _values(characters, commas, np.stack([before, before + 1]))
        is_apart = abs(before_x - x[rings]) + abs(before_y - y[rings]) > _ROUNDING
        is_closed[rings] = is_apart & _repeat(text, characters, commas, first[rings], last[rings])
    return is_bent & (is_open | is_closed), is_closed


def _repeat(text: bytes, characters: _Bytes, commas: _Ints, first: _Ints, last: _Ints) -> NDArray[np.bool_]:
    """Whether rings end with the characters of the point that they begin with."""
    found = [
        text[begin:end] == text[again:stop]
        for begin, end, again, stop in zip(
            _begins(characters, commas, first).tolist(),
            commas[first + 1].tolist(),
            _begins(characters, commas, last - 1).tolist(),
            commas[last].tolist(),
            strict=True,
        )
    ]
    return np.array(found, np.bool_)


def _values(characters: _Bytes, commas: _Ints, numbers: _Ints) -> NDArray[np.float64]:
    """The values of numbers, but for rounding."""
    at, ends = _begins(characters, commas, numbers), commas[numbers]
    is_negative = characters[at] == _MINUS
    values, powers, is_behind = (
        np.zeros(numbers.shape),
        np.ones(numbers.shape),
        np.zeros(numbers.shape, np.bool_),
    )
    for _ in range(min(int((ends - at).max()), _LONGEST)):
        found = characters.take(at)
        at += at < ends
        is_digit = found >= _ZERO
        values = np.where(is_digit, values * 10 + (found - float(_ZERO)), values)
        powers = np.where(is_digit & is_behind, powers * 10, powers)
        is_behind |= found == _DOT
    return np.where(is_negative, -values, values) / powers
