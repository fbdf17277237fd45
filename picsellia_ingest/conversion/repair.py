"""A copy of a source with what is certain repaired: the source, read and written again in its own format.

Nothing uncertain is decided: what is rejected is not in the copy, and stays named among the problems with its place. What
was repaired is listed by kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from ..errors import InvalidQueryError
from ..parsers import reader
from ..parsers.base import Options
from ..selection import Selection
from ..sources import find
from . import pipeline, shards
from .report import Conversion

REPAIRS = {
    "answer_as_text": "answers that are numbers, written as text",
    "answer_in_a_list": "single choices in a list of one, taken out of it",
    "answer_not_in_a_list": "answers without a list around them, put into one",
    "annotations_missing": "records without a list of annotations, given an empty one",
    "bare_list": "a bare list of records, put under 'annotations'",
    "box_negative": "boxes of negative width or height, drawn from the other corner",
    "box_swapped": "boxes with exchanged corners, put in order",
    "category_repeated": "categories whose id stands twice, merged into the first",
    "decimal_comma": "decimal commas, written as points",
    "image_size_invalid": "sizes that cannot be, left out or taken from the image",
    "label_blanks": "labels with blanks around them, without the blanks",
    "label_number": "labels that are numbers, written as text",
    "label_repeated": "categories of one name, merged",
    "matched_by_case": "image names that differ in case, written as the file is called",
    "matched_by_name": "image names with another folder, written as the file's path",
    "matched_by_stem": "image names with another extension, written as the file is called",
    "number_as_text": "numbers written as text, written as numbers",
    "polygon_without_geometry": "polygons that are bare lists, put under 'geometry'",
    "ring_flat": "rings without area beside others, left out",
    "segmentation_flat": "flat lists of coordinates, put into a list of rings",
    "type_missing": "objects without a type, given that of their geometry",
}
"""What is repaired, by the code of its warning, for people."""


def repair(
    source: str | Path,
    destination: str | Path,
    ann_format: str | None = None,
    imgdir: str | Path | None = None,
    *,
    overwrite: bool = False,
) -> Conversion:
    """Write the repaired copy; of a format that says all only beside its images, with links to those of ``imgdir``.

    Raises InvalidQueryError, FormatError, InputError.
    """
    if Path(source).absolute() == Path(destination).absolute():
        raise InvalidQueryError("the repaired copy would replace its source", "give another path")
    with reader(find(source), ann_format, Options()) as parser:
        writer = parser.writer()
    with_images = writer is not None and writer.needs_images and imgdir is not None
    asked = pipeline.request(
        source, destination, parser.name, chosen=Selection(), ann_format=parser.name, imgdir=imgdir,
        images=shards.LINK if with_images else shards.LEAVE, overwrite=overwrite,
    )  # fmt: skip
    return pipeline.run(replace(asked, rename=True))


def lines(report: Conversion) -> Iterator[str]:
    """What was repaired and what is not in the copy, for a person."""
    repaired = {code: report.problems.warnings[code] for code in REPAIRS if report.problems.warnings[code]}
    yield from (f"repaired {code}: {count} {REPAIRS[code]}" for code, count in sorted(repaired.items()))
    for code, count in sorted(report.rejected.items()):
        yield f"left out {code}: {count} instances of which nothing certain can be made"
    yield from report.losses.lines()
    if not repaired:
        yield "there was nothing to repair"
    yield f"{report.instances_written} of {report.instances} instances are in {report.destination}"
