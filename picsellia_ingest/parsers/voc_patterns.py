"""Layouts of VOC files, learnt from files that have them: an expression with a group for every text, and what the groups hold.

A layout is the tags and the blanks between elements as they are. What voc_xml.value would give of a file that matches is
known once, with the numbers of groups in the place of texts.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from operator import itemgetter
from types import NoneType
from typing import Any, TypeAlias, cast

from .voc_attributes import CORNERS

OPEN, CLOSED = "<object>", "</object>"
_DEEPEST, _LONGEST = 8, 1 << 13
"""Levels of elements, and characters, that a layout may have."""

_TEXT = r"[^<&>\x00-\x08\x0b-\x1f\ufffe\uffff]*"
_TAG = re.compile(rf"<(/?)([A-Za-z_][A-Za-z0-9_.-]*)>({_TEXT})")
_NUMBER = re.compile(r"[ \t\n]*((?:0|[1-9][0-9]{0,6})(?:\.[0-9]{1,20})?)[ \t\n]*")
_DECLARED = re.compile(
    r"""<\?xml[ \t]+version=["']1\.0["'](?:[ \t]+encoding=["'](?:utf|UTF)-8["'])?[ \t]*\?>"""
)
_ROOT = re.compile(
    r"""[ \t\n]*<annotation((?:[ \t]+(?!xmlns)[A-Za-z_][A-Za-z0-9_.-]*="[^"<&>\x00-\x1f]*")*)>[ \t\n]*(?=<)"""
)
_SAID = re.compile(r"""([^\s=]+)="([^"]*)\"""")
_NOT_PLAIN = frozenset({"polygon", "robndbox", "deleted"})

_Sides: TypeAlias = tuple[int | None, int | None]
_Token: TypeAlias = tuple[str, str, str]


@dataclass(frozen=True, slots=True, eq=False)
class ObjectLayout:
    """A layout of an object: groups by what they hold, ``rest`` the attributes with the numbers of groups for texts."""

    match: Callable[[str], re.Match[str] | None]
    label: int
    corners: Callable[[Sequence[str]], Sequence[str]]
    rest: dict[str, Any]


@dataclass(frozen=True, slots=True, eq=False)
class FrameLayout:
    """A layout of what stands around the objects, which are one empty element there; ``line`` is the root's."""

    match: Callable[[str], re.Match[str] | None]
    name: int | None
    sides: _Sides
    rest: dict[str, Any]
    line: int


def learn_object(text: str) -> ObjectLayout | None:
    """The layout of the object that a text, without its opening tag, begins with."""
    tokens = _tokens(OPEN + text[: text.find(CLOSED) + len(CLOSED)], 0)
    found = _tree({}, tokens, "object", 1)
    if found is None or tokens[0][2].strip() or not _NOT_PLAIN.isdisjoint(found):
        return None
    label, box = found.pop("name", None), found.pop("bndbox", None)
    if type(label) is not int or type(box) is not dict or box.keys() != set(CORNERS):
        return None
    corners = [box[corner] for corner in CORNERS]
    leaves = _leaves(tokens)
    if not all(type(at) is int and _NUMBER.fullmatch(leaves[at]) for at in corners):
        return None
    pattern = re.compile(_pattern(tokens, frozenset(corners)).removeprefix(OPEN))
    return ObjectLayout(pattern.match, label, itemgetter(*corners), found)


def learn_frame(text: str) -> FrameLayout | None:
    """The layout of a file without its objects."""
    declared = _DECLARED.match(text)
    root = _ROOT.match(text, declared.end() if declared is not None else 0)
    if root is None:
        return None
    said = _SAID.findall(root[1])
    named: dict[str, Any] = {f"@{key}": value for key, value in said}
    tokens = _tokens(text, root.end())
    found = _tree(named, tokens, "annotation", 0) if len(named) == len(said) else None
    if found is None or (OPEN in text and type(found.pop("object", None)) is not int):
        return None
    name, size = found.pop("filename", None), found.pop("size", {})
    sides = (size.pop("width", None), size.pop("height", None)) if type(size) is dict else ("", "")
    if not {type(name), *map(type, sides)} <= {int, NoneType}:
        return None
    if size:
        found["size"] = size
    pattern = re.compile(re.escape(text[: root.end()]) + _pattern(tokens, frozenset()))
    line = text.count("\n", 0, text.index("<annotation")) + 1
    return FrameLayout(pattern.fullmatch, name, cast("_Sides", sides), found, line)


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


def _pattern(tokens: Sequence[_Token], numbers: frozenset[int]) -> str:
    """Tags and the blanks between elements as they are, a group for each text; some are ``numbers``."""
    found: list[str] = []
    leaves = 0
    for at, (slash, name, rest) in enumerate(tokens):
        found.append(re.escape(f"<{slash}{name}>"))
        if not _is_leaf(tokens, at):
            found.append(re.escape(rest))
            continue
        found.append(_NUMBER.pattern if leaves in numbers else f"({_TEXT})")
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
