"""The records of a range of images of one COCO file.

The annotations of some hundred images are taken from the file together. Those that are plainly in order are made in one
go (coco_plain); each of the others is decoded by itself (coco_shapes), and what is to be said of it is said. Keys that
the model does not know stay verbatim in the attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np

from ..errors import ItemError
from ..model import Answer, ImageRecord, Instance, Polygon
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .answers import ANSWERS, answers
from .checks import Size
from .coco_categories import id_key
from .coco_grouping import is_caption
from .coco_index import CocoIndex
from .coco_plain import PlainAnnotations
from .coco_shapes import instance
from .jsonfile import JsonFile
from .jsontext import UNREADABLE, Keys, decoded, decoded_together, repeated_key, why
from .numbers import positive_int

_BATCH = 4096
"""Annotations that are taken together, unless one image has more."""
_ABSENT = object()
_OBJECTS = msgspec.json.Decoder(list[dict[str, Any]])
_MEANING = Keys("image_id", "category_id", "bbox", "segmentation")
"""The keys of an annotation that say what it is."""


def records(
    file: JsonFile, index: CocoIndex, start: int, stop: int, on_problem: OnProblem
) -> Iterator[ImageRecord]:
    """The records ``start`` to ``stop``, the last not included."""
    while start < stop:
        most = int(np.searchsorted(index.first, index.first[start] + _BATCH, side="right")) - 1
        end = min(stop, max(most, start + 1))
        yield from _batch(file, index, range(start, end), on_problem)
        start = end


def _batch(file: JsonFile, index: CocoIndex, batch: range, on_problem: OnProblem) -> Iterator[ImageRecord]:
    images = _images(file, index, batch)
    firsts = index.first[batch.start : batch.stop + 1].tolist()
    starts = index.annotation_start[firsts[0] : firsts[-1]].tolist()
    lengths = index.annotation_length[firsts[0] : firsts[-1]].tolist()
    texts = file.slices(starts, lengths)
    counts = np.diff(firsts).tolist()
    plain = PlainAnnotations(texts, index.categories, [image.size for image in images], counts)
    are_plain, masks = plain.are_plain(), plain.masks()
    for image, first, last in zip(images, firsts[:-1], firsts[1:], strict=True):
        for problem in image.problems:
            on_problem(problem)
        numbers = range(first - firsts[0], last - firsts[0])
        if all(are_plain[numbers.start : numbers.stop]):
            yield image.record(plain.prepared(numbers), index.splits, [], on_problem)
            continue
        reader = _Annotations(file, index, image.size, on_problem)
        members = [
            number if are_plain[number] else reader.read(firsts[0] + number, texts[number], masks.get(number))
            for number in numbers
        ]
        found = plain.prepared([one for one in members if one is not None])
        yield image.record(found, index.splits, reader.captions, on_problem)


def _images(file: JsonFile, index: CocoIndex, batch: range) -> list[_Image]:
    chosen = slice(batch.start, batch.stop)
    starts, numbers = index.image_start[chosen].tolist(), index.image_number[chosen]
    texts = file.slices(starts, index.image_length[chosen].tolist())
    found = zip(index.names[chosen], starts, numbers, texts, _flat_rows(texts), strict=True)
    return [_Image(file, *one) for one in found]


def _flat_rows(texts: Sequence[bytes]) -> Sequence[dict[str, Any] | None]:
    """The values of objects, decoded together if none of them holds another; Nones if they must be looked at one by one."""
    is_flat = sum(text.count(b"{") + text.count(b"[") for text in texts) == len(texts)
    rows = decoded_together(_OBJECTS, texts) if is_flat else None
    return [None] * len(texts) if rows is None else rows


class _Image:
    """What the file says of one image, its annotations aside; what is to be said of that waits in ``problems``."""

    def __init__(
        self, file: JsonFile, name: str, offset: int, number: int, text: bytes, row: dict[str, Any] | None
    ) -> None:
        """``offset`` is where it begins, ``number`` which of the images it is; ``row`` what it says where that is decoded."""
        self.file, self.name, self.offset = file, name, offset
        self.pointer = f"/images/{number}"
        self.problems: list[Problem] = []
        self.row = self._row(text) if row is None else row
        self.row.pop("file_name", None)
        self.size: Size = (self._side("width"), self._side("height"))

    def _row(self, text: bytes) -> dict[str, Any]:
        try:
            return dict(decoded(text))
        except UNREADABLE as error:
            message = f"what else is said of {self.name!r:.200} cannot be read: {why(error, text)[0]}"
            self._warn("image_unreadable", message, None)
            return {}

    def _side(self, side: str) -> int | None:
        stated = self.row.pop(side, _ABSENT)
        pixels = positive_int(stated)
        if pixels is None and stated is not _ABSENT:
            message = f"the {side} of {self.name!r:.200} is {stated!r:.40}; the picture's own is used"
            self._warn("image_size_invalid", message, f"{self.pointer}/{side}")
        return pixels

    def _warn(self, code: str, message: str, pointer: str | None) -> None:
        place = self.file.place(self.offset, pointer)
        self.problems.append(Problem(code, message, place, Severity.WARNING, Unit.IMAGE))

    def record(
        self,
        instances: Sequence[Instance],
        splits: tuple[str, ...],
        captions: list[dict[str, Any]],
        on_problem: OnProblem,
    ) -> ImageRecord:
        """The record, with its instances."""
        row = self.row
        if captions:
            row["captions"] = captions
        qa = _answers(row, self.file, self.offset, self.pointer, on_problem)
        place = Place(self.file.shown, byte=self.offset, pointer=self.pointer)
        return ImageRecord(self.name, *self.size, instances, qa, row, splits, place)


def _answers(
    row: dict[str, Any], file: JsonFile, offset: int, pointer: str, on_problem: OnProblem
) -> tuple[Answer, ...]:
    """The answers that this package's writer keeps under a key of its own: COCO has no place for them."""
    if ANSWERS not in row:
        return ()

    def report(problem: ItemError, severity: Severity) -> None:
        place = file.place(offset, f"{pointer}/{ANSWERS}/{problem.field}")
        on_problem(Problem(problem.code, problem.message, place, severity, Unit.ANSWER, hint=problem.hint))

    return answers(row.pop(ANSWERS), report)


class _Annotations:
    """Reads the annotations of one image, those that have something to be said of them."""

    def __init__(self, file: JsonFile, index: CocoIndex, size: Size, on_problem: OnProblem) -> None:
        self.file, self.index, self.size, self.on_problem = file, index, size, on_problem
        self.captions: list[dict[str, Any]] = []

    def read(self, position: int, text: bytes, mask: Polygon | None) -> Instance | None:
        """The instance at a position of the index; None when it is a caption, or rejected and reported.

        ``mask`` is the outline of its mask where that is known already.
        """
        index = self.index
        offset = int(index.annotation_start[position])
        pointer = f"/annotations/{index.annotation_number[position]}"

        def report(problem: ItemError, severity: Severity) -> None:
            at = f"{pointer}/{problem.field}" if problem.field else pointer
            lost = int(severity is Severity.ERROR and not is_caption(text, index))
            place = self.file.place(offset, at)
            self.on_problem(
                Problem(problem.code, problem.message, place, severity, lost=lost, hint=problem.hint)
            )

        def warn(code: str, message: str, field: str) -> None:
            report(ItemError(code, message, field=field), Severity.WARNING)

        try:
            row = _decoded(text)
            if "caption" in row and id_key(row.get("category_id")) not in self.index.categories:
                self.captions.append(row)
                return None
            label = self._label(row)
            qa = _answers(row, self.file, offset, pointer, self.on_problem)
            found = instance(row, label, self.size, warn, mask)
            return msgspec.structs.replace(found, qa=qa) if qa else found
        except ItemError as error:
            report(error, Severity.ERROR)
            return None

    def _label(self, row: dict[str, Any]) -> str:
        value = row.pop("category_id", None)
        key = id_key(value)
        if key is None or key not in self.index.categories:
            raise ItemError(
                "category_unknown",
                f"no category has the id {value!r:.40}",
                "add the category, or mend the id",
                "category_id",
            )
        label = self.index.categories[key]
        if not isinstance(label, str):
            raise ItemError(label.code, label.message, label.hint, "category_id")
        return label


def _decoded(text: bytes) -> dict[str, Any]:
    try:
        row = decoded(text)
    except UNREADABLE as error:
        words, hint = why(error, text)
        raise ItemError("annotation_invalid", f"an annotation cannot be read: {words}", hint) from error
    if not isinstance(row, dict):
        raise ItemError("annotation_invalid", "an annotation is not an object", "mend or remove it")
    if (key := repeated_key(text, _MEANING)) is not None:
        raise ItemError("key_repeated", f"an annotation has {key!r} twice", "keep the one that is meant", key)
    return row
