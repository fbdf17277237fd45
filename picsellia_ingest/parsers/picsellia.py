"""PICSELLIA: the platform's own JSON, an annotation dictionary, a snapshot, or a bare list of records.

``prepare`` indexes the mapped file (picsellia_joining); ``read`` decodes its shard's byte ranges of it. A record and the
image of the same id or name are one ImageRecord; images without a record come last, without instances. Counters and keys
beyond the format stay in the attributes, the image's under ``image``. An object that cannot even be decoded costs only itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec

from ..errors import InputError
from ..model import Header, ImageRecord
from ..problems import OnProblem, Problem, Severity, Unit
from .base import Options, Parser, Shard, labels_of
from .checks import plain_label
from .folders import FILES, ignore, json_below, only_json
from .jsonfile import JsonFile, reject
from .jsonoutlined import Check, Top, read_outlined
from .looks import edges_if_any
from .many_names import joined
from .picsellia_elements import Elements, elements
from .picsellia_index import PicselliaIndex
from .picsellia_joining import build
from .picsellia_records import RecordReader, Records, plain, together
from .scratch import Scratch

if TYPE_CHECKING:
    from .writer import Writer


_ARRAYS = ("annotations", "images")


class Picsellia(Parser):
    """Reads the platform's own format: classifications, rectangles, polygons, answers, images without annotations."""

    name: ClassVar[str] = "PICSELLIA"
    recognised_by: ClassVar[str] = "its key 'external_picture_url'"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._file = path
        self._index = PicselliaIndex()
        self._labels: dict[str, dict[str, Any]] = {}
        self._attributes: dict[str, Any] = {}

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether the first or last MiB has the keys of the platform's files and not those of COCO; of a folder in each file."""
        return only_json(path, _is_picsellia)

    @staticmethod
    def writer() -> type[Writer]:
        """What writes PICSELLIA."""
        from .picsellia_writer import PicselliaWriter

        return PicselliaWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Index the file. Raises InputError when it is not one, or not of this format."""
        self.notes = []
        self._file = _file_of(self.path)
        self.scratch = scratch = Scratch()
        with JsonFile.open(self._file) as file:

            def made(top: Top, told: OnProblem, check: Check | None) -> PicselliaIndex:
                self._labels, self._attributes = {}, {}
                records, images, is_listed = self._sections(file, top, told, check)
                listed = elements(file, records, check, self.spread)
                index = PicselliaIndex(scratch, is_listed)
                return build(file, listed, elements(file, images, check), index, told)

            self._index = read_outlined(file, _ARRAYS, on_problem, made)
        unlisted = [name for name in self._index.kinds if name not in self._labels]
        if unlisted and self._labels:
            self.notes.append(f"labels that 'categories' does not list: {', '.join(unlisted):.200}")

    def _sections(
        self, file: JsonFile, top: Top, on_problem: OnProblem, check: Check | None
    ) -> tuple[Elements, Elements, bool]:
        """``annotations`` and ``images``, and whether these are listed; takes in what else the document says."""
        if isinstance(top, list):
            place = file.place(0, "")
            message = "the document is the bare list of records; read as 'annotations'"
            on_problem(Problem("bare_list", message, place, Severity.WARNING, Unit.FILE))
            return top, [], False
        if "external_picture_url" in top:
            message = "the document is one record"
            raise reject(self._file, "one_record", message, 'write {"annotations": [the record]}')
        # The arrays of an outline are looked at as their elements are.
        raw_array = file.raw_array if check is None else dict.get
        records = raw_array(top, "annotations")
        if records is None:
            keys = ", ".join(map(repr, top)) or "none"
            message = f"there is no 'annotations' array (keys: {keys:.200})"
            raise reject(self._file, "no_annotations", message, "is this a PICSELLIA file?", "/annotations")
        for key, raw in top.items():
            if key not in ("annotations", "images", "categories"):
                self._attributes[key] = plain(raw)
        self._categories(file, file.array(top, "categories") or [], on_problem)
        return records, raw_array(top, "images") or [], True

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

    def header(self) -> Header:
        """The labels of ``categories`` in their order, then all others in the order in which they come."""
        return Header(labels_of(self._index.kinds, said=self._labels), self._attributes)

    def names(self) -> Sequence[str]:
        """``external_picture_url`` of every record, then of every image without one, as written."""
        return joined([self._index.record_names, self._index.image_names])

    def count(self) -> int:
        """The number of records that name a picture, and of images without a record."""
        return len(self._index)

    def instance_count(self) -> int:
        """The number of objects in all records."""
        return self._index.instances

    def read(self, shard: Shard, on_problem: OnProblem) -> Iterator[ImageRecord]:
        """Decode the shard's records from the mapped file."""
        if shard.start >= min(shard.stop, len(self._index)):
            return
        with JsonFile.open(self._file) as file:
            for entries in together(self._index.entries(shard.start, shard.stop)):
                records = Records(file, entries)
                for number, entry in enumerate(entries):
                    pointer = self._index.pointer_of(entry)
                    try:
                        yield RecordReader(file, entry, pointer, on_problem, records, number).read()
                    except InputError as error:
                        on_problem(error.problem)


def _file_of(path: Path) -> Path:
    """The file to read: of a folder the only one there is. Raises InputError naming the files if it holds several, or none."""
    if path.is_dir():
        few = islice(json_below(path, ignore), FILES)
        inside = [file for file in few if _is_picsellia(edges_if_any(path / file))]
        if len(inside) == 1:
            return path / inside[0]
        hint = f"give the file: {', '.join(inside):.200}" if inside else "give a JSON file"
        raise reject(path, "is_a_folder", "this is a folder, the format is one file", hint)
    if not path.exists():
        raise reject(path, "missing", "there is no such file", "check the path")
    return path


def _is_picsellia(text: bytes) -> bool:
    if text[:1] not in (b"{", b"["):
        return False
    if b'"external_picture_url"' in text:
        return True
    ours = b'"internal_picture_id"' in text or b'"total_assets"' in text or b'"nb_pages"' in text
    return ours and b'"annotations"' in text and b'"file_name"' not in text and b'"image_id"' not in text
