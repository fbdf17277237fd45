"""Annotations by what a user says of them: a path or an address, and a format or none."""

from __future__ import annotations

from pathlib import Path

from ..errors import InvalidQueryError
from ..parsers import reader
from ..parsers.base import Options, Parser
from ..sources import AnyPath, find


def parser(path: str | AnyPath, ann_format: str | None, options: Options | None = None) -> Parser:
    """The parser of an annotation file or folder; the format is recognised where it is not given."""
    where = path if not isinstance(path, (str, Path)) else find(path)
    if not str(path) or not _there(where):
        raise InvalidQueryError(f"the annotations {str(where)!r} are not there", "check ann_path")
    options = options or Options()
    options.check()
    return reader(where, ann_format, options)


def _there(path: AnyPath) -> bool:
    """Whether there is such a file or folder; a name that no file can have counts as one that is not there."""
    try:
        return path.is_file() or path.is_dir() or (isinstance(path, Path) and path.exists())
    except OSError:
        return False
