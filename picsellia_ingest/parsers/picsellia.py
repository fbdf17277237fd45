"""PICSELLIA: the platform's own JSON, an annotation dictionary, a snapshot, or a bare list of records.

``prepare`` takes the byte range of every record and image and a tally of labels; ``read`` decodes its shard's ranges
from the mapped file. A record and the image of the same id or name are one ImageRecord; images without a record come
last, without instances. Counters and keys beyond the format stay in the attributes, the image's under ``image``. An
object that cannot even be decoded costs only itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import InputError
from ..model import CLASSIFICATION, POLYGON, RECTANGLE, Header, ImageRecord
from ..problems import OnProblem, Problem, Severity, Unit
from .base import Options, Parser, Shard, labels_of
from .checks import INSTANCES_MAX, plain_label
from .jsonfile import JsonFile, reject
from .jsontext import Keys, crumbs, repeated_key
from .looks import edges_if_any
from .picsellia_records import RAWS, Entry, Range, RecordReader, attempt, plain

if TYPE_CHECKING:
    from .writer import Writer

_NOTHING = msgspec.Raw(b"null")
_NAMING = Keys("external_picture_url", "annotations")
_EMPTY = (b"null", b"[]", b"{}", b'{"geometry":[]}', b'{"geometry": []}')


class _RecordRow(msgspec.Struct):
    external_picture_url: msgspec.Raw = _NOTHING
    internal_picture_id: msgspec.Raw = _NOTHING
    annotations: msgspec.Raw = _NOTHING


class _ObjectRow(msgspec.Struct):
    label: str | int
    type: str | None = None
    rectangle: msgspec.Raw = _NOTHING
    polygon: msgspec.Raw = _NOTHING


_RECORD = msgspec.json.Decoder(_RecordRow)
_OBJECT = msgspec.json.Decoder(_ObjectRow)
_OBJECTS = msgspec.json.Decoder(list[_ObjectRow])


class Picsellia(Parser):
    """Reads the platform's own format: classifications, rectangles, polygons, answers, images without annotations."""

    name: ClassVar[str] = "PICSELLIA"
    recognised_by: ClassVar[str] = "its key 'external_picture_url'"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._entries: list[Entry] = []
        self._labels: dict[str, dict[str, Any]] = {}
        self._kinds: dict[str, set[str]] = {}
        self._attributes: dict[str, Any] = {}
        self._instances = 0
        self._listed = True
        """Whether the records stand in ``annotations``; False when the document is their bare list."""

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the first or last 64 KB have the keys of the platform's files and not those of COCO."""
        text = edges_if_any(path)
        if text[:1] not in (b"{", b"["):
            return False
        if b'"external_picture_url"' in text:
            return True
        ours = b'"internal_picture_id"' in text or b'"total_assets"' in text or b'"nb_pages"' in text
        return ours and b'"annotations"' in text and b'"file_name"' not in text and b'"image_id"' not in text

    @staticmethod
    def writer() -> type[Writer]:
        """What writes PICSELLIA."""
        from .picsellia_writer import PicselliaWriter

        return PicselliaWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Index the file. Raises InputError when it is not one, or not of this format."""
        self.notes = []
        self._entries, self._labels, self._kinds, self._attributes, self._instances = [], {}, {}, {}, 0
        _check_path(self.path)
        with JsonFile.open(self.path) as file:
            records, images = self._sections(file, on_problem)
            self._index_records(file, records, on_problem)
            self._index_images(file, images, on_problem)
        unlisted = [name for name in self._kinds if name not in self._labels]
        if unlisted and self._labels:
            self.notes.append(f"labels that 'categories' does not list: {', '.join(unlisted):.200}")

    def _sections(self, file: JsonFile, on_problem: OnProblem) -> tuple[list[msgspec.Raw], list[msgspec.Raw]]:
        """The elements of ``annotations`` and of ``images``; takes in what else the document says."""
        top = file.top()
        self._listed = isinstance(top, dict)
        if isinstance(top, list):
            place = file.place(0, "")
            message = "the document is the bare list of records; read as 'annotations'"
            on_problem(Problem("bare_list", message, place, Severity.WARNING, Unit.FILE))
            return top, []
        if "external_picture_url" in top:
            message = "the document is one record"
            raise reject(self.path, "one_record", message, 'write {"annotations": [the record]}')
        records = file.array(top, "annotations")
        if records is None:
            keys = ", ".join(map(repr, top)) or "none"
            message = f"there is no 'annotations' array (keys: {keys:.200})"
            raise reject(self.path, "no_annotations", message, "is this a PICSELLIA file?", "/annotations")
        for key, raw in top.items():
            if key not in ("annotations", "images", "categories"):
                self._attributes[key] = plain(raw)
        self._categories(file, file.array(top, "categories") or [], on_problem)
        return records, file.array(top, "images") or []

    def _categories(self, file: JsonFile, raws: list[msgspec.Raw], on_problem: OnProblem) -> None:
        for number, raw in enumerate(raws):
            row = plain(raw)
            attributes = dict(row) if isinstance(row, dict) else {}
            name = attributes.pop("name", None) if isinstance(row, dict) else row
            label = plain_label(name)
            if label is not None:
                self._labels.setdefault(label, attributes)
                continue
            place = file.place(file.offset(raw), f"/categories/{number}/name")
            message = f"a category has no name that can be shown: {name!r:.80}"
            on_problem(Problem("label_blank", message, place, Severity.WARNING, Unit.FILE, hint="name it"))

    def _index_records(self, file: JsonFile, raws: list[msgspec.Raw], on_problem: OnProblem) -> None:
        starts, lengths = file.offsets(raws)
        seen: dict[str, int] = {}
        self._by_id: dict[str, int] = {}
        for number, raw in enumerate(raws):
            start = int(starts[number])
            name, picture, objects = self._tally(raw)
            self._instances += objects or 0
            twice = repeated_key(bytes(raw), _NAMING)
            if twice is not None:
                place = file.place(start, f"{self._pointer(number)}/{twice}")
                message, hint = f"a record has {twice!r} twice", "keep the one that is meant"
                on_problem(
                    Problem("key_repeated", message, place, unit=Unit.IMAGE, lost=objects or 0, hint=hint)
                )
                continue
            if objects is not None and objects > INSTANCES_MAX:
                message = f"{name!r:.200} has {objects} objects; at most {INSTANCES_MAX} are accepted"
                place = file.place(start, f"{self._pointer(number)}/annotations")
                hint = "split the image"
                on_problem(
                    Problem("instances_too_many", message, place, unit=Unit.IMAGE, lost=objects, hint=hint)
                )
                continue
            if name is None or objects is None:
                self._reject_record(file, (number, start), name, objects or 0, on_problem)
                continue
            if name in seen:
                place = file.place(start, self._pointer(number))
                message = f"{name!r:.200} has another record, number {seen[name]}; both are kept"
                on_problem(Problem("image_repeated", message, place, Severity.WARNING, Unit.IMAGE))
            seen.setdefault(name, number)
            if picture is not None:
                self._by_id.setdefault(picture, len(self._entries))
            self._entries.append(Entry(name, Range(number, start, int(lengths[number])), None, objects))

    def _pointer(self, number: int) -> str:
        return f"/annotations/{number}" if self._listed else f"/{number}"

    def _reject_record(
        self, file: JsonFile, at: tuple[int, int], name: str | None, objects: int, on_problem: OnProblem
    ) -> None:
        code, field = (
            ("image_unnamed", "external_picture_url")
            if name is None
            else ("annotations_invalid", "annotations")
        )
        message = (
            f"a record with {objects} objects names no picture"
            if name is None
            else f"the annotations of {name!r:.200} are not a list"
        )
        hint = "add external_picture_url" if name is None else "mend the record"
        place = file.place(at[1], f"{self._pointer(at[0])}/{field}")
        on_problem(Problem(code, message, place, unit=Unit.IMAGE, lost=objects, hint=hint))

    def _place_of(self, entry: Entry) -> str:
        if entry.record is not None:
            return self._pointer(entry.record.number)
        return f"/images/{entry.image.number}" if entry.image is not None else ""

    def _tally(self, raw: msgspec.Raw) -> tuple[str | None, str | None, int | None]:
        """A record's name, its picture's id and the number of its objects; their labels are taken in.

        The number is None when ``annotations`` is something else than a list or null.
        """
        row = attempt(_RECORD, raw)
        if row is None:
            return None, None, 0
        name, picture = plain(row.external_picture_url), plain(row.internal_picture_id)
        name = name if isinstance(name, str) and name.strip() else None
        picture = picture if isinstance(picture, str) else None
        if crumbs(row.annotations):
            return name, picture, None
        raws = [] if bytes(row.annotations) == b"null" else attempt(RAWS, row.annotations)
        if name is None or raws is None or len(raws) > INSTANCES_MAX:
            return name, picture, None if raws is None else len(raws)
        objects = attempt(_OBJECTS, row.annotations)
        for found in objects if objects is not None else (attempt(_OBJECT, one) for one in raws):
            label = plain_label(found.label) if found is not None else None
            if found is not None and label is not None and (kind := _kind(found)) is not None:
                self._kinds.setdefault(label, set()).add(kind)
        return name, picture, len(raws)

    def _index_images(self, file: JsonFile, raws: list[msgspec.Raw], on_problem: OnProblem) -> None:
        starts, lengths = file.offsets(raws)
        by_name: dict[str, list[int]] = {}
        for position, entry in enumerate(self._entries):
            by_name.setdefault(entry.name, []).append(position)
        seen: set[tuple[str, str | None]] = set()
        for number, raw in enumerate(raws):
            row = attempt(_RECORD, raw)
            name = plain(row.external_picture_url) if row is not None else None
            picture = plain(row.internal_picture_id) if row is not None else None
            at = Range(number, int(starts[number]), int(lengths[number]))
            if not isinstance(name, str) or not name.strip():
                place = file.place(at.start, f"/images/{number}/external_picture_url")
                hint = "add external_picture_url"
                on_problem(
                    Problem("image_unnamed", "an image has no name", place, unit=Unit.IMAGE, hint=hint)
                )
                continue
            key = (name, picture if isinstance(picture, str) else None)
            if key in seen:
                place = file.place(at.start, f"/images/{number}")
                message = f"the image {name!r:.200} is listed twice"
                on_problem(Problem("image_repeated", message, place, Severity.WARNING, Unit.IMAGE))
                continue
            seen.add(key)
            self._join(name, key[1], at, by_name)

    def _join(self, name: str, picture: str | None, at: Range, by_name: dict[str, list[int]]) -> None:
        """Give an image to the records of its picture; make it a record of its own if there is none."""
        same = by_name.get(name, [])
        if picture is not None and self._by_id.get(picture, -1) in same:
            same = [self._by_id[picture]]
        if not same:
            self._entries.append(Entry(name, None, at))
        for position in same:
            self._entries[position].image = self._entries[position].image or at

    def header(self) -> Header:
        """The labels of ``categories`` in their order, then all others in the order in which they come."""
        return Header(labels_of(self._kinds, said=self._labels), self._attributes)

    def names(self) -> list[str]:
        """``external_picture_url`` of every record, then of every image without one, as written."""
        return [entry.name for entry in self._entries]

    def count(self) -> int:
        """The number of records that name a picture, and of images without a record."""
        return len(self._entries)

    def instance_count(self) -> int:
        """The number of objects in all records."""
        return self._instances

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Decode the shard's records from the mapped file."""
        entries = self._entries[shard.start : shard.stop]
        if not entries:
            return
        with JsonFile.open(self.path) as file:
            for entry in entries:
                try:
                    yield RecordReader(file, entry, self._place_of(entry), on_problem).read()
                except InputError as error:
                    on_problem(error.problem)


def _check_path(path: Path) -> None:
    """Raise InputError when the path is missing or a folder, naming the files inside that would do."""
    if path.is_dir():
        inside = [file.name for file in sorted(path.glob("*.json"))[:20] if Picsellia.recognises(file)]
        hint = f"give the file: {', '.join(inside):.200}" if inside else "give a JSON file"
        raise reject(path, "is_a_folder", "this is a folder, the format is one file", hint)
    if not path.exists():
        raise reject(path, "missing", "there is no such file", "check the path")


def _kind(row: _ObjectRow) -> str | None:
    """The kind of the instance that an object will be; None when its type and geometry disagree."""
    has_box, has_polygon = bytes(row.rectangle) not in _EMPTY, bytes(row.polygon) not in _EMPTY
    if row.type == CLASSIFICATION:
        return None if has_box or has_polygon else CLASSIFICATION
    if (row.type == RECTANGLE and not has_box) or (row.type == POLYGON and not has_polygon):
        return None
    return POLYGON if has_polygon else RECTANGLE if has_box else None
