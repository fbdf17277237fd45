"""Label Studio tasks, written: one JSON list.

A result that was read and still says what its instance says is written verbatim, since percentages do not survive being
turned into pixels and back to the last digit. Others are made anew: holes and parts on pixel edges as a brush mask, all
else as rectangles and polygons; what other formats say goes into the region's ``meta``.
"""

from __future__ import annotations

import copy
from typing import Any, ClassVar

from .. import geometry, raster
from ..errors import ItemError
from ..losses import Losses
from ..model import ImageRecord, Instance, Rectangle
from . import brush
from .documents import DocumentWriter
from .labelstudio import NUMBER
from .labelstudio_results import labels, shape
from .staging import Staging
from .writer import json_bytes, lines_of, lose_box, lose_header, under


class LabelStudioWriter(DocumentWriter):
    """Writes rectangles, polygons, brush masks and choices."""

    name: ClassVar[str] = "LABEL-STUDIO"
    suffix: ClassVar[str] = ".json"

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output. Tasks do not list the labels."""
        super().begin(staging, losses)
        lose_header(self.header, losses, unused=True)

    def rows(self, record: ImageRecord, losses: Losses) -> bytes:
        """One task."""
        if record.splits:
            losses.note("splits_not_held")
        if record.qa:
            losses.note("image_answers_not_held")
        task = copy.deepcopy(dict(record.attributes)) if self.native else _new_task(record)
        key = "completions" if "completions" in task and "annotations" not in task else "annotations"
        sets = task[key] = task.get(key) or []
        seen: set[int] = set()
        for number, instance in enumerate(record.instances, start=1):
            if self.native and id(instance.attributes) in seen:  # one result with two labels is two instances
                continue
            seen.add(id(instance.attributes))
            at = instance.attributes.get(NUMBER, 0) if self.native else 0
            if at >= len(sets):
                sets.append({"result": []})
            sets[at]["result"] += self._results(instance, record, number, losses)
        if not self.native and record.width is not None and not any(one["result"] for one in sets):
            losses.note("size_not_held")
        return json_bytes(task)

    def head(self) -> bytes:
        """The beginning of the list."""
        return b"[\n"

    def tail(self) -> bytes:
        """The end of the list."""
        return b"\n]\n"

    def _results(
        self, instance: Instance, record: ImageRecord, number: int, losses: Losses
    ) -> list[dict[str, Any]]:
        if instance.qa:
            losses.note("answers_not_held")
        was = {name: value for name, value in instance.attributes.items() if name != NUMBER}
        if self.native and _says(was, instance, record):
            return [was]
        if instance.kind == "classification":
            choice = {"value": {"choices": [instance.label]}, "type": "choices"}
            return [{"id": f"choice{number}", **choice, **self._common("choice", instance, record)}]
        if record.width is None or record.height is None:
            losses.drop("size_unknown")
            return []
        lose_box(instance, losses)
        common = {"image_rotation": 0, **self._common("label", instance, record)}
        found = [
            {**common, "type": f"{kind}labels", "value": {**value, f"{kind}labels": [instance.label]}}
            for kind, value in _drawn(instance, record.width, record.height, losses)
        ]
        return [{"id": f"region{number}_{part}", **row} for part, row in enumerate(found, start=1)]

    def _common(self, control: str, instance: Instance, record: ImageRecord) -> dict[str, Any]:
        """What every new result says: which control it is of, its image's size, and what another format said."""
        sides = {"original_width": record.width, "original_height": record.height}
        return {
            **{name: pixels for name, pixels in sides.items() if pixels is not None},
            **{"from_name": control, "to_name": "image"},
            **({} if self.native else under("meta", instance.attributes)),
        }


def _new_task(record: ImageRecord) -> dict[str, Any]:
    more = under("meta", record.attributes)
    return {"data": {"image": record.file_name}, "annotations": [{"result": []}], **more}


def _says(was: dict[str, Any], instance: Instance, record: ImageRecord) -> bool:
    """Whether a result says the same as the instance."""
    try:
        if instance.kind == "classification":
            return instance.label in labels(was, [])
        same_label = "labels" not in str(was.get("type")) or instance.label in labels(was, [])
        return same_label and shape(was, (record.width, record.height)) == (
            instance.rectangle,
            instance.polygon,
        )
    except ItemError:
        return False


def _drawn(instance: Instance, width: int, height: int, losses: Losses) -> list[tuple[str, dict[str, Any]]]:
    """The regions of an instance: the kind and the value of each, in percent."""
    polygon, box = instance.polygon, instance.rectangle
    if polygon is None:
        assert box is not None, "a classification was written before"
        return [("rectangle", _percent(box, width, height))]
    parts = geometry.parts(polygon)
    holes = any(inner for _, inner in parts)
    mask = raster.exact_mask(polygon, height, width) if holes or len(parts) > 1 else None
    if mask is not None:
        return [("brush", {"format": "rle", "rle": brush.encode(mask)})]
    return [
        (
            "polygon",
            {
                "points": [
                    [x / width * 100, y / height * 100] for x, y in zip(line[0::2], line[1::2], strict=True)
                ]
            },
        )
        for line in lines_of(polygon, losses, (width, height))
    ]


def _percent(box: Rectangle, width: int, height: int) -> dict[str, float]:
    return {
        "x": box.left / width * 100, "y": box.top / height * 100, "width": box.width / width * 100,
        "height": box.height / height * 100, "rotation": 0,
    }  # fmt: skip
