"""COCO, written: one file, or in a folder ``annotations/instances_<split>.json``.

Images and annotations are two arrays: each waits in a spool of its own. Ids are kept where they are the file's own and
not taken; the others are numbered on. A polygon with holes, which COCO's lists of rings cannot express, becomes a
run-length mask; what came as a mask becomes one again. Foreign attributes stand under ``attributes``, questions and
answers under a key of this package's.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, ClassVar, TypeAlias

import msgspec

from .. import bridges, geometry, raster, wire
from ..losses import Losses, notable
from ..model import ImageRecord, Instance, Polygon, Ring
from ..prepared import Prepared
from .answers import ANSWERS
from .coco_categories import id_key
from .coco_files import split_of
from .coco_shapes import CLOSED, UNCOMPRESSED
from .documents import DocumentWriter, file_of
from .spool import Spool
from .staging import Staging
from .writer import LONG, json_bytes

_SHORT = 200
_OWN = ("images", "annotations", "categories")


class CocoWriter(DocumentWriter):
    """Writes boxes, polygons in parts and with holes, classifications, and every attribute."""

    name: ClassVar[str] = "COCO"
    suffix: ClassVar[str] = ".json"
    by_split: ClassVar[bool] = True

    def document(self, split: str) -> str:
        """``annotations/instances_<split>.json`` in a folder; one file otherwise."""
        return (
            f"annotations/instances_{file_of(split) or 'default'}.json" if self.folder else "instances.json"
        )

    def holds(self, split: str) -> bool:
        """Whether a reader takes the document's name for that of this split."""
        return split_of(Path(self.document(split))) == (split,)

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        self._losses = losses
        self._images: dict[str, Spool] = {}
        self._ids: dict[str, tuple[Numbers, Numbers]] = {}

    def rows(self, record: ImageRecord, losses: Losses) -> Any:
        """The image's row and its annotations' rows, each with the id it had, not yet numbered."""
        attributes = dict(record.attributes)
        captions = attributes.pop("captions", []) if self.native else []
        image = attributes if self.native else _under_attributes(attributes)
        wanted = image.pop("id", None)
        image["file_name"] = record.file_name
        for side, pixels in (("width", record.width), ("height", record.height)):
            if pixels is not None:
                image[side] = pixels
        if record.qa:
            image[ANSWERS] = [wire.answer(found) for found in record.qa]
        rows = self._rows(record, losses)
        rows += [(caption.get("id"), None, _open(caption, "id", "image_id")) for caption in captions]
        return wanted, _open(image), rows

    def _rows(self, record: ImageRecord, losses: Losses) -> list[_Row]:
        """The annotations. Those of a COCO file that are plain are passed on as they are spelled, if their label keeps its id."""
        given = record.instances
        if not self.native or not isinstance(given, Prepared):
            return [self._row(found, record, losses) for found in given]
        categories = self.categories
        return [
            (told.own, told.image, told.text)
            if told and stated and told.label == categories[stated.label]
            else self._row(given[at], record, losses)
            for at, (told, stated) in enumerate(zip(given.told(), given.stated(), strict=True))
        ]

    def _row(self, instance: Instance, record: ImageRecord, losses: Losses) -> _Row:
        """What an annotation says beside the ids."""
        if not self.native and (foreign := self._foreign(instance)) is not None:
            return None, None, foreign
        found = self._annotation(instance, record, losses)
        return found.pop("id", None), None, _open(found, "image_id")

    def _foreign(self, instance: Instance) -> bytes | None:
        """The annotation of another format's shape, written without a mapping; None where that takes one."""
        polygon = instance.polygon
        rings = () if polygon is None else polygon.rings
        box, said = geometry.around(instance.rectangle, polygon), _texts_opened(instance.attributes)
        if box is None or said is None or instance.qa or any(ring.hole for ring in rings):
            return None
        sides = (box.left, box.top, box.width, box.height)
        area = geometry.area(polygon) if polygon else box.width * box.height
        shape = _Shape(self.categories[instance.label], sides, [_flat(ring, 0) for ring in rings], area)
        return b"%b%b," % (said, json_bytes(shape)[1:-1])

    def _annotation(self, instance: Instance, record: ImageRecord, losses: Losses) -> dict[str, Any]:
        row = dict(instance.attributes) if self.native else _under_attributes(instance.attributes)
        derived = "image_id" not in row or not self.native
        form = row.pop("segmentation", None)
        row["category_id"] = self.categories[instance.label]
        box, polygon = instance.rectangle, instance.polygon
        if box is None and polygon is not None and derived:
            box = geometry.bounds(polygon)
        if box is not None:
            row["bbox"] = [box.left, box.top, box.width, box.height]
        if polygon is not None:
            row["segmentation"] = self._segmentation(polygon, form, record, losses)
        elif form is not None or derived:
            row["segmentation"] = form if isinstance(form, list) else []
        if derived:
            row.setdefault("bbox", [])
            row.setdefault(
                "area", geometry.area(polygon) if polygon else box.width * box.height if box else 0
            )
            row.setdefault("iscrowd", 0)
        if instance.qa:
            row[ANSWERS] = [wire.answer(found) for found in instance.qa]
        return row

    def _segmentation(self, polygon: Polygon, form: object, record: ImageRecord, losses: Losses) -> Any:
        was = form if isinstance(form, Mapping) else {}
        if "counts" not in was and not any(ring.hole for ring in polygon.rings):
            repeats = was.get(CLOSED) or [0] * len(polygon.rings)
            return [_flat(ring, again) for ring, again in zip(polygon.rings, repeats, strict=True)]
        height, width = was.get("size") or (record.height, record.width)
        runs = raster.traced_runs(polygon, height or 0, width or 0)
        if runs is None:
            try:
                mask, is_exact = raster.filled(polygon, height or 0, width or 0)
            except ValueError:
                losses.note("holes_bridged")
                return [list(bridges.bridge(*part)) for part in geometry.parts(polygon)]
            if not is_exact:
                losses.note("rasterised")
            runs = raster.run_lengths(mask)
        counts = runs.tolist() if was.get("counts") == UNCOMPRESSED else raster.encode_counts(runs)
        return {"size": [height, width], "counts": counts}

    @cached_property
    def categories(self) -> dict[str, Any]:
        """The category id of every label: its own where it has one that is free, else the next number."""
        numbers = Numbers()
        wanted = [label.attributes.get("id") if self.native else None for label in self.header.labels]
        numbers.reserve(wanted)
        return {label.name: numbers.take(own) for label, own in zip(self.header.labels, wanted, strict=True)}

    def add(self, row: Any) -> None:
        """Number the image and its annotations, and put them behind the others."""
        document, (wanted, image, annotations) = row
        if document not in self._ids:
            self._ids[document] = Numbers(), Numbers()
        images, numbers = self._ids[document]
        image_id = images.take(wanted)
        if wanted is not None and image_id != id_key(wanted):
            self._losses.note("ids_renumbered")
        self.spool(f"{document}\0images").add(image + b'"id":' + json_bytes(image_id) + b"}")
        of_image = b',"image_id":' + json_bytes(image_id) + b"}"
        found: list[bytes] = []
        for own, image_was, annotation in annotations:
            is_free = numbers.is_free(own)
            if image_was is not None:
                if is_free and image_was == image_id:
                    found.append(annotation)
                    numbers.take(own)
                    continue
                annotation = _open(msgspec.json.decode(annotation), "id", "image_id")
            if self.native and not is_free:
                self.spool(f"{document}\0late").add(annotation + b"\0" + of_image)
                self._losses.note("ids_renumbered")
                continue
            found.append(b'%b"id":%b%b' % (annotation, json_bytes(numbers.take(own)), of_image))
        if found:
            self.spool(f"{document}\0annotations").add(self.separator.join(found))

    def begun(self, name: str) -> Spool:  # noqa: ARG002 - all sections
        """Every section waits until the one before it is whole."""
        return self.beside()

    def finish(self) -> str:
        """Put every document together: what the header says, the categories, the images, the annotations."""
        for document in list(self._ids) or [self.document("")]:
            with self.staging.path(document).open("wb") as out:
                out.write(self.head())
                self.spool(f"{document}\0images").pour(out)
                out.write(b"\n]," + self._said[1] + b'\n"annotations":[\n')
                annotations = self.spool(f"{document}\0annotations")
                for row in self.spool(f"{document}\0late").rows():
                    number = b'"id":' + json_bytes(self._ids[document][1].take(None))
                    annotations.add(row.replace(b"\0", number))
                annotations.pour(out)
                out.write(self.tail())
        return "" if self.folder else self.document("")

    def head(self) -> bytes:
        """Everything before the images."""
        return b"{" + self._said[0] + b'\n"images":[\n'

    @cached_property
    def _said(self) -> tuple[bytes, bytes]:
        """What the header says and the categories, before the images; behind them where it is long, lest it hide these."""
        said = {key: value for key, value in self.header.attributes.items() if key not in _OWN}
        labels = [
            {
                "id": self.categories[label.name],
                "name": label.name,
                **{key: value for key, value in label.attributes.items() if key not in ("id", "name")},
            }
            for label in self.header.labels
        ]
        text = (_open(said) if self.native else _open(_under_attributes(said, key="source")))[1:]
        categories = b'\n"categories":' + json_bytes(labels) + b","
        is_long = len(text) + len(categories) > LONG
        return (b"", categories + text) if is_long else (text + categories, b"")

    def tail(self) -> bytes:
        """Everything after the annotations."""
        return b"\n]}\n"


_Row: TypeAlias = tuple[Any, Any, bytes]
"""The id that an annotation had, and an object without its end, to which ids are added; or the id of its image too, and all of the object."""


class _Shape(msgspec.Struct):
    """The annotation of a shape of another format, in the order in which ``_annotation`` puts it."""

    category_id: Any
    bbox: tuple[float, float, float, float]
    segmentation: list[list[float] | msgspec.Raw]
    area: float
    iscrowd: int = 0


class Numbers:
    """Ids that are given once. Whole numbers and texts are kept where they are free; the others are counted up."""

    def __init__(self) -> None:
        self._taken: set[Any] = set()
        self._next = 1

    def reserve(self, wanted: list[Any]) -> None:
        """Count up from beyond the numbers that will be asked for."""
        self._next = max([own for own in wanted if type(own) is int] + [0]) + 1

    def is_free(self, wanted: object) -> bool:
        """Whether ``take`` would give this very id."""
        key = id_key(wanted)
        return key is not None and key not in self._taken

    def take(self, wanted: object) -> Any:
        """The id that was wanted, or another one when it is taken or is no id."""
        if self.is_free(wanted):
            self._taken.add(id_key(wanted))
            return wanted
        while self._next in self._taken:
            self._next += 1
        self._taken.add(self._next)
        return self._next


def _flat(ring: Ring, again: int) -> list[float] | msgspec.Raw:
    """The points of a ring one after the other, the first so often again; made from its JSON where it has that."""
    if ring.text is None:
        return [*ring.points, *ring.points[:2] * again]
    text = ring.text.replace(b'{"x":', b"").replace(b',"y":', b",").replace(b"}", b"")
    if again:
        first = b",".join(text[1:-1].split(b",", 2)[:2])
        text = b"%b%b]" % (text[:-1], (b"," + first) * again)
    return msgspec.Raw(text)


def _under_attributes(attributes: Mapping[str, Any], key: str = "attributes") -> dict[str, Any]:
    """What another format says: crowd and score are COCO's own, the rest goes into one object."""
    said = notable(attributes)
    own = {name: said.pop(name) for name in ("iscrowd", "score") if isinstance(said.get(name), (int, float))}
    return {**own, key: said} if said else own


def _texts_opened(said: Mapping[str, Any]) -> bytes | None:
    """``_open`` of another format's attributes where they are short texts: most instances have the same ones. Else None."""
    values = said.values()
    if not {str}.issuperset(map(type, values)) or sum(map(len, values)) > _SHORT:
        return None
    return _opened(tuple(said.items()))


@lru_cache(1024)
def _opened(said: tuple[tuple[str, Any], ...]) -> bytes:
    return _open(_under_attributes(dict(said)))


def _open(row: Mapping[str, Any], *without: str) -> bytes:
    """An object as JSON without its closing brace, ready for another member."""
    text = json_bytes({key: value for key, value in row.items() if key not in without} if without else row)
    return text[:-1] + (b"," if len(text) > 2 else b"")
