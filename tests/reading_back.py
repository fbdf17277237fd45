"""Objects and answers of the platform as the model has them, by docs/protocol.md alone: what tests compare with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from picsellia_ingest import bridges
from picsellia_ingest.model import (
    POLYGON,
    RECTANGLE,
    Answer,
    Instance,
    MultipleChoice,
    Polygon,
    RangeAnswer,
    Rectangle,
    SingleChoice,
    TextAnswer,
)


def instance(found: Mapping[str, Any]) -> Instance:
    """A wire object as an instance; keys of the platform's own become attributes.

    Raises KeyError, TypeError or ValueError when it is not an object of section 4.2.
    """
    shape: dict[str, Any] = {}
    if found["type"] == RECTANGLE:
        box = found[RECTANGLE]
        shape[RECTANGLE] = Rectangle(box["left"], box["top"], box["width"], box["height"])
    elif found["type"] == POLYGON:
        points = tuple(value for point in found[POLYGON]["geometry"] for value in (point["x"], point["y"]))
        shape[POLYGON] = Polygon(bridges.unbridged(points))
    known = ("type", "label", RECTANGLE, POLYGON, "qa")
    return Instance(
        found["label"],
        qa=tuple(answered(item) for item in found.get("qa") or ()),
        attributes={key: value for key, value in found.items() if key not in known},
        **shape,
    )


def answered(item: Mapping[str, Any]) -> Answer:
    """A wire question as an answer. Raises KeyError or ValueError when it is none of the four kinds."""
    match item["type"]:
        case "text":
            return TextAnswer(item["question"], item["answer"])
        case "mc":
            return MultipleChoice(item["question"], tuple(item["answer"]), tuple(item["choices"]))
        case "select":
            return SingleChoice(item["question"], item["answer"], tuple(item["choices"]))
        case "range":
            return RangeAnswer(item["question"], item["answer"], item["min"], item["max"])
    raise ValueError(f"{item['type']!r} is none of text, mc, select, range")
