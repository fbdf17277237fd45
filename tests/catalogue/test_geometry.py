"""Group G: shapes, in COCO; VOC and PICSELLIA go through the same checks."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from picsellia_ingest.model import Rectangle
from tests.catalogue.judge import (
    OBJECT,
    SILENT,
    WARN,
    Row,
    check,
    coco,
    drawn,
    judge,
    odd,
    table,
    token,
    written,
)  # fmt: skip


def circle(points: int, turns: int = 1) -> list[float]:
    angles = [2 * math.pi * turns * step / points for step in range(points)]
    return [value for angle in angles for value in (32 + 10 * math.cos(angle), 24 + 10 * math.sin(angle))]


@table(
    ("G01", odd(bbox=[25, 36, -20, -30]), WARN, "box_negative"),
    ("G01 width", odd(bbox=[25, 6, -20, 30]), WARN, "box_negative"),
    ("G02", odd(bbox=[5, 6, 0, 30]), OBJECT, "no area"),
    ("G02 both", odd(bbox=[5, 6, 0, 0]), OBJECT, "no area"),
    ("G02 minus", odd(bbox=[5, 6, token("-0.0"), 30]), OBJECT, "no area"),
    ("G03", odd(bbox=[100, 6, 20, 30]), OBJECT, "wholly outside"),
    ("G03 left", odd(bbox=[-100, 6, 20, 30]), OBJECT, "wholly outside"),
    ("G03 edge", odd(bbox=[64, 6, 20, 30]), OBJECT, "wholly outside"),
    ("G03 polygon", drawn(segmentation=[[100, 6, 120, 6, 120, 36]]), OBJECT, "wholly outside"),
    ("G04", odd(bbox=[50, 6, 20, 30]), WARN, "6 px past the edge"),
    ("G04 polygon", drawn(segmentation=[[50, 6, 70, 6, 70, 36]]), WARN, "6 px past the edge"),
    ("G05", odd(bbox=[44.5, 6, 20, 30]), SILENT),
    ("G05 left", odd(bbox=[-0.5, -0.5, 20, 30]), SILENT),
    ("G06", odd(bbox=[44.6, 6, 20, 30]), WARN, "past the edge"),
    ("G07", odd(bbox=[0, 0, 640, 480]), WARN, "past the edge"),
    ("G08", odd(bbox=[0, 0, 64, 48]), SILENT),
    ("G09", odd(bbox=[5, 6, 0.01, 30]), WARN, "no visible area"),
    ("G09 polygon", drawn(segmentation=[[5, 6, 5.01, 6, 5.01, 36, 5, 36]]), WARN, "no visible area"),
    ("G10", odd(bbox=[5, 6, 1, 1]), SILENT),
    ("G11", drawn(segmentation=[[5, 6, 25, 36, 25, 6, 5, 36]]), SILENT),
    ("G12", drawn(segmentation=[[5, 6, 25, 6, 25, 6, 25, 36, 25, 36]]), SILENT),
    ("G12 same", drawn(segmentation=[[5, 6, 5, 6, 5, 6]]), OBJECT, "fewer than 3 points"),
    ("G13", drawn(segmentation=[[5, 6, 25, 6, 25, 36, 5, 6]]), SILENT),
    ("G14", drawn(segmentation=[[5, 6, 25, 6, 5, 6]]), OBJECT, "all on one line"),
    ("G15", drawn(segmentation=[[5, 5, 10, 10, 20, 20]]), OBJECT, "all on one line"),
    ("G15 upright", drawn(segmentation=[[5, 5, 5, 10, 5, 20]]), OBJECT, "all on one line"),
    ("G16", drawn(segmentation=[[5, 6, 25, 6, 25, 36, 5, 36], [10, 10, 20, 10, 20, 20]]), SILENT),
    ("G17", drawn(segmentation=[[5, 6, 25, 6, 25, 36]]), SILENT),
    ("G17 other", drawn(segmentation=[[25, 36, 25, 6, 5, 6]]), SILENT),
    ("G18", drawn(segmentation=[circle(100_000)]), SILENT),
    ("G18 twice around", drawn(segmentation=[circle(1000, turns=2)]), SILENT),
    ("G19", drawn(segmentation=[[5, 6, float("nan"), 6, 25, 36]]), OBJECT, "not a finite number"),
    ("G20", drawn(segmentation=[[5, 6, float("inf"), 6, 25, 36]]), OBJECT, "not a finite number"),
    ("G20 null", drawn(segmentation=[[5, 6, None, 6, 25, 36]]), OBJECT, "not a finite number"),
    ("G20 true", drawn(segmentation=[[5, 6, True, 6, 25, 36]]), OBJECT, "not a finite number"),
    ("G21", odd(bbox=[0.1 + 0.2, 6, 20.1 + 0.2, 30]), SILENT),
    ("G22", odd(bbox=[token("-0.0"), token("-0"), 20, 30]), SILENT),
    ("G22 exponent", odd(bbox=[token("5E0"), token("0.6e1"), token("2e+1"), 30]), SILENT),
    ("G23", odd(bbox=["NaN", 6, 20, 30]), OBJECT, "not four finite numbers"),
    ("G23 inf", odd(bbox=["inf", 6, 20, 30]), OBJECT, "not four finite numbers"),
    ("G24", odd(bbox=["1_0", 6, 20, 30]), OBJECT, "not four finite numbers"),
    ("G24 wide", odd(bbox=["\uff15", 6, 20, 30]), OBJECT, "not four finite numbers"),
    ("G24 hex", odd(bbox=["0x5", 6, 20, 30]), OBJECT, "not four finite numbers"),
    ("G24 comma", odd(bbox=["5,5", 6, 20, 30]), OBJECT, "not four finite numbers"),
    ("G24 blank", odd(bbox=["", 6, 20, 30]), OBJECT, "not four finite numbers"),
    ("G25 pairs", drawn(segmentation=[[[5, 6], [25, 6], [25, 36]]]), OBJECT, "not a finite number"),
    ("G25 objects", drawn(segmentation=[{"x": 5, "y": 6}]), OBJECT, "not a finite number"),
    ("G25 texts", drawn(segmentation=[["5", "6", "25", "6", "25", "36"]]), WARN, "written as text"),
    ("G25 svg", drawn(segmentation="M5 6L25 6L25 36Z"), OBJECT, "neither a list nor a mask"),
    ("G25 nothing", drawn(segmentation=[[], []]), OBJECT, "no ring"),
    ("G25 number", drawn(segmentation=7), OBJECT, "neither a list nor a mask"),
)  # fmt: skip
def test_shape(row: Row, tmp_path: Path) -> None:
    check(row, judge(written(tmp_path, row, coco())))


@pytest.mark.parametrize(
    ("row", "kept"),
    [
        (Row("", odd(bbox=[0.1 + 0.2, 6, 20, 30]), ""), Rectangle(0.30000000000000004, 6, 20, 30)),
        (Row("", odd(bbox=[-0.5, 6, 20, 30]), ""), Rectangle(-0.5, 6, 20, 30)),
        (Row("", odd(bbox=[0, 0, 640, 480]), ""), Rectangle(0, 0, 640, 480)),
        (Row("", odd(bbox=[25, 36, -20, -30]), ""), Rectangle(5, 6, 20, 30)),
        (Row("", odd(bbox=["5", "6.50", "2e1", "30"]), ""), Rectangle(5, 6.5, 20.0, 30)),
    ],
)
def test_what_is_kept_is_kept_to_the_last_digit(row: Row, kept: Rectangle, tmp_path: Path) -> None:
    found = judge(written(tmp_path, row, coco()))
    assert found.record("odd.jpg").instances[0].rectangle == kept


def test_a_bow_tie_is_kept_as_drawn(tmp_path: Path) -> None:
    row = Row("", drawn(segmentation=[[5, 6, 25, 36, 25, 6, 5, 36]]), "")
    polygon = judge(written(tmp_path, row, coco())).record("odd.jpg").instances[0].polygon
    assert polygon is not None
    assert polygon.rings[0].points == (5, 6, 25, 36, 25, 6, 5, 36)
