"""What is to be said of a record and its image; planning and inspecting an upload say the same."""

from __future__ import annotations

from collections.abc import Mapping

from ..errors import ItemError
from ..model import ImageRecord
from ..problems import Place, Problem, Severity, Unit
from ..sources import AnyPath
from .matching import Match


def refused(path: AnyPath, error: ItemError) -> Problem:
    """An image file that cannot be sent."""
    return Problem(error.code, error.message, Place(str(path)), unit=Unit.IMAGE, hint=error.hint)


def image_of(
    record: ImageRecord, match: Match, unusable: Mapping[str, ItemError]
) -> tuple[str | None, Problem | None]:
    """The image a record is for, and a problem when that needs a word or, costing its instances, when there is none."""
    place = record.place or Place("")
    if not isinstance(match, ItemError):
        image, code = match
        if image not in unusable:
            message = f"{record.file_name!r:.200} is taken to be {image!r:.200}"
            return image, Problem(code, message, place, Severity.WARNING, Unit.IMAGE) if code else None
        match = ItemError(
            unusable[image].code, f"the image {image!r:.200} cannot be sent: {unusable[image].message}"
        )
    lost = len(record.instances)
    return None, Problem(match.code, match.message, place, unit=Unit.IMAGE, lost=lost, hint=match.hint)


def size_unlike(record: ImageRecord, size: tuple[int, int]) -> Problem | None:
    """A warning where the source states another size than the picture has: its shapes may be in another scale."""
    stated = (record.width, record.height)
    if None in stated or stated == size:
        return None
    code, why = "image_size_differs", "are the shapes in another scale, or another picture's?"
    if stated == size[::-1]:
        code, why = "image_size_turned", "were the shapes drawn before the picture was turned?"
    message = f"{record.file_name!r:.200} is stated as {stated[0]} x {stated[1]}, the picture is {size[0]} x {size[1]}"
    return Problem(code, message, record.place or Place(""), Severity.WARNING, Unit.IMAGE, hint=why)
