"""The part of YAML that the ``data.yaml`` of a YOLO dataset uses, read strictly.

A document is a list of top-level keys. Each keeps its text verbatim, so that a key nobody reads here is written back
as it was; ``value`` reads one: a scalar, or one level of a list or an object, in a block or in brackets. Scalars stay
text. Anything else (anchors, tags, deeper nesting, text over several lines) is refused with its line, never guessed at.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TypeAlias

Value: TypeAlias = "str | list[str] | dict[str, str]"

_DOUBLE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"', re.S)
_SINGLE = re.compile(r"'[^']*(?:''[^']*)*'")
_COLON = re.compile(r":(?=\s|$)")
_PLAIN = re.compile(r"[A-Za-z_/][\w/-]*( [\w/-]+)*", re.ASCII)
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "null", "y", "n"))


class YamlError(ValueError):
    """Text outside the subset; ``line`` counts from 1."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def sections(text: str) -> dict[str, tuple[str, int]]:
    """The text after the colon of every top-level key, up to the next one, and its line. Raises YamlError."""
    found: dict[str, tuple[list[str], int]] = {}
    key = ""
    for number, line in enumerate(text.splitlines(), start=1):
        if line.rstrip() == "---" and not found:
            continue
        if not line.strip() or line[0] in " \t#]}" or (line[0] == "-" and line[1:2] in " "):
            if key:
                found[key][0].append(line)
            continue
        key, rest = _pair(line, number)
        if key in found:
            raise YamlError(f"{key!r} stands twice", number)
        found[key] = ([rest], number)
    return {key: ("\n".join(lines).rstrip(), number) for key, (lines, number) in found.items()}


def value(text: str, line: int) -> Value:
    """The value that the text of a section is. Raises YamlError."""
    rows = [
        (number, "".join(_pieces(row.strip(), number)).strip())
        for number, row in enumerate(text.split("\n"), line)
    ]
    rows = [(number, row) for number, row in rows if row]
    if not rows:
        return ""
    first = rows[0][1]
    if first[0] in "[{" and rows[0][0] == line:
        return _flow(" ".join(row for _, row in rows), line)
    if rows[0][0] == line:
        if len(rows) > 1:
            raise YamlError(f"a value over several lines is not understood: {first!r:.60}", line)
        return _scalar(first, line)
    if first[0] == "-":
        return [
            _scalar(row[1:].strip(), number)
            for number, row in rows
            if _is(row[:2].strip() == "-", row, number)
        ]
    return _object(rows)


def quoted(text: str) -> str:
    """A scalar as YAML that reads back as the same text, in any reader."""
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    return json.dumps(text, ensure_ascii=not text.isprintable())


def _pieces(text: str, line: int) -> Iterator[str]:
    """Quoted scalars, each whole, and all other characters one by one; comments are left out."""
    at, before = 0, "["
    while at < len(text):
        piece = text[at]
        if piece in "\"'" and before in ("[", "{", ",", ":", "-"):
            piece = _whole(text, at, line)
        elif piece == "#" and (at == 0 or text[at - 1] in " \t"):
            return
        at += len(piece)
        if not piece.isspace():
            before = piece
        yield piece


def _whole(text: str, at: int, line: int) -> str:
    """The quoted scalar that begins at a place."""
    match = (_DOUBLE if text[at] == '"' else _SINGLE).match(text, at)
    if match is None:
        raise YamlError(f"the quotation is not closed: {text[at : at + 60]!r}", line)
    return match[0]


def _pair(row: str, line: int) -> tuple[str, str]:
    """The key of a row, and the text after its colon."""
    key = _whole(row, 0, line) if row[0] in "\"'" else ""
    colon = _COLON.search(row, len(key))
    _is(colon is not None and not (key and row[len(key) : colon.start()].strip()), row, line)
    assert colon is not None
    return _scalar(key or row[: colon.start()].rstrip(), line), row[colon.end() :].lstrip(" \t")


def _object(rows: list[tuple[int, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for number, row in rows:
        key, rest = _pair(row, number)
        _is(key not in found, row, number)
        found[key] = _scalar(rest.strip(), number)
    return found


def _flow(text: str, line: int) -> list[str] | dict[str, str]:
    """A list or an object in brackets; a comma after the last element is allowed."""
    closing = {"[": "]", "{": "}"}[text[0]]
    _is(text[-1] == closing, text, line)
    parts: list[list[str]] = [[]]
    for piece in _pieces(text[1:-1], line):
        _is(piece not in ("[", "]", "{", "}"), text, line)
        if piece == ",":
            parts.append([])
        else:
            parts[-1].append(piece)
    elements = ["".join(part).strip() for part in parts]
    if not elements[-1]:
        elements.pop()
    _is(all(elements), text, line)
    if closing == "}":
        return _object([(line, element) for element in elements])
    return [_scalar(element, line) for element in elements]


def _scalar(text: str, line: int) -> str:
    """One scalar as text; nothing and null are empty."""
    if text in ("", "~", "null"):
        return ""
    if text[0] == "'" and len(text) > 1 and text[-1] == "'" and "'" not in text[1:-1].replace("''", ""):
        return text[1:-1].replace("''", "'")
    if text[0] == '"':
        try:
            return str(json.loads(text))
        except ValueError as error:
            raise YamlError(f"this text is not understood: {text!r:.60}", line) from error
    _is(text[0] not in "'&*!|>%@`[]{},#?:" and ": " not in text and text[-1] != ":", text, line)
    return text


def _is(understood: bool, text: str, line: int) -> bool:
    if not understood:
        raise YamlError(f"this is not understood: {text!r:.60}", line)
    return True
