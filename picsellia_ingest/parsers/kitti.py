"""KITTI: the 2D side of the object benchmark, one text file for an image, below ``label_2`` or wherever rows are found.

A row is type, truncated, occluded, alpha, left, top, right, bottom, three dimensions, three coordinates, rotation and, in
results, a score (KITTI object development kit, readme.txt). Corners are pixels counted from 0, read as written:
``width = right - left``. All but type and box stays in the attributes. The image lies in ``image_2`` or beside.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from .. import geometry
from ..errors import ItemError
from ..losses import Losses
from ..model import CLASSIFICATION, Header, ImageRecord, Instance, Rectangle
from ..problems import OnProblem, Place
from . import file_per_image
from .base import Options, labels_of
from .checks import Warn, usable_label
from .file_per_image import FilePerImage, LineReport
from .folders import begins, ignore
from .image_files import SUFFIXES, images_below
from .jsonfile import reject
from .names import inside, split_folder, stem
from .numbers import number
from .staging import Staging
from .voc_layout import shown, walk
from .writer import Encoded, Writer, box_of, first_split, lose_header, lose_image, lose_instance
from .yolo_names import text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

LABELS, IMAGES = "label_2", "image_2"
_ROW = re.compile(rb"\s*[^\s\d.+-][^\s,]*([ \t]+[-+]?[\d.]+([eE][-+]?\d+)?){14,15}[ \t]*(\r|\n|\Z)")
_UNKNOWN = {
    "truncated": -1,
    "occluded": -1,
    "alpha": -10,
    "dimensions": [-1] * 3,
    "location": [-1000] * 3,
    "rotation_y": -10,
}
_FOLDERS, _FILES = 2000, 40


class Source(file_per_image.Source):
    """One label file and the name of its image."""

    image: str = ""


class Kitti(FilePerImage[Source]):
    """Reads boxes and keeps all that is said of them in space."""

    name: ClassVar[str] = "KITTI"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self.root = path if path.is_dir() else path.parent

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or one of the first text files in the folder, begins with a row of 15 or 16 values."""
        try:
            if not path.is_dir():
                return path.suffix.lower() == ".txt" and begins(path, _ROW)
            few = islice(walk(path, ignore), _FOLDERS)
            texts = (
                path / folder / name
                for folder, names in few
                for name in names
                if name.lower().endswith(".txt")
            )
            return any(begins(text, _ROW) for text in islice(texts, _FILES))
        except OSError:
            return False

    @staticmethod
    def writer() -> type[Writer]:
        """What writes KITTI."""
        return KittiWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every label file once. Raises InputError when there is none, or when the only one is rejected."""
        self.notes = []
        if not os.path.lexists(self.path):
            raise reject(self.path, "missing", "there is no such file or folder", "check the path")
        sources = (
            list(self._found(on_problem))
            if self.path.is_dir()
            else [Source(self.path.name, image=self.path.stem)]
        )
        if not sources:
            raise reject(
                self.path, "no_kitti_file", "the folder holds no label file", f"give the folder of {LABELS}"
            )
        self._read_once(sources, on_problem, single=not self.path.is_dir())
        if "DontCare" in self._kinds:
            self.notes.append("DontCare is read as a label like any other: it marks regions without labels.")

    def _found(self, on_problem: OnProblem) -> Iterator[Source]:
        texts: list[str] = []
        images: dict[str, str] = {}
        for folder, names in walk(self.root, on_problem):
            for name in names:
                path = f"{folder}/{name}".lstrip("/")
                if Path(name).suffix.lower() in SUFFIXES:
                    images.setdefault(stem(path), path)
                elif name.lower().endswith(".txt"):
                    texts.append(path)
        imgdir = self.options.imgdir
        given = {stem(name): name for name in reversed(images_below(imgdir))} if imgdir else {}
        others: list[str] = []
        for path in texts:
            if LABELS in path.split("/")[:-1] or begins(self.root / path, _ROW):
                yield Source(path, image=_image(path, images, given))
            else:
                others.append(path)
        if others:
            self.notes.append(f"text files that hold no rows are passed over: {', '.join(others):.200}")

    def header(self) -> Header:
        """The types in the order in which they come."""
        return Header(labels_of(self._kinds))

    def _load(self, source: Source, on_problem: OnProblem) -> ImageRecord:
        lines = enumerate(text_of(self.root / source.file).splitlines(), start=1)
        rows = [(at, row.split()) for at, row in lines if row.strip()]
        found: list[Instance] = []
        for at, words in rows:
            line = LineReport(self._shown(source.file), at, on_problem)
            try:
                found.append(_instance(words, line.warn))
            except ItemError as error:
                line.report(error)
        place = Place(self._shown(source.file), rows[0][0] if rows else None)
        own = {"image": {"labels": source.file}}
        # What lies below label_2 is an image's own folder, also where it is called like a split.
        above, _, _ = f"/{source.file}".partition(f"/{LABELS}/")
        splits = split_folder(f"{above}/" if LABELS in source.file.split("/") else source.file)
        return ImageRecord(source.image, None, None, tuple(found), (), own, splits, place)

    def _shown(self, relative: str) -> str:
        return shown(self.root / relative)


def _image(label: str, images: dict[str, str], given: dict[str, str]) -> str:
    """The name of the image of a label file: below ``imgdir``, below the source, or where it would be."""
    path = stem(label)
    steps = [IMAGES if step == LABELS else step for step in path.split("/")]
    ends = ["/".join(steps[at:]) for at in range(len(steps))]
    found = next((given[end] for end in ends if end in given), None)
    return found or images.get(ends[0]) or images.get(path) or ends[0]


def _instance(words: list[str], warn: Warn) -> Instance:
    label, values = words[0], [number(word) for word in words[1:]]
    if len(words) not in (15, 16) or None in values:
        wrong = next((word for word, value in zip(words[1:], values, strict=True) if value is None), "")
        message = f"{wrong!r:.40} is not a finite number" if wrong else f"it has {len(words)} values"
        raise ItemError(
            "row_invalid", f"the row cannot be read: {message}", "write 15 values, or 16 with a score"
        )
    if not usable_label(label):
        raise ItemError("label_blank", f"the type cannot be shown: {label!r:.80}", "name it")
    found = [value for value in values if value is not None]
    rectangle = box(found[3:7], warn)
    attributes: dict[str, Any] = {"truncated": found[0], "occluded": found[1], "alpha": found[2]}
    attributes |= {"dimensions": found[7:10], "location": found[10:13], "rotation_y": found[13]}
    if len(found) > 14:
        attributes["score"] = found[14]
    in_order = found[3] <= found[5] and found[4] <= found[6]
    if in_order and corners(rectangle) != found[3:7]:
        attributes["bbox"] = found[3:7]
    return Instance(label, rectangle, None, (), attributes)


def box(found: Sequence[float], warn: Warn | None = None) -> Rectangle:
    """The box of left, top, right, bottom. Raises ItemError when it has no area."""
    left, top, right, bottom = found
    if (right < left or bottom < top) and warn is not None:
        warn("box_swapped", f"the corners are swapped: x {left:g} to {right:g}, y {top:g} to {bottom:g}", "")
    left, right, top, bottom = min(left, right), max(left, right), min(top, bottom), max(top, bottom)
    if left == right or top == bottom:
        message = f"the box has no area: {right - left:g} x {bottom - top:g}"
        raise ItemError("box_empty", message, "remove it, or draw it again")
    return Rectangle(left, top, right - left, bottom - top)


def corners(found: Rectangle) -> list[float]:
    """Left, top, right and bottom of a box."""
    right, bottom = geometry.far_edge(found.left, found.width), geometry.far_edge(found.top, found.height)
    return [found.left, found.top, right, bottom]


class KittiWriter(Writer):
    """Writes boxes, of a polygon its bounds; what is not known in space is written as the benchmark does (-1, -10, -1000)."""

    name: ClassVar[str] = "KITTI"
    needs_images: ClassVar[bool] = True

    def image_path(self, record: ImageRecord, key: str) -> str:
        """In ``image_2``, below the split's folder; from KITTI itself where the label file belongs to."""
        own = self._own(record)
        name = inside(record.file_name)
        extension = name[len(stem(name)) :]
        if own:
            return (
                "/".join(IMAGES if step == LABELS else step for step in stem(inside(own)).split("/"))
                + extension
            )
        split = _split(record)
        return f"{split}/{IMAGES}/{key}{extension}".lstrip("/")

    def _own(self, record: ImageRecord) -> str:
        """The label file that a record was read from."""
        own = record.attributes.get("image") if self.native else None
        return str(own.get("labels", "")) if isinstance(own, dict) else ""

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output; the labels that no instance has, and what is said of labels, have no place."""
        super().begin(staging, losses)
        if not self.native:
            lose_header(self.header, losses, unused=True)

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """The label file of one image."""
        own = inside(self._own(record))
        if not self.native:
            lose_image(record, losses)
            if record.width is not None:
                losses.note("size_not_held")
        if not own and record.splits:
            first_split(record, losses)
            if not _split(record):
                losses.note("splits_not_held")
        path = own or f"{_split(record)}/{LABELS}/{key}.txt".lstrip("/")
        rows = [row for one in record.instances if (row := self._row(one, losses))]
        return Encoded([(path, "".join(f"{row}\n" for row in rows).encode())])

    def _row(self, instance: Instance, losses: Losses) -> str:
        """The row of an instance; nothing when it cannot be written, which is counted."""
        if instance.kind == CLASSIFICATION:
            losses.drop("classification_not_held")
            return ""
        if instance.label.split() != [instance.label]:
            losses.drop("label_not_held")
            return ""
        found = box_of(instance, losses)
        assert found is not None, "an instance has a box or a polygon"
        said = {**_UNKNOWN, **(instance.attributes if self.native else {})}
        if not self.native:
            score = instance.attributes.get("score")
            scored = number(score) is not None and not isinstance(score, str)
            rest = {
                key: value for key, value in instance.attributes.items() if not (scored and key == "score")
            }
            lose_instance(Instance(instance.label, qa=instance.qa, attributes=rest), losses)
            said |= {"score": score} if scored else {}
        return " ".join([instance.label, *map(repr, _values(said, found))])


def _values(said: dict[str, Any], found: Rectangle) -> list[float]:
    """The numbers of a row, the corners as they were if they still are those of the box."""
    written = said.get("bbox")
    same = isinstance(written, list) and len(written) == 4 and box(written) == found
    edges = written if same and isinstance(written, list) else corners(found)
    values = [
        said["truncated"],
        said["occluded"],
        said["alpha"],
        *edges,
        *said["dimensions"],
        *said["location"],
    ]
    return [*values, said["rotation_y"], *([said["score"]] if "score" in said else [])]


def _split(record: ImageRecord) -> str:
    """The first split, if the reader would find it again by its folder."""
    split = first_split(record, Losses())
    return split if split_folder(f"{split}/") == (split,) else ""
