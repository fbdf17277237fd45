"""Stored objects become pictures of the lake, and pictures get their ids.

The platform answers 208 when the lake has a picture of that name. Whether it is this one is decided by its object
name, which is made from the content, or, where another client uploaded it, by comparing the bytes. The answer to a
registration may or may not hold the picture's id; what is missing is found by searching for the tags, then in the
whole lake, joining on the object name.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from ..api import listing, platform, storage
from ..api.connection import Connection
from ..api.listing import Listed
from ..errors import NameTakenError, PicselliaError
from .items import Item, Outcome, State, failed


def register(
    connection: Connection, organization_id: str, item: Item, tags: Sequence[str], source: str = "sdk"
) -> tuple[str | None, bool]:
    """Make the item's object a picture: (its id where the platform says it, whether it was there before).

    Raises NameTakenError when the lake has another picture of this name.
    """
    body = {
        "internal_key": item.object_key,
        "external_url": item.name,
        "height": item.height,
        "width": item.width,
        "tags": list(tags),
        "source": source,
    }
    new, picture = platform.register_picture(connection, organization_id, body)
    key = picture.get("internal_key")
    if not new and key and key != item.object_key:
        compare(connection, item, key)
    return (picture.get("picture_id") if key else None), not new


def compare(connection: Connection, item: Item, key: str) -> None:
    """Whether the object ``key`` holds the item's bytes. Raises NameTakenError when it holds others."""
    if hashlib.sha256(storage.read(connection, key)).digest() != item.sha256:
        raise NameTakenError(
            f"the lake already has another picture called {item.name!r}",
            "rename the file, or delete the picture on the platform",
        )


def adopt(connection: Connection, item: Item, picture: Listed, state: State) -> Outcome:
    """A picture of the item's name that the platform has: taken for the item when its content is the item's."""
    try:
        key = str(picture.key)
        if key != item.object_key:
            compare(connection, item, key)
        return Outcome(item.id, state, picture_id=picture.id, picture_there=True)
    except PicselliaError as error:
        return failed(item.id, error)


def by_name(pictures: Iterable[Listed]) -> dict[str, Listed]:
    """Pictures by their name, which a lake has only once."""
    return {str(found.name): found for found in pictures}


class Lake:
    """Pictures by name, asked for once: those with the job's tags first, then all of the lake."""

    def __init__(self, connection: Connection, organization_id: str, tags: Sequence[str]) -> None:
        self.connection, self.organization_id, self.tags = connection, organization_id, tags
        self._pictures: dict[str, Listed] | None = None
        self._whole = not tags

    def resolve(self, items: Iterable[Item]) -> list[Outcome]:
        """The ids of registered items that have none yet."""
        return [self._resolve(item) for item in items]

    def _resolve(self, item: Item) -> Outcome:
        picture = self._find(item.name)
        if picture is None:
            return Outcome(
                item.id, code="not_in_lake", error="the platform registered it, but does not list it"
            )
        try:
            if picture.key != item.object_key:
                compare(self.connection, item, str(picture.key))
            return Outcome(item.id, State.REGISTERED, picture_id=picture.id)
        except PicselliaError as error:
            return failed(item.id, error)

    def _find(self, name: str) -> Listed | None:
        if self._pictures is None:
            if self._whole:
                listed = listing.of_lake(self.connection, self.organization_id)
            else:
                listed = listing.with_tags(self.connection, self.organization_id, self.tags)
            self._pictures = by_name(listed)
        if name not in self._pictures and not self._whole:
            self._pictures, self._whole = None, True
            return self._find(name)
        return self._pictures.get(name)
