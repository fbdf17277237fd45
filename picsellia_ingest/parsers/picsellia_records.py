"""The records of a PICSELLIA file, decoded from their byte ranges, many together, and joined each with its image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import msgspec

from ..errors import InputError, ItemError
from ..model import ImageRecord, Instance
from ..problems import OnProblem, Place, Problem, Severity, Unit
from . import picsellia_plain
from .answers import Report, answers
from .checks import Size
from .jsonfile import JsonFile
from .jsontext import UNREADABLE, Keys, attempt, decoded, each_decoded, repeated_key
from .numbers import positive_int
from .picsellia_objects import instance

RAWS = msgspec.json.Decoder(list[msgspec.Raw])
_MEANING = Keys("label", "rectangle", "polygon")
"""The keys of an object that say what it is, and that nothing inside of it has."""

_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_MANY_FIELDS = msgspec.json.Decoder(list[dict[str, msgspec.Raw]])
_TOGETHER = 1 << 19
"""Bytes of records that are decoded together, unless one alone has more."""


class Range(msgspec.Struct, array_like=True, frozen=True):
    """Where an element of ``annotations`` or ``images`` stands: its number, its first byte, its length."""

    number: int
    start: int
    length: int


_NO_RANGE = Range(0, 0, 0)


class Entry(msgspec.Struct, array_like=True):
    """One ImageRecord: its record, its image, or both; ``instances`` is the number of its objects."""

    name: str
    record: Range | None = None
    image: Range | None = None
    instances: int = 0


def plain(raw: bytes | msgspec.Raw) -> Any:
    """A value; None when it cannot be decoded."""
    try:
        return decoded(raw)
    except UNREADABLE:
        return None


class Records:
    """What the records of some entries hold, decoded together; an entry without a record has an empty one."""

    def __init__(self, file: JsonFile, entries: Sequence[Entry]) -> None:
        ranges = [entry.record or _NO_RANGE for entry in entries]
        self.texts = file.slices([at.start for at in ranges], [at.length for at in ranges])
        fields_of = each_decoded(_MANY_FIELDS, _FIELDS, self.texts)
        self.fields: Sequence[dict[str, msgspec.Raw] | None] = fields_of
        self._objects = picsellia_plain.PlainObjects(
            [b"null" if fields is None else fields.get("annotations", b"null") for fields in self.fields]
        )
        self._have_keys_once = bool(self._objects.rows) and _MEANING.stand_with(
            b"\n".join(self.texts), self._objects.words()
        )

    def plain(self, number: int, size: Size) -> Sequence[Instance] | None:
        """The instances where all objects are as the platform writes them, as nearly always; None otherwise."""
        found = self._objects.of(number, size)
        is_once = self._have_keys_once or found is None or not _MEANING.stand(self.texts[number], len(found))
        return found if is_once else None


def together(entries: Iterable[Entry]) -> Iterator[list[Entry]]:
    """Entries that are next to each other, as many as are decoded together."""
    some: list[Entry] = []
    size = 0
    for entry in entries:
        length = 0 if entry.record is None else entry.record.length
        if some and size + length > _TOGETHER:
            yield some
            some, size = [], 0
        some.append(entry)
        size += length
    if some:
        yield some


class RecordReader:
    """Reads one entry, the one of this ``number`` in ``records``. ``pointer`` is the JSON pointer of its record, or of its image."""

    def __init__(
        self,
        file: JsonFile,
        entry: Entry,
        pointer: str,
        on_problem: OnProblem,
        records: Records,
        number: int,
    ) -> None:
        self.file, self.entry, self.pointer, self.on_problem = file, entry, pointer, on_problem
        self._records, self._number = records, number
        self._text = records.texts[number]
        self._starts: list[int] | None = None

    def read(self) -> ImageRecord:
        """The record. Raises InputError when the file is not what was indexed."""
        record, image = self.entry.record, self.entry.image
        fields = self._fields(record) if record is not None else {}
        listed = self._fields(image) if image is not None else {}
        raw = fields.pop("annotations", None)
        row = {key: self._value(key, value) for key, value in fields.items()}
        more = {key: self._value(key, value) for key, value in listed.items()}
        size = self._size(row, more)
        kept = self._records.plain(self._number, size)
        if kept is None:
            kept = tuple(self._instances(raw, size))
        qa = answers(row.pop("image_qa", None), self._report(f"{self.pointer}/image_qa", self._at()))
        if more:
            row["image"] = more
        at = record or image
        assert at is not None
        place = Place(self.file.shown, byte=at.start, pointer=self.pointer)
        return ImageRecord(self.entry.name, *size, kept, qa, row, place=place)

    def _instances(self, raw: msgspec.Raw | None, size: Size) -> list[Instance]:
        objects = self._objects(raw)
        twice = self._repeated(raw, len(objects))
        kept: list[Instance] = []
        for number in range(len(objects)):
            # An image may have so many that holding both would tell.
            one, objects[number] = objects[number], None
            found = self._instance(one, number, size, twice.get(number))
            if found is not None:
                kept.append(found)
        return kept

    def _at(self) -> int:
        at = self.entry.record or self.entry.image
        return at.start if at is not None else 0

    def _fields(self, at: Range) -> dict[str, msgspec.Raw]:
        """The members of an element but its name. Tokens that JSON does not know are made texts only when they stand in the way."""
        is_record = at is self.entry.record
        text = self._text if is_record else self.file.slice(at.start, at.length)
        fields = self._records.fields[self._number] if is_record else attempt(_FIELDS, text)
        if fields is None:
            self.file.top()
            text = self.file.slice(at.start, at.length)
            fields = attempt(_FIELDS, text)
        if is_record:
            self._text = text
        name = plain(fields.pop("external_picture_url", b"null")) if fields is not None else None
        if fields is None or name != self.entry.name:
            message = f"the record of {self.entry.name!r:.200} cannot be read, or is not where it was before"
            place = Place(self.file.shown, byte=at.start, pointer=self.pointer)
            hint = "mend the file; if it was written to meanwhile, run the command again"
            raise InputError(
                Problem("file_changed", message, place, unit=Unit.IMAGE, lost=self.entry.instances, hint=hint)
            )
        return fields

    def _value(self, key: str, raw: msgspec.Raw) -> Any:
        found = plain(raw)
        if found is None and bytes(raw) != b"null":
            message = f"{key!r:.80} of {self.entry.name!r:.200} cannot be read and is left out"
            place = self.file.place(self._at(), f"{self.pointer}/{key}")
            self.on_problem(Problem("value_unreadable", message, place, Severity.WARNING, Unit.IMAGE))
        return found

    def _size(self, row: dict[str, Any], more: dict[str, Any]) -> Size:
        """Width and height that the record states, else its image."""
        sides: list[int | None] = []
        for side in ("width", "height"):
            stated = [given.pop(side) for given in (row, more) if side in given]
            pixels = [found for found in map(positive_int, stated) if found is not None]
            if stated and not pixels:
                message = (
                    f"the {side} of {self.entry.name!r:.200} is {stated[0]!r:.40}; the picture's own is used"
                )
                place = self.file.place(self._at(), f"{self.pointer}/{side}")
                self.on_problem(Problem("image_size_invalid", message, place, Severity.WARNING, Unit.IMAGE))
            sides.append(pixels[0] if pixels else None)
        return sides[0], sides[1]

    def _objects(self, raw: msgspec.Raw | None) -> list[Any]:
        """The objects, decoded; one that cannot be decoded is left as its text."""
        if self.entry.record is None:
            return []
        if raw is None or bytes(raw) == b"null":
            message = f"{self.entry.name!r:.200} has no list of annotations; read as an empty one"
            place = self.file.place(self._at(), f"{self.pointer}/annotations")
            self.on_problem(Problem("annotations_missing", message, place, Severity.WARNING, Unit.IMAGE))
            return []
        found = plain(raw)
        if isinstance(found, list):
            return found
        raws = attempt(RAWS, raw) or []
        return [row if (row := plain(one)) is not None else bytes(one) for one in raws]

    def _repeated(self, raw: msgspec.Raw | None, objects: int) -> dict[int, str]:
        """The key that an object has twice, by the object's number; JSON readers keep the last without a word."""
        if raw is None or not _MEANING.stand(self._text, objects):
            return {}
        raws: list[msgspec.Raw] = attempt(RAWS, raw) or []
        found = ((number, repeated_key(bytes(one), _MEANING)) for number, one in enumerate(raws))
        return {number: key for number, key in found if key is not None}

    def _instance(self, row: Any, number: int, size: Size, twice: str | None) -> Instance | None:
        pointer = f"{self.pointer}/annotations/{number}"

        def report(error: ItemError, severity: Severity) -> None:
            self._report(pointer, self._start(number), Unit.INSTANCE)(error, severity)

        def report_answer(error: ItemError, severity: Severity) -> None:
            self._report(f"{pointer}/qa", self._start(number))(error, severity)

        def warn(code: str, message: str, field: str) -> None:
            report(ItemError(code, message, field=field), Severity.WARNING)

        try:
            if not isinstance(row, dict):
                what = "cannot be decoded" if isinstance(row, bytes) else f"is not an object: {row!r:.80}"
                raise ItemError("annotation_invalid", f"an annotation {what}", "mend or remove it")
            if twice is not None:
                raise ItemError(
                    "key_repeated", f"an annotation has {twice!r} twice", "keep the one that is meant", twice
                )
            qa = row.pop("qa", None)
            found = instance(row, size, warn)
            kept = answers(qa, report_answer)
            return msgspec.structs.replace(found, qa=kept) if kept else found
        except ItemError as error:
            report(error, Severity.ERROR)
            return None

    def _report(self, pointer: str, start: int, unit: Unit = Unit.ANSWER) -> Report:
        def report(error: ItemError, severity: Severity) -> None:
            at = f"{pointer}/{error.field}" if error.field else pointer
            lost = int(unit is Unit.INSTANCE and severity is Severity.ERROR)
            place = self.file.place(start, at)
            self.on_problem(Problem(error.code, error.message, place, severity, unit, lost, error.hint))

        return report

    def _start(self, number: int) -> int:
        """The first byte of an object; found only when a problem asks for it."""
        if self._starts is None:
            fields = attempt(_FIELDS, self._text) or {}
            raw = bytes(fields.get("annotations", b""))
            position = max(self._text.find(raw), 0)
            self._starts = []
            for one in attempt(RAWS, raw) or []:
                position = self._text.find(bytes(one), position)
                self._starts.append(self._at() + position)
                position += len(one)
        return self._starts[number] if number < len(self._starts) else self._at()
