"""PASCAL-VOC, written: ``Annotations/<image>.xml``, and ``ImageSets/Main/<split>.txt`` where there are splits.

Corners follow ``voc_coordinates``, as they do when read, and are the shortest decimals that give the box back exactly.
A polygon is written as x1, y1, x2, ...; each part is a ``polygon`` element, and a hole is joined to its part by a bridge of
zero width, which is undone when it is read. VOC's own elements are written verbatim; what other formats say becomes
``attributes`` of a name and a value, as CVAT writes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar, TypeGuard

from .. import bridges, geometry
from ..losses import Losses, notable
from ..model import ImageRecord, Instance, Polygon, Rectangle, Ring
from ..prepared import Prepared, Stated, stated
from .names import inside, unique_stems
from .numbers import number
from .staging import Staging
from .voc_layout import ANNOTATIONS, IMAGE_SETS
from .writer import Encoded, Writer, lose_header, lose_image
from .xmltext import clean, element, escaped, group

_FLAGS = {"pose": "Unspecified", "truncated": "0", "difficult": "0"}
"""What VOC's own tools expect of every object, and what they say when nothing is known."""

_FLAG_LINES = "".join([element(name, value, 2) for name, value in _FLAGS.items()])
_FAR = ("xmax", "ymax")
_OF_SHAPES = frozenset(("bndbox", "polygon", *_FAR))
_BEFORE = ("folder",)
_SCALAR = (str, int, float, bool)


class VocWriter(Writer):
    """Writes boxes, polygons in parts, and attributes as text."""

    name: ClassVar[str] = "PASCAL-VOC"

    def keys(self, names: Sequence[str], losses: Losses) -> list[str]:  # noqa: ARG002 - the file states the image's name
        """A stem for every image; that of a second image of one name is another, which loses nothing."""
        return unique_stems(names, Losses())

    def image_path(self, record: ImageRecord, key: str) -> str:  # noqa: ARG002 - the file states the image's name
        """``JPEGImages``, under the name that ``filename`` states."""
        return f"JPEGImages/{inside(record.file_name)}"

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        self._sets: dict[str, list[str]] = {}
        lose_header(self.header, losses, unused=True)

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """One XML file, and the sets it is in."""
        attributes = dict(record.attributes) if self.native else {}
        size = attributes.pop("size", {})
        first = {name: attributes.pop(name) for name in _BEFORE if name in attributes}
        members = {**first, "filename": record.file_name, **attributes}
        given = record.instances
        said = given.attributes() if isinstance(given, Prepared) else {}
        objects = [
            self._plain(one) if _is_plain(one) and at not in said else self._object(given[at], losses)
            for at, one in enumerate(stated(given))
        ]
        if not self.native:
            lose_image(record, losses)
        splits = tuple([split for split in record.splits if inside(split) == split])
        if len(splits) < len(record.splits):
            losses.note("splits_not_held")
        text = group("annotation", members, 0, behind=_size(record, size) + "".join(objects))
        return Encoded([(f"{ANNOTATIONS}/{key}.xml", text.encode())], (key, splits))

    def _plain(self, one: Stated) -> str:
        """A box and no more."""
        return _usual(_name(one.label), self._box(Rectangle(*one.box), {}))

    def _object(self, instance: Instance, losses: Losses) -> str:
        if (code := _cannot_be_written(instance)) is not None:
            losses.drop(code)
            return ""
        name = _name(instance.label)
        attributes = instance.attributes if self.native else _foreign(instance, losses)
        if attributes is _FLAGS:
            return _usual(name, self._shapes(instance, {}, losses))
        rest = {
            key: value
            for key, value in attributes.items()
            if key in _OF_SHAPES and (key not in _FAR or _is_far_edge(value, key, instance.rectangle))
        }
        members = {key: value for key, value in attributes.items() if key not in rest and key != "attributes"}
        if (named := attributes.get("attributes")) is not None:
            members["attributes"] = _listed(named)
        return group("object", members, 1, name, self._shapes(instance, rest, losses))

    def _shapes(self, instance: Instance, rest: Mapping[str, Any], losses: Losses) -> str:
        """The box and the polygon; ``rest`` is what the source says in them besides."""
        box, polygon, lines = instance.rectangle, instance.polygon, ""
        if box is None and polygon is not None and not self.native:
            box = geometry.bounds(polygon)
        if box is not None:
            lines += self._box(box, rest)
        if polygon is not None:
            lines += _polygons(polygon, rest.get("polygon"), losses)
        if instance.qa:
            losses.note("answers_not_held")
        return lines

    def _box(self, box: Rectangle, rest: Mapping[str, Any]) -> str:
        right, bottom = geometry.far_edge(box.left, box.width), geometry.far_edge(box.top, box.height)
        shift = 1 if self.options.voc_coordinates == "inclusive" else 0
        xmax, ymax = repr(right), repr(bottom)
        if rest:
            xmax, ymax = escaped(rest.get("xmax") or xmax), escaped(rest.get("ymax") or ymax)
        corners = (
            f"\t\t\t<xmin>{box.left + shift!r}</xmin>\n\t\t\t<ymin>{box.top + shift!r}</ymin>\n"
            f"\t\t\t<xmax>{xmax}</xmax>\n\t\t\t<ymax>{ymax}</ymax>\n"
        )
        return _around("bndbox", corners, rest.get("bndbox"))

    def add(self, row: Any) -> None:
        """Put the image on the lists of its splits."""
        key, splits = row
        for split in splits:
            self._sets.setdefault(split if "/" in split else f"Main/{split}", []).append(key)

    def finish(self) -> str:
        """Write the lists."""
        self.staging.path(ANNOTATIONS).mkdir(exist_ok=True)
        for name, keys in self._sets.items():
            path = self.staging.path(f"{IMAGE_SETS}/{name}.txt")
            path.write_text("".join(f"{key}\n" for key in keys), "utf-8")
        return ""


def _usual(name: str, shapes: str) -> str:
    """An object of which nothing is said but its name and its shapes."""
    return f"\t<object>\n{name}{_FLAG_LINES}{shapes}\t</object>\n"


def _is_plain(one: Stated | None) -> TypeGuard[Stated]:
    """Whether it is known to be a box of another format, which can be written."""
    return one is not None and not one.has_polygon and _can_be_a_name(one.label)


def _is_far_edge(said: object, name: str, box: Rectangle | None) -> bool:
    """Whether an attribute is a corner of the box to the last digit, and not a tag of the object's own that is called so."""
    found = number(said) if isinstance(said, str) else None
    if box is None or found is None:
        return False
    near, length = (box.left, box.width) if name == "xmax" else (box.top, box.height)
    return abs(found - near - length) <= 1e-9 * max(1, abs(near), abs(length))


def _cannot_be_written(instance: Instance) -> str | None:
    if instance.rectangle is None and instance.polygon is None:
        return "classification_not_held"
    return None if _can_be_a_name(instance.label) else "label_not_held"


@lru_cache(4096)
def _can_be_a_name(label: str) -> bool:
    return clean(label).strip() == label


@lru_cache(4096)
def _name(label: str) -> str:
    return element("name", label, 2)


def _size(record: ImageRecord, more: Any) -> str:
    sides = {
        side: pixels
        for side, pixels in (("width", record.width), ("height", record.height))
        if pixels is not None
    }
    return group("size", {**sides, **_members(more)}, 1) if sides or more else ""


def _polygons(polygon: Polygon, rest: Any, losses: Losses) -> str:
    """One element for each part."""
    parts = geometry.parts(polygon)
    if any(holes for _, holes in parts):
        losses.note("holes_bridged")
    rests = rest if isinstance(rest, list) and len(rest) == len(parts) else [rest] * len(parts)
    lines = [
        _around("polygon", _numbered(_numbers(outer, holes)), more)
        for (outer, holes), more in zip(parts, rests, strict=True)
    ]
    return "".join(lines)


def _numbers(outer: Ring, holes: Sequence[Ring]) -> list[str]:
    """The coordinates of a part as they are written, from the ring's text where it has them in the same words."""
    text = outer.text
    if holes or text is None or b"e" in text or b"0.0000" in text:  # a small number has an exponent for us
        return list(map(repr, bridges.line(outer, holes)))
    return text.translate(None, _JSON).decode().split(",")


def _numbered(numbers: Sequence[str]) -> str:
    """x1, y1, x2, ...: a line for each."""
    count = len(numbers)
    found = _usual_tags[: 2 * count] if count <= _USUAL else _tags(count)
    found[1::2] = numbers
    return f"{''.join(found)}</y{count // 2}>\n"


def _tags(count: int) -> list[str]:
    """What stands before each of so many numbers, with a place for it."""
    names = [f"{axis}{number}" for number in range(1, count // 2 + 1) for axis in "xy"]
    ends = ["", *(f"</{name}>\n" for name in names[:-1])]
    return [text for name, end in zip(names, ends, strict=True) for text in (f"{end}\t\t\t<{name}>", "")]


_USUAL = 1000
_usual_tags = _tags(_USUAL)
_JSON = b'[]{}":xy'
"""What stands around the numbers of a ring's text, commas aside."""


def _around(name: str, lines: str, rest: Any) -> str:
    """A shape: its numbers, and what else the source said in it."""
    if rest:
        return group(name, _members(rest), 2, lines)
    return f"\t\t<{name}>\n{lines}\t\t</{name}>\n"


def _members(rest: Any) -> Mapping[str, Any]:
    return rest if isinstance(rest, Mapping) else {}


def _foreign(instance: Instance, losses: Losses) -> dict[str, Any]:
    """The attributes of another format: VOC's own flags as elements, other texts and numbers under ``attributes``."""
    said = notable(instance.attributes)
    if not said:
        return _FLAGS
    if "iscrowd" in said:
        losses.note("crowd_not_held")
    flags = {name: _text(said.pop(name)) for name in _FLAGS if isinstance(said.get(name), _SCALAR)}
    texts = as_texts(said, losses)
    return {**_FLAGS, **flags, **({"attributes": texts} if texts else {})}


def as_texts(said: Mapping[str, Any], losses: Losses) -> dict[str, str]:
    """The attributes that can be written as a name and a text; the others are counted as lost, numbers as changed."""
    held = {name: value for name, value in said.items() if isinstance(value, _SCALAR) and clean(name) == name}
    texts = {name: _text(value) for name, value in held.items()}
    as_text = [name for name, value in held.items() if texts[name] != value]
    if as_text:
        losses.note("attributes_as_text", as_text)
    losses.attributes({name: value for name, value in said.items() if name not in held})
    return texts


def _text(value: Any) -> str:
    """A number or flag as VOC writes it: flags as 1 and 0."""
    return clean(str(int(value)) if isinstance(value, bool) else str(value))


def _listed(attributes: Any) -> Any:
    """Named values as elements, the reverse of what the reader makes of them."""
    if (
        isinstance(attributes, dict)
        and attributes
        and all(isinstance(value, str) for value in attributes.values())
    ):
        return {"attribute": [{"name": name, "value": value} for name, value in attributes.items()]}
    return attributes
