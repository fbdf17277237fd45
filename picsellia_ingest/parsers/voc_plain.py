"""The quick way to a VOC file that is as nearly all are: elements without attributes, whole-numbered boxes, nothing to say.

The text is cut into tags and what follows each; a small loop makes of them what voc_xml.value makes of elements. Whatever
is not plainly in order - an entity, a comment, an attribute, a polygon, a box past the edge - is None here and goes the
long way, which knows what to say of it. Both ways give equal records, which a test holds for any file.
"""

from __future__ import annotations

import re
from typing import Any, TypeAlias

from ..model import ImageRecord, Instance, Rectangle
from ..problems import Place
from .checks import Size, usable_label
from .numbers import positive_int
from .voc_attributes import CORNERS

_LARGEST = 1 << 20
_DEEPEST = 8
_DECLARED = re.compile(
    r"""\ufeff?<\?xml\s+version=["']1\.0["'](?:\s+encoding=["'](?:utf|UTF)-8["'])?\s*\?>"""
)
_TAG = re.compile(r"<(/?)([A-Za-z_][A-Za-z0-9_.-]*)>([^<&>\x00-\x08\x0b-\x1f\ufffe\uffff]*)")
_WHOLE = re.compile(r"\s*(?:0|[1-9][0-9]{0,6})\s*", re.ASCII)
_ROOT = re.compile(
    r"""\s*<annotation((?:\s+[A-Za-z_][A-Za-z0-9_.-]*="[^"<&>\x00-\x1f]*")*)>\s*(?=<)""", re.ASCII
)
_SAID = re.compile(r"""([^\s=]+)="([^"]*)\"""")
_NOT_PLAIN = frozenset({"polygon", "robndbox", "deleted", "attributes"})

Corners: TypeAlias = tuple[float, float, float, float]


def plain_record(data: bytes, shown: str, stem: str) -> tuple[ImageRecord, list[Corners]] | None:
    """The record of a file that is plainly in order, with the corners of its boxes as written (xmin, ymin, xmax, ymax)."""
    try:
        text = data.decode() if len(data) <= _LARGEST else ""
    except UnicodeDecodeError:
        return None
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    root = _tree(text)
    if root is None:
        return None
    objects, filename, size = root.pop("object", []), root.pop("filename", ""), root.pop("size", {})
    stated = _size(size)
    if stated is None or type(filename) is not str:
        return None
    found = [_instance(one, stated) for one in (objects if type(objects) is list else [objects])]
    kept = [one for one in found if one is not None]
    if len(kept) < len(found):
        return None
    if size:
        root["size"] = size
    line = text.count("\n", 0, text.index("<annotation")) + 1
    instances = tuple(instance for instance, _ in kept)
    record = ImageRecord(filename.strip() or stem, *stated, instances, (), root, place=Place(shown, line))
    return record, [corners for _, corners in kept]


def _tree(text: str) -> dict[str, Any] | None:
    """What the root element holds, as voc_xml.value gives it; None for anything but plain elements and text."""
    declared = _DECLARED.match(text)
    root = _ROOT.match(text, declared.end() if declared is not None else 0)
    if root is None:
        return None
    tokens = _TAG.findall(text, root.end())
    length = sum([len(slash) + len(name) + len(rest) + 2 for slash, name, rest in tokens])
    said = _SAID.findall(root[1])
    found: dict[str, Any] = {f"@{key}": value for key, value in said}
    if length != len(text) - root.end() or len(found) != len(said):
        return None  # something between the tags is no plain text
    try:
        end = _inside(found, tokens, 0, "annotation", 1)
    except (ValueError, IndexError):
        return None
    return found if end == len(tokens) - 1 and not tokens[end][2].strip() else None


_Token = tuple[str, str, str]


def _inside(found: dict[str, Any], tokens: list[_Token], at: int, name: str, depth: int) -> int:
    """Fill in the children of an element from a token on; where it is closed. Raises ValueError, IndexError when odd."""
    while True:
        slash, tag, rest = tokens[at]
        if slash:
            if tag != name:
                raise ValueError(tag)
            return at
        end = at + 1
        inner: Any = rest
        if not tokens[end][0]:
            if rest.strip() or depth > _DEEPEST:
                raise ValueError(rest)
            inner = {}
            end = _inside(inner, tokens, end, tag, depth + 1)
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


def _size(size: Any) -> Size | None:
    """Width and height as stated, which are taken out; None where something is to be said of them."""
    if type(size) is not dict:
        return None
    sides = [size.pop(side, "") for side in ("width", "height")]
    if not all(type(side) is str for side in sides):
        return None
    pixels = [positive_int(side.strip()) if side.strip() else None for side in sides]
    if any(side.strip() and found is None for side, found in zip(sides, pixels, strict=True)):
        return None
    return pixels[0], pixels[1]


def _instance(found: Any, size: Size) -> tuple[Instance, Corners] | None:
    if type(found) is not dict or not _NOT_PLAIN.isdisjoint(found):
        return None
    name, box = found.pop("name", None), found.pop("bndbox", None)
    if (
        type(name) is not str
        or not usable_label(name.strip())
        or type(box) is not dict
        or len(box) != len(CORNERS)
    ):
        return None
    numbers = [_whole(box.get(corner)) for corner in CORNERS]
    if None in numbers:
        return None
    left, top, right, bottom = (value for value in numbers if value is not None)
    across, down = size[0] or right, size[1] or bottom
    if not (left < right <= across and top < bottom <= down):
        return None
    rectangle = Rectangle(left, top, right - left, bottom - top)
    return Instance(name.strip(), rectangle, None, (), found), (left, top, right, bottom)


def _whole(written: object) -> int | None:
    return int(written) if type(written) is str and _WHOLE.fullmatch(written) else None
