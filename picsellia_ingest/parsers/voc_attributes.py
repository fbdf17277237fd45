"""What a VOC object says beyond its label and shape, so that it can be written as it was.

Elements are kept verbatim (voc_xml.value). Of boxes and polygons what is left without their numbers is kept, and a far
corner whose last digit the box's size does not give back. CVAT's list of named values becomes an object.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from .. import geometry
from ..model import Rectangle
from .numbers import number
from .voc_xml import Element, children, local, text, value

CORNERS = ("xmin", "ymin", "xmax", "ymax")
NUMBERED = re.compile(r"([xy])([0-9]{1,6})")
_MODELLED = frozenset({"name", "bndbox", "polygon"})


def read(element: Element, parts: Mapping[str, list[Element]], rectangle: Rectangle | None) -> dict[str, Any]:
    """The attributes of an object; ``parts`` are its children by name, ``rectangle`` its box where corners are as written."""
    said = value(element, _MODELLED)
    attributes: dict[str, Any] = said if isinstance(said, dict) else {}
    attributes |= _residues(parts, rectangle)
    if (named := named_values(attributes.get("attributes"))) is not None:
        attributes["attributes"] = named
    return attributes


def _residues(parts: Mapping[str, list[Element]], rectangle: Rectangle | None) -> dict[str, Any]:
    """What a box or a polygon says beyond its numbers: for several polygons a list.

    Of a box also a far corner with fractions that its width or height does not give back to the last digit.
    """
    found: dict[str, Any] = {}
    for name in ("bndbox", "polygon"):
        rests = [_rest(child) for child in parts.get(name, ()) if len(child)]
        if any(isinstance(rest, dict) and rest for rest in rests):
            found[name] = rests[0] if len(rests) == 1 else rests
    if rectangle is not None:
        box = next(box for box in parts["bndbox"] if len(box))
        found |= far_edges(rectangle, [text(children(box, name)[0]) for name in ("xmax", "ymax")])
    return found


def far_edges(rectangle: Rectangle, words: Sequence[str]) -> dict[str, str]:
    """Which of xmax and ymax, given as written, the box's width or height does not give back to the last digit."""
    edges = (("xmax", rectangle.left, rectangle.width), ("ymax", rectangle.top, rectangle.height))
    return {
        name: word
        for (name, near, length), word in zip(edges, words, strict=True)
        if not geometry.is_far_edge(number(word), near, length)
    }


def _rest(shape: Element) -> Any:
    """A box or a polygon without its numbers."""
    if _are_numbers(tuple([child.tag for child in shape])) and not shape.attrib and not text(shape):
        return {}
    return value(shape, frozenset(filter(_is_number, map(local, shape))))


@lru_cache(1024)
def _are_numbers(tags: tuple[str, ...]) -> bool:
    return all(_is_number(tag.rpartition("}")[2]) for tag in tags)


@lru_cache(1024)
def _is_number(name: str) -> bool:
    return name in (*CORNERS, "pt", "point") or NUMBERED.fullmatch(name) is not None


def named_values(attributes: Any) -> dict[str, str] | None:
    """CVAT's list of ``attribute`` elements, each a name and a value, as an object; None when it is anything else."""
    if not isinstance(attributes, dict) or attributes.keys() != {"attribute"}:
        return None
    listed = attributes["attribute"]
    found: dict[str, str] = {}
    for one in listed if isinstance(listed, list) else [listed]:
        if (
            not isinstance(one, dict)
            or one.keys() != {"name", "value"}
            or not all(isinstance(v, str) for v in one.values())
        ):
            return None
        if one["name"] in found:
            return None
        found[one["name"]] = one["value"]
    return found
