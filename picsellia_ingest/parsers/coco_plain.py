"""The quick way to annotations that are as nearly all are: a box, rings as they should be or none, and nothing to be said of.

A batch is decoded at once into columns (coco_rows); comparisons of whole columns stand for the checks of coco_shapes, and
rings stay the text they are (coco_rings). Whatever is not plainly in order - a repeated key, a mask, a flat ring, a box
past the edge - goes the long way, which knows what to say of it. What both ways make of an annotation is equal, as an
instance and as an object of the platform, which a test holds for any annotation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain, repeat
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..losses import notable
from ..model import POLYGON, RECTANGLE, Attributes, Instance, Polygon, Rectangle, Ring
from ..prepared import Prepared, Sent, Stated, Told, beginning, some
from . import coco_rows
from .checks import OVERHANG, SLIVER, Size
from .coco_masks import traced
from .coco_rings import GEOMETRY, Rings
from .coco_rows import UNSET, Bools, Box
from .coco_shapes import CLOSED
from .scratch import IntArray

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
        rows, are_whole, self._others = coco_rows.read(texts)
        self._rows, self._spelled = rows, texts
        found = [categories.get(row.category_id) for row in rows]
        self._labels = [label if type(label) is str else "" for label in found]
        boxes = [row.bbox for row in rows]
        edges = np.array([_NO_EDGES if None in size else size for size in sizes], np.float64).reshape(-1, 2)
        inside = _are_plain_boxes(boxes, np.repeat(edges, counts, axis=0))
        lists = [row.segmentation if type(row.segmentation) is list else () for row in rows]
        self._rings = Rings(list(chain.from_iterable(lists)))
        self._ring_counts = [*map(len, lists)]
        ring_counts = np.array(self._ring_counts, np.int64)
        ends = np.cumsum(ring_counts)
        self._ends: list[int] = ends.tolist()
        is_plain = inside & are_whole & _have_plain_rings(self._rings.plain, ends)
        self._are_plain = [
            plain and label != "" for plain, label in zip(is_plain.tolist(), self._labels, strict=True)
        ]
        self._unlike = np.flatnonzero(~(np.array(self._are_plain, np.bool_) & (ring_counts == 1))).tolist()
        """The numbers of those that are not plain, or no polygon of one ring."""
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
        return Instance(self._labels[number], box, polygon, (), self._attributes(number))

    def _attributes(self, number: int) -> dict[str, Any]:
        found = self._rows[number].attributes(self._others.get(number, {}))
        end = self._ends[number]
        repeats = self._rings.closed[end - self._ring_counts[number] : end]
        if any(repeats):
            found["segmentation"] = {CLOSED: [*map(int, repeats)]}
        return found

    def prepared(self, members: Sequence[Instance | int]) -> Prepared:
        """Instances, those that are plain given by their numbers."""
        return some(_All(self), members)

    @cached_property
    def _texts(self) -> list[bytes | None]:
        return self._rings.written()

    @cached_property
    def objects(self) -> list[Sent | None]:
        """Polygons with their boxes, as in a PICSELLIA file, or boxes; None where it is not one object that says all."""
        return self._objects(b']},"qa":[],"rectangle":{"top":', self._sides, b"}}")

    @cached_property
    def outlines(self) -> list[Sent | None]:
        """Polygons, or boxes, as they are sent; None as in ``objects``."""
        return self._objects(b']},"qa":[]}', repeat(b""), b"")

    def _objects(self, behind: bytes, sides: Iterable[bytes], end: bytes) -> list[Sent | None]:
        """Polygons of one ring each, with what stands behind its points; boxes of what has no ring."""
        texts = self._texts
        if not texts:
            return self.boxes
        begins = self._begins(POLYGON, b',"polygon":{"geometry":[{"x":')
        columns = (
            map(begins.__getitem__, self._labels),
            [texts[last - 1] or b"" for last in self._ends],
            repeat(behind),
            sides,
            repeat(end),
        )
        found: list[Sent | None] = [*map(msgspec.Raw, map(b"".join, zip(*columns, strict=False)))]
        for at in self._unlike:
            found[at] = None if self._ring_counts[at] or not self._are_plain[at] else self.boxes[at]
        return found

    @cached_property
    def stated(self) -> list[Stated | None]:
        """The labels and boxes of those that are plain."""
        has_polygon = [rings > 0 for rings in self._ring_counts]
        found = map(Stated, self._labels, self._boxes, repeat(object=True), has_polygon)
        return [one if is_plain else None for one, is_plain in zip(found, self._are_plain, strict=True)]

    @cached_property
    def told(self) -> list[Told | None]:
        """Those that are plain and have an id, as the file spells them."""
        return [
            Told(text, row.id, row.image_id, row.category_id) if is_plain and row.id is not UNSET else None
            for text, row, is_plain in zip(self._spelled, self._rows, self._are_plain, strict=True)
        ]

    @cached_property
    def said(self) -> dict[int, Attributes]:
        """The attributes whose loss would lose something, of those that are plain and have any."""
        numbers = {*self._others, *[number for number, row in enumerate(self._rows) if row.iscrowd]}
        found = {number: notable(self._attributes(number)) for number in numbers if self._are_plain[number]}
        return {number: said for number, said in found.items() if said}

    @cached_property
    def boxes(self) -> list[Sent | None]:
        """Boxes as they are sent; None as in ``objects``."""
        begins = self._begins(RECTANGLE, b',"rectangle":{"top":')
        return [
            msgspec.Raw(b"".join((begins[label], box, b'},"qa":[]}'))) if is_plain else None
            for is_plain, label, box in zip(self._are_plain, self._labels, self._sides, strict=True)
        ]

    def _begins(self, kind: str, then: bytes) -> dict[str, bytes]:
        """What the objects of each label begin with."""
        return {label: beginning(kind, label) + then for label in set(self._labels)}

    @cached_property
    def _sides(self) -> list[bytes]:
        """Each box as members of an object, from the number of the first on."""
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
        found: list[bytes] = text.split(b"]\x04[")
        return found


class _All(Prepared):
    """The annotations of a batch, of which those that are not plain have no instance here."""

    __slots__ = ("_batch",)

    def __init__(self, batch: PlainAnnotations) -> None:
        super().__init__()
        self._batch = batch

    def __len__(self) -> int:
        return len(self._batch.are_plain())

    def make(self, at: int) -> Instance:
        return self._batch.instance(at)

    def objects(self) -> Sequence[Sent | None]:
        return self._batch.objects

    def outlines(self) -> Sequence[Sent | None]:
        return self._batch.outlines

    def boxes(self) -> Sequence[Sent | None]:
        return self._batch.boxes

    def stated(self) -> Sequence[Stated | None]:
        return self._batch.stated

    def told(self) -> Sequence[Told | None]:
        return self._batch.told

    def attributes(self) -> Mapping[int, Attributes]:
        return self._batch.said


_SIDES = {1: b',"left":', 2: b',"width":', 3: b',"height":', 4: b"\x04"}
"""What stands for the commas of a box, and for the one behind it."""


def _have_plain_rings(plain: Sequence[bool], ends: IntArray) -> Bools:
    """Whether all rings are plain, of which each has those up to where its own end."""
    seen = np.append(0, np.cumsum(np.array(plain, np.int64)))
    counts = np.diff(ends, prepend=0)
    found: Bools = seen[ends] - seen[ends - counts] == counts
    return found


_NO_EDGE = 1 << 20
_NO_EDGES = (_NO_EDGE, _NO_EDGE)


def _are_plain_boxes(given: Sequence[Box], edges: NDArray[np.float64]) -> Bools:
    """Which boxes can be seen, and lie in pictures of these sizes as far as anything is to be said of it."""
    boxes = _columns(given)
    near, lengths = boxes[:, :2], boxes[:, 2:]
    with np.errstate(over="ignore"):  # what is too large to be a number is in no picture
        far = near + lengths
    plain = (lengths >= SLIVER) & (near >= -OVERHANG) & (near < edges) & (far > 0) & (far <= edges + OVERHANG)
    found: Bools = np.all(plain, axis=1)
    return found


def _columns(boxes: Sequence[Box]) -> NDArray[np.float64]:
    try:
        return np.fromiter(chain.from_iterable(boxes), np.float64, 4 * len(boxes)).reshape(-1, 4)
    except OverflowError:  # whole numbers of hundreds of digits
        return np.array(
            [box if max(map(abs, box)) < _NO_EDGE else coco_rows.NONE.bbox for box in boxes], np.float64
        )
