"""Objects as SVG: what is filled, what is outlined, where the name stands, in which colour.

A hole is joined to its outline by a bridge, a way walked there and back. ``evenodd`` leaves the hole free whichever
way round it was drawn, and an edge that is walked both ways is no outline. Colours follow the order in which a
dataset's labels were made: it never changes, so a label keeps its colour, also in new versions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from ..store.browsing import Member
from ..store.shapes import Polygon, Rectangle, Shape, kind

_PALETTE = (
    "#ff5964", "#38b6ff", "#ffb627", "#3ddc97", "#b388ff", "#ff8ad4", "#ff8c42", "#2ad4d9", "#c5e063", "#7f9cff", "#e0a370", "#f4e04d",
)  # fmt: skip
_GOLDEN = 137.508
_MOST_SHAPES, _MOST_POINTS = 1000, 100_000
"""How much is drawn of one picture."""
_GRAIN = 1 / 300
"""How near each other points of a thumbnail are left out, in parts of the picture."""
_Corner = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Drawn:
    """One object: ``fill`` and ``edge`` are paths, empty for an object without a place."""

    number: int
    label: str
    kind: str
    colour: str
    fill: str
    edge: str
    x: float
    y: float
    area: float
    questions: list[tuple[str, str]]


class Colours:
    """The colour of each label of a dataset."""

    def __init__(self, labels: Iterable[str]) -> None:
        self._known = {name: _colour(place) for place, name in enumerate(dict.fromkeys(labels))}

    def __getitem__(self, name: str) -> str:
        return self._known.get(name, "#9aa0a6")


def _colour(place: int) -> str:
    if place < len(_PALETTE):
        return _PALETTE[place]
    return f"hsl({round(place * _GOLDEN) % 360} {85 - place % 3 * 15}% {68 + place % 2 * 8}%)"


def draw(shapes: Iterable[Shape], colours: Colours) -> list[Drawn]:
    """Every object of a picture, in the order of the annotation; past some number they are without their paths."""
    found, points = [], 0
    for number, shape in enumerate(shapes, 1):
        corners = _corners(shape)
        points += len(corners)
        small = number <= _MOST_SHAPES and points <= _MOST_POINTS
        found.append(_drawn(number, shape, corners if small else [], colours))
    return found


def sketch(member: Member, colours: Colours) -> list[Drawn]:
    """The objects of a picture as they are drawn on its thumbnail: coarsely, the large ones below."""
    grain = max(member.width, member.height) * _GRAIN
    found, points = [], 0
    for number, shape in enumerate(member.shapes or [], 1):
        corners = _thinned(_corners(shape), grain)
        points += len(corners)
        if points > _MOST_POINTS / 50:
            break
        found.append(_drawn(number, shape, corners, colours))
    return below(found)


def below(drawn: list[Drawn]) -> list[Drawn]:
    """Those that have a place, the large ones first, so that small ones are not covered."""
    return sorted((one for one in drawn if one.fill), key=lambda one: -one.area)


def questions(given: Any) -> list[tuple[str, str]]:
    """Questions with their answers as text; whatever a client sent can be shown."""
    return [_question(one) for one in given] if isinstance(given, list) else []


def _question(one: Any) -> tuple[str, str]:
    if not isinstance(one, dict) or "question" not in one:
        return "", _text(one)
    answer = one.get("answer")
    said = ", ".join(map(_text, answer)) if isinstance(answer, list) else _text(answer)
    if one.get("type") == "range" and "min" in one and "max" in one:
        said += f" (from {_text(one['min'])} to {_text(one['max'])})"
    return _text(one["question"]), said


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _corners(shape: Shape) -> list[_Corner]:
    if isinstance(shape, Rectangle):
        box = shape.rectangle
        right, bottom = box.left + box.width, box.top + box.height
        return [(box.left, box.top), (right, box.top), (right, bottom), (box.left, bottom)]
    if isinstance(shape, Polygon):
        return [(point.x, point.y) for point in shape.polygon.geometry]
    return []


def _drawn(number: int, shape: Shape, corners: list[_Corner], colours: Colours) -> Drawn:
    xs, ys = [x for x, _ in corners] or [0.0], [y for _, y in corners] or [0.0]
    return Drawn(
        number,
        shape.label,
        kind(shape),
        colours[shape.label],
        _path(corners) + "Z" if corners else "",
        _edge(corners),
        min(xs),
        min(ys),
        (max(xs) - min(xs)) * (max(ys) - min(ys)),
        questions(shape.qa),
    )


def _thinned(corners: list[_Corner], grain: float) -> list[_Corner]:
    kept = corners[:1]
    for x, y in corners[1:]:
        if abs(x - kept[-1][0]) + abs(y - kept[-1][1]) >= grain:
            kept.append((x, y))
    return kept if len(kept) > 2 else corners[:3]


def _edge(corners: list[_Corner]) -> str:
    """The lines that are walked one way only."""
    ways = [*zip(corners, corners[1:] + corners[:1], strict=True)]
    walked = set(ways)
    if not any((end, start) in walked for start, end in ways):
        return _path(corners) + "Z" if corners else ""
    lines: list[list[_Corner]] = []
    for start, end in ways:
        if (end, start) in walked:
            continue
        if lines and lines[-1][-1] == start:
            lines[-1].append(end)
        else:
            lines.append([start, end])
    return "".join(map(_path, lines))


def _path(corners: list[_Corner]) -> str:
    return "M" + " ".join(f"{x:.6g},{y:.6g}" for x, y in corners)
