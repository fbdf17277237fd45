"""VOC's masks: SegmentationObject says which pixels are object 1, 2, ...; SegmentationClass says of which class.

0 is background, 255 (224, 224, 192 as a colour) is the void border (VOC2012 development kit, section 10.3). Masks may
be indexed, grey, or drawn in the colours of VOC's palette or of labelmap.txt. Class k is line k of class_names.txt,
entry k of labelmap.txt, or the k-th VOC class. An object is of the class that ``SAME_CLASS`` of its pixels have;
otherwise its label is uncertain and it is left out. Without SegmentationObject, each class is one instance in parts.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from .. import tracing
from ..errors import InputError, ItemError
from ..model import Polygon, Rectangle
from ..problems import Place, Problem, Unit
from ..tracing import Mask
from . import voc_layout
from .checks import Size, usable_label

SAME_CLASS = 0.9
"""The part of an object's classed pixels that must have one class."""

NAMES = ("class_names.txt", "labelmap.txt")
"""The files that list classes."""

_INSIDE = 0.95
_PIXELS_MAX = 1 << 26
_BYTES_MAX = 1 << 28
_VOID_COLOR = 224 << 16 | 224 << 8 | 192
_UNKNOWN, _LISTED = 256, 1 << 20
_VOC = [
    "background",
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
]

Pixels = NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class ClassNames:
    """Names of classes by number and, where labelmap.txt gives them, by packed colour."""

    names: tuple[str, ...] = tuple(_VOC)
    colors: dict[int, int] = field(default_factory=dict)
    stated: bool = False
    """Whether the source itself lists them."""


def class_names(root: Path) -> ClassNames:
    """The classes that ``class_names.txt`` or ``labelmap.txt`` in a folder lists, else the twenty of VOC."""
    for name in NAMES:
        try:
            if not (root / name).is_file() or (root / name).stat().st_size > 1 << 20:
                continue
            lines = (root / name).read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeError):
            continue
        if name == "class_names.txt":
            return ClassNames(tuple(line.strip() for line in lines), {}, stated=True)
        return _labelmap([line for line in lines if line.strip() and not line.startswith("#")])
    return ClassNames()


def _labelmap(lines: list[str]) -> ClassNames:
    names: list[str] = []
    colors: dict[int, int] = {}
    for line in lines:
        name, _, rest = line.partition(":")
        channels = rest.partition(":")[0].split(",")
        if len(channels) == 3 and all(channel.strip().isdigit() for channel in channels):
            red, green, blue = (int(channel) & 255 for channel in channels)
            colors[red << 16 | green << 8 | blue] = _LISTED + len(names)
        names.append(name.strip())
    return ClassNames(tuple(names), colors, stated=True)


@lru_cache(maxsize=1)
def voc_palette() -> dict[int, int]:
    """VOC's 256 colours, packed as 0xRRGGBB, and their numbers (VOCcode/VOClabelcolormap.m)."""
    found: dict[int, int] = {}
    for number in range(256):
        color, rest = [0, 0, 0], number
        for bit in range(7, -1, -1):
            for channel in range(3):
                color[channel] |= (rest >> channel & 1) << bit
            rest >>= 3
        found[color[0] << 16 | color[1] << 8 | color[2]] = number
    return found


class Masks:
    """The masks of one image. Raises InputError when they cannot be read or do not belong together."""

    def __init__(self, objects: Path | None, classes: Path | None, names: ClassNames, shown: str) -> None:
        self.shown = shown
        self._names = names
        self._classes = None if classes is None else _numbers(classes, shown, names.colors)
        found = self._classes if objects is None else _numbers(objects, shown, {})
        if found is None or (self._classes is not None and self._classes.shape != found.shape):
            raise _rejected("mask_invalid", "the masks of objects and of classes differ in size", shown)
        self._objects = found
        self.height, self.width = found.shape
        self.objects: list[int] = [
            int(number) for number in np.unique(found) if number not in (0, 255) and number > 0
        ]
        """The numbers of the objects, ascending."""

    def differs(self, size: Size) -> bool:
        """Whether the masks are of another size than stated."""
        width, height = size
        return width not in (None, self.width) or height not in (None, self.height)

    def polygon(self, number: int) -> Polygon:
        """The exact outline of an object, with its holes."""
        polygon = outline(self._objects == number)
        assert polygon is not None, "an object has pixels"
        return polygon

    def fits(self, number: int, box: Rectangle, label: str) -> bool:
        """Whether an object's pixels lie in a box, give or take a pixel (either convention), and its class is not another."""
        ys, xs = np.nonzero(self._objects == number)
        inside = (
            (xs >= box.left - 1)
            & (xs + 1 <= box.left + box.width + 1)
            & (ys >= box.top - 1)
            & (ys + 1 <= box.top + box.height + 1)
        )
        if inside.mean() < _INSIDE:
            return False
        try:
            return self._classes is None or _plain(self.label(number)[0]) == _plain(label)
        except ItemError:
            return True

    def label(self, number: int) -> tuple[str, str]:
        """An object's label, and a warning if not all of its pixels agree. Raises ItemError when it is uncertain."""
        if self._classes is None:
            raise ItemError(
                "mask_no_class", "there is no class mask: the object has no label", "add SegmentationClass"
            )
        values, counts = np.unique(self._classes[self._objects == number], return_counts=True)
        kept = (values > 0) & (values != 255)
        values, counts = values[kept], counts[kept]
        if not len(values):
            raise ItemError(
                "mask_no_class", "all of the object is background or void in the class mask", "class it"
            )
        best = int(np.argmax(counts))
        share = counts[best] / counts.sum()
        if share < SAME_CLASS:
            raise ItemError(
                "mask_class_mixed",
                f"the object has {len(values)} classes, the most frequent one on {share:.0%} of it",
                "draw the class mask again",
            )
        number = int(values[best])
        number -= _LISTED if number >= _LISTED else 0
        label = self._names.names[number] if number < len(self._names.names) else ""
        if not usable_label(label):
            raise ItemError("mask_class_unknown", f"class {number} has no name", "list it in class_names.txt")
        return label, f"{1 - share:.1%} of the object has another class than {label!r}" if share < 1 else ""


def _plain(label: str) -> str:
    return "".join(char for char in label.casefold() if char.isalnum())


def _numbers(path: Path, shown: str, colors: dict[int, int]) -> Pixels:
    """The numbers a mask holds, (height, width). Colours become the numbers of ``colors``, else of VOC's palette."""
    with opened(path, shown) as image:
        if image.mode == "P" and colors:
            return _from_palette(np.asarray(image, np.int32), image.getpalette("RGB") or [], colors)
        if image.mode in ("RGB", "RGBA"):
            return _from_colors(np.asarray(image.convert("RGB"), np.int32), colors)
        if image.mode not in ("P", "L", "1", "I", "I;16", "I;16B"):
            raise ValueError(f"pictures of mode {image.mode} hold no object numbers")
        return np.asarray(image).astype(np.int32)


@contextmanager
def opened(path: Path, shown: str) -> Iterator[Image.Image]:
    """A PNG picture whose size can be afforded. Raises InputError when it cannot be read, also for what happens inside."""
    try:
        _check_header(path)
        with Image.open(path, formats=["PNG"]) as image:
            yield image
    except (OSError, ValueError, SyntaxError, EOFError, ArithmeticError, struct.error, zlib.error) as error:
        message = f"the mask {voc_layout.shown(Path(path.name))} cannot be read: {error}"
        raise _rejected("mask_invalid", message, shown, "draw it again, or remove it") from error


def outline(where: Mask) -> Polygon | None:
    """The exact outline of a mask of shape (height, width), with its holes; None when it is empty."""
    columns, rows = np.flatnonzero(where.any(axis=0)), np.flatnonzero(where.any(axis=1))
    if not len(rows):
        return None
    left, top = int(columns[0]), int(rows[0])
    return tracing.mask_polygon(where[top : rows[-1] + 1, left : columns[-1] + 1], left, top)


def _from_palette(indexes: Pixels, palette: list[int], colors: dict[int, int]) -> Pixels:
    """The numbers of an indexed mask's colours if all of them are listed, else its indexes."""
    table = np.arange(256, dtype=np.int32)
    for index in np.unique(indexes).tolist():
        red, green, blue = palette[index * 3 : index * 3 + 3] or (0, 0, 0)
        color = red << 16 | green << 8 | blue
        if color in (0, _VOID_COLOR):
            table[index] = 255 if color else 0
        elif color in colors:
            table[index] = colors[color]
        elif index not in (0, 255):
            return indexes
    return table[indexes]


def _from_colors(image: NDArray[np.int32], colors: dict[int, int]) -> Pixels:
    packed = image[..., 0] << 16 | image[..., 1] << 8 | image[..., 2]
    values, where = np.unique(packed, return_inverse=True)
    palette = colors or voc_palette()
    numbers = [
        0 if color == 0 else 255 if color == _VOID_COLOR else palette.get(color, _UNKNOWN + rank)
        for rank, color in enumerate(values.tolist())
    ]
    return np.array(numbers, np.int32)[where].reshape(packed.shape)


def _check_header(path: Path) -> None:
    """Raise ValueError for anything but a PNG file of a size that can be afforded, before it is decoded."""
    if not path.is_file() or path.stat().st_size > _BYTES_MAX:
        raise ValueError("it is not a regular file of a possible size")
    with path.open("rb") as stream:
        check_png(stream.read(24))


def check_png(head: bytes) -> None:
    """Raise ValueError when a file that begins so is no PNG picture, or one of more pixels than can be afforded."""
    if head[:8] != b"\x89PNG\r\n\x1a\n" or len(head) < 24:
        raise ValueError("it is not a PNG picture")
    width, height = int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
    if width * height > _PIXELS_MAX:
        raise ValueError(f"{width} x {height} pixels are too many")


def _rejected(code: str, message: str, shown: str, hint: str = "") -> InputError:
    return InputError(Problem(code, message, Place(shown), unit=Unit.FILE, hint=hint))
