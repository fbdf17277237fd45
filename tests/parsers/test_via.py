"""VIA: what regions mean, what is written, and a real export against independent counts."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from picsellia_ingest.errors import InputError
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance, Label, Polygon, Rectangle, Ring, TextAnswer
from picsellia_ingest.parsers.via import METADATA, Via
from picsellia_ingest.parsers.via_writer import ViaWriter
from picsellia_ingest.problems import ProblemLog
from tests.parsers.passing import read_with, write_with
from tests.paths import FIXTURES, dataset, expected

CASES = sorted(path for path in (FIXTURES / "VIA").iterdir() if path.is_dir())
REAL = "sample_valid.via.json"


def read(path: Path) -> tuple[list[ImageRecord], Via, ProblemLog]:
    return read_with(Via(path))


def write(records: list[ImageRecord], header: Header, out: Path, source: str = "COCO") -> Losses:
    return write_with(ViaWriter(header, None, source), records, out)


def document(path: Path) -> Any:
    """A document as data. A picture that it holds itself is left out, with a warning."""
    found = json.loads(path.read_text())
    for image in found.get(METADATA, found).values():
        if image.get("base64_img_data"):
            image["base64_img_data"] = ""
    return found


@pytest.mark.parametrize("where", [*CASES, REAL], ids=lambda where: getattr(where, "name", where))
def test_what_is_written_of_a_document_is_the_same_as_data(where: Any, tmp_path: Path) -> None:
    path = where if isinstance(where, Path) else dataset("panlabel_fixtures") / where
    records, parser, log = read(path)
    assert not write(records, parser.header(), tmp_path / "out", "VIA")
    back, again, _ = read(tmp_path / "out")
    assert back == records
    assert again.header() == parser.header()
    if log.lost:
        return  # what is rejected is not written
    sources = [path] if path.is_file() else sorted(path.rglob("*.json"))
    assert [document(made) for made in sorted((tmp_path / "out").rglob("*.json"))] == list(
        map(document, sources)
    )


def test_images_regions_labels_and_sums_are_those_counted_independently() -> None:
    stated = expected("panlabel_fixtures")[REAL]
    records, parser, log = read(dataset("panlabel_fixtures") / REAL)
    found = [one for record in records for one in record.instances]
    boxes = [one.rectangle for one in found if one.rectangle]
    assert len(records) == stated["images"]
    assert len(found) == parser.instance_count() == stated["objects"]
    assert Counter(f"label={one.label}" for one in found) == stated["region_attributes"]
    assert sum(box.width * box.height for box in boxes) == stated["sum_wh"]
    assert (sum(box.left for box in boxes), sum(box.top for box in boxes)) == (
        stated["sum_x"],
        stated["sum_y"],
    )
    assert not log.kept
    via = {entry for entry, each in expected("panlabel_fixtures").items() if each["format"] == "via json"}
    assert via == {REAL}


def test_a_projects_options_are_its_labels_in_their_order() -> None:
    records, parser, _ = read(FIXTURES / "VIA" / "demo")
    assert [label.name for label in parser.header().labels] == ["gull", "heron", "tern"]
    assert records[0].instances[0] == Instance(
        "heron", Rectangle(4, 5, 16, 25), attributes={"attributes": {"wet": True}}
    )
    assert records[0].attributes["attributes"] == {"caption": "at dawn"}


@pytest.mark.parametrize(
    ("regions", "label"),
    [
        ([{"species": "x"}], "species"),
        ([{"Name": "x", "wet": "y"}], "Name"),
        ([{"wet": "y"}, {"category": "x"}], "category"),
    ],
)
def test_the_label_is_the_only_attribute_or_the_one_that_is_called_so(
    tmp_path: Path, regions: list[Any], label: str
) -> None:
    rows = [
        {
            "shape_attributes": {"name": "rect", "x": 1, "y": 1, "width": 2, "height": 2},
            "region_attributes": one,
        }
        for one in regions
    ]
    (tmp_path / "a.json").write_text(json.dumps({"a": {"filename": "a.jpg", "regions": rows}}))
    records, _, _ = read(tmp_path / "a.json")
    assert records[0].attributes["image"]["label"] == label
    assert [one.label for one in records[0].instances] == ["x"]


def test_a_choice_of_labels_is_refused_with_the_candidates(tmp_path: Path) -> None:
    folder = FIXTURES / "VIA" / "bad_among_good"
    with pytest.raises(InputError, match="'name', 'type'"):
        read(folder / "b_ambiguous.json")
    with pytest.raises(InputError, match="'colour', 'wet'"):
        read(folder / "c_unnamed.json")
    with pytest.raises(InputError, match="twice"):
        read(folder / "e_twice.json")


def test_every_bad_region_is_named_with_its_place_and_costs_only_itself() -> None:
    records, parser, log = read(FIXTURES / "VIA" / "bad_among_good")
    assert log.counts == {
        "image_unnamed": 1, "row_invalid": 1, "regions_invalid": 1, "label_ambiguous": 2, "json_syntax": 1, "key_repeated": 1,
        "not_via": 1, "shape_not_supported": 5, "box_empty": 1, "box_invalid": 1, "number_as_text": 1, "ring_flat": 1,
        "polygon_invalid": 2, "label_blank": 4, "region_invalid": 1, "no_geometry": 1,
    }  # fmt: skip
    assert [len(record.instances) for record in records] == [3, 0]
    assert parser.instance_count() == 3 + log.lost.total() == 20
    circle = next(problem for problem in log.kept if "'circle'" in problem.message)
    assert circle.place.pointer == "/a/regions/1/shape_attributes"


def test_names_that_are_addresses_stay_as_they_are() -> None:
    records, _, _ = read(FIXTURES / "VIA" / "version_1")
    assert [record.file_name for record in records] == ["a.jpg", "https://example.com/b.jpg", "c.jpg"]
    assert [record.attributes["image"]["key"] for record in records] == ["a.jpg10", "b", "c/~d"]


def test_what_via_has_no_place_for_is_counted(tmp_path: Path) -> None:
    square = Ring((1, 1, 9, 1, 9, 9, 1, 9))
    parts = Polygon((square, Ring((2, 2, 4, 2, 4, 4), hole=True), Ring((20, 20, 30, 20, 30, 30))))
    instances = (
        Instance(
            "x", Rectangle(0, 0, 40, 40), parts, (TextAnswer("q", "a"),), {"colour": "red", "label": "own"}
        ),
        Instance("x"),
    )
    record = ImageRecord("a.jpg", 20, 20, instances, (TextAnswer("q", "b"),), {"camera": 3}, ("holdout",))
    header = Header((Label("x", frozenset({"polygon"})), Label("y")), {"licence": "CC0"})
    losses = write([record, record], header, tmp_path / "out")
    assert losses.changed == {
        "box_not_held": 2, "holes_bridged": 2, "split_in_parts": 2, "splits_not_held": 2, "header_not_held": 1,
        "labels_not_held": 1, "size_not_held": 2, "image_answers_not_held": 2, "answers_not_held": 2,
        "attributes_not_held": 2, "ids_renumbered": 1,
    }  # fmt: skip
    assert losses.dropped == {"classification_not_held": 2}
    back, _, log = read(tmp_path / "out")
    assert log.counts == {"image_repeated": 1}
    assert [one.attributes for one in back[0].instances] == [{"attributes": {"colour": "red"}}] * 2
    assert back[0].attributes["attributes"] == {"camera": 3}


NUMBERS = st.one_of(st.integers(-50, 5000), st.floats(-50, 5000, allow_subnormal=False))
SIDES = st.one_of(st.integers(1, 5000), st.floats(0.01, 5000))
SHAPES = st.one_of(
    st.builds(Rectangle, NUMBERS, NUMBERS, SIDES, SIDES),
    st.builds(
        lambda x, y: Polygon((Ring((x, y, x + 9, y, x + 9, y + 9)),)), st.integers(0, 99), st.integers(0, 99)
    ),
)
INSTANCES = st.lists(
    st.builds(
        lambda label, shape: Instance(label, **{"rectangle" if isinstance(shape, Rectangle) else "polygon": shape}),
        st.sampled_from(["x", "y", "é"]), SHAPES,
    ), max_size=4,
).map(tuple)  # fmt: skip
RECORDS = st.lists(
    st.builds(
        lambda name, found, splits: ImageRecord(name, None, None, found, splits=splits),
        st.sampled_from(["a.jpg", "sub/b.png", "a/~c.jpg"]), INSTANCES, st.sampled_from([(), ("train",), ("val2017",)]),
    ),
    min_size=1, max_size=4, unique_by=lambda record: record.file_name,
)  # fmt: skip


@given(given_records=RECORDS)
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_records_of_any_format_are_read_back_as_they_were(
    given_records: list[ImageRecord], tmp_path: Path
) -> None:
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    header = Header(tuple(Label(name, frozenset({"rectangle"})) for name in ("x", "y", "é")))
    assert not write(given_records, header, tmp_path / "out")
    back, _, log = read(tmp_path / "out")
    assert not log.kept
    where = {(f"{one.splits[0]}/" if one.splits else "") + one.file_name: one for one in given_records}
    assert {one.file_name: (one.instances, one.splits) for one in back} == {
        name: (one.instances, one.splits) for name, one in where.items()
    }
