"""The seam every writer implements.

``encode`` turns one record into bytes and needs nothing but the writer and the record: it runs in a thread, in a process
or on another machine. ``add`` and ``finish`` run in order in the one process that owns the output, an ``Output``,
which appears whole or not at all. What the target cannot hold is counted in Losses, never left out in silence.
Attributes are written verbatim where the records come from the same format (``native``); otherwise the target's own
place for free attributes holds what is ``notable`` in them, or its loss is counted. What writers share stands here
too, so that a new format imports one module.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar

import msgspec

from .. import bridges, geometry
from ..losses import Losses, notable
from ..model import Header, ImageRecord, Instance, Polygon, Rectangle, Ring
from .base import Options
from .names import inside, unique_stems
from .staging import Staging

_WRITE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | getattr(os, "O_BINARY", 0)

LONG = 1 << 15
"""Bytes that may stand before the elements of a document: whoever looks at its beginning shall see what it holds."""

SPLIT_ORDER = ("train", "val", "valid", "validation", "test", "trainval")
"""Which split counts as the first one where a target holds only one for each image."""


@dataclass(slots=True)
class Encoded:
    """One record in the target's words: ``files`` of its own (path below the output, content), ``row`` for the rest."""

    files: Sequence[tuple[str, bytes]] = ()
    row: Any = None


class Writer(ABC):
    """Writes one dataset. ``header`` has every label of the records; ``source`` names the format they were read from.

    Cheap to pickle until ``begin``.
    """

    name: ClassVar[str]
    """The format's name, as users write it."""
    suffix: ClassVar[str] = ""
    """The extension of the one file that a dataset is; empty for a format that is a folder."""
    needs_images: ClassVar[bool] = False
    """Whether what is written says all only beside its images (at ``image_path``, or ``imgdir``): their sizes, or names."""

    def __init__(self, header: Header, options: Options | None = None, source: str = "") -> None:
        self.header = header
        self.options = options or Options()
        self.native = source == self.name
        self.folder = not self.suffix
        """Whether the destination is a folder; ``Output`` decides it."""

    def keys(self, names: Sequence[str], losses: Losses) -> Sequence[str]:
        """For every record the name that its own files have, without extension; no two are the same.

        They are a list in memory, as only a dictionary of all tells which are taken.
        """
        return unique_stems(names, losses)

    def image_path(self, record: ImageRecord, key: str) -> str:  # noqa: ARG002 - a format may use it
        """Where a copy of the record's image belongs, below a destination that is a folder."""
        return f"images/{inside(record.file_name)}"

    @abstractmethod
    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """The record in the target's words."""

    def gathered(self, rows: Iterable[Any], number: int) -> list[Any]:  # noqa: ARG002 - a file may be called after it
        """The rows of shard ``number``, where they were made, in a form that is cheap to pass on to ``add``."""
        return list(rows)

    def begin(self, staging: Staging, losses: Losses) -> None:  # noqa: ARG002 - a format may say what it loses
        """Take over the output, before the first ``add``; count what of the header cannot be held."""
        self.staging = staging

    def add(self, row: Any) -> None:  # noqa: B027 - a format whose files say all needs none
        """Take one record's row in, in the order of the records."""

    def finish(self) -> str:
        """Write what is left. The answer names the one file that is the dataset; empty for the whole folder."""
        return ""

    def close(self) -> None:  # noqa: B027 - most hold nothing open
        """Let go of what is open; called at every end, good or bad."""


class Output:
    """The destination of one writer. As a context manager it is committed at the end, or on an error discarded.

    Raises InvalidQueryError when something is at the destination already, unless ``overwrite`` says that it may go.
    """

    def __init__(self, writer: Writer, destination: Path, *, overwrite: bool = False) -> None:
        self.writer = writer
        writer.folder = destination.suffix.lower() != writer.suffix or not writer.suffix
        self.losses = Losses()
        self.staging = Staging(destination, overwrite=overwrite)
        self._wanted = True

    def discard(self) -> None:
        """Let nothing appear at the end."""
        self._wanted = False

    def __enter__(self) -> Output:
        self.writer.begin(self.staging, self.losses)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None and self._wanted:
                made = self.writer.finish()
                self.writer.close()
                self.staging.commit(made)
        finally:
            self.writer.close()
            self.staging.discard()

    def write(self, records: Iterable[ImageRecord], keys: Iterable[str]) -> None:
        """Encode and add records, here and now."""
        for row in encode(self.writer, zip(records, keys, strict=True), self.staging.folder, self.losses):
            self.writer.add(row)


def encode(
    writer: Writer, records: Iterable[tuple[ImageRecord, str]], folder: Path, losses: Losses
) -> Iterator[Any]:
    """The rows of some records, each given with its key; their own files are written below ``folder``. Runs anywhere that sees the folder."""
    made: set[str] = set()
    root = os.fspath(folder)
    for record, key in records:
        encoded = writer.encode(record, key, losses)
        for relative, content in encoded.files:
            path = f"{root}/{relative}"
            parent = path.rpartition("/")[0]
            if parent not in made:
                Path(parent).mkdir(parents=True, exist_ok=True)
                made.add(parent)
            _write(path, content)
        yield encoded.row


def _write(path: str, content: bytes) -> None:
    """Write a file, as many as there are images of them: without what a file object costs."""
    handle = os.open(path, _WRITE, 0o666)
    try:
        left = memoryview(content)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)


def first_split(record: ImageRecord, losses: Losses) -> str:
    """The one split that a target which holds one for each image gets; "" for an image in none."""
    if len(record.splits) > 1:
        losses.note("further_splits_not_held")
    known = [split for split in SPLIT_ORDER if split in record.splits]
    return (known or list(record.splits) or [""])[0]


def lose_header(header: Header, losses: Losses, *, unused: bool = False) -> None:
    """Count what a source says of itself and of its labels, for a target that holds the labels' names only.

    ``unused``: also the labels that no instance has, for a target that names a label where an instance has it.
    """
    if notable(header.attributes):
        losses.note("header_not_held", notable(header.attributes))
    for label in header.labels:
        if said := notable(label.attributes):
            losses.note("label_attributes_not_held", said)
        if unused and not label.kinds:
            losses.note("labels_not_held")


def lose_image(record: ImageRecord, losses: Losses) -> None:
    """Count what a record says of its image, for a target that holds the instances only."""
    if record.qa:
        losses.note("image_answers_not_held")
    losses.attributes(notable(record.attributes), "image_attributes_not_held")


def lose_instance(instance: Instance, losses: Losses) -> None:
    """Count what an instance has beyond its label and shape, for a target that holds no more."""
    if instance.qa:
        losses.note("answers_not_held")
    losses.attributes(notable(instance.attributes))


def lose_box(instance: Instance, losses: Losses) -> None:
    """Count a box that says more than its polygon does, for a target that holds the polygon only."""
    box, polygon = instance.rectangle, instance.polygon
    if box is not None and polygon is not None and box != geometry.bounds(polygon):
        losses.note("box_not_held")


def box_of(instance: Instance, losses: Losses) -> Rectangle | None:
    """The box of an instance, or of its polygon, for a target that holds boxes only. None for a classification."""
    box, polygon = instance.rectangle, instance.polygon
    if polygon is not None:
        losses.note("polygon_not_held")
        if box is None:
            losses.note("box_from_polygon")
            box = geometry.bounds(polygon)
    return box


def lines_of(
    polygon: Polygon, losses: Losses, size: tuple[int | None, int | None]
) -> list[tuple[float, ...]]:
    """A line for each part of a polygon (``parts_of``), its holes joined to it by bridges, for a target that holds no more."""
    parts = parts_of(polygon, losses, size)
    if any(holes for _, holes in parts):
        losses.note("holes_bridged")
    return [bridges.line(outer, holes) for outer, holes in parts]


def parts_of(
    polygon: Polygon, losses: Losses, size: tuple[int | None, int | None]
) -> list[tuple[Ring, list[Ring]]]:
    """The parts of a polygon, each an outer ring and its holes, for a target that makes an object of each."""
    parts = geometry.parts(polygon)
    if len(parts) > 1:
        losses.note("split_in_parts")
        parts = in_picture(parts, losses, size)
    return parts


def in_picture(
    parts: list[tuple[Ring, list[Ring]]], losses: Losses, size: tuple[int | None, int | None]
) -> list[tuple[Ring, list[Ring]]]:
    """The parts without those that lie wholly outside the picture of this ``size`` (width, height), while any lies inside.

    Each of them would be read back as another picture's shape.
    """
    found = [part for part in parts if not geometry.is_ring_outside(part[0], size)]
    if not found or len(found) == len(parts):
        return parts
    losses.note("part_outside")
    return found


def under(key: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """What is notable in another format's attributes as one member of an object, in the place for free ones; empty if nothing is."""
    said = notable(attributes)
    return {key: said} if said else {}


_ENCODER = msgspec.json.Encoder()


def json_bytes(value: object) -> bytes:
    """A value as JSON, numbers as short as they can be, in the order in which it was made."""
    return _ENCODER.encode(value)
