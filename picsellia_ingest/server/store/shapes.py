"""The objects of an annotation as they are on the wire: a label, a shape of one of three types, questions and answers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from .fields import Name


class Point(msgspec.Struct):
    """A place on a picture, in pixels from its top left corner."""

    x: float
    y: float


class Box(msgspec.Struct):
    """An upright rectangle."""

    top: float
    left: float
    width: float
    height: float


class Outline(msgspec.Struct):
    """One ring, closed without saying so."""

    geometry: Annotated[list[Point], msgspec.Meta(min_length=3)]


class Classification(msgspec.Struct, tag_field="type", tag="classification"):
    """An object without a place."""

    label: Name
    qa: Any = None


class Rectangle(msgspec.Struct, tag_field="type", tag="rectangle"):
    """An object in a box."""

    label: Name
    rectangle: Box
    qa: Any = None


class Polygon(msgspec.Struct, tag_field="type", tag="polygon"):
    """An object with an outline."""

    label: Name
    polygon: Outline
    qa: Any = None


Shape = Classification | Rectangle | Polygon


def kind(shape: Shape) -> str:
    """The type of an object, as the wire calls it."""
    return str(shape.__struct_config__.tag)
