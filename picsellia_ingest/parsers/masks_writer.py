"""MASKS, written: ``<image>/<number>_<label>.png`` for each instance, and class_names.txt.

Instances may overlap, since each has a mask of its own. A polygon on pixel edges is written exactly, any other as the
pixels that it fills. An image none of whose instances is written has ``0_.png``, of its size, so that it is not lost; of
one pixel where the size is not known, which is never made up from the shapes.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import quote

from PIL import Image

from .. import geometry, raster
from ..losses import Losses
from ..model import ImageRecord, Instance, Polygon, Rectangle
from ..tracing import MASK_PIXELS_MAX, Mask
from .checks import usable_label
from .masks_layout import FOLDER, NOTHING
from .names import unique_stems
from .staging import Staging
from .voc_masks import NAMES
from .writer import Encoded, Writer, lose_box, lose_header, lose_image, lose_instance

_NAME_MAX = 255
_A_FILE = re.compile(r"(\.(?:png|txt)_*)$", re.I)


class MasksWriter(Writer):
    """Writes polygons, with their parts and holes, as masks."""

    name: ClassVar[str] = "MASKS"

    def keys(self, names: Sequence[str], losses: Losses) -> list[str]:
        """For every record the folder of its masks; what could be taken for a file of the dataset is called otherwise."""
        if self.native:
            return unique_stems([f"{name}.png" for name in names], losses)
        found = unique_stems(names, losses)
        keys = ["/".join(_A_FILE.sub(r"\1_", step) for step in key.split("/")) for key in found]
        for key, was in zip(keys, found, strict=True):
            if key != was:
                losses.note("name_changed")
        return keys

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        lose_header(self.header, losses)
        for label in self.header.labels:
            if not label.kinds and not _can_be_listed(label.name):
                losses.note("labels_not_held")

    def finish(self) -> str:
        """Write the list of labels."""
        names = [label.name for label in self.header.labels if _can_be_listed(label.name)]
        self.staging.path(NAMES[0]).write_bytes("".join(f"{name}\n" for name in names).encode())
        return ""

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """The masks of one image."""
        lose_image(record, losses)
        if record.splits:
            losses.note("splits_not_held")
        folder = f"{key}/{FOLDER}" if key.rpartition("/")[2] == FOLDER else key
        files = [
            (f"{folder}/{name}", content)
            for number, one in enumerate(record.instances, start=1)
            for name, content in self._mask(one, number, record, losses)
        ]
        if not files:
            files.append((f"{folder}/{NOTHING}", _nothing(record, losses)))
        return Encoded(files)

    def _mask(
        self, instance: Instance, number: int, record: ImageRecord, losses: Losses
    ) -> list[tuple[str, bytes]]:
        """The name and content of an instance's mask; none when it cannot be written, which is counted."""
        polygon, box = instance.polygon, instance.rectangle
        name = f"{number}_{_escaped(instance.label)}.png"
        reason = ""
        if polygon is None:
            reason = "classification_not_held" if box is None else "shape_not_held"
        elif not usable_label(instance.label) or len(name.encode()) > _NAME_MAX:
            reason = "label_not_held"
        elif not (record.width and record.height):
            reason = "size_unknown"
        found = None if reason or polygon is None else _filled(polygon, record)
        if found is None or polygon is None:
            losses.drop(reason or "shape_not_held")
            return []
        mask, is_exact = found
        if not is_exact:
            losses.note("rasterised")
        lose_box(instance, losses)
        lose_instance(instance, losses)
        return [(name, _png(mask, geometry.bounds(polygon)))]


def _filled(polygon: Polygon, record: ImageRecord) -> tuple[Mask, bool] | None:
    """The pixels of a polygon, and whether they say all of it; None when there are none, or too many."""
    try:
        mask, is_exact = raster.filled(polygon, record.height or 0, record.width or 0)
    except ValueError:
        return None
    return (mask, is_exact) if mask.any() else None


def _nothing(record: ImageRecord, losses: Losses) -> bytes:
    """The empty mask of an image without instances, from which its size can be read, unless it is too large or one pixel."""
    width, height = record.width or 1, record.height or 1
    if record.width is None or record.height is None or width * height > MASK_PIXELS_MAX:
        width, height = 1, 1
    if (record.width, record.height) != (None, None) and (width, height) == (1, 1):
        losses.note("size_not_held")
    return _encoded(Image.new("1", (width, height)))


def _png(mask: Mask, around: Rectangle) -> bytes:
    """A mask that has no pixel further than one beyond a box: most of a large picture is not looked at."""
    height, width = mask.shape
    left, top = max(math.floor(around.left) - 1, 0), max(math.floor(around.top) - 1, 0)
    right, bottom = (math.ceil(end) + 1 for end in (around.left + around.width, around.top + around.height))
    image = Image.new("1", (width, height))
    image.paste(Image.fromarray(mask[top:bottom, left:right]), (left, top))
    return _encoded(image)


def _encoded(image: Image.Image) -> bytes:
    out = io.BytesIO()
    image.save(out, "PNG", compress_level=6)
    return out.getvalue()


def _escaped(label: str) -> str:
    """A label as a part of a file's name: what some system does not allow there is percent-encoded."""
    return "".join(
        char if char.isalnum() or char in " -_.()," else quote(char, safe="", errors="replace")
        for char in label
    )


def _can_be_listed(label: str) -> bool:
    return usable_label(label) and label.strip() == label and label.splitlines() == [label]
