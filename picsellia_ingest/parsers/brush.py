"""Label Studio's brush masks: a bit stream of runs (the thi.ng rle-pack format) over the bytes of an RGBA picture.

The stream: 32 bits, how many values; 5 bits, bits of a value less one; four times 4 bits, bits of a run's length less one.
Then runs until all values are there: one bit, whether one value is repeated; two bits, which of the four lengths; the
length less one; the value, or each of the values. A pixel belongs to the mask when its alpha, every fourth value, is set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ..tracing import MASK_PIXELS_MAX, Mask

_SIZES = (4, 8, 12, 16)
"""Bits of the four lengths that are written."""


def decode(stream: Sequence[int], height: int, width: int) -> Mask:
    """The mask of a stream of bytes. Raises ValueError when it is none of that size."""
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    if not all(type(byte) is int and 0 <= byte < 256 for byte in stream):
        raise ValueError("not a list of bytes")
    bits = _Bits(np.unpackbits(np.array(stream, np.uint8)))
    total = bits.take(32)
    if total != height * width * 4:
        raise ValueError(
            f"it holds {total} values, an RGBA picture of {width} x {height} has {height * width * 4}"
        )
    word = bits.take(5) + 1
    sizes = [bits.take(4) + 1 for _ in range(4)]
    if word != 8:
        raise ValueError(f"its values have {word} bits, not 8")
    values = np.zeros(total, np.uint8)
    at = 0
    while at < total:
        repeated = bits.take(1)
        length = bits.take(sizes[bits.take(2)]) + 1
        if at + length > total:
            raise ValueError("it holds more values than it says")
        values[at : at + length] = bits.take(8) if repeated else bits.bytes(length)
        at += length
    return values.reshape(height, width, 4)[..., 3] > 0


class _Bits:
    """Reads whole numbers off a row of bits, the highest first."""

    def __init__(self, bits: NDArray[np.uint8]) -> None:
        self.bits, self.at = bits, 0

    def take(self, count: int) -> int:
        found = self._next(count)
        return int(found.dot(1 << np.arange(count - 1, -1, -1, dtype=np.int64)))

    def bytes(self, count: int) -> NDArray[np.uint8]:
        return np.packbits(self._next(count * 8))

    def _next(self, count: int) -> NDArray[np.uint8]:
        self.at += count
        if self.at > len(self.bits):
            raise ValueError("it ends early")
        return self.bits[self.at - count : self.at]


def encode(mask: Mask) -> list[int]:
    """The stream of a mask: pixels of it are white and opaque, all others black and clear."""
    values = np.repeat(mask.reshape(-1), 4)
    edges = np.flatnonzero(np.diff(values.astype(np.int8))) + 1
    lengths = np.diff(np.concatenate(([0], edges, [values.size])))
    out = [f"{values.size:032b}", f"{7:05b}", *(f"{size - 1:04b}" for size in _SIZES)]
    on = bool(values[0])
    for length in lengths.tolist():
        rest = length
        while rest:
            step = min(rest, 1 << _SIZES[-1])
            size = next(number for number, bits in enumerate(_SIZES) if step <= 1 << bits)
            out.append(f"1{size:02b}{step - 1:0{_SIZES[size]}b}{255 if on else 0:08b}")
            rest -= step
        on = not on
    text = "".join(out)
    text += "0" * (-len(text) % 8)
    return [int(text[at : at + 8], 2) for at in range(0, len(text), 8)]
