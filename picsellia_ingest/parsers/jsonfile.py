"""A JSON file mapped into memory, addressed by byte ranges.

``msgspec.Raw`` splits an object or an array into its elements without building them; because each one is a view of
the mapped bytes, its length and the separators give its exact offset. An element is decoded only when it is needed,
and a problem can name byte, line and column at no cost to the good path. Files that are not plain UTF-8 JSON take a
slower way to the same result (jsonrewrite).
"""

from __future__ import annotations

import mmap
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..problems import Place, Problem, Unit
from . import jsonrewrite
from .jsonoutline import outline
from .jsonspans import RAWS, Spans, Window, address, around, spans, windows
from .jsontext import BLOCK, MANY, UNREADABLE, counts, crumbs, is_not_utf8, syntax
from .looks import IRREGULAR, remedy, sniff
from .textlines import Lines, lines_of

T = TypeVar("T")

_BETWEEN_VALUES = re.compile(rb'\s*,?\s*"(?:[^"\\]|\\.)*"\s*:\s*\Z', re.S)
_FIELDS: msgspec.json.Decoder[dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw])


class JsonFile:
    """One file, open. Use it as a context manager, or call ``close``."""

    def __init__(self, path: Path, data: mmap.mmap | bytes, shift: int, lines: Lines) -> None:
        self.path, self.shown = path, str(path)
        self._data = data
        self._view = memoryview(data)[shift:]
        self._shift = shift
        self._lines = lines
        self._braces: NDArray[np.int64] | None = None
        self._base = address(self._view)
        self.rewritten = False
        """Whether tokens that JSON does not know were replaced."""

    @property
    def is_mapped(self) -> bool:
        """Whether the text is the file's, as another opening of it has it too."""
        return isinstance(self._data, mmap.mmap) and not self.rewritten

    @classmethod
    def open(cls, path: Path) -> JsonFile:
        """Map the file. Raises InputError when it cannot be read or is not JSON; the error says what it looks like."""
        try:
            status = path.stat()
            if not stat.S_ISREG(status.st_mode):
                raise reject(path, "not_a_file", f"this is {IRREGULAR}", remedy(IRREGULAR))
            if status.st_size == 0:
                raise reject(
                    path, "empty_file", "the file is empty (0 bytes)", "was a download or a copy interrupted?"
                )
            with path.open("rb") as stream:
                data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise reject(path, "unreadable", f"cannot read the file: {error.strerror}") from error
        lines = lines_of(path, status.st_size, status.st_mtime_ns)
        head = data[:4096]
        if head.startswith(b"\xef\xbb\xbf"):
            return cls._checked(path, data, 3, lines)
        if wide := jsonrewrite.codec(head):
            try:
                text = jsonrewrite.transcoded(path, status.st_size, status.st_mtime_ns)
            except UnicodeError as error:
                message = f"the file begins as {wide} but is not: {error}"
                raise reject(path, "encoding", message, "save it as UTF-8") from error
            return cls._checked(path, text, 0, lines)
        return cls._checked(path, data, 0, lines)

    @classmethod
    def _checked(cls, path: Path, data: mmap.mmap | bytes, shift: int, lines: Lines) -> JsonFile:
        file = cls(path, data, shift, lines)
        first = bytes(file._view[:4096]).lstrip()[:1]
        if first not in (b"{", b"["):
            file.close()
            looks = sniff(path)
            raise reject(path, "not_json", f"this is not a JSON file: it looks like {looks}", remedy(looks))
        return file

    def close(self) -> None:
        """Unmap the file. Elements taken from it that are still held keep the mapping alive."""
        try:
            self._view.release()
            if isinstance(self._data, mmap.mmap) and self.is_mapped:  # others share what was rewritten
                self._data.close()
        except BufferError:
            return  # an element is still held: the mapping goes with it

    def __enter__(self) -> JsonFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def top(self) -> dict[str, msgspec.Raw] | list[msgspec.Raw]:
        """The elements of the document. Raises InputError with the place of the first error of syntax."""
        self._refuse_crumbs(self._view, 0, "")
        decoder: Any = RAWS if bytes(self._view[:4096]).lstrip()[:1] == b"[" else _FIELDS
        try:
            found: dict[str, msgspec.Raw] | list[msgspec.Raw] = decoder.decode(self._view)
        except RecursionError as error:
            raise self._too_deep() from error
        except UNREADABLE as error:
            return self._second_try(error).top()
        if isinstance(found, dict):
            self._refuse_repeated_keys(found)
        return found

    def _too_deep(self) -> InputError:
        return reject(self.path, "nested_too_deep", "the document is nested too deeply to be read")

    def outline(self, keys: tuple[str, str]) -> dict[str, msgspec.Raw] | None:
        """What ``top`` gives, if the members of these keys are arrays, which only reading them shows (jsonoutline)."""
        found = outline(self._view, keys)
        try:
            if found is not None:
                self._refuse_repeated_keys(found)
        except InputError:
            return None  # something else may be wrong before that
        return found

    def _second_try(self, error: Exception) -> JsonFile:
        """This file without the tokens that JSON does not know, if that is what was wrong with it."""
        if not self.rewritten and self.rewrite():
            return self
        raise InputError(self._syntax(error)) from error

    def rewrite(self) -> bool:
        """Replace the tokens that JSON does not know, for elements read by their offsets; whether there may be any."""
        status = self.path.stat()
        data = jsonrewrite.without_tokens(self.path, status.st_size, status.st_mtime_ns)
        if data is None:
            return False
        self.rewritten, self._data = True, data
        self._view = memoryview(data)[self._shift :]
        self._base = address(self._view)
        return True

    def _syntax(self, error: Exception) -> Problem:
        text = str(error)
        at = re.search(r"\(byte (\d+)\)", text)
        looks = sniff(self.path)
        if is_not_utf8(error):
            offset, text, hint = 0, "a key of the document is not UTF-8", "save the file as UTF-8"
        elif at is None:
            offset = len(self._view)
            text = "the file ends early" if "truncated" in text else text
            hint = "it was cut off: copy or download it again"
        else:
            offset = int(at.group(1))
            text = syntax(error, self.slice(offset, 8))
            hint = remedy(looks) or "mend the file at this place"
        if looks != "JSON":
            text = f"{text}; it looks like {looks}"
        return Problem(
            "json_syntax", f"the JSON is broken: {text}", self.place(offset, None), unit=Unit.FILE, hint=hint
        )

    def _refuse_repeated_keys(self, found: dict[str, msgspec.Raw], begin: int = 0) -> None:
        """Every JSON reader keeps only the last of two values with one key: the first would be lost without a word."""
        spans = sorted((self.offset(raw), len(raw), key) for key, raw in found.items())
        end = begin + bytes(self._view[begin : spans[0][0] if spans else begin]).find(b"{") + 1
        for start, length, key in spans:
            if not _BETWEEN_VALUES.match(bytes(self._view[end:start])):
                raise InputError(
                    Problem(
                        "key_repeated",
                        f"the document has a key twice, before {key!r}",
                        self.place(end, f"/{key}"),
                        unit=Unit.FILE,
                        hint="one of the two would be lost: merge them, or remove one",
                    )
                )
            end = start + length

    def fields(self, raw: msgspec.Raw) -> dict[str, msgspec.Raw] | None:
        """The values of an object by key; None when ``raw`` is not one. Raises InputError when a key stands twice."""
        try:
            found: dict[str, msgspec.Raw] = _FIELDS.decode(raw)
        except UNREADABLE:
            return None
        self._refuse_repeated_keys(found, self.offset(raw))
        return found

    def items(self, raw: msgspec.Raw) -> list[msgspec.Raw] | None:
        """The elements of an array; None when ``raw`` is not one."""
        try:
            return RAWS.decode(raw)
        except UNREADABLE:
            return None

    def array(self, top: Mapping[str, msgspec.Raw], key: str) -> list[msgspec.Raw] | None:
        """The elements of the array under ``key``; None when it is absent or null. Raises InputError for anything else."""
        raw = self.raw_array(top, key)
        return None if raw is None else self.items(raw)

    def windows(
        self,
        raw: msgspec.Raw,
        wanted: msgspec.json.Decoder[list[T]],
        check: Callable[[], None] | None = None,
        begin: int = 1,
        key: bytes = b"",
    ) -> Iterator[Window[T]]:
        """The elements of an array, some at a time, without all being held; from where one of them begins (jsonspans.windows).

        ``check`` is called where those of an outline are none; it raises an error, unless they are nevertheless.
        """
        try:
            yield from windows(memoryview(raw)[begin - 1 :], wanted, self.offset(raw) + begin - 1, check, key)
        except RecursionError as error:
            raise self._too_deep() from error

    def raw_array(self, top: Mapping[str, msgspec.Raw], key: str) -> msgspec.Raw | None:
        """As ``array``, unsplit."""
        raw = top.get(key)
        if raw is None or (len(raw) == 4 and bytes(raw) == b"null"):
            return None
        if bytes(memoryview(raw)[:1]) != b"[":
            place = self.place(self.offset(raw), f"/{key}")
            raise InputError(Problem("not_an_array", f"'{key}' is not an array", place, unit=Unit.FILE))
        self._refuse_crumbs(raw, self.offset(raw), f"/{key}")
        return raw

    def _refuse_crumbs(self, raw: memoryview | msgspec.Raw, offset: int, pointer: str) -> None:
        """Raise InputError for an array of millions of elements too small to be records: each would cost 100 bytes."""
        if len(raw) >= MANY and crumbs(raw, self._objects(offset, offset + len(raw))):
            what = f"the array {pointer}" if pointer else "the document"
            message = f"{what} has millions of elements that are too small to be records"
            hint = "is the file damaged? write it again"
            place = self.place(offset, pointer)
            raise InputError(Problem("elements_too_small", message, place, unit=Unit.FILE, hint=hint))

    def _objects(self, begin: int, end: int) -> int:
        """How often "{" stands between two offsets; the blocks of the text are counted once."""
        if self._braces is None:
            self._braces = _running(counts(self._view, b"{"))
        first, last = -(-begin // BLOCK), end // BLOCK
        if first > last:
            return sum(counts(self._view[begin:end], b"{"))
        edges = counts(self._view[begin : first * BLOCK], b"{") + counts(self._view[last * BLOCK : end], b"{")
        return int(self._braces[last] - self._braces[first]) + sum(edges)

    def offset(self, raw: msgspec.Raw) -> int:
        """Where an element begins, in bytes from the start of the text (after a byte order mark)."""
        return address(raw) - self._base

    def offsets(self, raws: list[msgspec.Raw]) -> Spans:
        """Where the elements of one array begin, and their lengths."""
        return spans(raws, self._view)

    def slice(self, start: int, length: int) -> bytes:
        """A copy of ``length`` bytes at offset ``start``."""
        return bytes(self._view[start : start + length])

    def slices(self, starts: list[int], lengths: list[int]) -> list[bytes]:
        """Copies of many ranges."""
        wanted = list(zip(starts, lengths, strict=True))
        if not self.is_mapped:
            view = self._view
            return [bytes(view[start : start + length]) for start, length in wanted]
        # Reading costs less than to have the page mapped at each of many places far apart.
        read, shift = os.pread, self._shift
        with self.path.open("rb", 0) as stream:
            number = stream.fileno()
            begin, length = around(wanted)
            if length:
                text = read(number, length, begin + shift)
                return [text[start - begin : start - begin + length] for start, length in wanted]
            return [read(number, length, start + shift) for start, length in wanted]

    def place(self, offset: int, pointer: str | None) -> Place:
        """The place of an offset; lines and columns count from 1, columns in bytes."""
        lines, begin = self._lines.at(self._view, offset)
        return Place(self.shown, lines + 1, offset - begin + 1, offset + self._shift, pointer)


def reject(path: Path, code: str, message: str, hint: str = "", pointer: str | None = None) -> InputError:
    """The error that rejects a whole file."""
    return InputError(Problem(code, message, Place(str(path), pointer=pointer), unit=Unit.FILE, hint=hint))


def _running(found: list[int]) -> NDArray[np.int64]:
    """How much there is before each block, and in all."""
    return np.cumsum([0, *found], dtype=np.int64)
