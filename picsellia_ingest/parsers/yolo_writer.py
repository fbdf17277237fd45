"""YOLO, written: data.yaml, images/<split>/..., labels/<split>/..., as Ultralytics reads it.

An instance with a polygon is a segment row, any other a box row. A segment is one line: parts are joined and holes
opened by bridges of zero width. Images without a split lie in images/default; where no image has one, data.yaml calls
that folder train and val both, so that it can be trained on and yet divides nothing. What was read as YOLO goes back
to the places it had, with data.yaml's keys as they were; splits of lists become lists again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar
from urllib.parse import quote

from .. import geometry
from ..losses import Losses
from ..model import CLASSIFICATION, Header, ImageRecord, Instance
from .base import Options
from .names import inside, stem, unique_stems
from .numbers import number
from .spool import Spool
from .staging import Staging
from .writer import Encoded, Writer, first_split, lose_box, lose_header, lose_image, lose_instance
from .yaml_subset import quoted
from .yolo import DATA_YAML
from .yolo_names import KEYS
from .yolo_rows import fractions, shown, spelled

_DEFAULT = "default"
_KEY = {"valid": "val", "validation": "val"}


class YoloWriter(Writer):
    """Writes boxes and polygons; from YOLO itself also confidences and keypoints."""

    name: ClassVar[str] = "YOLO"
    needs_images: ClassVar[bool] = True

    def __init__(self, header: Header, options: Options | None = None, source: str = "") -> None:
        super().__init__(header, options, source)
        self._yaml = header.attributes.get(DATA_YAML) if self.native else None
        own = [label.attributes.get("id") if self.native else None for label in header.labels]
        numbers = [number for number in own if isinstance(number, int)]
        if len(set(numbers)) < len(own):
            numbers = list(range(len(own)))
        self._numbers = {label.name: at for label, at in zip(header.labels, numbers, strict=True)}

    def keys(self, names: Sequence[str], losses: Losses) -> list[str]:
        """For every record the path of its label file below its split, without extension."""
        return unique_stems(names, Losses() if self.native else losses)

    def image_path(self, record: ImageRecord, key: str) -> str:
        """Where the image was in its dataset, if that was YOLO; else ``images/<split>/<key>`` with its extension."""
        own = self._own(record)
        if own:
            return inside(str(own.get("path")))
        name = inside(record.file_name)
        return f"images/{_folder(_split(record, Losses()))}/{key}{name[len(stem(name)) :]}"

    def _own(self, record: ImageRecord) -> dict[str, Any]:
        """Where the files of a record lay in the dataset it was read from."""
        own = record.attributes.get("image") if self.native else None
        return own if isinstance(own, dict) and isinstance(own.get("path"), str) else {}

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """The label file of a record, and its image's place with its splits."""
        own = self._own(record)
        if not self.native:
            lose_image(record, losses)
        rows = [row for one in record.instances if (row := self._row(one, record, losses))]
        if own:
            path, splits = own.get("labels"), record.splits
        else:
            split = _split(record, losses)
            path, splits = f"labels/{_folder(split)}/{key}.txt", (split,) if split else ()
        shapes = any(one.kind != CLASSIFICATION for one in record.instances)
        unsized = shapes and not (record.width and record.height)
        text = "".join(f"{row}\n" for row in rows)
        files = [] if path is None or unsized else [(inside(str(path)), text.encode())]
        return Encoded(files, (splits, self.image_path(record, key)))

    def _row(self, instance: Instance, record: ImageRecord, losses: Losses) -> str:
        """The row of an instance; nothing when it cannot be written, which is counted."""
        polygon, rectangle = instance.polygon, instance.rectangle
        reason = "" if record.width and record.height else "size_unknown"
        if polygon is None and rectangle is None:
            reason = "classification_not_held"
        if reason or not (record.width and record.height):
            losses.drop(reason)
            return ""
        if not self.native:
            lose_instance(instance, losses)
        size = (record.width, record.height)
        text = spelled(instance, size) if self.native else None
        if text is None and polygon is not None:
            lose_box(instance, losses)
            if any(ring.hole for ring in polygon.rings):
                losses.note("holes_bridged")
            if len(geometry.parts(polygon)) > 1:
                losses.note("parts_joined")
        text = text or shown(fractions(rectangle, polygon, size))
        return f"{self._number(instance)} {text}{self._more(instance)}"

    def _number(self, instance: Instance) -> int:
        other = instance.attributes.get("id") if self.native else None
        return other if isinstance(other, int) else self._numbers[instance.label]

    def _more(self, instance: Instance) -> str:
        """The keypoints and the confidence of a row of YOLO's own."""
        said = instance.attributes if self.native else {}
        keypoints, score = said.get("keypoints"), number(said.get("score"))
        values = keypoints if isinstance(keypoints, list) and instance.polygon is None else []
        return "".join(f" {value!r}" for value in [*values, *([] if score is None else [score])])

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        self._splits: dict[str, Spool | None] = {}
        if not self.native:
            lose_header(self.header, losses)

    def add(self, row: Any) -> None:
        """Take in the splits of an image; of YOLO's own, where data.yaml does not state them, in lists."""
        splits, image = row
        for split in splits:
            if split not in self._splits:
                lists = self.native and self._yaml is None
                path = self.staging.path(f".rows{len(self._splits)}")
                self._splits[split] = Spool(path, b"\n") if lists else None
            spool = self._splits[split]
            if spool is not None:
                spool.add(f"./{image}".encode())

    def finish(self) -> str:
        """Write data.yaml, and the lists of splits."""
        text = self._as_it_was(self._yaml) if isinstance(self._yaml, dict) else self._described()
        self.staging.path(DATA_YAML).write_text(text, "utf-8", newline="\n")
        return ""

    def _as_it_was(self, keys: dict[str, str]) -> str:
        return "".join(
            f"{quoted(key)}:{'' if text[:1] in ('', chr(10)) else ' '}{text}\n" for key, text in keys.items()
        )

    def _described(self) -> str:
        everything = "." if self.native else f"images/{_DEFAULT}"
        places = {"train": [everything], "val": [everything]} if not self._splits else {}
        for split, spool in self._splits.items():
            place = f"images/{_folder(split)}"
            if spool is not None:
                place = f"{_folder(split)}.txt"
                with self.staging.path(place).open("wb") as out:
                    spool.pour(out)
            places.setdefault(_KEY.get(split, split), []).append(place)
        lines = [
            f"{quoted(key)}: {quoted(found[0]) if len(found) == 1 else '[' + ', '.join(map(quoted, found)) + ']'}"
            for key, found in places.items()
        ]
        names = [f"  {number}: {quoted(name)}" for name, number in self._numbers.items()]
        return "\n".join([*lines, f"nc: {len(names)}", "names:" if names else "names: []", *names, ""])

    def close(self) -> None:
        """Give the disk space of the lists back."""
        for spool in self._splits.values():
            if spool is not None:
                spool.remove()


def _split(record: ImageRecord, losses: Losses) -> str:
    """The one split of an image; none, which is counted, when it can be no key of data.yaml and no folder."""
    split = first_split(record, losses)
    if split in KEYS or split in (".", "..", _DEFAULT) or split.lower().endswith(".txt"):
        losses.note("splits_not_held")
        return ""
    return split


def _folder(split: str) -> str:
    return quote(split, safe=" ") or _DEFAULT
