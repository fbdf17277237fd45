"""Reading a large document by its outline: its two long arrays a window at a time, without a look at the whole before.

What is wrong with the whole is said first: before anything is said of an element it is read as a whole, once. Where
nothing is said the reading of its elements has shown that it is valid.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TypeAlias, TypeVar

import msgspec

from ..errors import InputError
from ..problems import OnProblem, Problem
from .jsonfile import JsonFile
from .jsonspans import address

T = TypeVar("T")
Top: TypeAlias = dict[str, msgspec.Raw] | list[msgspec.Raw]
"""The elements of a document."""
Check: TypeAlias = Callable[[], None]
"""Reads all of a document of which only the outline is known, and raises an error unless it is as that."""


class _UnsureError(Exception):
    """A document is not as its outline."""


class _Outlined:
    """A document of which only the outline is known."""

    def __init__(
        self, file: JsonFile, outline: dict[str, msgspec.Raw], keys: tuple[str, str], on_problem: OnProblem
    ) -> None:
        self._file, self._outline, self._keys, self._on_problem = file, outline, keys, on_problem
        self._is_sure = False

    def __call__(self, problem: Problem) -> None:
        """Take a problem."""
        self.check()
        self._on_problem(problem)

    def check(self) -> None:
        """Read it as a whole. Raises InputError, _UnsureError."""
        if self._is_sure:
            return
        top = self._file.top()
        for key in self._keys:
            raw = None if isinstance(top, list) else self._file.raw_array(top, key)
            known = self._outline[key]
            if raw is None or (address(raw), len(raw)) != (address(known), len(known)):
                raise _UnsureError
        self._is_sure = True


def read_outlined(
    file: JsonFile,
    keys: tuple[str, str],
    on_problem: OnProblem,
    make: Callable[[Top, OnProblem, Check | None], T],
) -> T:
    """What ``make`` makes of a document, given its elements, what takes problems, and a check where only its outline is known.

    ``keys`` are those of its long arrays. It may be called twice: what it did the first time is of no use then.
    """
    outline = file.outline(keys)
    if outline is not None:
        outlined = _Outlined(file, outline, keys, on_problem)
        try:
            return make(outline, outlined, outlined.check)
        except InputError:
            with suppress(_UnsureError):
                outlined.check()
                raise
        except _UnsureError:
            pass
    return make(file.top(), on_problem, None)
