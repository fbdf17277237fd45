"""What a file looks like, in words, so that an error can name the mistake and not only its first byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

EDGE = 1 << 20
"""Bytes looked at: what a dataset says of itself, or a long list of categories, may stand before the keys that tell."""
_HEAD = 1 << 12
_BLANK = b" \t\r\n"
IRREGULAR = "a pipe, a socket or a device, not a regular file"


def edges(path: Path) -> bytes:
    """The first and the last MiB of a text file, from its first character on; in UTF-16 without the zero bytes.

    Raises OSError, also for what is no regular file: opening a pipe would wait for ever.
    """
    if not path.is_file():
        raise OSError(IRREGULAR)
    with path.open("rb") as stream:
        text = stream.read(EDGE)
        stream.seek(max(len(text), path.stat().st_size - EDGE))
        text += stream.read(EDGE)
    return text.replace(b"\0", b"").lstrip(b"\xff\xfe\xef\xbb\xbf \t\r\n")


def edges_if_any(path: Path) -> bytes:
    """The same; nothing for what is no regular file, or cannot be read."""
    try:
        return edges(path)
    except OSError:
        return b""


def sniff(path: Path) -> str:
    """What the beginning of a file looks like, in words."""
    try:
        if path.exists() and not path.is_file():
            return IRREGULAR
        with path.open("rb") as stream:
            return looks_like(stream.read(_HEAD))
    except OSError:
        return "a file that cannot be read"


def looks_like(head: bytes) -> str:
    """What the first bytes of a file look like, in words."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if head and not text:
        return "nothing but blanks"
    if head[:1] == b"\0" and not head.strip(b"\0"):
        return "a file of zero bytes, as an interrupted copy leaves it"
    for found, words in _LOOKS:
        if found(text):
            return words
    return "text" if b"\x00" not in text else "a binary file"


def _begins(*starts: bytes) -> Callable[[bytes], bool]:
    return lambda text: text[:32].lower().startswith(starts)


def _has(*keys: bytes) -> Callable[[bytes], bool]:
    return lambda text: text[:1] in (b"{", b"[") and all(b'"' + key + b'"' in text for key in keys)


_LOOKS: tuple[tuple[Callable[[bytes], object], str], ...] = (
    (lambda t: not t, "an empty file"),
    (_begins(b"<!doctype html", b"<html"), "an HTML page"),
    (_begins(b"version https://git-lfs"), "a git-lfs pointer"),
    (_begins(b"%!ps"), "PostScript"),
    (_begins(b"%pdf"), "a PDF"),
    (_begins(b"\x1f\x8b"), "a gzip archive"),
    (_begins(b"pk\x03\x04"), "a zip archive"),
    (_begins(b"bzh"), "a bzip2 archive"),
    (_begins(b"\xfd7zxz"), "an xz archive"),
    (_begins(b"7z\xbc\xaf"), "a 7z archive"),
    (_begins(b"rar!"), "a rar archive"),
    (_begins(b"(\xb5/\xfd"), "a zstd archive"),
    (lambda t: t[257:262] == b"ustar", "a tar archive"),
    (_begins(b"\x89png"), "a PNG picture"),
    (_begins(b"\xff\xd8\xff"), "a JPEG picture"),
    (_begins(b"par1"), "a Parquet table"),
    (lambda t: t[:1] == b"<" and b"<annotations>" in t and b"<image" in t, "CVAT XML"),
    (lambda t: t[:1] == b"<" and b"<annotation" in t, "PASCAL-VOC XML"),
    (_begins(b"<"), "XML"),
    (_begins(b"//", b"/*"), "JSON with a comment, which JSON does not know"),
    (
        lambda t: re.match(rb"[\[{]\s*'|\{'|[\[{].{0,200}:\s*(True|False|None)\b", t, re.S),
        "a Python literal (write it with json.dump)",
    ),
    (lambda t: re.match(rb"\{[^\n]*\}\s*\n\s*\{", t), "JSON Lines"),
    (_has(b"shapes", b"imagePath"), "LabelMe JSON"),
    (_has(b"_via_settings"), "VIA JSON"),
    (_has(b"FeatureCollection"), "GeoJSON"),
    (_has(b"data", b"result"), "Label Studio JSON"),
    (lambda t: t.startswith((b"{", b"[")), "JSON"),
)

_AN_ARCHIVE = "unpack it first"
_REMEDIES = {
    "an empty file": "was a download or a copy interrupted?",
    "nothing but blanks": "was a download or a copy interrupted?",
    "an HTML page": "the download failed, perhaps at a sign-in page: fetch the file again",
    "a git-lfs pointer": "run 'git lfs pull'",
    "JSON Lines": "make one JSON document of it",
    IRREGULAR: "give a file",
}


def remedy(looks: str) -> str:
    """What to do about a file that looks so; empty when nothing is known."""
    return _AN_ARCHIVE if looks.endswith(" archive") else _REMEDIES.get(looks, "")
