"""The image folder: which files are images, and what each one is.

The folder is walked with its sub-folders, a far one is listed; other files are passed over and counted. ``survey`` looks
at one file: its kind by its first bytes, never by its name, its size from the header before anything is decoded, whether
it is whole, and its hash. Only a short list of formats is ever opened. A far file is read once, from its beginning to its
end; only of one that is too large to be held are parts read again.
"""

from __future__ import annotations

import io
import os
import stat
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ..coordinates import QUARTER_TURNS
from ..errors import InvalidQueryError, ItemError, PicselliaError, SourceChangedError, SourceError
from ..parsers import image_files
from ..parsers.image_files import SUFFIXES
from ..sources import AnyPath, Far
from ..sources.far import Status
from ..sources.hashing import digest
from .items import SILENT

BYTES_MAX = 1 << 30
UNUSABLE = (ItemError, SourceError, SourceChangedError)
"""What looking at a file raises, beside what the system does."""
HELD = 8 << 20
"""A far image of at most so many bytes is held while it is looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """The image files of a folder by their names, in order, what was passed over and what was refused."""

    folder: AnyPath
    names: list[str] = field(default_factory=list)
    """Of a million files this is a fifth of what their paths would take."""
    passed_over: Counter[str] = field(default_factory=Counter)
    refused: list[tuple[AnyPath, ItemError]] = field(default_factory=list)

    def path(self, name: str) -> AnyPath:
        """The file of a name."""
        return self.folder / name


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


def scan(folder: AnyPath) -> Found:
    """Walk a folder. Names are paths relative to it, with ``/``. Raises ResourceNotFoundError, InvalidQueryError."""
    image_files.image_folder(folder)
    found = Found(folder)
    if isinstance(folder, Far):
        _list(found, folder)
    else:
        _walk(found, folder)
    if not found.names and not found.refused:
        others = sum(found.passed_over.values())
        raise InvalidQueryError(
            f"the image folder {folder} holds no image ({others} other files passed over)", "check imgdir"
        )
    return found


def _walk(found: Found, folder: Path) -> None:
    root = folder.resolve()
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(where)
        above = "" if below == folder else f"{below.relative_to(folder).as_posix()}/"
        for name in files:
            if _passed_over(found, name):
                continue
            if (error := _refusal(name, os.path.join(where, name), root)) is None:  # noqa: PTH118 - a million of them
                found.names.append(above + name)
            else:
                found.refused.append((below / name, error))
    found.names.sort()


def _refusal(name: str, path: str, root: Path) -> ItemError | None:
    try:
        name.encode()
    except UnicodeEncodeError:
        return ItemError("name_not_text", "the file's name is not UTF-8", "rename it")
    return _link(Path(path), root) if os.path.islink(path) else None  # noqa: PTH114


def _list(found: Found, folder: Far) -> None:
    found.names.extend(name for name, _ in folder.below() if not _passed_over(found, name))
    for name, error in folder.store.listing().refused:
        if not name or not _passed_over(found, name):
            found.refused.append((folder / name, error))


def _passed_over(found: Found, name: str) -> bool:
    """Whether a file is none of the images, which is counted."""
    stem, _, end = name[name.rfind("/") + 1 :].rpartition(".")
    suffix = f".{end.lower()}" if stem and end else ""
    kind = "hidden" if image_files.is_hidden(name) else "" if suffix in SUFFIXES else suffix or "no extension"
    if kind:
        found.passed_over[kind] += 1
    return bool(kind)


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


def survey(path: AnyPath) -> Survey:
    """Look at one file, reading it once. Raises ItemError when it is not a whole image of a kind we send."""
    info = _status(path)
    (width, height, orientation), sha256 = _read_once(path)
    turned = orientation in QUARTER_TURNS
    return Survey(info.st_size, info.st_mtime_ns, info.st_ino, sha256, width, height, turned)


def _read_once(path: AnyPath) -> tuple[tuple[int, int, int], bytes]:
    with path.open("rb") as stream:
        _, sha256, content = digest(stream, HELD)
        stream.seek(0)
        held = stream if content is None else io.BytesIO(content)
        return image_files.look_at(held, str(path), whole=True), sha256


def unusable(error: PicselliaError | OSError) -> ItemError:
    """Why a file could not be looked at, as what becomes of its item."""
    if isinstance(error, ItemError):
        return error
    if isinstance(error, PicselliaError):
        return ItemError(SILENT, error.message, error.hint)
    return ItemError("unreadable", f"the file cannot be read: {error.strerror}")


def look(path: AnyPath) -> tuple[os.stat_result | Status, int, int, int]:
    """A file's status, its size in pixels as it is shown, and its EXIF orientation. Raises ItemError as ``survey``."""
    return _status(path), *image_files.look(path, whole=True)


def _status(path: AnyPath) -> os.stat_result | Status:
    """A file's status. Raises ItemError where that alone says that it is none we send."""
    info = path.stat()
    if not stat.S_ISREG(info.st_mode):
        raise ItemError("not_a_file", "not a regular file")
    if info.st_size == 0:
        raise ItemError("image_empty", "the file is empty (0 bytes)", "copy it again")
    if info.st_size > BYTES_MAX:
        raise ItemError("image_too_large", f"{info.st_size} bytes; at most {BYTES_MAX} are accepted")
    return info
