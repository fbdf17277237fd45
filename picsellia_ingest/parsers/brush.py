"""Label Studio's brush masks: a bit stream of runs (the thi.ng rle-pack format) over the bytes of an RGBA picture.

The stream: 32 bits, how many values; 5 bits, bits of a value less one; four times 4 bits, bits of a run's length less one.
Then runs until all values are there: one bit, whether one value is repeated; two bits, which of the four lengths; the
length less one; the value, or each of the values. A pixel belongs to the mask when its alpha, every fourth value, is set.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..tracing import MASK_PIXELS_MAX, Mask

_SIZES = (4, 8, 12, 16)
"""Bits of the four lengths that are written."""
_HEAD = 32 + 5 + 4 * 4
_BYTES = [bytes((value,)) for value in range(256)]


def decode(stream: Sequence[int], height: int, width: int) -> Mask:
    """The mask of a stream of bytes. Raises ValueError when it is none of that size."""
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    if not set(map(type, stream)) <= {int} or min(stream, default=0) < 0 or max(stream, default=0) > 255:
        raise ValueError("not a list of bytes")
    if len(stream) < 4:
        raise ValueError("it ends early")
    head = int.from_bytes(bytes(stream[:7]).ljust(7, b"\0"), "big")  # the last 3 of its 56 bits are the runs'
    total = head >> 24
    if total != height * width * 4:
        raise ValueError(
            f"it holds {total} values, an RGBA picture of {width} x {height} has {height * width * 4}"
        )
    if len(stream) < 7:
        raise ValueError("it ends early")
    word = (head >> 19 & 31) + 1
    sizes = [(head >> shift & 15) + 1 for shift in (15, 11, 7, 3)]
    if word != 8:
        raise ValueError(f"its values have {word} bits, not 8")
    return np.frombuffer(_values(bytes(stream), sizes, total), np.uint8)[3::4].reshape(height, width) > 0


def _values(stream: bytes, sizes: Sequence[int], total: int) -> bytearray:
    """All values that the runs hold. A mask has thousands of runs, so each is taken out of one number of 27 bits."""
    values, at = bytearray(total), 0
    bit, end = _HEAD, 8 * len(stream)
    stream += bytes(5)
    while at < total:
        window = int.from_bytes(stream[bit >> 3 : (bit >> 3) + 5], "big") >> (13 - (bit & 7))
        size = sizes[window >> 24 & 3]
        length = (window >> (24 - size) & ((1 << size) - 1)) + 1
        is_repeated = window >> 26 & 1
        bit += 3 + size + 8 * (1 if is_repeated else length)
        if bit > end:
            raise ValueError("it ends early")
        if at + length > total:
            raise ValueError("it holds more values than it says")
        if is_repeated:
            values[at : at + length] = _BYTES[window >> (16 - size) & 255] * length
        else:
            begin = bit - 8 * length
            touched = int.from_bytes(stream[begin >> 3 : (bit + 7) >> 3], "big") >> (-bit & 7)
            values[at : at + length] = (touched & ((1 << 8 * length) - 1)).to_bytes(length, "big")
        at += length
    return values


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
