"""What the platform accepts as a value, and the few helpers that every part of the store needs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import Annotated, Any

import msgspec

from ...errors import InvalidQueryError

# NUL ends a string in C libraries, and PostgreSQL cannot store it.
Name = Annotated[str, msgspec.Meta(min_length=1, pattern=r"^[^\x00]+$")]
Pixels = Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)]
# What the platform says of a network or a project of which nothing was said (the reference's examples).
DESCRIPTION = "This is a real game changer"
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]

# SQLite takes 32,766 parameters in a statement, older ones 999.
_BATCH = 900


def today() -> str:
    """The date, as the platform writes dates."""
    return datetime.now(timezone.utc).date().isoformat()


def moment() -> str:
    """The time, as the platform writes times."""
    return datetime.now(timezone.utc).isoformat(timespec="microseconds").replace("+00:00", "Z")


def check_name(text: str, what: str) -> str:
    """A name that came in an address."""
    try:
        return msgspec.convert(text, Name)
    except msgspec.ValidationError as error:
        raise InvalidQueryError(f"{what}: {error}") from None


def picture_uuids(pictures: Iterable[Any]) -> list[str]:
    """The ids in a list of picture objects or bare ids, each once, in order."""
    found: dict[str, None] = {}
    for index, item in enumerate(pictures):
        uuid = item.get("picture_id") if isinstance(item, dict) else item
        if not isinstance(uuid, str):
            raise InvalidQueryError(f"picture {index} is neither an id nor an object with a picture_id")
        found[uuid] = None
    return list(found)


def batches(items: list[Any]) -> Iterator[list[Any]]:
    """The list in pieces that fit in one statement."""
    for start in range(0, len(items), _BATCH):
        yield items[start : start + _BATCH]
