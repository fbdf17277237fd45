"""A large XML file, mapped into memory and split into the elements that a format reads one by one.

One pass of expat finds where each wanted element begins and ends, in bytes and lines, and refuses what could be dangerous:
entities and document types that declare any. An element is parsed again, alone, by lxml without network, DTD or entities.
Only UTF-8 is read: the byte offsets are those of the file.
"""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.parsers import expat

from lxml import etree

from ..errors import InputError
from ..problems import Place, Problem, Unit
from .jsonfile import reject
from .looks import remedy, sniff
from .voc_xml import Element

_DEEPEST = 200
_MARK = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Piece:
    """One element: its name, where it begins and ends in the file, and the line it begins on."""

    name: str
    start: int
    stop: int
    line: int


class XmlFile:
    """One file, open. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        """Map the file. Raises InputError when it cannot be read."""
        self.path = path
        try:
            if path.stat().st_size == 0:
                raise reject(path, "empty_file", "the file is empty (0 bytes)", "was a download interrupted?")
            with path.open("rb") as stream:
                self._data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise reject(path, "unreadable", f"cannot read the file: {error}") from error

    def __enter__(self) -> XmlFile:
        return self

    def __exit__(self, *_: object) -> None:
        self._data.close()

    def pieces(self, root: str, depth: int = 1) -> list[Piece]:
        """The elements ``depth`` levels below the root, in order. Raises InputError for anything but a whole ``root``."""
        finder = _Finder(self.path, root, depth)
        shift = len(_MARK) if self._data[:3] == _MARK else 0
        parser = finder.parser
        try:
            for start in range(shift, len(self._data), 1 << 20):
                parser.Parse(self._data[start : start + (1 << 20)])
            parser.Parse(b"", True)  # noqa: FBT003 - expat takes it by position only
        except expat.ExpatError as error:
            raise self._syntax(error) from error
        if shift:
            return [Piece(one.name, one.start + shift, one.stop + shift, one.line) for one in finder.found]
        return finder.found

    def element(self, piece: Piece) -> Element:
        """One element, parsed. Raises InputError when the file is not what was indexed."""
        parser = etree.XMLParser(
            resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_comments=True, remove_pis=True
        )  # fmt: skip
        try:
            return etree.fromstring(self._data[piece.start : piece.stop], parser)
        except etree.XMLSyntaxError as error:
            place = Place(str(self.path), piece.line, byte=piece.start)
            message = f"<{piece.name}> cannot be read, or is not where it was before: {error.msg}"
            raise InputError(
                Problem("file_changed", message, place, unit=Unit.IMAGE, hint="mend the file")
            ) from error

    def _syntax(self, error: expat.ExpatError) -> InputError:
        looks = sniff(self.path)
        text = expat.ErrorString(error.code)
        if not looks.endswith("XML"):
            return reject(self.path, "not_xml", f"this is not XML: it looks like {looks}", remedy(looks))
        place = Place(str(self.path), error.lineno, error.offset + 1)
        hint = (
            "it was cut off: copy it again"
            if "no element" in text or "unclosed" in text
            else "mend the file at this place"
        )
        return InputError(
            Problem("xml_syntax", f"the XML is broken: {text}", place, unit=Unit.FILE, hint=hint)
        )


class _Finder:
    """The handlers of one pass."""

    def __init__(self, path: Path, root: str, depth: int) -> None:
        self.path, self.root, self.wanted = path, root, depth
        self.found: list[Piece] = []
        self._depth = 0
        self._open: tuple[str, int, int] | None = None
        self._waiting: tuple[str, int, int] | None = None
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.DefaultHandlerExpand = self._other
        self.parser.CharacterDataHandler = self._other
        self.parser.EntityDeclHandler = self._entity

    def _start(self, name: str, _: Any) -> None:
        self._close()
        if self._depth == 0 and name != self.root:
            message = f"the root element is <{name}>, not <{self.root}>"
            raise reject(self.path, "other_root", message, "is this the right format?")
        if self._depth > _DEEPEST:
            raise reject(self.path, "nested_too_deep", "the document is nested too deeply to be read")
        if self._depth == self.wanted:
            self._open = (name, self.parser.CurrentByteIndex, self.parser.CurrentLineNumber)
        self._depth += 1

    def _end(self, _: str) -> None:
        self._close()
        self._depth -= 1
        if self._depth == self.wanted and self._open is not None:
            self._waiting, self._open = self._open, None

    def _other(self, _: str) -> None:
        self._close()

    def _close(self) -> None:
        """An element ends where the next thing begins."""
        if self._waiting is not None:
            name, start, line = self._waiting
            self._waiting = None
            self.found.append(Piece(name, start, self.parser.CurrentByteIndex, line))

    def _entity(self, *_: Any) -> None:
        message = "the file declares XML entities: they can hide files, addresses and gigabytes of text"
        raise reject(self.path, "xml_entities", message, "write the text itself, without <!ENTITY>")
