"""The quick way to a VOC file that is as nearly all are: elements without attributes, whole-numbered boxes, nothing to say.

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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from operator import itemgetter
from types import NoneType
from typing import Any, TypeAlias, TypeVar, cast

import msgspec

from ..model import ImageRecord, Instance, Rectangle
from ..problems import Place
from .checks import Size, usable_label
from .numbers import positive_int
from .voc_attributes import CORNERS

_LARGEST = 1 << 20
_DEEPEST = 8
_LAYOUTS, _LONGEST = 32, 1 << 13
"""Layouts that are kept, and characters that one may have: a source with more goes the long way."""

_TEXT = r"[^<&>\x00-\x08\x0b-\x1f\ufffe\uffff]*"
_TAG = re.compile(rf"<(/?)([A-Za-z_][A-Za-z0-9_.-]*)>({_TEXT})")
_WHOLE = re.compile(r"[ \t\n]*(0|[1-9][0-9]{0,6})[ \t\n]*")
_DECLARED = re.compile(
    r"""(?:<\?xml[ \t]+version=["']1\.0["'](?:[ \t]+encoding=["'](?:utf|UTF)-8["'])?[ \t]*\?>)?"""
)
_ROOT = re.compile(
    r"""[ \t\n]*<annotation((?:[ \t]+(?!xmlns)[A-Za-z_][A-Za-z0-9_.-]*="[^"<&>\x00-\x1f]*")*)>[ \t\n]*(?=<)"""
)
_SAID = re.compile(r"""([^\s=]+)="([^"]*)\"""")
_NOT_PLAIN = frozenset({"polygon", "robndbox", "deleted", "attributes"})
_OPEN, _CLOSED = "<object>", "</object>"
_OPEN_ONLY = os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_NONBLOCK", 0)

Corners: TypeAlias = tuple[int, int, int, int]
_Sides: TypeAlias = tuple[int | None, int | None]


def content(path: str) -> bytes | None:
    """The content of a small, regular file; None of any other, and where it cannot be read."""
    try:
        handle = os.open(path, _OPEN_ONLY)
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


@dataclass(frozen=True, slots=True, eq=False)
class _Object:
    """A layout of an object: groups by what they hold, ``rest`` the attributes with the numbers of groups for texts."""

    match: Callable[[str], re.Match[str] | None]
    label: int
    corners: Callable[[Sequence[str]], Sequence[str]]
    rest: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """A layout of what stands around the objects, which are one empty element there; ``line`` is the root's."""

    match: Callable[[str], re.Match[str] | None]
    name: int | None
    sides: _Sides
    rest: dict[str, Any]
    line: int


class PlainFile(msgspec.Struct):
    """What a file holds. ``corners`` are those of the boxes as written: xmin, ymin, xmax, ymax."""

    name: str
    size: Size
    labels: list[str]
    corners: list[Corners]
    _frame: _Frame
    _texts: Sequence[str]
    _objects: list[tuple[_Object, Sequence[str]]]

    def record(self, shown: str, name: str) -> ImageRecord:
        """Its record, under its name or another where it has none."""
        instances = tuple(
            [
                Instance(
                    label,
                    Rectangle(left, top, right - left, bottom - top),
                    None,
                    (),
                    _filled(one.rest, texts),
                )
                for label, (left, top, right, bottom), (one, texts) in zip(
                    self.labels, self.corners, self._objects, strict=True
                )
            ]
        )
        attributes = _filled(self._frame.rest, self._texts)
        place = Place(shown, self._frame.line)
        return ImageRecord(name, *self.size, instances, (), attributes, place=place)


class PlainFiles:
    """Reads the files of one source, and learns their layouts."""

    def __init__(self) -> None:
        self._objects: list[_Object] = []
        self._frames: list[_Frame] = []

    def read(self, data: bytes) -> PlainFile | None:
        """What a file of this content holds; None when it is not plainly in order."""
        try:
            text = data.removeprefix(BOM_UTF8).decode() if len(data) <= _LARGEST else ""
        except UnicodeDecodeError:
            return None
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        around, *parts = text.split(_OPEN)
        objects: list[tuple[_Object, Sequence[str]]] = []
        behind = ""
        for part in parts:
            one = _matching(self._objects, part, _learn_object)
            if one is None or behind.strip():
                return None
            layout, match = one
            objects.append((layout, match.groups()))
            behind = part[match.end() :]
        if parts:
            around = f"{around}{_OPEN}{_CLOSED}{behind}"
        frame = _matching(self._frames, around, _learn_frame)
        return None if frame is None else _checked(frame[0], frame[1].groups(), objects)


def _checked(
    frame: _Frame, texts: Sequence[str], objects: list[tuple[_Object, Sequence[str]]]
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
        near_x, near_y, far_x, far_y = layout.corners(own)
        left, top, right, bottom = box = int(near_x), int(near_y), int(far_x), int(far_y)
        if not (left < right <= (width or right) and top < bottom <= (height or bottom) and _usable(label)):
            return None
        labels.append(label)
        corners.append(box)
    name = "" if frame.name is None else texts[frame.name].strip()
    return PlainFile(name, size, labels, corners, frame, texts, objects)


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


_Layout = TypeVar("_Layout", _Object, _Frame)


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


def _learn_object(text: str) -> _Object | None:
    """The layout of the object that a text, without its opening tag, begins with."""
    tokens = _tokens(_OPEN + text[: text.find(_CLOSED) + len(_CLOSED)], 0)
    found = _tree({}, tokens, "object", 1)
    if found is None or tokens[0][2].strip() or not _NOT_PLAIN.isdisjoint(found):
        return None
    label, box = found.pop("name", None), found.pop("bndbox", None)
    if type(label) is not int or type(box) is not dict or box.keys() != set(CORNERS):
        return None
    corners = [box[corner] for corner in CORNERS]
    leaves = _leaves(tokens)
    if not all(type(at) is int and _WHOLE.fullmatch(leaves[at]) for at in corners):
        return None
    pattern = re.compile(_pattern(tokens, frozenset(corners)).removeprefix(_OPEN))
    return _Object(pattern.match, label, itemgetter(*corners), found)


def _learn_frame(text: str) -> _Frame | None:
    """The layout of a file without its objects."""
    declared = _DECLARED.match(text)
    root = _ROOT.match(text, declared.end() if declared is not None else 0)
    if root is None:
        return None
    said = _SAID.findall(root[1])
    named: dict[str, Any] = {f"@{key}": value for key, value in said}
    tokens = _tokens(text, root.end())
    found = _tree(named, tokens, "annotation", 0) if len(named) == len(said) else None
    if found is None or (_OPEN in text and type(found.pop("object", None)) is not int):
        return None
    name, size = found.pop("filename", None), found.pop("size", {})
    sides = (size.pop("width", None), size.pop("height", None)) if type(size) is dict else ("", "")
    if not {type(name), *map(type, sides)} <= {int, NoneType}:
        return None
    if size:
        found["size"] = size
    pattern = re.compile(re.escape(text[: root.end()]) + _pattern(tokens, frozenset()))
    line = text.count("\n", 0, text.index("<annotation")) + 1
    return _Frame(pattern.fullmatch, name, cast("_Sides", sides), found, line)


_Token = tuple[str, str, str]


def _tokens(text: str, start: int) -> list[_Token]:
    """Every tag with the text behind it, as (slash, name, text); none when there is anything else."""
    if len(text) > _LONGEST:
        return []
    tokens = _TAG.findall(text, start)
    length = sum([len(slash) + len(name) + len(rest) + 2 for slash, name, rest in tokens])
    return tokens if length == len(text) - start else []


def _is_leaf(tokens: Sequence[_Token], at: int) -> bool:
    """Whether a tag opens an element that holds text, or nothing."""
    return not tokens[at][0] and at + 1 < len(tokens) and bool(tokens[at + 1][0])


def _leaves(tokens: Sequence[_Token]) -> list[str]:
    return [rest for at, (_, _, rest) in enumerate(tokens) if _is_leaf(tokens, at)]


def _pattern(tokens: Sequence[_Token], whole: frozenset[int]) -> str:
    """Tags and the blanks between elements as they are, a group for each text; those of ``whole`` are whole numbers."""
    found: list[str] = []
    leaves = 0
    for at, (slash, name, rest) in enumerate(tokens):
        found.append(re.escape(f"<{slash}{name}>"))
        if not _is_leaf(tokens, at):
            found.append(re.escape(rest))
            continue
        found.append(_WHOLE.pattern if leaves in whole else f"({_TEXT})")
        leaves += 1
    return "".join(found)


def _tree(found: dict[str, Any], tokens: list[_Token], name: str, start: int) -> dict[str, Any] | None:
    """What an element holds from a token on, as voc_xml.value gives it, its texts by their number; None if it is odd."""
    try:
        end = _inside(found, tokens, start, (name,), count())
    except (ValueError, IndexError):
        return None
    return found if end == len(tokens) - 1 and not tokens[end][2].strip() else None


def _inside(
    found: dict[str, Any], tokens: list[_Token], at: int, names: tuple[str, ...], numbers: Iterator[int]
) -> int:
    """Fill in the children of the last element named, from a token on; where it is closed. Raises ValueError, IndexError when odd."""
    while True:
        slash, tag, rest = tokens[at]
        if slash:
            if tag != names[-1]:
                raise ValueError(tag)
            return at
        end = at + 1
        inner: Any
        if tokens[end][0]:
            inner = next(numbers)
        else:
            if rest.strip() or len(names) > _DEEPEST:
                raise ValueError(rest)
            inner = {}
            end = _inside(inner, tokens, end, (*names, tag), numbers)
        _, closed, tail = tokens[end]
        if closed != tag or tail.strip():
            raise ValueError(tail)
        _put(found, tag, inner)
        at = end + 1


def _put(found: dict[str, Any], tag: str, inner: Any) -> None:
    if tag not in found:
        found[tag] = inner
    elif type(found[tag]) is list:
        found[tag].append(inner)
    else:
        found[tag] = [found[tag], inner]
