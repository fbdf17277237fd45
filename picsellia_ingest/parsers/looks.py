"""What a file looks like, in words, so that an error can name the mistake and not only its first byte."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

EDGE = 1 << 16


def edges(path: Path) -> bytes:
    """The first and the last 64 KB of a text file, from its first character on; in UTF-16 without the zero bytes.

    Raises OSError.
    """
    with path.open("rb") as stream:
        text = stream.read(EDGE)
        stream.seek(max(len(text), path.stat().st_size - EDGE))
        text += stream.read(EDGE)
    return text.replace(b"\0", b"").lstrip(b"\xff\xfe\xef\xbb\xbf \t\r\n")


def sniff(path: Path) -> str:
    """What the beginning of a file looks like, in words."""
    try:
        with path.open("rb") as stream:
            head = stream.read(4096)
    except OSError:
        return "a file that cannot be read"
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    for found, words in _LOOKS:
        if found(text):
            return words
    return "text" if text and b"\x00" not in text else "a binary file"


_LOOKS: tuple[tuple[Callable[[bytes], object], str], ...] = (
    (lambda t: not t, "an empty file"),
    (lambda t: t[:15].lower().startswith((b"<!doctype html", b"<html")), "an HTML page"),
    (lambda t: t.startswith(b"version https://git-lfs"), "a git-lfs pointer"),
    (lambda t: t.startswith(b"%!PS"), "PostScript"),
    (lambda t: t.startswith(b"\x1f\x8b"), "a gzip archive"),
    (lambda t: t.startswith(b"PK\x03\x04"), "a zip archive"),
    (lambda t: b"<annotations>" in t and b"<image" in t, "CVAT XML"),
    (lambda t: b"<annotation" in t, "PASCAL-VOC XML"),
    (lambda t: t.startswith(b"<"), "XML"),
    (
        lambda t: re.match(rb"[\[{]\s*'|\{'|.{0,200}:\s*(True|False|None)\b", t, re.S),
        "a Python literal (write it with json.dump)",
    ),
    (lambda t: re.match(rb"\{[^\n]*\}\s*\n\s*\{", t), "JSON Lines"),
    (lambda t: t.startswith((b"{", b"[")), "JSON"),
)


def remedy(looks: str) -> str:
    """What to do about a file that looks so; empty when nothing is known."""
    return {
        "an HTML page": "the download failed, perhaps at a sign-in page: fetch the file again",
        "a git-lfs pointer": "run 'git lfs pull'",
        "a gzip archive": "unpack it first",
        "a zip archive": "unpack it first",
        "JSON Lines": "make one JSON document of it",
    }.get(looks, "")
