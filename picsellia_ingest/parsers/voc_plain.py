"""The quick way to a VOC file that is as nearly all are: elements without attributes, boxes alone, nothing to say.

A tool writes few layouts. Each is learnt from the first file that has it, as a regular expression with a group for every
text, and matches the others: one of an object, and one of what stands around the objects. Whatever is not plainly in
order - an entity, a comment, an attribute, a polygon, a box past the edge - is None here and goes the long way, which
knows what to say of it. Both ways give equal records, which a test holds for any file.
"""

from __future__ import annotations

import os
import re
import stat
from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeAlias, TypeVar

import msgspec

from ..model import ImageRecord, Instance, Rectangle
from ..problems import Place
from .checks import SLIVER, Size, usable_label
from .numbers import plain_decimals, positive_int
from .voc_attributes import far_edges, named_values
from .voc_patterns import CLOSED, OPEN, FrameLayout, ObjectLayout, learn_frame, learn_object

_LARGEST = 1 << 20
_LAYOUTS = 32
"""Layouts that are kept: a source with more goes the long way."""
_READ = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)

_OUTLINED = ("<polygon>", "<robndbox>")
"""What no layout has, told before one is looked for."""

Corners: TypeAlias = tuple[float, float, float, float]
_NO_BOX = (0.0, 0.0, 0.0, 0.0)


def content(path: str) -> bytes | None:
    """The content of a small, regular file; None of any other, and where it cannot be read."""
    try:
        handle = os.open(path, _READ)
    except OSError:
        return None
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode) or status.st_size > _LARGEST:
            return None
        data = os.read(handle, status.st_size + 1)
        return data if len(data) == status.st_size else None
    except OSError:
        return None
    finally:
        os.close(handle)


class PlainFile(msgspec.Struct):
    """What a file holds. ``corners`` are those of the boxes as written: xmin, ymin, xmax, ymax."""

    name: str
    size: Size
    labels: list[str]
    corners: list[Corners]
    _frame: FrameLayout
    _texts: Sequence[str]
    _objects: list[tuple[ObjectLayout, Sequence[str]]]

    def record(self, shown: str, name: str) -> ImageRecord:
        """Its record, under its name or another where it has none."""
        found = zip(self.labels, self.corners, self._objects, strict=True)
        instances = tuple([_instance(label, corners, *of) for label, corners, of in found])
        attributes = _filled(self._frame.rest, self._texts)
        place = Place(shown, self._frame.line)
        return ImageRecord(name, *self.size, instances, (), attributes, place=place)


class PlainFiles:
    """Reads the files of one source, and learns their layouts."""

    def __init__(self) -> None:
        self._objects: list[ObjectLayout] = []
        self._frames: list[FrameLayout] = []

    def read(self, data: bytes) -> PlainFile | None:
        """What a file of this content holds; None when it is not plainly in order."""
        try:
            text = data.removeprefix(BOM_UTF8).decode() if len(data) <= _LARGEST else ""
        except UnicodeDecodeError:
            return None
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        if any(tag in text for tag in _OUTLINED):
            return None
        around, *parts = text.split(OPEN)
        objects: list[tuple[ObjectLayout, Sequence[str]]] = []
        behind = ""
        for part in parts:
            one = _matching(self._objects, part, learn_object)
            if one is None or behind.strip():
                return None
            layout, match = one
            objects.append((layout, match.groups()))
            behind = part[match.end() :]
        if parts:
            around = f"{around}{OPEN}{CLOSED}{behind}"
        frame = _matching(self._frames, around, learn_frame)
        return None if frame is None else _checked(frame[0], frame[1].groups(), objects)


def _checked(
    frame: FrameLayout, texts: Sequence[str], objects: list[tuple[ObjectLayout, Sequence[str]]]
) -> PlainFile | None:
    at_width, at_height = frame.sides
    size = _size("" if at_width is None else texts[at_width], "" if at_height is None else texts[at_height])
    if size is None:
        return None
    width, height = size
    labels: list[str] = []
    corners: list[Corners] = []
    for layout, own in objects:
        label = own[layout.label].strip()
        left, top, right, bottom = box = _corners(layout.corners(own))
        if not (left < right <= (width or right) and top < bottom <= (height or bottom) and _usable(label)):
            return None
        if min(right - left, bottom - top) < SLIVER:
            return None
        labels.append(label)
        corners.append(box)
    name = "" if frame.name is None else texts[frame.name].strip()
    return PlainFile(name, size, labels, corners, frame, texts, objects)


def _corners(words: Sequence[str]) -> Corners:
    found: Sequence[float]
    try:
        found = tuple(map(int, words))
    except ValueError:
        found = plain_decimals(words) or _NO_BOX
    left, top, right, bottom = found
    return left, top, right, bottom


def _instance(label: str, corners: Corners, layout: ObjectLayout, texts: Sequence[str]) -> Instance:
    """An object, with the attributes that voc_attributes.read gives it."""
    left, top, right, bottom = corners
    box = Rectangle(left, top, right - left, bottom - top)
    said = _filled(layout.rest, texts)
    if type(box.width + box.height) is float:  # whole numbers are given back
        said |= far_edges(box, layout.corners(texts)[2:])
    if "attributes" in said and (named := named_values(said["attributes"])) is not None:
        said["attributes"] = named
    return Instance(label, box, None, (), said)


_usable = lru_cache(4096)(usable_label)


@lru_cache(4096)
def _size(width: str, height: str) -> Size | None:
    """Width and height as stated; None where something is to be said of them."""
    found: list[int | None] = []
    for side in (width.strip(), height.strip()):
        pixels = positive_int(side) if side else None
        if side and pixels is None:
            return None
        found.append(pixels)
    return found[0], found[1]


def _filled(rest: dict[str, Any], texts: Sequence[str]) -> dict[str, Any]:
    return {key: texts[at] if type(at) is int else _value(at, texts) for key, at in rest.items()}


def _value(at: Any, texts: Sequence[str]) -> Any:
    if type(at) is int:
        return texts[at]
    if type(at) is list:
        return [_value(one, texts) for one in at]
    return _filled(at, texts) if type(at) is dict else at


_Layout = TypeVar("_Layout", ObjectLayout, FrameLayout)


def _matching(
    layouts: list[_Layout], text: str, learn: Callable[[str], _Layout | None]
) -> tuple[_Layout, re.Match[str]] | None:
    """The layout that a text has, and its match; the one last seen is tried first."""
    for layout in layouts:
        if (match := layout.match(text)) is not None:
            if layout is not layouts[0]:
                layouts.remove(layout)
                layouts.insert(0, layout)
            return layout, match
    new = learn(text) if len(layouts) < _LAYOUTS else None
    if new is None or (match := new.match(text)) is None:
        return None
    layouts.insert(0, new)
    return new, match
