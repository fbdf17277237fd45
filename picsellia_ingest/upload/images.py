"""The image folder: which files are images, and what each one is.

The folder is walked with its sub-folders; other files are passed over and counted. ``survey`` looks at one file:
its kind by its first bytes, never by its name, its size from the header before anything is decoded, whether it is
whole, and its hash. Only a short list of formats is ever opened.
"""

from __future__ import annotations

import os
import stat
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ..api import storage
from ..coordinates import QUARTER_TURNS
from ..errors import InvalidQueryError, ItemError
from ..parsers import image_files
from ..parsers.image_files import SUFFIXES

BYTES_MAX = 1 << 30


@dataclass(frozen=True, slots=True)
class Found:
    """The image files of a folder: (name, path) in order of name, what was passed over and what was refused."""

    files: list[tuple[str, Path]]
    passed_over: Counter[str]
    refused: list[tuple[Path, ItemError]]


@dataclass(frozen=True, slots=True)
class Survey:
    """One image file: its identity on disk, its content's hash, and its size in pixels as it is shown."""

    size: int
    mtime_ns: int
    inode: int
    sha256: bytes
    width: int
    height: int
    turned: bool
    """Whether the file's EXIF data turns it by a quarter, so that width and height are exchanged."""


def scan(folder: Path) -> Found:
    """Walk a folder. Names are paths relative to it, with ``/``. Raises ResourceNotFoundError, InvalidQueryError."""
    image_files.image_folder(folder)
    found = Found([], Counter(), [])
    root = folder.resolve()
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            _sort_out(found, root, folder, Path(where) / name)
    found.files.sort()
    if not found.files and not found.refused:
        others = sum(found.passed_over.values())
        raise InvalidQueryError(
            f"the image folder {folder} holds no image ({others} other files passed over)", "check imgdir"
        )
    return found


def _sort_out(found: Found, root: Path, folder: Path, path: Path) -> None:
    if path.name.startswith("."):
        found.passed_over["hidden"] += 1
        return
    if path.suffix.lower() not in SUFFIXES:
        found.passed_over[path.suffix.lower() or "no extension"] += 1
        return
    name = path.relative_to(folder).as_posix()
    try:
        name.encode()
    except UnicodeEncodeError:
        found.refused.append((path, ItemError("name_not_text", "the file's name is not UTF-8", "rename it")))
        return
    if path.is_symlink() and (error := _link(path, root)) is not None:
        found.refused.append((path, error))
        return
    found.files.append((name, path))


def _link(path: Path, root: Path) -> ItemError | None:
    """Why a link may not be followed, if it may not."""
    try:
        inside = path.resolve(strict=True).is_relative_to(root)
    except (OSError, RuntimeError):  # Python before 3.13 raises RuntimeError for a link that leads to itself
        return ItemError("link_broken", "a link that leads nowhere", "remove it, or copy the file")
    if inside:
        return None
    return ItemError(
        "link_outside", "a link to a file outside the image folder", "copy the file if it is meant"
    )


def survey(path: Path) -> Survey:
    """Look at one file, reading it once. Raises ItemError when it is not a whole image of a kind we send."""
    info, width, height, orientation = look(path)
    digest = storage.survey(path).sha256
    turned = orientation in QUARTER_TURNS
    return Survey(info.st_size, info.st_mtime_ns, info.st_ino, digest, width, height, turned)


def look(path: Path) -> tuple[os.stat_result, int, int, int]:
    """A file's status, its size in pixels as it is shown, and its EXIF orientation. Raises ItemError as ``survey``."""
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise ItemError("not_a_file", "not a regular file")
    if info.st_size == 0:
        raise ItemError("image_empty", "the file is empty (0 bytes)", "copy it again")
    if info.st_size > BYTES_MAX:
        raise ItemError("image_too_large", f"{info.st_size} bytes; at most {BYTES_MAX} are accepted")
    return info, *image_files.look(path, whole=True)
