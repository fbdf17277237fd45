"""LABELME: LabelMe's JSON, one file for an image; one file, or a tree of folders of them.

What a shape means is in labelme_shapes. ``imagePath`` counts from the file that has it, so the name of an image is the
two together, as text: nothing that a file names is opened. A picture that stands in ``imageData`` is left out, and said
to be; all other keys stay in the attributes, those that only concern the file itself under ``image``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import ItemError
from ..model import Header, ImageRecord, Instance
from ..problems import OnProblem, Place, Problem, Severity, Unit
from .answers import ANSWERS, answers
from .base import Options, labels_of
from .checks import Size, check_inside
from .file_per_image import FilePerImage, Source
from .folders import json_files, some_json
from .jsonfile import JsonFile, reject
from .jsontext import UNREADABLE
from .labelme_shapes import instance, joined
from .numbers import positive_int
from .voc_layout import shown

if TYPE_CHECKING:
    from .writer import Writer

_OWN = ("version", "lineColor", "fillColor", "imagePath")


class LabelMe(FilePerImage[Source]):
    """Reads rectangles, polygons in parts, and masks; names every circle, line and point that it cannot keep."""

    name: ClassVar[str] = "LABELME"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self.root = path if path.is_dir() else path.parent

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the file, or one of the first JSON files in the folder, has LabelMe's keys."""
        return some_json(path, _is_labelme)

    @staticmethod
    def writer() -> type[Writer]:
        """What writes LABELME."""
        from .labelme_writer import LabelMeWriter

        return LabelMeWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every file once. Raises InputError when there is none, or when the only one is rejected."""
        self.notes = []
        sources = [Source(path) for path in json_files(self.path, on_problem)]
        self._read_once(sources, on_problem, single=not self.path.is_dir())

    def header(self) -> Header:
        """The labels in the order in which they come."""
        return Header(labels_of(self._kinds))

    def _load(self, source: Source, on_problem: OnProblem) -> ImageRecord:
        with JsonFile.open(self.root / source.file) as file:
            return _RecordReader(file, source.file, on_problem).read()

    def _shown(self, relative: str) -> str:
        return shown(self.root / relative)


class _RecordReader:
    """Reads one file; ``where`` is its path below the source."""

    def __init__(self, file: JsonFile, where: str, on_problem: OnProblem) -> None:
        self.file, self.where, self.on_problem = file, where, on_problem
        self.size: Size = (None, None)

    def read(self) -> ImageRecord:
        """The record. Raises InputError when the file is no LabelMe file."""
        top = self.file.top()
        if not isinstance(top, dict) or "shapes" not in top:
            hint = "give the folder that holds LabelMe files only"
            raise reject(
                self.file.path, "not_labelme", "this is not a LabelMe file: it has no 'shapes'", hint
            )
        raws = self.file.array(top, "shapes") or []
        rest = {key: self._value(key, raw) for key, raw in top.items() if key not in ("shapes", "imageData")}
        image: dict[str, Any] = {"file": self.where}
        image |= {key: rest.pop(key) for key in _OWN if key in rest}
        if "imageData" in top:
            self._leave_out(top["imageData"])
            image["imageData"] = None
        self.size = self._side(rest, "imageWidth"), self._side(rest, "imageHeight")
        found = [self._instance(raw, number) for number, raw in enumerate(raws)]
        instances = tuple(joined([one for one in found if one is not None]))
        qa = answers(
            rest.pop(ANSWERS, None), self._report(f"/{ANSWERS}", self.file.offset(top["shapes"]), Unit.ANSWER)
        )
        name = file_name(self.where, image.get("imagePath"))
        place = Place(shown(self.file.path), byte=0)
        return ImageRecord(name, *self.size, instances, qa, {**rest, "image": image}, place=place)

    def _value(self, key: str, raw: msgspec.Raw) -> Any:
        try:
            return msgspec.json.decode(raw)
        except UNREADABLE as error:
            place = self.file.place(self.file.offset(raw), f"/{key}")
            message = f"{key!r:.80} cannot be read: {error}"
            self.on_problem(Problem("value_unreadable", message, place, Severity.WARNING, Unit.IMAGE))
            return None

    def _leave_out(self, raw: msgspec.Raw) -> None:
        """Report a picture that the file holds itself."""
        if len(raw) == 4 and bytes(raw) == b"null":
            return
        place = self.file.place(self.file.offset(raw), "/imageData")
        message = f"the picture in imageData ({len(raw)} bytes) is left out"
        hint = "nothing, if the image file is there too"
        self.on_problem(
            Problem("image_data_left_out", message, place, Severity.WARNING, Unit.IMAGE, hint=hint)
        )

    def _side(self, rest: dict[str, Any], key: str) -> int | None:
        if rest.get(key) is None:
            return None
        written = rest.pop(key)
        pixels = positive_int(written)
        if pixels is not None:
            return pixels
        message = f"{key} is {written!r:.40}; the picture's own is used"
        place = Place(shown(self.file.path), pointer=f"/{key}")
        self.on_problem(Problem("image_size_invalid", message, place, Severity.WARNING, Unit.IMAGE))
        return None

    def _instance(self, raw: msgspec.Raw, number: int) -> Instance | None:
        report = self._report(f"/shapes/{number}", self.file.offset(raw), Unit.INSTANCE)

        def warn(code: str, message: str, field: str) -> None:
            report(ItemError(code, message, field=field), Severity.WARNING)

        try:
            row = _decoded(raw)
            at = self._report(f"/shapes/{number}/{ANSWERS}", self.file.offset(raw), Unit.ANSWER)
            qa = answers(row.pop(ANSWERS, None), at)
            found = instance(row, warn)
            check_inside(found.rectangle, found.polygon, self.size, warn, ("points", "points"))
        except ItemError as error:
            report(error, Severity.ERROR)
            return None
        return msgspec.structs.replace(found, qa=qa) if qa else found

    def _report(self, pointer: str, offset: int, unit: Unit) -> Any:
        def report(error: ItemError, severity: Severity) -> None:
            place = self.file.place(offset, f"{pointer}/{error.field}".rstrip("/"))
            lost = int(severity is Severity.ERROR and unit is Unit.INSTANCE)
            self.on_problem(Problem(error.code, error.message, place, severity, unit, lost, error.hint))

        return report


def file_name(where: str, stated: object) -> str:
    """The image's name: ``imagePath`` from the folder of the file at ``where``, as text; without one, that file's stem."""
    path = stated.replace("\\", "/") if isinstance(stated, str) and stated.strip() else ""
    if not path:
        return where.rpartition(".")[0] or where
    if path.startswith("/") or path[1:2] == ":":
        return str(stated)
    steps = where.split("/")[:-1]
    for step in path.split("/"):
        if step == "..":
            steps = steps[:-1]
        elif step not in ("", "."):
            steps.append(step)
    return "/".join(steps) or str(stated)


def _decoded(raw: msgspec.Raw) -> dict[str, Any]:
    try:
        row = msgspec.json.decode(raw)
    except UNREADABLE as error:
        raise ItemError("shape_invalid", f"a shape cannot be read: {error}", "mend or remove it") from error
    if not isinstance(row, dict):
        raise ItemError("shape_invalid", f"a shape is not an object: {row!r:.80}", "mend or remove it")
    return row


def _is_labelme(text: bytes) -> bool:
    keys = (b'"imagePath"', b'"imageData"', b'"shape_type"')
    return text[:1] == b"{" and b'"shapes"' in text and any(key in text for key in keys)
