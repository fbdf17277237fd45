"""The data lake of an organization: its pictures and their tags.

A picture is known by its name, which is unique in the lake. Registering is decided by the database's unique
constraint, so two uploads of one name at the same moment end with one picture. A picture is only taken when
its bytes are stored, and its bytes go when the last picture that needs them goes.
"""

from __future__ import annotations

import math
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import Connection, Select, delete, func, literal, select

from ...errors import InvalidQueryError
from ..database import Database, insert_new
from ..objects import OCTETS, ObjectName, Objects, sniff
from ..schema import picture, picture_tag
from .accounts import Account
from .fields import Name, Pixels, batches, picture_uuids, today
from .pictures import picture_ids, picture_objects
from .places import Places

PICTURES = "pictures"
THUMBNAILS = "thumbnails"
"""The same keys as the pictures, so that one goes with the other; no address of storage is ever signed for it."""


class Registration(msgspec.Struct):
    """The body of ``picture/upload``."""

    internal_key: Name
    external_url: Name
    height: Pixels
    width: Pixels
    tags: list[Name] | None = None
    source: str | None = None


class Lake:
    """The pictures of every organization, each seen only by its own."""

    def __init__(self, database: Database, objects: Objects, places: Places) -> None:
        self._database = database
        self._places = places
        self._objects = objects

    def pictures(self, account: Account) -> list[dict[str, Any]]:
        """Every picture, oldest first."""
        with self._database.reading() as conn:
            return picture_objects(conn, _tagged(account, []))

    def search(self, account: Account, tags: list[Name], quantity: float) -> list[dict[str, Any]]:
        """The share ``quantity`` of the pictures that have all the tags, newest first."""
        if quantity < 0:
            raise InvalidQueryError("quantity is negative")
        matching = _tagged(account, tags)
        with self._database.reading() as conn:
            total = conn.execute(select(func.count()).select_from(matching.subquery())).scalar_one()
            wanted = min(total, math.ceil(total * min(quantity, 1.0)))
            newest = matching.order_by(picture.c.id.desc()).limit(wanted)
            return picture_objects(conn, newest, picture.c.id.desc())

    def register(self, account: Account, new: Registration) -> tuple[dict[str, Any], bool]:
        """The picture of this name, and whether it was made now."""
        with self._database.writing() as conn:
            made = self._insert(conn, account, new)
            row = conn.execute(
                select(picture.c.id, picture.c.internal_key).where(
                    picture.c.organization_id == account.organization,
                    picture.c.external_url == new.external_url,
                )
            ).one()
            if row.internal_key == new.internal_key:
                _add_tags(conn, [row.id], new.tags or [])
            shown = picture_objects(conn, select(picture.c.id).where(picture.c.id == row.id))
        return shown[0], made

    def _insert(self, conn: Connection, account: Account, new: Registration) -> bool:
        known = select(picture.c.id).where(
            picture.c.organization_id == account.organization, picture.c.external_url == new.external_url
        )
        if conn.execute(known).first() is not None:
            return False
        stored = ObjectName(account.organization_id, PICTURES, new.internal_key)
        if not self._objects.has(stored):
            raise InvalidQueryError(f"nothing is stored under the internal_key {new.internal_key}")
        if sniff(self._objects.path(stored)) == OCTETS:
            raise InvalidQueryError(f"what is stored under the internal_key {new.internal_key} is no image")
        row = {
            "uuid": str(uuid4()),
            "organization_id": account.organization,
            "external_url": new.external_url,
            "internal_key": new.internal_key,
            "width": new.width,
            "height": new.height,
            "source": new.source or "sdk",
            "creation_date": today(),
        }
        inserted = conn.execute(insert_new(conn, picture).values(row).returning(picture.c.id))
        return inserted.first() is not None

    def delete(self, account: Account, pictures: list[Any]) -> None:
        """Remove pictures with all that hangs on them, then the bytes nobody needs any more."""
        uuids = picture_uuids(pictures)
        with self._database.exclusive():
            with self._places.deleting(), self._database.writing() as conn:
                unneeded = _delete_rows(conn, account, picture_ids(conn, account.organization, uuids))
            for key in unneeded:
                for bucket in (PICTURES, THUMBNAILS):
                    self._objects.remove(ObjectName(account.organization_id, bucket, key))

    def tag(self, account: Account, pictures: list[Any], tags: list[Name]) -> None:
        """Add tags to pictures."""
        uuids = picture_uuids(pictures)
        with self._database.writing() as conn:
            _add_tags(conn, picture_ids(conn, account.organization, uuids), tags)

    def untag(self, account: Account, pictures: list[Any], tags: list[Name]) -> None:
        """Take tags from pictures."""
        uuids = picture_uuids(pictures)
        with self._database.writing() as conn:
            for batch in batches(picture_ids(conn, account.organization, uuids)):
                for tag in tags:
                    conn.execute(
                        delete(picture_tag).where(
                            picture_tag.c.picture_id.in_(batch), picture_tag.c.tag == tag
                        )
                    )


def _tagged(account: Account, tags: list[Name]) -> Select[tuple[int]]:
    query = select(picture.c.id).where(picture.c.organization_id == account.organization)
    for tag in dict.fromkeys(tags):
        query = query.where(
            picture.c.id.in_(select(picture_tag.c.picture_id).where(picture_tag.c.tag == tag))
        )
    return query


def _add_tags(conn: Connection, ids: list[int], tags: list[Name]) -> None:
    columns = picture_tag.c
    for batch in batches(ids):
        for tag in tags:
            tagged = select(picture.c.id, literal(tag)).where(picture.c.id.in_(batch))
            new = insert_new(conn, picture_tag)
            conn.execute(new.from_select([columns.picture_id, columns.tag], tagged))


def _delete_rows(conn: Connection, account: Account, ids: list[int]) -> set[str]:
    keys: set[str] = set()
    for batch in batches(ids):
        chosen = picture.c.id.in_(batch)
        keys.update(conn.execute(select(picture.c.internal_key).where(chosen)).scalars())
        # They would go with the pictures, but one picture after the other.
        conn.execute(delete(picture_tag).where(picture_tag.c.picture_id.in_(batch)))
        conn.execute(delete(picture).where(chosen))
    for batch in batches(sorted(keys)):
        still_needed = select(picture.c.internal_key).where(
            picture.c.organization_id == account.organization, picture.c.internal_key.in_(batch)
        )
        keys.difference_update(conn.execute(still_needed).scalars())
    return keys
