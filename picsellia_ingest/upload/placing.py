"""A record's shapes, brought from the convention its user declared into pixels of the picture as it is shown.

Without a declaration nothing is moved: a convention is never guessed, only hinted at (evidence).
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from .. import coordinates
from ..errors import ItemError
from ..model import ImageRecord, Instance
from ..parsers.base import Options
from ..parsers.checks import check_inside
from ..parsers.image_files import orientation_of
from ..problems import OnProblem, Place, Problem, Severity, Unit
from ..sources import AnyPath


def declared(options: Options) -> Iterator[str]:
    """The rules used, for the report, where they are not the usual ones."""
    if options.coordinates == "normalised":
        yield "coordinates are fractions of the picture, as declared: multiplied by its width and height."
    if options.exif == "as_stored":
        yield "shapes are of the stored pixels, as declared: turned with the images that their EXIF data turn."


def placed(
    record: ImageRecord,
    options: Options,
    path: AnyPath | None,
    shown: tuple[int, int] | None,
    on_problem: OnProblem,
) -> ImageRecord:
    """The record in our convention. ``shown`` is the size of its image as it is shown, ``path`` the image's, where known.

    An instance that cannot be placed is reported and left out.
    """
    if options.coordinates == "normalised":
        record = _multiplied(record, shown, on_problem)
    if options.exif == "as_stored" and path is not None and shown is not None:
        record = coordinates.turned(record, orientation_of(path), shown)
    return record


def _multiplied(record: ImageRecord, shown: tuple[int, int] | None, on_problem: OnProblem) -> ImageRecord:
    size = shown
    if record.width is not None and record.height is not None:
        size = record.width, record.height
    place = record.place or Place("")
    if size is None:
        message = f"the size of {record.file_name!r:.200} is not known: its fractions cannot be placed"
        if record.instances:
            lost = len(record.instances)
            on_problem(
                Problem("size_unknown", message, place, unit=Unit.IMAGE, lost=lost, hint="give imgdir")
            )
        return msgspec.structs.replace(record, instances=())
    found = coordinates.multiplied(record, size)
    return msgspec.structs.replace(found, instances=tuple(_inside(found, place, on_problem)))


def _inside(record: ImageRecord, place: Place, on_problem: OnProblem) -> Iterator[Instance]:
    for instance in record.instances:

        def warn(code: str, message: str, _: str) -> None:
            on_problem(Problem(code, message, place, Severity.WARNING))

        try:
            check_inside(instance.rectangle, instance.polygon, (record.width, record.height), warn)
        except ItemError as error:
            on_problem(Problem(error.code, error.message, place, lost=1, hint=error.hint))
            continue
        yield instance


def quietly(options: Options, on_problem: OnProblem) -> OnProblem:
    """``on_problem`` without what a reader must say of fractions that it takes for pixels."""
    if options.coordinates != "normalised":
        return on_problem

    def told(problem: Problem) -> None:
        if problem.code not in ("box_sliver", "box_overhangs"):
            on_problem(problem)

    return told
