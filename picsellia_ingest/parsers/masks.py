"""MASKS: PNG pictures that say which pixels are what, in one of two layouts; masks_writer writes the second.

Index masks: a PNG for each image, grey or with a palette, whose values are class numbers. ``class_names.txt`` or
``labelmap.txt``, in its folder or one above, up to the source's parent, names them from 0, the background; 255 is void.
Each class of a mask is one instance. Object masks: ``<image>/<number>_<label>.png``, also ``<image>/masks/...``, a PNG for
each object, of its pixels that are not 0, or at least half opaque. The label is percent-encoded where needed;
``class_names.txt`` at the root may list all. ``0_.png`` says that an image has no object, and its size, or of one pixel
that the size is not known. An image is named by its path without extension; it may lie beside the folder of its name.
"""

from __future__ import annotations

from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import unquote

import msgspec
import numpy as np

from ..errors import InputError, ItemError
from ..model import Header, ImageRecord, Instance
from ..problems import OnProblem, Place, Problem, Unit
from ..tracing import Mask
from . import file_per_image
from .base import Options, labels_of
from .checks import usable_label
from .file_per_image import FilePerImage
from .folders import ignore
from .jsonfile import reject
from .masks_layout import NOTHING, OBJECT, Files, image_of, names_above
from .voc_layout import shown, walk
from .voc_masks import ClassNames, Masks, check_png, opened, outline
from .voc_objects import mask_record

if TYPE_CHECKING:
    from .writer import Writer

_FOLDERS, _FILES = 2000, 40
_HEAD, _COLOURED = 26, (b"\2", b"\6")


class Source(file_per_image.Source):
    """One image's masks: those of its objects, or where there are none ``file`` alone."""

    image: str = ""
    objects: list[str] = msgspec.field(default_factory=list)


class PngMasks(FilePerImage[Source]):
    """Reads index masks and masks of single objects."""

    name: ClassVar[str] = "MASKS"
    recognised_by: ClassVar[str] = (
        "PNG masks called <image>/<number>_<label>.png, or index masks with a class_names.txt"
    )

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._listed: list[str] = []
        self._names: dict[str, ClassNames] = {}

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether most of the first PNGs are grey or with a palette, small as masks are, and named in either layout."""
        try:
            if not path.is_dir():
                return False
            found = list(islice(walk(path, ignore), _FOLDERS))
            files = Files(path, found)
            if files.of_voc or not (files.are_of_objects(strict=True) or files.named):
                return False
            few = files.masks[:: 1 + len(files.masks) // _FILES]
            return sum(_looks_like_a_mask(path / file) for file in few) * 2 > len(few)
        except OSError:
            return False

    @staticmethod
    def writer() -> type[Writer]:
        """What writes masks of single objects."""
        from .masks_writer import MasksWriter

        return MasksWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every mask once. Raises InputError when there is none, or when nothing names the classes."""
        self.notes, self._names = [], {}
        if not self.path.is_dir():
            raise reject(self.path, "missing", "there is no such folder", "give the folder of the masks")
        files = Files(self.path, list(walk(self.path, on_problem)))
        if not files.masks:
            raise reject(self.path, "no_mask", "the folder holds no *.png mask", "give the folder of masks")
        if files.are_of_objects():
            images, unnamed = self._images(files, on_problem)
            self._read_once(images, on_problem)
            self._instances += unnamed
            self._listed = list(files.listed)
        elif files.named:
            self._read_once([Source(file, image=file[:-4]) for file in files.masks], on_problem)
            self._listed = [
                name for names in self._names.values() if names.stated for name in names.names[1:]
            ]
            self.notes.append(
                "index masks: each class of a mask is one instance, in as many parts as it has."
            )
        else:
            hint = (
                "put class_names.txt beside the masks, a class on each line, that of 0, the background, first"
            )
            raise reject(self.path, "classes_unnamed", "nothing says what the values of the masks mean", hint)

    def _noted(self) -> dict[str, ClassNames]:
        return self._names

    def _note_also(self, noted: dict[str, ClassNames]) -> None:
        self._names.update(noted)

    def _images(self, files: Files, on_problem: OnProblem) -> tuple[list[Source], int]:
        """The images that have masks of objects, and the number of masks that are not called as they must be."""
        found: dict[str, Source] = {}
        others: list[str] = []
        for file in files.masks:
            image = image_of(file)
            if image and OBJECT.fullmatch(file.rpartition("/")[2]):
                found.setdefault(image, Source(file, image=image)).objects.append(file)
            else:
                others.append(file)
        unnamed = [file for file in others if image_of(file) in found or OBJECT.fullmatch(file)]
        for file in unnamed:
            place = Place(self._shown(file))
            message = "the mask does not say of which image, or of which label it is"
            hint = "call it <image>/<number>_<label>.png"
            on_problem(Problem("mask_unnamed", message, place, lost=1, hint=hint))
        if len(others) > len(unnamed):
            rest = ", ".join(shown(Path(file)) for file in others if file not in set(unnamed))
            self.notes.append(f"pictures that are no masks are passed over: {rest:.200}")
        return list(found.values()), len(unnamed)

    def header(self) -> Header:
        """Labels that the source lists, in its order, then all others in the order in which they come."""
        return Header(labels_of(self._kinds, filter(usable_label, self._listed)))

    def _load(self, source: Source, on_problem: OnProblem) -> ImageRecord:
        name = shown(Path(source.image))
        if not source.objects:
            return mask_record(self._index(source.file), name, on_problem)
        size = self._size(source.objects)
        found: list[Instance] = []
        for file in source.objects:
            place = Place(self._shown(file))
            try:
                instance = self._instance(file, size)
            except ItemError as error:
                on_problem(Problem(error.code, error.message, place, lost=1, hint=error.hint))
            except InputError as error:
                bad = error.problem
                on_problem(Problem(bad.code, bad.message, place, lost=1, hint=bad.hint))
            else:
                found += [] if instance is None else [instance]
        width, height = size if size != (1, 1) or found else (None, None)
        return ImageRecord(name, width, height, tuple(found), place=Place(self._shown(source.file)))

    def _index(self, file: str) -> Masks:
        """The index mask of an image. Raises InputError when it cannot be read, or nothing names its classes."""
        folder = file.rpartition("/")[0]
        if folder not in self._names:
            self._names[folder] = names_above(self.path, folder)
        names, where = self._names[folder], self._shown(file)
        if not names.stated:
            hint = "list them in class_names.txt beside it"
            raise _rejected("classes_unnamed", "nothing names the classes of the mask", where, hint)
        if _head(self.path / file)[25:26] in _COLOURED and not names.colors:
            hint = "write class numbers, or list the colours in labelmap.txt"
            raise _rejected("mask_coloured", "a picture in colours holds no class numbers", where, hint)
        return Masks(None, self.path / file, names, where)

    def _size(self, objects: list[str]) -> tuple[int | None, int | None]:
        """The width and height of most of an image's masks."""
        sizes = Counter(size for file in objects if (size := stated_size(_head(self.path / file))))
        return sizes.most_common(1)[0][0] if sizes else (None, None)

    def _instance(self, file: str, size: tuple[int | None, int | None]) -> Instance | None:
        """The object of a mask; None for the mask that says that there is none. Raises ItemError, InputError."""
        name = file.rpartition("/")[2]
        match = OBJECT.fullmatch(name)
        assert match is not None, "an object's mask is called so"
        own = stated_size(_head(self.path / file))
        if own is not None and own != size:
            message = (
                f"the mask is of {own[0]} x {own[1]} px, most of its image's are of {size[0]} x {size[1]}"
            )
            raise ItemError("size_differs", message, "draw it in the size of the image")
        polygon = outline(_pixels(self.path / file, self._shown(file)))
        if polygon is None and name.lower() == NOTHING:
            return None
        label = unquote(match[2], errors="surrogateescape")
        if not usable_label(label):
            message = f"the file's name holds no label that can be shown: {label!r:.80}"
            raise ItemError("label_blank", message, "call it <number>_<label>.png")
        if polygon is None:
            raise ItemError("mask_empty", "the mask has no pixel", "remove it, or draw it again")
        return Instance(label, None, polygon)

    def _shown(self, relative: str) -> str:
        return shown(self.path / relative)


def _pixels(path: Path, where: str) -> Mask:
    """The pixels of an object. Raises InputError."""
    with opened(path, where) as image:
        if image.mode in ("RGBA", "LA", "PA"):
            alpha = np.asarray(image.getchannel("A"))
            if alpha.min() < 255:
                return np.asarray(alpha >= 128)
            image = image.convert("L" if image.mode == "LA" else "RGB")
        pixels = np.asarray(image)
        return np.asarray(pixels.any(axis=2) if pixels.ndim == 3 else pixels.astype(np.bool_, copy=False))


def _head(path: Path) -> bytes:
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as stream:
            return stream.read(_HEAD)
    except OSError:
        return b""


def stated_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a PNG that begins so; None when it is none, or one that cannot be afforded."""
    try:
        check_png(head)
    except ValueError:
        return None
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")


def _looks_like_a_mask(path: Path) -> bool:
    """Whether a PNG has one channel, and far fewer bytes than a photograph of its size."""
    head = _head(path)
    size = stated_size(head)
    return size is not None and head[25] in (0, 3) and path.stat().st_size <= size[0] * size[1] // 8 + 4096


def _rejected(code: str, message: str, where: str, hint: str) -> InputError:
    return InputError(Problem(code, message, Place(where), unit=Unit.FILE, hint=hint))
