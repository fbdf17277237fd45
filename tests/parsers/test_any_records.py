"""One law for every writer: what is not counted as a loss comes back, and nothing disappears or appears in silence.

The records are such as no single format would give: any label, box, polygon, answer, attribute, split and name together.
Losses are counted for a whole dataset, so a code that was counted excuses every instance of it; most examples are small.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from picsellia_ingest import geometry, parsers, tracing
from picsellia_ingest.losses import REASONS, SPECIAL, Losses, notable
from picsellia_ingest.model import (
    Answer,
    Header,
    ImageRecord,
    Instance,
    Label,
    MultipleChoice,
    Polygon,
    RangeAnswer,
    Rectangle,
    Ring,
    SingleChoice,
    TextAnswer,
)
from picsellia_ingest.parsers.base import Parser, Shard
from picsellia_ingest.parsers.checks import plain_label
from picsellia_ingest.parsers.names import stem
from picsellia_ingest.parsers.numbers import number
from picsellia_ingest.parsers.writer import Output
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import stand_in
from tests.parsers.test_writers import WRITABLE, destination

PLACES = ("{}.jpg", "sub/{}.png", "a b/{} (1).x.jpeg", "train/{}.jpg", "../{}.jpg", "C:\\x\\{}.bmp", ".h/.{}.jpg", "é&<{}>'.png", "{}",
          "a,b;{}.jpg", "{}%20.jpg", "images/{}.jpg", "labels/{}.png")  # fmt: skip
LABELS = st.one_of(
    st.sampled_from(
        ("car", "Bus stop", "é/ü", "7", "a,b", "%41", "no", "null", '"q"', "x: y", "# z", "DontCare")
    ),
    st.text(min_size=1, max_size=6).filter(lambda text: plain_label(text) == text),
)
SPLITS = st.sampled_from(
    [(), (), ("train",), ("val", "test"), ("holdout",), ("default",), ("x/y",), ("x/./y",), ("..",), ("Train",), ("a b",), ("é",),
     ("images",), ("x.txt",)]
)  # fmt: skip
ANSWERS: st.SearchStrategy[Answer] = st.sampled_from(
    (TextAnswer("why?", "so"), MultipleChoice("which?", ("a", "b"), ("a", "b", "c")), SingleChoice("one?", "a", ("a", "b")),
     RangeAnswer("how much?", 3, 1, 5))
)  # fmt: skip
VALUES = st.sampled_from(("red", "2", 3, 0.5, True, "two words", "<é>"))
ATTRIBUTES = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("colour", "n", "a b", "Ö"), VALUES), "score": st.sampled_from((0.25, 1, 0)),
        "iscrowd": st.sampled_from((0, 1)), "occluded": st.sampled_from((0, 1, True)), "truncated": st.just("1"),
    },
)  # fmt: skip


@st.composite
def on_edges(draw: st.DrawFn, width: int, height: int) -> Polygon:
    """The outline of random pixels: islands with holes."""
    rows, columns = draw(st.integers(1, min(7, height))), draw(st.integers(1, min(7, width)))
    bits = np.array(draw(st.lists(st.booleans(), min_size=rows * columns, max_size=rows * columns)))
    bits[draw(st.integers(0, rows * columns - 1))] = True
    over = draw(st.sampled_from((0, 0, 0, 1)))
    left, top = (
        draw(st.integers(-over, width - columns + over)),
        draw(st.integers(-over, height - rows + over)),
    )
    found = tracing.mask_polygon(bits.reshape(rows, columns), left, top)
    assert found is not None
    around = geometry.bounds(found)
    assume(
        around.left < width
        and around.top < height
        and around.left + around.width > 0
        and around.top + around.height > 0
    )
    return found


@st.composite
def between_edges(draw: st.DrawFn, width: int, height: int) -> Polygon:
    """Triangles side by side, some with a hole."""
    count = draw(st.integers(1, 2))
    rings: list[Ring] = []
    for at in range(count):
        across, left = width / count, at * width / count
        corners = [(left + across * draw(FRACTIONS) / 4, height * draw(FRACTIONS) / 4), (left + across * 0.9, height * draw(FRACTIONS) / 4),
                   (left + across * draw(FRACTIONS), height * (0.6 + draw(FRACTIONS) / 4))]  # fmt: skip
        x, y = (sum(axis) / 3 for axis in zip(*corners, strict=True))
        rings.append(Ring(tuple(value for corner in corners for value in corner)))
        if draw(st.booleans()):
            inner = [(x + (cx - x) / 4, y + (cy - y) / 4) for cx, cy in corners]
            rings.append(Ring(tuple(value for corner in inner for value in corner), hole=True))
    return Polygon(tuple(rings))


FRACTIONS = st.integers(1, 60).map(lambda number: number / 64)


@st.composite
def instances(draw: st.DrawFn, label: str, width: int, height: int) -> Instance:
    box, polygon = None, None
    kind = draw(st.integers(0, 4))
    if kind in (1, 4):
        box = Rectangle(width * draw(FRACTIONS) / 2, height * draw(FRACTIONS) / 3, width * draw(FRACTIONS) / 2, height * draw(FRACTIONS) / 2)  # fmt: skip
    if kind in (2, 3, 4):
        polygon = draw(on_edges(width, height) if kind == 2 else between_edges(width, height))
    answers = tuple(draw(st.lists(ANSWERS, max_size=2, unique=True)))
    return Instance(label, box, polygon, answers, draw(ATTRIBUTES))


@st.composite
def datasets(draw: st.DrawFn) -> tuple[Header, list[ImageRecord]]:
    labels = draw(st.lists(LABELS, min_size=1, max_size=3, unique=True))
    records = []
    for at in range(draw(st.integers(1, 2))):
        width, height = draw(st.integers(8, 40)), draw(st.integers(8, 40))
        found = [
            draw(instances(draw(st.sampled_from(labels)), width, height))
            for _ in range(draw(st.integers(0, 2)))
        ]
        size = (width, height) if draw(st.integers(0, 3)) else (None, None)
        answers = tuple(draw(st.lists(ANSWERS, max_size=1)))
        splits = draw(SPLITS)
        name = draw(st.sampled_from(PLACES)).format(f"img{at}")
        records.append(ImageRecord(name, size[0], size[1], tuple(found), answers, draw(ATTRIBUTES), splits))
    kinds = {
        label: {one.kind for record in records for one in record.instances if one.label == label}
        for label in labels
    }
    return Header(tuple(Label(label, frozenset(kinds[label])) for label in labels)), records


def said(attributes: Any) -> dict[str, Any]:
    """Everything that attributes say, at any depth."""
    found: dict[str, Any] = {}
    for key, value in attributes.items():
        found |= said(value) if isinstance(value, dict) else {key: value}
    return found


def held(was: Any, back: Any, codes: Iterable[str], excuse: str) -> bool:
    """Whether attributes came back, those of flags and numbers at least as text if that was counted."""
    now = said(back)
    if "Confidence" in now and "score" in was and "score" not in now:
        now["score"] = number(now["Confidence"])
    for key, value in notable(was).items():
        same = now.get(key) == value and type(now.get(key)) is type(value)
        as_text = "attributes_as_text" in codes and str(now.get(key)) in (str(value), str(int(value is True)))
        if not (same or as_text or SPECIAL.get(key, excuse) in codes or excuse in codes):
            return False
    return True


def near(one: Iterable[float], other: Iterable[float], tolerance: float = 4e-5) -> bool:
    first, second = list(one), list(other)
    return len(first) == len(second) and all(
        abs(a - b) <= tolerance for a, b in zip(first, second, strict=True)
    )


def sides(box: Rectangle) -> tuple[float, ...]:
    return box.left, box.top, box.width, box.height


def same_ring(one: Ring, other: Ring) -> bool:
    """Whether two rings have the same edges, wherever they begin and whichever way they run."""
    points = list(zip(other.points[0::2], other.points[1::2], strict=True))
    turned = [way[at:] + way[:at] for way in (points, points[::-1]) for at in range(len(points))]
    return one.hole == other.hole and any(
        near(one.points, (v for pair in way for v in pair)) for way in turned
    )


def length(polygon: Polygon) -> float:
    """The length of all edges, which is about the number of pixels that are on the edge of the polygon."""
    total = 0.0
    for ring in polygon.rings:
        points = np.array(ring.points).reshape(-1, 2)
        total += float(np.abs(points - np.roll(points, 1, axis=0)).sum())
    return total


def same_polygon(was: Polygon | None, back: Polygon | None, codes: frozenset[str]) -> bool:
    if was is None or back is None:
        return was is back or (back is None and "polygon_not_held" in codes)
    if "rasterised" in codes and abs(geometry.area(was) - geometry.area(back)) <= 4 + length(was):
        return True
    if {"parts_joined", "holes_bridged"} & codes:
        return geometry.area(back) == pytest.approx(geometry.area(was), rel=1e-6)
    left = list(back.rings)
    for ring in was.rings:
        match = next((one for one in left if same_ring(ring, one)), None)
        if match is None:
            return False
        left.remove(match)
    return not left


def same(was: Instance, back: Instance, codes: frozenset[str]) -> bool:
    """Whether an instance came back but for what was counted."""
    if was.label != back.label or not held(was.attributes, back.attributes, codes, "attributes_not_held"):
        return False
    if was.qa != back.qa and "answers_not_held" not in codes:
        return False
    return same_polygon(was.polygon, back.polygon, codes) and same_box(was, back, codes)


def same_box(was: Instance, back: Instance, codes: frozenset[str]) -> bool:
    """Whether a box came back; that of a polygon may be its bounds, which say nothing new."""
    around = geometry.bounds(was.polygon) if was.polygon else None
    wanted = [box for box in (was.rectangle, around) if box is not None]
    if back.rectangle is None:
        return was.rectangle is None or was.rectangle == around or "box_not_held" in codes
    exact = wanted[:1] if was.rectangle and "box_not_held" not in codes else wanted
    return any(near(sides(back.rectangle), sides(box)) for box in exact)


def split(one: Instance, codes: frozenset[str], size: tuple[int | None, int | None]) -> list[Instance]:
    """What an instance may have become: itself, or one for each of its parts if that was counted."""
    if one.polygon is None or "split_in_parts" not in codes or len(geometry.parts(one.polygon)) < 2:
        return [one]
    parts = [Polygon((outer, *holes)) for outer, holes in geometry.parts(one.polygon)]
    if "part_outside" in codes:
        parts = [part for part in parts if not geometry.is_outside(geometry.bounds(part), size)]
    return [Instance(one.label, one.rectangle, part, one.qa, one.attributes) for part in parts]


def in_picture(one: Instance, codes: frozenset[str], size: tuple[int | None, int | None]) -> Instance:
    """What is left of an instance without its parts outside of the picture, if they were counted."""
    if one.polygon is None or "part_outside" not in codes:
        return one
    parts = [
        [outer, *holes]
        for outer, holes in geometry.parts(one.polygon)
        if not geometry.is_outside(geometry.bounds(Polygon((outer,))), size)
    ]
    rings = tuple(ring for part in parts for ring in part)
    return msgspec.structs.replace(one, polygon=Polygon(rings)) if rings else one


def unmatched(
    was: ImageRecord, back: ImageRecord, codes: frozenset[str]
) -> tuple[list[Instance], list[Instance]]:
    """The instances that did not come back, and those that came from nowhere."""
    left, gone = list(back.instances), []
    for one in was.instances:
        seen = in_picture(one, codes, (was.width, was.height))
        whole = next((found for found in left if same(one, found, codes) or same(seen, found, codes)), None)
        if whole is not None:
            left.remove(whole)
            continue
        found = []
        for part in split(one, codes, (was.width, was.height)):
            match = next((each for each in left if same(part, each, codes)), None)
            if match is not None:
                left.remove(match)
                found.append(match)
        if len(found) < len(split(one, codes, (was.width, was.height))):
            gone.append(one)
    return gone, left


SYNONYMS = {"validation": "val", "valid": "val"}


def splits_held(was: ImageRecord, back: ImageRecord, codes: frozenset[str]) -> bool:
    before, after = ({SYNONYMS.get(name, name) for name in one.splits} for one in (was, back))
    if before == after:
        return True
    if "further_splits_not_held" in codes and len(after) == 1 and after < before:
        return True
    return not back.splits and "splits_not_held" in codes


def number_in(name: str) -> int:
    match = re.search(r"img(\d)", name)
    assert match is not None, name
    return int(match[1])


def written(
    name: str, header: Header, records: list[ImageRecord], out: Path
) -> tuple[Losses, dict[int, str], Parser, list[ImageRecord]]:
    """The losses of writing, the path of each record's image, and what is read again without any further loss."""
    kind = parsers.load(name).writer()
    assert kind is not None
    writer = kind(header, None, "")
    with Output(writer, out) as output:
        keys = writer.keys([record.file_name for record in records], output.losses)
        output.write(records, keys)
    paths = [writer.image_path(record, key) for record, key in zip(records, keys, strict=True)]
    for record, path in zip(records, paths, strict=True) if writer.needs_images else ():
        stand_in(out / path, record)
    parser, log = parsers.load(name)(out), ProblemLog()
    parser.prepare(log)
    back = list(parser.read(Shard(0, parser.count()), log))
    assert not log.rejected, log.kept
    return output.losses, dict(enumerate(paths)), parser, back


def check_image(was: ImageRecord, back: ImageRecord, path: str, codes: frozenset[str]) -> None:
    """What is said of an image comes back. Its name may be where the format keeps the image, or that without extension."""
    known = (was.file_name, stem(was.file_name), path, stem(path))
    assert back.file_name in known or "name_changed" in codes
    sized = was.width is not None and "size_not_held" not in codes
    assert not sized or (back.width, back.height) == (was.width, was.height)
    assert splits_held(was, back, codes), (back.splits, codes)
    assert was.qa == back.qa or "image_answers_not_held" in codes
    assert held(was.attributes, back.attributes, codes, "image_attributes_not_held"), back.attributes


@pytest.mark.parametrize("name", WRITABLE)
@given(data=datasets())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_not_counted_as_a_loss_comes_back(
    name: str, data: tuple[Header, list[ImageRecord]], tmp_path: Path
) -> None:
    header, records = data
    if getattr(parsers.load(name).writer(), "needs_images", False):
        # What is not called an image's file is not found beside the annotations, and a folder without a row is none.
        names = [one.file_name if "." in one.file_name else f"{one.file_name}.jpg" for one in records]
        records = [
            msgspec.structs.replace(one, file_name=new) for one, new in zip(records, names, strict=True)
        ]
        assume(any(record.width for record in records))
    shutil.rmtree(tmp_path, ignore_errors=True)
    losses, paths, parser, read = written(name, header, records, destination(tmp_path, name, whole=True))
    codes = frozenset(losses.changed)
    assert losses.changed.keys() | losses.dropped.keys() <= REASONS.keys()
    back = {number_in(one.file_name): one for one in read}
    assert len(back) == len(read) == len(records)
    missing = 0
    for at, record in enumerate(records):
        check_image(record, back[at], paths[at], codes)
        gone, new = unmatched(record, back[at], codes)
        assert not new, (new, record.instances)
        missing += len(gone)
    assert missing == losses.dropped.total(), (missing, back)
    labels = {label.name for label in parser.header().labels}
    excused = "labels_not_held" in codes or losses.dropped
    assert excused or labels >= {label.name for label in header.labels}


@pytest.mark.parametrize("name", ["CVAT", "DATUMARO", "LABEL-STUDIO", "PICSELLIA"])
def test_a_part_outside_the_picture_is_counted_and_loses_no_other(name: str, tmp_path: Path) -> None:
    polygon = Polygon((Ring((0, -1, 1, -1, 1, 0, 0, 0)), Ring((0, 1, 1, 1, 1, 2.5, 0, 2))))
    record = ImageRecord("img0.jpg", 8, 8, (Instance("car", polygon=polygon),))
    header = Header((Label("car", frozenset({"polygon"})),))
    losses, _, _, (back,) = written(name, header, [record], destination(tmp_path, name, whole=True))
    assert not losses.dropped
    assert losses.changed["part_outside"] == losses.changed["split_in_parts"] == 1
    assert [one.polygon for one in back.instances] == [Polygon(polygon.rings[1:])]
