"""The images of one COCO file, and which of them an image id means.

They are decoded a window at a time. Where every image has a name and a whole number of its own for an id, as nearly all
files have it, names and arrays are all that is kept, on disk where they are large. Otherwise images are read again one
by one (coco_odd_images).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import numpy as np

from ..problems import OnProblem
from .coco_odd_images import NAMING, Images, OddImages, warn_of_repeated_names, whole_number
from .coco_owners import HUGE, Owners, numbered
from .jsonfile import JsonFile
from .jsonspans import Window
from .jsontext import repeated_key
from .many_names import NameColumn
from .scratch import Column, IntArray, Scratch, several


class _PlainRow(msgspec.Struct, gc=False):
    id: int
    file_name: str


PLAIN = msgspec.json.Decoder(list[_PlainRow])
"""Decodes images as nearly all are."""


def read(
    file: JsonFile, windows: Iterator[Window[_PlainRow]], scratch: Scratch, on_problem: OnProblem
) -> Images:
    """The images among the elements of the array; those that cannot be named are reported."""
    reader = _Reader(file, scratch, on_problem)
    for window in windows:
        reader.take(window)
    return reader.images()


class _Reader:
    def __init__(self, file: JsonFile, scratch: Scratch, on_problem: OnProblem) -> None:
        self.file, self.scratch, self.on_problem = file, scratch, on_problem
        self.starts, self.lengths = (Column(scratch, np.int64, shared=True) for _ in range(2))
        self.ids, self.hashes = (Column(scratch, np.int64) for _ in range(2))
        self.names = NameColumn(scratch)
        self.is_plain = True
        """Whether so far every image has a name, and a whole number for an id."""

    def take(self, window: Window[_PlainRow]) -> None:
        """Take the next elements in."""
        self.starts.add(window.starts)
        self.lengths.add(window.lengths)
        names = [row.file_name for row in window.rows or ()]
        ids = _numbers([row.id for row in window.rows or ()])
        if window.rows is None or ids is None:
            self.is_plain = False
            ids = np.array([key for key in map(whole_number, window.elements()) if key is not None], np.int64)
        self.ids.add(ids)
        self.is_plain = self.is_plain and all(map(str.strip, names)) and _name_once(window)
        if self.is_plain:
            self.names.add(names)
            self.hashes.add(np.fromiter(map(hash, names), np.int64, len(names)))

    def images(self) -> Images:
        """All images."""
        starts, lengths, ids = self.starts.array(), self.lengths.array(), self.ids.array()
        places = range(len(starts))
        numbers = numbered(ids, places, self.scratch) if self.is_plain else None
        if numbers is None:
            repeated = several(ids, self.scratch)
            return OddImages(self.file, repeated, self.scratch, self.on_problem).read(starts, lengths)
        found = Images(self.names.all(), places, starts, lengths, Owners(numbers))
        warn_of_repeated_names(self.file, self.on_problem, found, places, self.hashes.array(), self.scratch)
        return found


def _numbers(values: list[int]) -> IntArray | None:
    """Ids as an array; None when one is too large to be looked up in it."""
    try:
        found = np.array(values, np.int64)
    except OverflowError:
        return None
    return None if (found <= -HUGE).any() or (found >= HUGE).any() else found


def _name_once(window: Window[_PlainRow]) -> bool:
    """Whether no image has a key of those that name it twice.

    Each has both. So where they stand as often as there are images, each has them once, if none is written with escapes.
    """
    text, count = window.text, len(window.starts)
    if b"\\" not in text and all(text.count(b'"%b"' % key) == count for key in (b"id", b"file_name")):
        return True
    return all(repeated_key(element, NAMING) is None for element in window.elements())
