"""The files that the scripts upload: pictures of unlike sides, files around the 5 MiB that part small from large."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

FIVE = 5 << 20
PICTURES = {
    "one.png": (40, 30), "gone.png": (8, 9), "two.jpg": (20, 10), "three.jpg": (30, 10), "four.jpg": (40, 10),
    "five.jpg": (50, 10), "dock é 1.jpg": (64, 48), "elsewhere/one.png": (3, 4),
    "a.jpg": (100, 80), "a b.jpg": (110, 80), "b.jpg": (120, 80), "c.jpg": (130, 80), "d.jpg": (140, 80), "e.jpg": (90, 80),
    "a#1.jpg": (150, 80),
}  # fmt: skip
FILES = {
    "small.cfg": 1000,
    "exact.bin": 2 * FIVE,
    "large.bin": FIVE + 7,
    "thumb.png": 100,
    "folder/inner.txt": 20,
}
SCRIPT = "# a script\n"
PIP = '#!/bin/sh\necho "$@" >> pip.txt\n'


def content(name: str) -> bytes:
    """What a file holds."""
    full = name.encode() * (FILES[name] // len(name))
    return full + b"." * (FILES[name] - len(full))


def lay_out(folder: Path) -> None:
    """Put everything in an empty folder, with a ``pip`` that only notes what it is asked."""
    for name in ("elsewhere", "folder", "downloaded"):
        (folder / name).mkdir()
    for name, size in PICTURES.items():
        Image.new("RGB", size, (len(name), *size)).save(folder / name)
    (folder / "text.jpg").write_text("not a picture")
    for name in FILES:
        (folder / name).write_bytes(content(name))
    (folder / "train.py").write_text(SCRIPT)
    (folder / "requirements.txt").write_text("# what it needs\nnumpy==1.26\nscipy\n")
    (folder / "pip").write_text(PIP)
    (folder / "pip").chmod(0o755)
