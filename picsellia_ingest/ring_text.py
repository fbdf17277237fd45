"""Rings of whole numbers as the JSON of their points, many at once: each point is a row of bytes of the same length.

What is written for the numbers up to 9,999 is kept, four bytes each, and taken from there for all points together; the
zero bytes before shorter numbers are left out at the end.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

_Ints = NDArray[np.integer[Any]]
_DIGITS = 4
"""Digits up to which what is written for each number is kept."""


def texts(points: _Ints, sizes: _Ints) -> list[bytes]:
    """The JSON of rings; ``points`` are those of all, (x, y) of 0 or more, and ``sizes`` how many each has."""
    digits = max(_DIGITS, len(str(points.max())))
    parts = (b',{"x":', bytes(digits), b',"y":', bytes(digits), b"}")
    row = b"".join(parts)
    kind = np.dtype(
        {
            "names": ["mark", "x", "y"],
            "formats": [np.uint8, f"V{digits}", f"V{digits}"],
            "offsets": [0, len(parts[0]), len(row) - digits - 1],
            "itemsize": len(row),
        }
    )
    cells = np.frombuffer(bytearray(row * len(points)), kind)
    for name, numbers in zip("xy", points.T, strict=True):
        cells[name] = _spelled(numbers, digits) if digits > _DIGITS else _numerals()[numbers]
    cells["mark"][np.cumsum(sizes) - sizes] = ord("/")
    return [b"[%b]" % ring for ring in cells.tobytes().translate(None, b"\0").split(b"/")[1:]]


@cache
def _numerals() -> NDArray[np.void]:
    return _spelled(np.arange(10**_DIGITS), _DIGITS)


def _spelled(numbers: _Ints, digits: int) -> NDArray[np.void]:
    """What is written for each number, with zero bytes before one that has fewer digits."""
    cells = np.empty((len(numbers), digits), np.uint8)
    for column in range(digits):
        power = 10 ** (digits - 1 - column)
        rest = numbers // power
        cells[:, column] = np.where((rest > 0) | (power == 1), rest % 10 + ord("0"), 0)
    return cells.view(f"V{digits}")[:, 0]
