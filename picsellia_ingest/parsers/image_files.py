"""One image file: its kind by its first bytes, its size from the header, and whether it is whole.

Only a short list of formats is ever opened, and nothing is decoded. Formats that count in fractions of a picture find
its size here.
"""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from ..coordinates import QUARTER_TURNS
from ..errors import ItemError, PicselliaError, ResourceNotFoundError
from ..sources import AnyPath, Far, find
from .looks import looks_like, remedy

SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".mpo")
)
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP")
PIXELS_MAX = 178_956_970
"""Above this many pixels a picture counts as a decompression bomb (the limit at which Pillow raises)."""

_MODULES = {"WEBP": "WebP"}
"""What Pillow's module for a format begins with, if not with its name. For TIFF and WebP it would import all of its sixty."""
_TAIL = 1 << 16
_ORIENTATION = 0x0112


def look(path: AnyPath, *, whole: bool) -> tuple[int, int, int]:
    """Width and height in pixels as the image is shown, and its EXIF orientation, 1 where there is none.

    With ``whole`` also that nothing of it is missing. Raises ItemError, OSError, SourceError.
    """
    with path.open("rb") as stream:
        return look_at(stream, str(path), whole=whole)


def look_at(stream: BinaryIO, shown: str, *, whole: bool) -> tuple[int, int, int]:
    """The same of an open stream, which is read wherever it is needed."""
    from PIL import Image, UnidentifiedImageError

    head = stream.read(4096)
    try:
        image = _opened(stream, head, shown)
        width, height = image.size
        if width * height > PIXELS_MAX:
            raise ItemError(
                "image_too_large", f"{width} x {height} pixels; at most {PIXELS_MAX} in all are accepted"
            )
        stated = image.getexif().get(_ORIENTATION) if "exif" in image.info else None
        orientation = stated if isinstance(stated, int) and 1 < stated <= 8 else 1
        if whole and image.format == "PNG":
            image.verify()
        elif whole and image.format in ("JPEG", "MPO"):
            _check_jpeg_end(stream)
    except UnidentifiedImageError as error:
        looks = looks_like(head)
        message = f"not an image we know: it looks like {looks}, and begins with {head[:8]!r}"
        raise ItemError("not_an_image", message, remedy(looks) or "replace or remove it") from error
    except ItemError:
        raise
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        ArithmeticError,
        Image.DecompressionBombError,
    ) as error:
        raise ItemError("image_broken", f"the image cannot be read: {error}", "copy it again") from error
    return (height, width, orientation) if orientation in QUARTER_TURNS else (width, height, orientation)


def _opened(stream: Any, head: bytes, shown: str) -> Any:
    """The image by the plug-in its first bytes ask for.

    ``Image.open`` would warn of large pictures, once per process and for all threads: the header is asked instead.
    """
    from PIL import Image, UnidentifiedImageError

    for name in FORMATS:
        if name not in Image.OPEN:
            import_module(f"PIL.{_MODULES.get(name, name.title())}ImagePlugin")
        factory, accepts = Image.OPEN[name]
        if accepts is None or accepts(head[:16]) is True:
            stream.seek(0)
            return factory(stream, shown)
    raise UnidentifiedImageError


def _check_jpeg_end(stream: BinaryIO) -> None:
    """A JPEG that was cut off lacks its end marker; what opens it does not notice."""
    stream.seek(max(0, stream.seek(0, os.SEEK_END) - _TAIL))
    tail = stream.read()
    end = tail.rfind(b"\xff\xd9")
    if end < 0 or tail.rfind(b"\xff\xda") > end:
        raise ItemError("image_cut", "the JPEG ends before its end marker: it was cut off", "copy it again")


def image_folder(imgdir: str | AnyPath) -> AnyPath:
    """The folder of images that a user names. Raises ResourceNotFoundError when it is not there, or is no folder."""
    found = imgdir if isinstance(imgdir, Far) else find(imgdir)
    try:
        there = bool(str(imgdir)) and found.is_dir()
    except OSError:  # a name that no file can have
        there = False
    if not there:
        raise ResourceNotFoundError(
            f"the image folder {str(found)!r} is not there, or is not a folder", "check imgdir"
        )
    return found


def images_below(folder: AnyPath) -> list[str]:
    """The names of all image files below a folder, relative, with ``/``, sorted; hidden and linked folders are passed over."""
    if isinstance(folder, Far):
        return [
            name for name, _ in folder.below()
            if not is_hidden(name) and PurePosixPath(name).suffix.lower() in SUFFIXES
        ]  # fmt: skip
    found: list[str] = []
    for where, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(where).relative_to(folder)
        found += [
            (below / name).as_posix()
            for name in files
            if not name.startswith(".") and Path(name).suffix.lower() in SUFFIXES
        ]
    return sorted(found)


def is_hidden(name: str) -> bool:
    """Whether a file, or a folder it lies in, is one that is passed over."""
    steps = name.split("/")
    return steps[0] == "__MACOSX" or any(step[:1] == "." and step not in (".", "..") for step in steps)


def size_of(path: AnyPath) -> tuple[int, int] | None:
    """Width and height in pixels as the image is shown; None when it is no image that can be read."""
    try:
        width, height, _ = look(path, whole=False) if path.is_file() else (0, 0, False)
    except (PicselliaError, OSError):
        return None
    return (width, height) if width > 0 and height > 0 else None


def orientation_of(path: AnyPath) -> int:
    """The EXIF orientation of an image file, 1 to 8; 1 where it states none or cannot be read."""
    try:
        return look(path, whole=False)[2]
    except (PicselliaError, OSError):
        return 1
