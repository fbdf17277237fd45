"""What the files of a source are: the JSON files below a folder, and how those of a format are told from others."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from ..problems import OnProblem, Problem
from .jsonfile import reject
from .looks import edges_if_any
from .voc_layout import walk

FILES, _EDGE = 20, 4096
"""JSON files of a folder that are looked at to tell its format, and bytes of a text file."""


def json_below(root: Path, on_problem: OnProblem) -> Iterator[str]:
    """The paths of all JSON files below a folder, relative, with ``/``, folder by folder."""
    for folder, names in walk(root, on_problem):
        yield from (f"{folder}/{name}".lstrip("/") for name in names if name.lower().endswith(".json"))


def json_files(path: Path, on_problem: OnProblem) -> list[str]:
    """The JSON files that a source is, relative to its folder. Raises InputError when there is none."""
    if not os.path.lexists(path):
        raise reject(path, "missing", "there is no such file or folder", "check the path")
    if not path.is_dir():
        return [path.name]
    found = list(json_below(path, on_problem))
    if not found:
        raise reject(path, "no_json_file", "the folder holds no *.json file", "give the folder of JSON files")
    return found


def some_json(path: Path, is_one: Callable[[bytes], bool]) -> bool:
    """Whether a file, or one of the first JSON files in a folder, is of a format: ``is_one`` sees its beginning and end."""
    return any(_judged(path, is_one))


def only_json(path: Path, is_one: Callable[[bytes], bool]) -> bool:
    """As ``some_json``; of a folder all of its first JSON files must be of the format, which are told from others less surely."""
    found = [*_judged(path, is_one)]
    return bool(found) and all(found)


def _judged(path: Path, is_one: Callable[[bytes], bool]) -> Iterator[bool]:
    """Whether each file is one; a last False for what cannot be read."""
    try:
        files = islice(json_below(path, ignore), FILES) if path.is_dir() else ("",)
        for file in files:
            yield is_one(edges_if_any(path / file))
    except OSError:
        yield False


def begins(path: Path, pattern: re.Pattern[bytes]) -> bool:
    """Whether the text of a file begins so; not, when it cannot be read."""
    try:
        if not path.is_file():
            return False
        with path.open("rb") as stream:
            return pattern.match(stream.read(_EDGE).removeprefix(b"\xef\xbb\xbf")) is not None
    except OSError:
        return False


def ignore(_: Problem) -> None:
    """Take a problem and say nothing."""
