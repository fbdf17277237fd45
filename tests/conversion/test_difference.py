"""Comparison of two datasets: what is the same whatever the format, and every kind of difference with its place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import picsellia_ingest
from picsellia_ingest.conversion import difference, sameness
from picsellia_ingest.conversion.comparison import SHOWN, Comparison
from picsellia_ingest.conversion.sameness import Criteria
from picsellia_ingest.errors import InvalidQueryError
from picsellia_ingest.model import ImageRecord, Instance, Polygon, Rectangle, Ring
from picsellia_ingest.upload import reading, workers
from tests.paths import FIXTURES

SOURCE = FIXTURES / "COCO" / "demo" / "instances.json"
Change = Callable[[dict[str, Any]], None]


def changed(tmp_path: Path, change: Change) -> Path:
    document = json.loads(SOURCE.read_text())
    change(document)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(document))
    return path


def box_of(document: dict[str, Any]) -> list[float]:
    box: list[float] = next(row["bbox"] for row in document["annotations"] if not row.get("segmentation"))
    return box


def move(document: dict[str, Any]) -> None:
    box_of(document)[0] += 0.25


def lose(document: dict[str, Any]) -> None:
    del document["annotations"][0]


def double(document: dict[str, Any]) -> None:
    document["annotations"].append(copy.deepcopy(document["annotations"][0]))


def rename(document: dict[str, Any]) -> None:
    document["categories"][0]["name"] = "another"


def lose_image(document: dict[str, Any]) -> None:
    gone = document["images"].pop()
    document["annotations"] = [row for row in document["annotations"] if row["image_id"] != gone["id"]]


def resize(document: dict[str, Any]) -> None:
    document["images"][0]["width"] += 1


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (move, {"only in the first": 1, "only in the second": 1}),
        (lose, {"only in the first": 1}),
        (double, {"only in the second": 1}),
        (lose_image, {"only in the first": 1}),
        (resize, {"another size": 1}),
    ],
)
def test_every_kind_of_difference_is_named_and_counted(
    tmp_path: Path, change: Change, kinds: dict[str, int]
) -> None:
    found = picsellia_ingest.diff(SOURCE, changed(tmp_path, change))
    assert found.counts == kinds
    assert found.exit_code == 6
    assert all(one.place is not None and one.place.file for one in found.differences)


def test_images_that_only_one_has_are_told_in_its_order(tmp_path: Path) -> None:
    def add(document: dict[str, Any]) -> None:
        document["images"] += [{"id": 100 + at, "file_name": f"more/{at:02}.jpg"} for at in range(30)]

    other = changed(tmp_path, add)
    for pair in ((SOURCE, other), (other, SOURCE)):
        found = picsellia_ingest.diff(*pair)
        assert found.counts.total() == 30
        assert [one.image for one in found.differences] == [f"more/{at:02}.jpg" for at in range(SHOWN)]


def test_another_label_is_a_difference_of_every_instance_that_has_it(tmp_path: Path) -> None:
    found = picsellia_ingest.diff(SOURCE, changed(tmp_path, rename))
    assert found.counts["only in the first"] == found.counts["only in the second"] > 0


def test_a_source_is_the_same_as_itself() -> None:
    found = picsellia_ingest.diff(SOURCE, SOURCE)
    assert not found
    assert found.instances[0] == found.instances[1] == found.same > 0
    assert found.exit_code == 0


def test_within_the_tolerance_is_the_same_and_the_distance_is_told(tmp_path: Path) -> None:
    path = changed(tmp_path, move)
    assert picsellia_ingest.diff(SOURCE, path, tolerance=0.2)
    found = picsellia_ingest.diff(SOURCE, path, tolerance=0.3)
    assert not found
    assert found.largest == 0.25


def test_what_is_said_beyond_shape_and_label_counts_only_when_asked_for(tmp_path: Path) -> None:
    path = changed(tmp_path, lambda document: document["annotations"][0].update(score=0.5))
    assert not picsellia_ingest.diff(SOURCE, path)
    assert picsellia_ingest.diff(SOURCE, path, attributes=True)


def test_boxes_alone_can_be_compared(tmp_path: Path) -> None:
    picsellia_ingest.convert(SOURCE, tmp_path / "boxes.json", "COCO", rectangle=True)
    assert picsellia_ingest.diff(SOURCE, tmp_path / "boxes.json")
    assert not picsellia_ingest.diff(SOURCE, tmp_path / "boxes.json", rectangle=True)


def test_a_tolerance_that_is_none_is_refused() -> None:
    with pytest.raises(InvalidQueryError):
        picsellia_ingest.diff(SOURCE, SOURCE, tolerance=float("nan"))


coordinates = st.integers(-20, 20).map(lambda value: value / 4)
rings = st.lists(st.tuples(coordinates, coordinates), min_size=3, max_size=8, unique=True)


@given(rings, st.integers(0, 7), st.booleans())
def test_a_ring_is_the_same_from_whichever_point_and_way_it_is_drawn(
    points: list[tuple[float, float]], start: int, reverse: bool
) -> None:
    start %= len(points)
    other = points[start:] + points[:start]
    other = other[::-1] if reverse else other
    one, two = (
        Instance("a", polygon=Polygon((Ring(tuple(v for point in each for v in point)),)))
        for each in (points, other)
    )
    exactly, nearly = sameness.Criteria(), sameness.Criteria(tolerance=0.1)
    assert sameness.key(one, exactly) == sameness.key(two, exactly)
    assert sameness.distance(one, two, nearly) == 0


def test_a_box_that_is_its_polygons_bounds_is_as_good_as_none() -> None:
    shape = Polygon((Ring((0, 0, 4, 0, 4, 3)),))
    with_box = Instance("a", Rectangle(0, 0, 4, 3), shape)
    other_box = Instance("a", Rectangle(0, 0, 5, 3), shape)
    key = sameness.Criteria()
    assert sameness.key(with_box, key) == sameness.key(Instance("a", polygon=shape), key)
    assert sameness.key(with_box, key) != sameness.key(other_box, key)


boxes = st.sampled_from([None, Rectangle(0, 0, 4, 3), Rectangle(0, 0, 5, 3), Rectangle(-0.0, 0, 5.0, 3)])
shapes = st.sampled_from([None, Polygon((Ring((0, 0, 4, 0, 4, 3)),)), Polygon((Ring((4.0, 3, 0, 0, 4, 0)),))])
instances = st.builds(Instance, st.sampled_from("ab"), boxes, shapes)
sizes = st.sampled_from([(10, 10), (10, 11), (None, 10), (None, None)])
records = st.builds(
    lambda held, size: ImageRecord("a.jpg", size[0], size[1], tuple(held)),
    st.lists(instances, max_size=3),
    sizes,
)


@given(
    st.lists(records, max_size=2),
    st.lists(records, max_size=2),
    st.booleans(),
    st.booleans(),
    st.integers(0, 1),
)
def test_what_is_the_same_by_its_digests_is_the_same_instance_by_instance(
    one: list[ImageRecord], two: list[ImageRecord], alike: bool, rectangle: bool, tolerance: int
) -> None:
    criteria = sameness.Criteria(tolerance, rectangle)
    if alike:
        bare = [
            msgspec.structs.replace(found, rectangle=None) for record in one for found in record.instances
        ]
        two = [ImageRecord("b.jpg", None, 10, tuple(bare[::-1]))] if len(one) == 1 else one[::-1]
    sides = [{sameness.digest(record, criteria) for record in side} for side in (one, two)]
    unmatched = difference._unmatched_boxes(*sides)
    found = Comparison()
    difference._compare_image("a.jpg", one, two, criteria, found)
    if unmatched is not None and len(one) == len(two) == 1:
        assert not found
        assert (found.same, found.boxes_unmatched) == (len(one[0].instances), unmatched)
    elif not found and len(one) == len(two) == 1 and not tolerance:
        assert found.boxes_unmatched, "only boxes on both sides take a closer look"


def test_large_datasets_are_compared_in_processes_with_the_same_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = picsellia_ingest.diff(SOURCE, FIXTURES / "COCO" / "demo" / "instances.json")
    monkeypatch.setattr(reading, "MANY", 1)
    monkeypatch.setattr(workers, "processes", lambda _: 2)
    together = picsellia_ingest.diff(SOURCE, changed(tmp_path, lambda _: None))
    assert (together.same, together.counts, together.images) == (alone.same, alone.counts, alone.images)
    missing = picsellia_ingest.diff(SOURCE, changed(tmp_path, lose))
    assert missing.counts == {"only in the first": 1}


SIDES = st.one_of(st.integers(0, 4), st.sampled_from([0.1, 0.3, 0.5, 2.25]))
SHAPES = st.one_of(
    st.builds(Rectangle, SIDES, SIDES, SIDES, SIDES).map(lambda box: (box, None)),
    st.lists(st.tuples(SIDES, SIDES), min_size=3, max_size=4).map(
        lambda points: (None, Polygon((Ring(sum(points, ())),)))
    ),
    st.just((None, None)),
)
SOME = st.lists(
    st.tuples(SHAPES, st.booleans()).map(
        lambda drawn: Instance(
            "a",
            Rectangle(1, 1, 2, 2) if drawn[1] and drawn[0][1] is not None else drawn[0][0],
            drawn[0][1],
        )
    ),
    max_size=6,
)


@given(SOME, SOME, st.sampled_from([0.0, 0.1, 0.2, 1.0, 2.5]), st.booleans())
@example(
    [Instance("a", Rectangle(1, 0, 1, 1))],
    [Instance("a", Rectangle(at, 0, 1, 1)) for at in (2, 0)],
    1.0,
    False,
)
def test_instances_are_paired_with_the_nearest_of_all(
    one: list[Instance], two: list[Instance], tolerance: float, rectangle: bool
) -> None:
    criteria = Criteria(tolerance, rectangle)
    rest, kept, same = [*two], [], 0
    for instance in one:
        kind = sameness.kind(instance, criteria)
        distances = {
            at: sameness.distance(instance, other, criteria)
            for at, other in enumerate(rest)
            if sameness.kind(other, criteria) == kind
        }
        best = min(distances, key=distances.__getitem__, default=None)
        if best is None or distances[best] > tolerance:
            kept.append(instance)
        else:
            rest.pop(best)
            same += 1
    left, found = [[*one], [*two]], Comparison("one", "two")
    difference._match_nearly(left, criteria, found)
    assert found.same == same
    assert left[0] == kept
    assert sorted(map(repr, left[1])) == sorted(map(repr, rest))
