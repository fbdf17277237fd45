"""The quick way to annotations that are as nearly all are: a box, rings as they should be or none, and nothing else to say.

A batch is decoded at once into columns; comparisons of whole columns stand for the checks of coco_shapes, and rings stay
the text they are (coco_rings). Whatever is not plainly in order - another key, a repeated one, a mask, a closed ring, a
box past the edge - goes the long way, which knows what to say of it. What both ways make of an annotation is equal, as an
instance and as an object of the platform, which a test holds for any annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, repeat
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..model import POLYGON, RECTANGLE, Instance, Polygon, Prepared, Rectangle, Ring, Sent, Stated
from .checks import OVERHANG, SLIVER, Size
from .coco_masks import traced
from .coco_rings import GEOMETRY, Rings
from .jsontext import BYTES_MAX, UNREADABLE, decoded_together
from .scratch import IntArray

T = TypeVar("T")
_Number: TypeAlias = int | float
_Box: TypeAlias = tuple[_Number, _Number, _Number, _Number]
_Bools: TypeAlias = NDArray[np.bool_]
_UNSET = msgspec.UNSET


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    image_id: int
    category_id: int
    bbox: _Box
    segmentation: list[msgspec.Raw] | dict[str, msgspec.Raw] | msgspec.UnsetType = _UNSET
    id: int | msgspec.UnsetType = _UNSET
    area: _Number | msgspec.UnsetType = _UNSET
    iscrowd: int | msgspec.UnsetType = _UNSET


_NONE = _Row(0, 0, (0, 0, -1, -1), [])
"""Stands for an annotation that has other keys, or values of another kind."""
_ROW = msgspec.json.Decoder(_Row)
_ROWS = msgspec.json.Decoder(list[_Row])
_encode = msgspec.json.Encoder().encode


class PlainAnnotations:
    """A batch of annotations: which of them are plain, and what those are."""

    def __init__(
        self,
        texts: Sequence[bytes],
        categories: Mapping[Any, Any],
        sizes: Sequence[Size],
        counts: Sequence[int],
    ) -> None:
        """``sizes`` are the (width, height) of images as stated, of which each has so many of the annotations, in order."""
        together = decoded_together(_ROWS, texts)
        self._rows = rows = list(map(_row, texts)) if together is None else together
        found = [categories.get(row.category_id) for row in rows]
        self._labels = [label if type(label) is str else "" for label in found]
        boxes = [row.bbox for row in rows]
        edges = np.array([_NO_EDGES if None in size else size for size in sizes], np.float64).reshape(-1, 2)
        inside = _are_plain_boxes(boxes, np.repeat(edges, counts, axis=0))
        once = _have_each_key_once(rows, texts, are_all=together is not None)
        lists = [row.segmentation if type(row.segmentation) is list else () for row in rows]
        self._rings = Rings(list(chain.from_iterable(lists)))
        self._ring_counts = [*map(len, lists)]
        ends = np.cumsum(np.array(self._ring_counts, np.int64))
        self._ends: list[int] = ends.tolist()
        is_plain = inside & once & _have_plain_rings(self._rings.plain, ends)
        self._are_plain = [
            plain and label != "" for plain, label in zip(is_plain.tolist(), self._labels, strict=True)
        ]
        self._boxes = [(left or 0, top or 0, width, height) for left, top, width, height in boxes]

    def are_plain(self) -> list[bool]:
        """Whether each is."""
        return self._are_plain

    def masks(self) -> dict[int, Polygon]:
        """The outlines of those that are masks, if nothing is to be said of these."""
        rows = enumerate(self._rows)
        return traced({at: row.segmentation for at, row in rows if isinstance(row.segmentation, dict)})

    def instance(self, number: int) -> Instance:
        """One that is plain."""
        end = self._ends[number]
        texts = self._texts[end - self._ring_counts[number] : end]
        rings = [Ring(None, text=GEOMETRY % (ring or b"")) for ring in texts]
        box, polygon = Rectangle(*self._boxes[number]), Polygon(tuple(rings)) if rings else None
        return Instance(self._labels[number], box, polygon, (), _attributes(self._rows[number]))

    def prepared(self, members: Sequence[Instance | int]) -> Prepared:
        """Instances, those that are plain given by their numbers."""
        return _Prepared(self, members)

    @cached_property
    def _texts(self) -> list[bytes | None]:
        return self._rings.written()

    @cached_property
    def objects(self) -> list[Sent | None]:
        """Polygons with their boxes, as in a PICSELLIA file, or boxes; None where it is not one object that says all."""
        return self._or_boxes(
            None if text is None else msgspec.Raw(b"".join((text, b",", box, b"}")))
            for text, box in zip(self._outlines, self._box_members, strict=True)
        )

    @cached_property
    def outlines(self) -> list[Sent | None]:
        """Polygons, or boxes, as they are sent; None as in ``objects``."""
        return self._or_boxes(None if text is None else msgspec.Raw(text + b"}") for text in self._outlines)

    def _or_boxes(self, polygons: Iterable[Sent | None]) -> list[Sent | None]:
        """These, and the boxes of what has no ring."""
        if all(self._ring_counts):
            return [*polygons]
        found = zip(self._ring_counts, polygons, self.boxes, strict=True)
        return [polygon if rings else box for rings, polygon, box in found]

    @cached_property
    def stated(self) -> list[Stated | None]:
        """The labels and boxes of those that are plain."""
        has_polygon = [rings > 0 for rings in self._ring_counts]
        found = map(Stated, self._labels, self._boxes, repeat(object=True), has_polygon)
        return [one if is_plain else None for one, is_plain in zip(found, self._are_plain, strict=True)]

    @cached_property
    def _outlines(self) -> list[bytes | None]:
        """Polygons as they are sent, but for their ends."""
        begins = self._begins(POLYGON, b',"polygon":{"geometry":[{"x":')
        found: list[bytes | None] = []
        texts = self._texts
        for is_plain, label, rings, end, row in zip(
            self._are_plain, self._labels, self._ring_counts, self._ends, self._rows, strict=True
        ):
            if is_plain and rings == 1 and not row.iscrowd:
                found.append(b"".join((begins[label], texts[end - 1] or b"", b']},"qa":[]')))
            else:
                found.append(None)
        return found

    @cached_property
    def boxes(self) -> list[Sent | None]:
        """Boxes as they are sent; None as in ``objects``."""
        begins = self._begins(RECTANGLE, b",")
        return [
            msgspec.Raw(b"".join((begins[label], box, b',"qa":[]}')))
            if is_plain and not row.iscrowd
            else None
            for is_plain, label, box, row in zip(
                self._are_plain, self._labels, self._box_members, self._rows, strict=True
            )
        ]

    def _begins(self, kind: str, then: bytes) -> dict[str, bytes]:
        """What the objects of each label begin with."""
        return {label: _encode({"type": kind, "label": label})[:-1] + then for label in set(self._labels)}

    @cached_property
    def _box_members(self) -> list[bytes]:
        """Each box as the member of an object."""
        boxes = [
            (top, left, width, height) if is_plain else (0, 0, 0, 0)
            for (left, top, width, height), is_plain in zip(self._boxes, self._are_plain, strict=True)
        ]
        if not boxes:
            return []
        characters = np.frombuffer(_encode(boxes)[2:-2] + b",", np.uint8).copy()
        commas = np.flatnonzero(characters == ord(","))
        for place, mark in enumerate(_SIDES):
            characters[commas[place::4]] = mark
        text = characters.tobytes()[:-1]
        for mark, side in _SIDES.items():
            text = text.replace(bytes((mark,)), side)
        return [b'"rectangle":{"top":%b}' % box for box in text.split(b"]\x04[")]


class _Prepared(Prepared):
    """Some annotations of a batch, those that are plain given by their numbers."""

    __slots__ = ("_batch", "_members")

    def __init__(self, batch: PlainAnnotations, members: Sequence[Instance | int]) -> None:
        super().__init__()
        self._batch, self._members = batch, members

    def __len__(self) -> int:
        return len(self._members)

    def make(self, at: int) -> Instance:
        one = self._members[at]
        return self._batch.instance(one) if isinstance(one, int) else one

    def objects(self) -> Sequence[Sent | None]:
        return self._of(self._batch.objects)

    def outlines(self) -> Sequence[Sent | None]:
        return self._of(self._batch.outlines)

    def boxes(self) -> Sequence[Sent | None]:
        return self._of(self._batch.boxes)

    def stated(self) -> Sequence[Stated | None]:
        return self._of(self._batch.stated)

    def _of(self, column: Sequence[T | None]) -> Sequence[T | None]:
        members = self._members
        if isinstance(members, range):
            return column[members.start : members.stop]
        return [column[one] if type(one) is int else None for one in members]


_SIDES = {1: b',"left":', 2: b',"width":', 3: b',"height":', 4: b"\x04"}
"""What stands for the commas of a box, and for the one behind it."""


def _row(text: bytes) -> _Row:
    if len(text) > BYTES_MAX:
        return _NONE
    try:
        return _ROW.decode(text)
    except UNREADABLE:
        return _NONE


def _attributes(row: _Row) -> dict[str, Any]:
    found: dict[str, Any] = {"image_id": row.image_id, "id": row.id, "area": row.area, "iscrowd": row.iscrowd}
    if row.segmentation == []:
        found["segmentation"] = []
    return {key: value for key, value in found.items() if value is not _UNSET}


def _have_each_key_once(rows: Sequence[_Row], texts: Sequence[bytes], *, are_all: bool) -> _Bools:
    """Whether each has as many quotes as its keys need; where there is text besides, or a mask, it is not plain either.

    None has fewer, if they ``are_all`` what the texts are: where all together have as many as they need, so has each.
    """
    needed = np.full(len(rows), 2 * 7, np.int64)
    columns = ([row.id for row in rows], [row.area for row in rows], [row.iscrowd for row in rows])
    for column in (*columns, [row.segmentation for row in rows]):
        if msgspec.UnsetType in set(map(type, column)):
            needed -= [2 * (value is _UNSET) for value in column]
    found: _Bools = np.array([not isinstance(row.segmentation, dict) for row in rows], np.bool_)
    least: int = needed.sum()
    for mask in [row.segmentation for row in rows if isinstance(row.segmentation, dict)]:
        for value in mask.values():
            least += 4 if bytes(memoryview(value)[:1]) == b'"' else 2
    if not are_all or b"".join(texts).count(b'"') != least:
        found &= needed == np.fromiter([text.count(b'"') for text in texts], np.int64, len(texts))
    return found


def _have_plain_rings(plain: Sequence[bool], ends: IntArray) -> _Bools:
    """Whether all rings are plain, of which each has those up to where its own end."""
    seen = np.append(0, np.cumsum(np.array(plain, np.int64)))
    counts = np.diff(ends, prepend=0)
    found: _Bools = seen[ends] - seen[ends - counts] == counts
    return found


_NO_EDGE = 1 << 20
_NO_EDGES = (_NO_EDGE, _NO_EDGE)


def _are_plain_boxes(given: Sequence[_Box], edges: NDArray[np.float64]) -> _Bools:
    """Which boxes can be seen, and lie in pictures of these sizes as far as anything is to be said of it."""
    boxes = _columns(given)
    near, lengths = boxes[:, :2], boxes[:, 2:]
    with np.errstate(over="ignore"):  # what is too large to be a number is in no picture
        far = near + lengths
    plain = (lengths >= SLIVER) & (near >= -OVERHANG) & (near < edges) & (far > 0) & (far <= edges + OVERHANG)
    found: _Bools = np.all(plain, axis=1)
    return found


def _columns(boxes: Sequence[_Box]) -> NDArray[np.float64]:
    try:
        return np.fromiter(chain.from_iterable(boxes), np.float64, 4 * len(boxes)).reshape(-1, 4)
    except OverflowError:  # whole numbers of hundreds of digits
        return np.array([box if max(map(abs, box)) < _NO_EDGE else _NONE.bbox for box in boxes], np.float64)
