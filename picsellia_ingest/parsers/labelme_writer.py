"""LABELME, written: a JSON file beside each image's place, in LabelMe's own order of keys.

Parts of one instance are polygons of one ``group_id``. A polygon with holes, which LabelMe's cannot have, becomes a
mask, and what came as a mask becomes one again. LabelMe keeps keys that it does not know: foreign attributes stand under
``attributes``, questions and answers under this package's key.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from .. import bridges, geometry, raster, wire
from ..errors import ItemError
from ..losses import Losses, notable
from ..model import ImageRecord, Instance, Polygon, Ring
from .answers import ANSWERS
from .labelme import file_name
from .labelme_shapes import SPELLING, box, outline, picture, spelled
from .names import inside, stem, unique_stems
from .staging import Staging
from .writer import Encoded, Writer, in_picture, json_bytes, lose_box, lose_header, under

_VERSION = "5.5.0"


class LabelMeWriter(Writer):
    """Writes boxes, polygons in parts, masks, and every attribute."""

    name: ClassVar[str] = "LABELME"

    def keys(self, names: Sequence[str], losses: Losses) -> list[str]:
        """For every record the path of its file, without extension."""
        return unique_stems(names, Losses() if self.native else losses)

    def image_path(self, record: ImageRecord, key: str) -> str:
        """Beside the record's file; from LABELME itself where ``imagePath`` says."""
        own = self._own(record)
        if own:
            return inside(file_name(str(own["file"]), own.get("imagePath")))
        name = inside(record.file_name)
        return f"{key}{name[len(stem(name)) :]}"

    def _own(self, record: ImageRecord) -> dict[str, Any]:
        """What only concerns the file that a record was read from."""
        own = record.attributes.get("image") if self.native else None
        return own if isinstance(own, dict) and isinstance(own.get("file"), str) else {}

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output; the labels that no instance has, and what is said of labels, have no place."""
        super().begin(staging, losses)
        if not self.native:
            lose_header(self.header, losses, unused=True)

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """The file of one image."""
        own = dict(self._own(record))
        path = inside(str(own.pop("file"))) if own else f"{key}.json"
        if record.splits:
            losses.note("splits_not_held")
        if own:
            said = {name: value for name, value in record.attributes.items() if name != "image"}
            document = {**own, **said, "shapes": self._shapes(record, losses)}
            if "imageData" in own:
                document["imageData"] = None
        else:
            document = self._document(record, key, losses)
        for side, pixels in (("imageHeight", record.height), ("imageWidth", record.width)):
            if pixels is not None:
                document[side] = pixels
        if record.qa:
            document[ANSWERS] = [wire.answer(found) for found in record.qa]
        return Encoded([(path, json_bytes(document) + b"\n")])

    def _document(self, record: ImageRecord, key: str, losses: Losses) -> dict[str, Any]:
        return {
            "version": _VERSION,
            "flags": {},
            "shapes": self._shapes(record, losses),
            "imagePath": self.image_path(record, key).rpartition("/")[2],
            "imageData": None,
            "imageHeight": None,
            "imageWidth": None,
            **under("attributes", record.attributes),
        }

    def _shapes(self, record: ImageRecord, losses: Losses) -> list[dict[str, Any]]:
        """All shapes; parts of a group stand where they stood."""
        placed: dict[int, dict[str, Any]] = {}
        others: list[dict[str, Any]] = []
        for number, found in enumerate(record.instances):
            if found.rectangle is None and found.polygon is None:
                losses.drop("classification_not_held")
                continue
            shapes = self._native(found) if self.native else self._foreign(found, number, record, losses)
            if found.qa:
                shapes[0][ANSWERS] = [wire.answer(one) for one in found.qa]
            parts = _spelling(found).get("parts", []) if self.native else []
            if len(parts) == len(shapes):
                placed |= {part["at"]: shape for part, shape in zip(parts, shapes, strict=True)}
            else:
                others += shapes
        total = len(placed) + len(others)
        rest = iter(others)
        filled = [placed.pop(at) if at in placed else next(rest, None) for at in range(total)]
        return [shape for shape in [*filled, *placed.values(), *rest] if shape is not None]

    def _native(self, found: Instance) -> list[dict[str, Any]]:
        """The shapes that an instance of LABELME's own came from."""
        said = {key: value for key, value in found.attributes.items() if key != SPELLING}
        spelling = _spelling(found)
        if found.polygon is None or spelling.get("mask"):
            return [_shape(said, found, spelling)]
        more = said.pop("parts", None)
        rests = [said, *more] if isinstance(more, list) else [said] * len(found.polygon.rings)
        spellings = spelling.get("parts", [spelling])
        parts = [Instance(found.label, None, Polygon((one,))) for one in found.polygon.rings]
        if len(rests) != len(parts) or len(spellings) != len(parts):
            rests, spellings = [said] * len(parts), [{}] * len(parts)
        return [_shape(*each) for each in zip(rests, parts, spellings, strict=True)]

    def _foreign(
        self, found: Instance, number: int, record: ImageRecord, losses: Losses
    ) -> list[dict[str, Any]]:
        said = notable(found.attributes)
        score = said.pop("score") if isinstance(said.get("score"), (int, float)) else None
        rest: dict[str, Any] = {"group_id": None, "description": "", "flags": {}, "mask": None}
        rest |= {} if score is None else {"score": score}
        rest |= {"attributes": said} if said else {}
        polygon = found.polygon
        if polygon is None:
            return [_shape(rest, found, {})]
        lose_box(found, losses)
        rings: Sequence[Ring] = polygon.rings
        if any(one.hole for one in rings):
            try:
                shape = _shape(rest, Instance(found.label, None, polygon), {"mask": True})
            except ValueError:
                losses.note("holes_bridged")
                rings = [Ring(bridges.bridge(*part)) for part in geometry.parts(polygon)]
            else:
                if not raster.on_pixel_edges(polygon):
                    losses.note("rasterised")
                return [shape]
        if len(rings) > 1:
            rest["group_id"] = number + 1
            parts = in_picture([(one, []) for one in rings], losses, (record.width, record.height))
            rings = [one for one, _ in parts]
        return [_shape(rest, Instance(found.label, None, Polygon((one,))), {}) for one in rings]


def _spelling(found: Instance) -> Mapping[str, Any]:
    said = found.attributes.get(SPELLING)
    return said if isinstance(said, dict) else {}


def _shape(rest: Mapping[str, Any], found: Instance, spelling: Mapping[str, Any]) -> dict[str, Any]:
    """One shape. Its points are spelled as they were, if they still are those of its box or outline."""
    kind = "rectangle" if found.polygon is None else "mask" if spelling.get("mask") else "polygon"
    points = spelling.get("points")
    row: dict[str, Any] = {"label": found.label, "points": points}
    if kind == "mask":
        assert found.polygon is not None, "a mask has an outline"
        corners = _corners(found.polygon, spelling["mask"])
        row["points"] = [corners[:2], corners[2:]] if points is None else points
        row["mask"] = picture(found.polygon, corners)
    elif points is None or not _same(points, found):
        row["points"] = spelled(found.rectangle, found.polygon)
    typed = {} if spelling.get("untyped") else {"shape_type": kind}
    return {**row, **typed, **{key: value for key, value in rest.items() if key not in row}}


def _same(points: object, found: Instance) -> bool:
    try:
        return box(points) == found.rectangle if found.polygon is None else outline(points) == found.polygon
    except ItemError:
        return False


def _corners(polygon: Polygon, stated: object) -> list[int]:
    """The pixels in the corners of a mask: those stated if they hold the polygon, else the least that do."""
    around = geometry.bounds(polygon)
    left, top = math.floor(around.left), math.floor(around.top)
    right, bottom = math.ceil(around.left + around.width) - 1, math.ceil(around.top + around.height) - 1
    if isinstance(stated, list) and len(stated) == 4:
        least, most = (
            (min(stated[0], left), min(stated[1], top)),
            (max(stated[2], right), max(stated[3], bottom)),
        )
        if [*least, *most] == stated:
            return stated
    return [left, top, right, bottom]
