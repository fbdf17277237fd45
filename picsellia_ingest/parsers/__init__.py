"""The formats, by name, and how one is found for a file.

A format is a module with a Parser in it and one line here; third parties add theirs as an entry point of the group
``picsellia_ingest.formats``. Nothing is imported before it is needed: importing this package imports no parser.
"""

from __future__ import annotations

import re
from dataclasses import replace
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FormatError, InvalidQueryError
from ..problems import Place, Problem, Unit
from .looks import remedy, sniff

if TYPE_CHECKING:
    from ..sources import AnyPath
    from .base import Options, Parser

GROUP = "picsellia_ingest.formats"
"""The entry point group of formats that other packages add."""

FORMATS: dict[str, str] = {
    "COCO": "picsellia_ingest.parsers.coco:Coco",
    "YOLO": "picsellia_ingest.parsers.yolo:Yolo",
    "PASCAL-VOC": "picsellia_ingest.parsers.pascal_voc:PascalVoc",
    "MASKS": "picsellia_ingest.parsers.masks:PngMasks",
    "LABELME": "picsellia_ingest.parsers.labelme:LabelMe",
    "CREATEML": "picsellia_ingest.parsers.createml:CreateMl",
    "VIA": "picsellia_ingest.parsers.via:Via",
    "KITTI": "picsellia_ingest.parsers.kitti:Kitti",
    "OPEN-IMAGES": "picsellia_ingest.parsers.open_images:OpenImages",
    "PICSELLIA": "picsellia_ingest.parsers.picsellia:Picsellia",
    "CVAT": "picsellia_ingest.parsers.cvat:Cvat",
    "DATUMARO": "picsellia_ingest.parsers.datumaro:Datumaro",
    "LABEL-STUDIO": "picsellia_ingest.parsers.labelstudio:LabelStudio",
}
"""Where each format's parser is, as ``module:class``."""

_ALIASES = {
    "voc": "PASCAL-VOC",
    "pascal": "PASCAL-VOC",
    "mscoco": "COCO",
    "ultralytics": "YOLO",
    "darknet": "YOLO",
    "png": "MASKS",
    "vgg": "VIA",
    "oid": "OPEN-IMAGES",
}


def formats() -> dict[str, str]:
    """``FORMATS`` and what other packages add; a name of ours is not overridden."""
    added = {point.name: point.value for point in entry_points(group=GROUP)}
    return {**added, **FORMATS}


def load(name: str) -> type[Parser]:
    """The parser of a format. Case, blanks, ``-`` and ``_`` do not count. Raises InvalidQueryError listing the names."""
    known = formats()
    wanted = _plain(name)
    exact = {_plain(each): each for each in known} | _ALIASES
    if wanted not in exact:
        raise InvalidQueryError(f"there is no format {name!r}", f"choose one of {', '.join(sorted(known))}")
    return _imported(known[exact[wanted]])


def _imported(where: str) -> type[Parser]:
    module, _, attribute = where.partition(":")
    found: type[Parser] = getattr(import_module(module), attribute)
    return found


def find_format(path: Path, name: str | None = None) -> type[Parser]:
    """The parser for ``path``: of the format named, or of the only one that recognises it.

    Raises InvalidQueryError when there is no format of that name, FormatError when the path is plainly in another
    format than the one named, or when none was named and none, or several, recognise it.
    """
    named = None if name is None else load(name)
    if named is not None and (not path.exists() or named.recognises(path)):
        return named
    if not path.exists():
        raise _unknown(path, "missing", "there is no such file or folder", "check the path")
    from .voc_layout import listed_once

    with listed_once():
        fitting = [parser for where in formats().values() if (parser := _imported(where)).recognises(path)]
    names = " and ".join(parser.name for parser in fitting)
    if named is not None:
        if fitting:
            message = f"this is a {names} {_noun(path)}, not {named.name}"
            raise _unknown(
                path, "other_format", message, f"say {names.replace(' and ', ' or ')}, or give another path"
            )
        return named
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise _unknown(
            path, "format_ambiguous", f"this looks like {names}", "name the format, or give one of its files"
        )
    looks = _looks(path)
    message = f"this is in no format that is known: it looks like {looks}"
    hint = remedy(looks) or f"known are {', '.join(sorted(formats()))}"
    raise _unknown(path, "format_unknown", message, hint)


def reader(path: AnyPath, name: str | None, options: Options) -> Parser:
    """The parser of a source, wherever it is; ``with`` it, so that what had to be copied goes. Raises as ``find_format``."""
    if isinstance(path, Path):
        return find_format(path, name)(path, options)
    from .copies import Copy

    copy = Copy(path, options.imgdir)
    try:
        found = find_format(copy.path, name)(copy.path, replace(options, imgdir=copy.imgdir))
    except BaseException:
        copy.close()
        raise
    found.copy = copy
    return found


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _noun(path: Path) -> str:
    return "folder" if path.is_dir() else "file"


def _looks(path: Path) -> str:
    if not path.is_dir():
        return sniff(path)
    try:
        inside = sorted({file.suffix.lower() or "no extension" for file in path.iterdir() if file.is_file()})
    except OSError:
        return "a folder that cannot be read"
    return f"a folder of files with {', '.join(inside[:10])}" if inside else "a folder without files"


def _unknown(path: Path, code: str, message: str, hint: str) -> FormatError:
    return FormatError(Problem(code, message, Place(str(path)), unit=Unit.FILE, hint=hint))
