"""Declared conventions of coordinates: fractions of the picture, and images that EXIF data turn, both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

import picsellia_ingest
from picsellia_ingest import coordinates, geometry
from picsellia_ingest.client.inspect import inspect
from picsellia_ingest.errors import InvalidQueryError
from picsellia_ingest.model import ImageRecord, Instance, Polygon, Rectangle, Ring
from picsellia_ingest.parsers.base import Options

WIDTH, HEIGHT = 12, 8
ORIENTATION = 0x0112


def marked(box: tuple[int, int, int, int]) -> Image.Image:
    """A stored picture with one white box: left, top, right, bottom."""
    pixels = np.zeros((HEIGHT, WIDTH), np.uint8)
    pixels[box[1] : box[3], box[0] : box[2]] = 255
    return Image.fromarray(pixels)


def bounds_of_white(image: Image.Image) -> tuple[int, int, int, int]:
    ys, xs = np.nonzero(np.asarray(image) > 127)
    return int(xs.min()), int(ys.min()), int(xs.max()) + 1, int(ys.max()) + 1


def edges(found: Instance) -> list[tuple[float, float, float, float]]:
    """Left, top, right, bottom of an instance's box and of its polygon."""
    shapes = [found.rectangle, geometry.bounds(found.polygon) if found.polygon else None]
    return [(box.left, box.top, box.left + box.width, box.top + box.height) for box in shapes if box]


@given(
    st.sampled_from(range(1, 9)),
    st.tuples(st.integers(0, 5), st.integers(0, 3), st.integers(6, WIDTH), st.integers(4, HEIGHT)),
)
def test_shapes_turn_with_the_picture_exactly_as_pillow_turns_it(
    orientation: int, box: tuple[int, int, int, int]
) -> None:
    image = marked(box)
    image.getexif()[ORIENTATION] = orientation
    shown = ImageOps.exif_transpose(image)
    left, top, right, bottom = box
    shape = Polygon((Ring((left, top, right, top, right, bottom, left, bottom)),))
    found = Instance("a", Rectangle(left, top, right - left, bottom - top), shape)
    record = ImageRecord("a.jpg", WIDTH, HEIGHT, (found,))
    turned = coordinates.turned(record, orientation, shown.size)
    assert [edges(one) for one in turned.instances] == [[bounds_of_white(shown)] * 2]
    assert (turned.width, turned.height) == shown.size


@given(st.integers(1, 8))
def test_a_size_that_is_not_stated_stays_so(orientation: int) -> None:
    turned = coordinates.turned(ImageRecord("a.jpg"), orientation, (HEIGHT, WIDTH))
    assert (turned.width, turned.height) == (None, None)


def source(folder: Path, box: list[float], size: tuple[int, int] | None) -> Path:
    image: dict[str, Any] = {"id": 1, "file_name": "a.jpg"}
    if size is not None:
        image |= {"width": size[0], "height": size[1]}
    document = {
        "images": [image],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 1, "bbox": box}],
        "categories": [{"id": 1, "name": "crate"}],
    }
    path = folder / "in.json"
    path.write_text(json.dumps(document))
    return path


def turned_image(folder: Path) -> Path:
    images = folder / "images"
    images.mkdir()
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    Image.new("L", (WIDTH * 10, HEIGHT * 10)).save(images / "a.jpg", exif=exif)
    return images


def written_box(path: Path) -> list[float]:
    box: list[float] = json.loads(path.read_text())["annotations"][0]["bbox"]
    return box


@pytest.mark.parametrize(
    ("exif", "box"), [("as_shown", [10, 20, 30, 40]), ("as_stored", [80 - 20 - 40, 10, 40, 30])]
)
def test_shapes_of_a_turned_image_are_written_by_the_declared_convention(
    tmp_path: Path, exif: str, box: list[float]
) -> None:
    images = turned_image(tmp_path)
    stated = (80, 120) if exif == "as_shown" else (120, 80)
    path = source(tmp_path, [10, 20, 30, 40], stated)
    report = picsellia_ingest.convert(path, tmp_path / "out.json", "COCO", imgdir=images, exif=exif)
    assert written_box(tmp_path / "out.json") == box
    assert not report.problems.counts
    assert any("as declared" in note for note in report.notes) == (exif == "as_stored")
    written = json.loads((tmp_path / "out.json").read_text())["images"][0]
    assert (written["width"], written["height"]) == (80, 120)


def test_the_report_says_that_images_are_turned_and_what_speaks_for_and_against(tmp_path: Path) -> None:
    images = turned_image(tmp_path)
    found = inspect(source(tmp_path, [10, 20, 30, 40], (120, 80)), None, images)
    assert any(
        "1 images are turned" in note and "1 are stated in the size before" in note for note in found.notes
    )
    assert found.problems.counts == {"image_size_turned": 1}
    again = inspect(tmp_path / "in.json", None, images, options=Options(exif="as_stored"))
    assert not again.problems.counts
    assert any("shapes are of the stored pixels, as declared" in note for note in again.notes)


def test_fractions_are_hinted_at_and_multiplied_only_when_that_is_declared(tmp_path: Path) -> None:
    path = source(tmp_path, [0.25, 0.5, 0.5, 0.25], (64, 48))
    found = inspect(path)
    assert any("look normalised" in hint for hint in found.hints)
    assert any("0 of 1 shapes have a number above 1" in note for note in found.notes)
    picsellia_ingest.convert(path, tmp_path / "as_is.json", "COCO")
    assert written_box(tmp_path / "as_is.json") == [0.25, 0.5, 0.5, 0.25]
    report = picsellia_ingest.convert(path, tmp_path / "out.json", "COCO", coordinates="normalised")
    assert written_box(tmp_path / "out.json") == [16, 24, 32, 12]
    assert not report.problems.counts
    assert any("fractions of the picture, as declared" in note for note in report.notes)
    quiet = inspect(path, options=Options(coordinates="normalised"))
    assert not quiet.hints
    assert not quiet.problems.counts


def test_fractions_of_a_picture_whose_size_is_not_known_are_rejected_by_name(tmp_path: Path) -> None:
    path = source(tmp_path, [0.25, 0.5, 0.5, 0.25], None)
    report = picsellia_ingest.convert(path, tmp_path / "out.json", "COCO", coordinates="normalised")
    assert report.rejected == {"size_unknown": 1}
    images = turned_image(tmp_path)
    picsellia_ingest.convert(path, tmp_path / "sized.json", "COCO", coordinates="normalised", imgdir=images)
    assert written_box(tmp_path / "sized.json") == [20, 60, 40, 30]


def test_fractions_beyond_the_picture_are_rejected_as_pixels_beyond_it_are(tmp_path: Path) -> None:
    path = source(tmp_path, [1.5, 0.5, 0.25, 0.25], (1, 1))
    report = picsellia_ingest.convert(path, tmp_path / "out.json", "COCO", coordinates="normalised")
    assert report.rejected == {"box_outside": 1}


@pytest.mark.parametrize("convention", ["voc_coordinates", "coordinates", "exif"])
def test_a_convention_that_there_is_not_is_refused(tmp_path: Path, convention: str) -> None:
    given: dict[str, Any] = {convention: "sideways"}
    with pytest.raises(InvalidQueryError, match=f"{convention} is 'sideways'"):
        picsellia_ingest.convert(source(tmp_path, [1, 2, 3, 4], None), tmp_path / "out.json", "COCO", **given)
    with pytest.raises(InvalidQueryError, match=f"{convention} is 'sideways'"):
        inspect(tmp_path / "in.json", options=Options(**given))
