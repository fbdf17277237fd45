"""The quick way to annotations that are as nearly all are: a box and rings as they should be, and nothing else to say.

A batch is decoded at once into what is kept; comparisons of whole columns stand for the checks of coco_shapes, and rings
stay the text they are (coco_rings). Whatever is not plainly in order - another key, a repeated one, a mask, a closed
ring, a box past the edge - is None here and goes the long way, which knows what to say of it. Both ways give equal
instances, which a test holds for any annotation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain, islice
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..model import Instance, Polygon, Rectangle, Ring
from .checks import OVERHANG, SLIVER, Size
from .coco_rings import written
from .jsontext import BYTES_MAX, UNREADABLE

_Number: TypeAlias = int | float


class _Row(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    image_id: int
    category_id: int
    bbox: tuple[_Number, _Number, _Number, _Number]
    segmentation: msgspec.Raw
    id: int | msgspec.UnsetType = msgspec.UNSET
    area: _Number | msgspec.UnsetType = msgspec.UNSET
    iscrowd: int | msgspec.UnsetType = msgspec.UNSET


_ROW = msgspec.json.Decoder(_Row)
_ROWS = msgspec.json.Decoder(list[_Row])
_BETWEEN_RINGS = re.compile(rb"\s*\]\s*,\s*\[\s*")


def plain_instances(
    texts: Sequence[bytes], categories: Mapping[Any, Any], sizes: Sequence[Size]
) -> list[Instance | None]:
    """The instances of annotations that are plainly in order; ``sizes`` are their images' (width, height) as stated."""
    rows = _rows(texts)
    inside = _are_plain_boxes(rows, sizes)
    lines = [
        _lines(row.segmentation) if is_inside and row is not None else ()
        for row, is_inside in zip(rows, inside, strict=True)
    ]
    rings = iter(written(list(chain.from_iterable(lines))))
    found: list[Instance | None] = []
    for row, text, own in zip(rows, texts, lines, strict=True):
        mine = list(islice(rings, len(own)))
        label = categories.get(row.category_id) if row is not None else None
        if row is None or not mine or None in mine or type(label) is not str:
            found.append(None)
            continue
        attributes = _attributes(row)
        if text.count(b'"') != 2 * (3 + len(attributes)):  # a key stands there twice
            found.append(None)
            continue
        left, top, width, height = row.bbox
        polygon = Polygon(tuple([Ring(None, text=ring) for ring in mine]))
        found.append(Instance(label, Rectangle(left or 0, top or 0, width, height), polygon, (), attributes))
    return found


def _rows(texts: Sequence[bytes]) -> list[_Row | None]:
    """Each annotation decoded; None for one that has other keys, or values of another kind."""
    if sum(map(len, texts)) <= BYTES_MAX:
        try:
            rows = _ROWS.decode(b"[%b]" % b",".join(texts))
        except UNREADABLE:
            rows = []  # one of them is odd: each is tried
        if len(rows) == len(texts):
            return list(rows)
    return [_row(text) for text in texts]


def _row(text: bytes) -> _Row | None:
    if len(text) > BYTES_MAX:
        return None
    try:
        return _ROW.decode(text)
    except UNREADABLE:
        return None


def _attributes(row: _Row) -> dict[str, Any]:
    found: dict[str, Any] = {"image_id": row.image_id}
    if row.id is not msgspec.UNSET:
        found["id"] = row.id
    if row.area is not msgspec.UNSET:
        found["area"] = row.area
    if row.iscrowd is not msgspec.UNSET:
        found["iscrowd"] = row.iscrowd
    return found


def _lines(segmentation: msgspec.Raw) -> Sequence[bytes]:
    """The numbers of each ring; none where it is no list of lists."""
    text = bytes(segmentation)
    if not text.startswith(b"[[") or not text.endswith(b"]]"):
        return ()
    inner = text[2:-2]
    return _BETWEEN_RINGS.split(inner) if b"]" in inner else (inner,)


_NO_BOX = (0, 0, -1, -1)
_NO_EDGE = 1 << 20
_NO_EDGES = (_NO_EDGE, _NO_EDGE)


def _are_plain_boxes(rows: Sequence[_Row | None], sizes: Sequence[Size]) -> list[bool]:
    """Which boxes can be seen, and lie in their picture as far as anything is to be said of it."""
    if not rows:
        return []
    boxes = _columns([_NO_BOX if row is None else row.bbox for row in rows], _NO_BOX)
    edges = _columns([_NO_EDGES if None in size else size for size in sizes], _NO_EDGES)
    near, lengths = boxes[:, :2], boxes[:, 2:]
    far = near + lengths
    plain = (lengths >= SLIVER) & (near >= -OVERHANG) & (near < edges) & (far > 0) & (far <= edges + OVERHANG)
    found: list[bool] = np.all(plain, axis=1).tolist()
    return found


def _columns(values: list[Any], instead: tuple[int, ...]) -> NDArray[np.float64]:
    try:
        return np.array(values, np.float64)
    except OverflowError:  # whole numbers of hundreds of digits
        return np.array([row if max(map(abs, row)) < _NO_EDGE else instead for row in values], np.float64)
