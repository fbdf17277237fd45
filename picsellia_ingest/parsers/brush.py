"""Label Studio's brush masks: a bit stream of runs (the thi.ng rle-pack format) over the bytes of an RGBA picture.

The stream: 32 bits, how many values; 5 bits, bits of a value less one; four times 4 bits, bits of a run's length less one.
Then runs until all values are there: one bit, whether one value is repeated; two bits, which of the four lengths; the
length less one; the value, or each of the values. A pixel belongs to the mask when its alpha, every fourth value, is set.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..tracing import MASK_PIXELS_MAX, Mask

_SIZES = (4, 8, 12, 16)
"""Bits of the four lengths that are written."""
_LONGEST = 1 << _SIZES[-1]
_HEAD = 32 + 5 + 4 * 4
_TOGETHER = 1 << 16
"""Runs that are written together, of an even number."""
_WINDOW = 1 << 16
"""Bytes of a stream that are looked at together."""


def decode(stream: Sequence[int], height: int, width: int) -> Mask:
    """The mask of a stream of bytes. Raises ValueError when it is none of that size."""
    if height <= 0 or width <= 0 or height * width > MASK_PIXELS_MAX:
        raise ValueError(f"a mask of {width} x {height} pixels is not accepted")
    if not set(map(type, stream)) <= {int}:
        raise ValueError("not a list of bytes")
    try:
        packed = bytes(stream)
    except ValueError as error:
        raise ValueError("not a list of bytes") from error
    if len(packed) < 4:
        raise ValueError("it ends early")
    head = int.from_bytes(packed[:7].ljust(7, b"\0"), "big")  # the last 3 of its 56 bits are the runs'
    total = head >> 24
    if total != height * width * 4:
        raise ValueError(
            f"it holds {total} values, an RGBA picture of {width} x {height} has {height * width * 4}"
        )
    if len(packed) < 7:
        raise ValueError("it ends early")
    word = (head >> 19 & 31) + 1
    sizes = [(head >> shift & 15) + 1 for shift in (15, 11, 7, 3)]
    if word != 8:
        raise ValueError(f"its values have {word} bits, not 8")
    return _values(packed, sizes, total)[3::4].reshape(height, width) > 0


def _values(stream: bytes, sizes: Sequence[int], total: int) -> NDArray[np.uint8]:
    """All values that the runs hold."""
    found = np.empty(total, np.uint8)
    at = 0
    for window in _runs(stream, sizes):
        stops = at + np.cumsum(window.lengths)
        runs = window.first(int(np.searchsorted(stops, total)) + 1)
        stop = int(stops[len(runs.ends) - 1])
        if runs.ends[-1] > 8 * len(stream):
            break
        if stop > total:
            raise ValueError("it holds more values than it says")
        found[at:stop] = np.repeat(runs.values, runs.lengths)
        for number in np.flatnonzero(~runs.are_repeated).tolist():
            values = _one_by_one(stream, int(runs.ends[number]), int(runs.lengths[number]))
            found[stops[number] - len(values) : stops[number]] = np.frombuffer(values, np.uint8)
        at = stop
        if at == total:
            return found
    raise ValueError("it ends early")


def _one_by_one(stream: bytes, end: int, length: int) -> bytes:
    """So many values, of eight bits each, before a bit."""
    begin = end - 8 * length
    touched = int.from_bytes(stream[begin >> 3 : (end + 7) >> 3], "big") >> (-end & 7)
    return (touched & ((1 << 8 * length) - 1)).to_bytes(length, "big")


class _Runs(NamedTuple):
    """Runs in the order of their stream: whether one value is repeated, that value, how many there are, and the bit behind."""

    are_repeated: NDArray[np.bool_]
    values: NDArray[np.uint8]
    lengths: NDArray[np.int64]
    ends: NDArray[np.int64]

    def first(self, count: int) -> _Runs:
        """The first ones."""
        return _Runs(self.are_repeated[:count], self.values[:count], self.lengths[:count], self.ends[:count])


def _runs(stream: bytes, sizes: Sequence[int]) -> Iterator[_Runs]:
    """All runs, a window of the stream at a time; the last ones of a window may reach behind it, or the stream."""
    size_of, padded = np.array(sizes, np.int64), np.frombuffer(stream + bytes(5), np.uint8)
    bit = _HEAD
    while bit < 8 * len(stream):
        begins, bit = _begins(stream, sizes, bit)
        at = np.array(begins, np.int64)
        codes = np.zeros(len(at), np.int64)
        for place in range(5):
            codes = codes << 8 | padded[(at >> 3) + place]
        codes >>= 13 - (at & 7)
        size = size_of[codes >> 24 & 3]
        lengths = (codes >> (24 - size) & ((1 << size) - 1)) + 1
        are_repeated = (codes >> 26 & 1).astype(np.bool_)
        values = (codes >> (16 - size)).astype(np.uint8)
        yield _Runs(are_repeated, values, lengths, at + 3 + size + 8 * np.where(are_repeated, 1, lengths))


def _begins(stream: bytes, sizes: Sequence[int], bit: int) -> tuple[list[int], int]:
    """The bits that runs begin with, from one on up to the end of a window; and the first one behind it.

    Where the next run begins is looked up, by the first three bits of this one, which takes a tenth of reckoning it.
    """
    origin = bit & ~7
    window = np.frombuffer(stream, np.uint8)[origin >> 3 : (origin >> 3) + _WINDOW + 1]
    bits = np.append(np.unpackbits(window), (0, 0)).astype(np.uint8)
    kinds = bits[:-2] << 2 | bits[1:-1] << 1 | bits[2:]
    widths = np.array([0] * 4 + [3 + size + 8 for size in sizes], np.uint8)[kinds].tobytes()
    begins: list[int] = []
    at, end = bit - origin, min(8 * _WINDOW, 8 * len(window))
    while at < end:
        begins.append(at + origin)
        width = widths[at]
        if not width:
            size = sizes[kinds[at]]
            begin = at + origin + 3
            touched = int.from_bytes(stream[begin >> 3 : (begin >> 3) + 3].ljust(3, b"\0"), "big")
            width = 3 + size + 8 * ((touched >> (24 - (begin & 7) - size) & ((1 << size) - 1)) + 1)
        at += width
    return begins, at + origin


def encode(mask: Mask) -> list[int]:
    """The stream of a mask: pixels of it are white and opaque, all others black and clear."""
    pixels = mask.reshape(-1)
    edges = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    lengths = 4 * np.diff(edges, prepend=0, append=pixels.size)
    head = [(4 * pixels.size, 32), (7, 5), *((size - 1, 4) for size in _SIZES)]
    bits = [_bits(*np.array(head, np.int64).T)]
    for at in range(0, len(lengths), _TOGETHER):
        bits.append(_of_runs(lengths[at : at + _TOGETHER], 255 if pixels[0] else 0))
    found: list[int] = np.packbits(np.concatenate(bits)).tolist()
    return found


def _of_runs(lengths: NDArray[np.int64], first: int) -> NDArray[np.bool_]:
    """The bits of runs of 0 and of 255 in turn."""
    values = np.where(np.arange(len(lengths)) % 2 == 0, first, 255 - first)
    # A run that is too long for one code is several, all but the last as long as can be.
    counts = -(-lengths // _LONGEST)
    steps = np.full(counts.sum(), _LONGEST, np.int64)
    steps[np.cumsum(counts) - 1] = lengths - (counts - 1) * _LONGEST
    sizes = np.searchsorted(np.left_shift(1, _SIZES), steps)
    widths = np.array(_SIZES, np.int64)[sizes]
    return _bits(((4 | sizes) << widths | steps - 1) << 8 | np.repeat(values, counts), 3 + widths + 8)


def _bits(numbers: NDArray[np.int64], widths: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Numbers one after the other, each in so many bits."""
    ends = np.cumsum(widths)
    shifts = np.repeat(ends, widths) - np.arange(1, ends[-1] + 1)
    return (np.repeat(numbers, widths) >> shifts & 1).astype(np.bool_)
