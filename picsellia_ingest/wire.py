"""The model as the platform's JSON, and what the platform cannot express (docs/protocol.md, section 4).

The wire's polygon is one ring. A polygon in several parts is therefore sent as one object for each part, and a hole
is joined to its outer ring by a bridge of zero width, which keeps the area. Everything that is sent in another shape
than it came in, or not at all, is named by a reason code, so that the ledger can count it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, TypeAlias

import msgspec

from . import bridges, geometry
from .errors import ProcessingError
from .losses import notable
from .model import (
    CLASSIFICATION,
    POLYGON,
    RECTANGLE,
    Answer,
    Corner,
    ImageRecord,
    Instance,
    MultipleChoice,
    Polygon,
    RangeAnswer,
    Rectangle,
    Ring,
    SingleChoice,
    TextAnswer,
)
from .prepared import Prepared, Sent

SPLIT_IN_PARTS = "split_in_parts"
HOLES_BRIDGED = "holes_bridged"
BOX_FROM_POLYGON = "box_from_polygon"
BOX_NOT_SENT = "box_not_sent"
POLYGON_NOT_SENT = "polygon_not_sent"
ATTRIBUTES_NOT_SENT = "attributes_not_sent"

REASONS = {
    SPLIT_IN_PARTS: "instances in several parts, sent as one polygon for each part",
    HOLES_BRIDGED: "polygons whose holes are joined to the outline by a bridge of zero width",
    BOX_FROM_POLYGON: "rectangles that are the bounds of a polygon without a box of its own",
    BOX_NOT_SENT: "instances sent as polygons, whose box is not sent",
    POLYGON_NOT_SENT: "instances sent as rectangles, whose polygon is not sent",
    ATTRIBUTES_NOT_SENT: "instances with attributes (scores, flags, keypoints ...) that the platform has no place for",
}
"""What each reason code means, for people."""

_NOTHING = msgspec.Raw(b"[]")
_SECONDS_MAX = 1 << 31
"""Seconds beyond which what a file says of the time spent is no time."""


def objects(instance: Instance, *, rectangle: bool, notes: Counter[str]) -> list[dict[str, Any]]:
    """The wire objects of one instance: one, or one for each part of its polygon.

    With ``rectangle`` the box is sent, or the polygon's bounds; otherwise the polygon, or else the box. An instance
    with neither is a classification. Reason codes are counted in ``notes``.
    """
    if notable(instance.attributes):
        notes[ATTRIBUTES_NOT_SENT] += 1
    polygon, box = instance.polygon, instance.rectangle
    if polygon is not None and not rectangle:
        if box is not None:
            notes[BOX_NOT_SENT] += 1
        return _polygon_objects(instance, polygon, notes)
    if polygon is not None:
        notes[POLYGON_NOT_SENT] += 1
        if box is None:
            notes[BOX_FROM_POLYGON] += 1
            box = geometry.bounds(polygon)
    if box is None:
        return [_object(instance, CLASSIFICATION, {})]
    return [_object(instance, RECTANGLE, {RECTANGLE: box_object(box)})]


def _polygon_objects(instance: Instance, polygon: Polygon, notes: Counter[str]) -> list[dict[str, Any]]:
    rings = polygon.rings
    if len(rings) == 1 and not rings[0].hole:
        return [_object(instance, POLYGON, {POLYGON: {"geometry": _geometry(rings[0], [])}})]
    parts = geometry.parts(polygon)
    if len(parts) > 1:
        notes[SPLIT_IN_PARTS] += 1
    if any(holes for _, holes in parts):
        notes[HOLES_BRIDGED] += 1
    return [
        _object(
            instance,
            POLYGON,
            {POLYGON: {"geometry": _geometry(outer, holes)}},
        )
        for outer, holes in parts
    ]


def _object(instance: Instance, kind: str, shape: dict[str, Any]) -> dict[str, Any]:
    return {"type": kind, "label": instance.label, **shape, "qa": [answer(found) for found in instance.qa]}


def box_object(box: Rectangle) -> dict[str, float]:
    """A box as the wire has it."""
    return {"top": box.top, "left": box.left, "width": box.width, "height": box.height}


def _geometry(outer: Ring, holes: list[Ring]) -> list[dict[str, float]] | list[Corner] | msgspec.Raw:
    if not holes and outer.corners is not None:
        return outer.corners
    if not holes and outer.text is not None:
        return msgspec.Raw(outer.text)
    points = bridges.line(outer, holes)
    return [{"x": x, "y": y} for x, y in zip(points[0::2], points[1::2], strict=True)]


def answer(found: Answer) -> dict[str, Any]:
    """One question and its answer."""
    match found:
        case TextAnswer(question, text):
            return {"type": "text", "question": question, "answer": text}
        case MultipleChoice(question, chosen, choices):
            return {"type": "mc", "question": question, "answer": list(chosen), "choices": list(choices)}
        case SingleChoice(question, chosen_one, choices):
            return {"type": "select", "question": question, "answer": chosen_one, "choices": list(choices)}
        case RangeAnswer(question, value, low, high):
            return {"type": "range", "question": question, "answer": value, "min": low, "max": high}


Used: TypeAlias = set[tuple[str, str]]
"""Labels and types of objects."""


class Document(msgspec.Struct, frozen=True):
    """What is to be sent about one picture. ``parts`` is how many objects of ``data`` each instance became."""

    data: list[Any]
    image_qa: list[dict[str, Any]]
    duration: float | None
    parts: list[int]


def document(
    record: ImageRecord, *, rectangle: bool, notes: Counter[str], used: Used | None = None
) -> Document:
    """All wire objects of a record, its picture-level answers, and the seconds it took where the file says so.

    ``used`` gets the label and the type of each. Objects that are there already are taken as they are.
    """
    used = set() if used is None else used
    sent: list[list[Any]] = []
    instances = record.instances
    for at, one in enumerate(_ready(instances, rectangle=rectangle, notes=notes, used=used)):
        if one is not None:
            sent.append([one])
        else:
            found = objects(instances[at], rectangle=rectangle, notes=notes)
            used.update((made["label"], made["type"]) for made in found)
            sent.append(found)
    seconds = record.attributes.get("time_spent", record.attributes.get("duration"))
    is_number = isinstance(seconds, (int, float)) and not isinstance(seconds, bool)
    duration = seconds if is_number and 0 <= seconds < _SECONDS_MAX else None
    data = [found for group in sent for found in group]
    return Document(data, [answer(found) for found in record.qa], duration, [len(group) for group in sent])


def _ready(
    instances: Sequence[Instance], *, rectangle: bool, notes: Counter[str], used: Used
) -> Iterable[Sent | None]:
    """The one object of each instance where that is there already; what is to be said of these is."""
    if not isinstance(instances, Prepared):
        return repeat(None, len(instances))
    found = instances.boxes() if rectangle else instances.outlines()
    both = 0
    for one, ready in zip(instances.stated(), found, strict=True):
        if ready is not None and one is not None:
            used.add((one.label, POLYGON if one.has_polygon and not rectangle else RECTANGLE))
            both += one.has_box and one.has_polygon
    more = sum(found[at] is not None for at in instances.attributes())
    for code, count in ((POLYGON_NOT_SENT if rectangle else BOX_NOT_SENT, both), (ATTRIBUTES_NOT_SENT, more)):
        if count:
            notes[code] += count
    return found


class Sealed(msgspec.Struct, frozen=True):
    """A document whose objects stay encoded as they are."""

    data: msgspec.Raw
    image_qa: msgspec.Raw
    duration: float | None
    parts: list[int]

    def body(self) -> dict[str, Any]:
        """The request that says all of it; empty when there is nothing to say."""
        count = sum(self.parts)
        has_answers = bytes(self.image_qa) != b"[]"
        body: dict[str, Any] = {}
        if count or has_answers or self.duration:
            body = {"data": self.data, "nb_instances": count}
        if has_answers:
            body["image_qa"] = self.image_qa
        if body and self.duration is not None:
            body["duration"] = self.duration
        return body


_DOCUMENT = msgspec.json.Decoder(Document)
_SEALED = msgspec.json.Decoder(Sealed)


def encode(document: Document) -> bytes:
    """A document as the journal keeps it."""
    return msgspec.json.encode(document)


def decode(content: bytes) -> Document:
    """A document as the journal kept it."""
    return _DOCUMENT.decode(content)


def sealed(content: bytes) -> Sealed:
    """A document as the journal kept it, to be passed on."""
    return _SEALED.decode(content)


def merged(first: Document, second: Document) -> Document:
    """Two records of one picture as one document."""
    durations = [found for found in (first.duration, second.duration) if found is not None]
    return Document(
        first.data + second.data,
        first.image_qa + second.image_qa,
        sum(durations) if durations else None,
        first.parts + second.parts,
    )


class _Named(msgspec.Struct):
    label: Any = None
    type: Any = None


_NAMED = msgspec.json.Decoder(list[_Named] | None)


class Held(msgspec.Struct, frozen=True):
    """What the platform holds of one picture; its objects and answers are the JSON that it sent."""

    external_picture_url: Any = None
    annotations: msgspec.Raw = _NOTHING
    image_qa: msgspec.Raw = _NOTHING

    @property
    def name(self) -> str:
        """The picture's name."""
        return str(self.external_picture_url)

    def record(self) -> dict[str, Any]:
        """The objects and answers as values."""
        return {
            "annotations": msgspec.json.decode(self.annotations) or [],
            "image_qa": msgspec.json.decode(self.image_qa) or [],
        }

    def used(self) -> list[tuple[str, str]]:
        """The label and the type of each object. Raises ProcessingError where one is no object."""
        try:
            objects = _NAMED.decode(self.annotations) or ()
        except msgspec.MsgspecError:
            raise ProcessingError(
                f"the annotation of {self.name!r:.200} on the platform is no list of objects"
            ) from None
        return [(str(found.label), str(found.type)) for found in objects]
