"""OPEN-IMAGES, written: annotations/<split>-annotations-bbox.csv and its siblings, images/<split>/<id>.

Rows wait on disk as JSON until all columns are known. Each split has its boxes, its labels of whole images where there
are any, and the list of its images, so that those without a box are there too. Classes are described by their names.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import msgspec

from ..errors import ItemError
from ..losses import Losses, notable
from ..model import CLASSIFICATION, Header, ImageRecord, Instance
from .base import Options
from .names import inside, stem
from .numbers import number
from .open_images import ABSENT, SIDES, fractions, rectangle_of
from .open_images_index import BOXES, IMAGES, LABELS
from .spool import Spool
from .staging import Staging
from .writer import Encoded, Writer, box_of, first_split, json_bytes, lose_header
from .yolo_rows import shown

_FILES = {
    BOXES: ("annotations-bbox", ("ImageID", "Source", "LabelName", "Confidence", *SIDES)),
    LABELS: ("annotations-human-imagelabels", ("ImageID", "Source", "LabelName", "Confidence")),
    IMAGES: ("images-with-rotation", ("ImageID", "Subset", "OriginalURL")),
}
_SPLITS = {
    "train": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
}


class OpenImagesWriter(Writer):
    """Writes boxes, of a polygon its bounds, and classifications."""

    name: ClassVar[str] = "OPEN-IMAGES"
    needs_images: ClassVar[bool] = True

    def __init__(self, header: Header, options: Options | None = None, source: str = "") -> None:
        super().__init__(header, options, source)
        self._keys = {
            label.name: str(label.attributes.get("id", label.name)) if self.native else label.name
            for label in header.labels
        }

    def image_path(self, record: ImageRecord, key: str) -> str:
        """Below the folder of its split; from OPEN-IMAGES itself where it was."""
        own = self._own(record)
        name = inside(record.file_name)
        if own:
            return name
        return f"images/{_split(record, Losses())}/{key}{name[len(stem(name)) :]}".replace("//", "/")

    def _own(self, record: ImageRecord) -> dict[str, Any]:
        """What the source said of the image itself."""
        own = record.attributes.get("image") if self.native else None
        return own if isinstance(own, dict) and isinstance(own.get("id"), str) else {}

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """The rows of a record, by the file they belong to."""
        own = self._own(record)
        name = str(own["id"]) if own else key
        split = (record.splits or ("",))[0] if own else _split(record, losses)
        rows = [row for one in record.instances if (row := self._row(one, name, record, losses))]
        rows += [(LABELS, {**cells, "ImageID": name}) for cells in record.attributes.get(ABSENT, ()) if own]
        said = dict(record.attributes) if self.native else notable(record.attributes)
        for key_ in ("image", ABSENT) if self.native else ():
            said.pop(key_, None)
        if not self.native and record.qa:
            losses.note("image_answers_not_held")
        if not self.native and record.width is not None and not any(kind == BOXES for kind, _ in rows):
            losses.note("size_not_held")
        if not own or own.get("listed"):
            plain = _cells(said, self.native, losses)
            if not self.native:
                losses.attributes(
                    {column: cell for column, cell in said.items() if column not in plain},
                    "image_attributes_not_held",
                )
            rows.append(
                (
                    IMAGES,
                    {
                        "ImageID": name,
                        "Subset": split,
                        **plain,
                    },
                )
            )
        return Encoded(row=(split, rows))

    def _row(
        self, one: Instance, name: str, record: ImageRecord, losses: Losses
    ) -> tuple[str, dict[str, str]] | None:
        """The row of an instance, and the kind of its file; None when it cannot be written, which is counted."""
        whole = one.rectangle is None and one.polygon is None
        if not whole and not (record.width and record.height):
            losses.drop("size_unknown")
            return None
        if one.label != one.label.strip():
            losses.drop("label_not_held")
            return None
        if one.qa:
            losses.note("answers_not_held")
        row = {"ImageID": name, **self._cells(one, losses)}
        if whole:
            return LABELS, row
        words = self._sides(one, (record.width or 0, record.height or 0), losses)
        return BOXES, {**row, **dict(zip(SIDES, words, strict=True))}

    def _cells(self, one: Instance, losses: Losses) -> dict[str, str]:
        """The label and the attributes of an instance, those that can stand in a cell."""
        said = dict(one.attributes) if self.native else notable(one.attributes)
        own = said.pop("id", None) if self.native else None
        said.pop("bbox", None)
        # Of a label of a whole image, a confidence of 0 would say that it was verified to be absent.
        scored = said.get("score") or one.kind != CLASSIFICATION
        if not self.native and scored and isinstance(said.get("score"), (int, float)):
            said["Confidence"] = str(said.pop("score"))
        cells = _cells(said, self.native, losses)
        losses.attributes({column: cell for column, cell in said.items() if column not in cells})
        named = {"LabelName": self._keys[one.label] if own is None else str(own)}
        return (
            {**named, **cells} if self.native else {"Source": "xclick", "Confidence": "1", **named, **cells}
        )

    def _sides(self, one: Instance, size: tuple[int, int], losses: Losses) -> list[str]:
        """The edges of an instance's box in fractions, as they were if they still are those of the box."""
        box = box_of(one, losses)
        assert box is not None, "an instance has a box or a polygon"
        written = one.attributes.get("bbox") if self.native else None
        if isinstance(written, list) and _same(written, box, size):
            return list(map(str, written))
        return shown(fractions(box, size)).split()

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        self._open: dict[tuple[str, str], tuple[Spool, dict[str, None]]] = {}
        if not self.native:
            lose_header(self.header, losses)

    def add(self, row: Any) -> None:
        """Put the rows of an image behind the others of their files."""
        split, rows = row
        for kind, cells in rows:
            if (split, kind) not in self._open:
                path = self.staging.path(f".rows{len(self._open)}")
                self._open[split, kind] = Spool(path, b"\n"), dict.fromkeys(_FILES[kind][1])
            spool, columns = self._open[split, kind]
            columns |= dict.fromkeys(cells)
            spool.add(json_bytes(cells))

    def finish(self) -> str:
        """Write the files, and the descriptions of the classes."""
        described = [
            label.name for label in self.header.labels if not self.native or "id" in label.attributes
        ]
        if described:
            names = [(self._keys[name], name) for name in described]
            self._write("class-descriptions.csv", ("LabelName", "DisplayName"), names)
        if not any(kind in (BOXES, LABELS) for _, kind in self._open):
            self._write(f"{_FILES[BOXES][0]}.csv", _FILES[BOXES][1], ())
        for (split, kind), (spool, columns) in self._open.items():
            rows = (
                [row.get(column, "") for column in columns] for row in map(msgspec.json.decode, spool.rows())
            )
            self._write(f"{split}-{_FILES[kind][0]}.csv".lstrip("-"), tuple(columns), rows)
        return ""

    def _write(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        with self.staging.path(f"annotations/{name}").open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(columns)
            writer.writerows(rows)

    def close(self) -> None:
        """Give the disk space of the rows back."""
        for spool, _ in self._open.values():
            spool.remove()


def _cells(said: Mapping[str, Any], native: bool, losses: Losses) -> dict[str, str]:
    """The attributes that can stand in a cell, as text; those of another format that were none are counted."""
    cells = {column: str(cell) for column, cell in said.items() if _is_cell(column, cell)}
    as_text = [column for column, cell in cells.items() if cell != said[column]]
    if as_text and not native:
        losses.note("attributes_as_text", as_text)
    return cells


def _is_cell(column: str, cell: object) -> bool:
    """Whether an attribute can stand in a column of its own, on one line."""
    taken = (*_FILES[BOXES][1], "Subset", "id", "bbox", ABSENT, "image")
    plain = isinstance(cell, (str, int, float)) and str(cell).strip() == str(cell) != ""
    free = column not in taken or column in ("Source", "Confidence")
    return plain and free and column.isprintable() and column.strip() == column and str(cell).isprintable()


def _same(written: list[Any], box: object, size: tuple[int, int]) -> bool:
    try:
        return (
            len(written) == 4
            and all(number(one) is not None for one in written)
            and rectangle_of(written, size) == box
        )
    except ItemError:
        return False


def _split(record: ImageRecord, losses: Losses) -> str:
    """The split as Open Images calls it; none, which is counted, for one that it does not have."""
    split = first_split(record, losses)
    if split and split not in _SPLITS:
        losses.note("splits_not_held")
    return _SPLITS.get(split, "")
