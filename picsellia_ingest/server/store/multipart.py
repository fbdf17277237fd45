"""Large objects of the model bucket that come in parts.

A part is an object like any other, under a key that holds its hash, so sending a part again changes nothing.
Finishing joins the parts that the client names into one object, which appears whole; an upload that was
finished may be finished again, for a client that lost the answer. One that was left is forgotten after a day.
"""

from __future__ import annotations

import threading
from datetime import datetime, timedelta, timezone
from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, delete, func, insert, select, update

from ...errors import InvalidQueryError, RequestRejectedError, ResourceNotFoundError
from ..database import Database, insert_new
from ..objects import Incoming, ObjectName, Objects
from ..schema import organization, upload, upload_part
from .accounts import Account
from .fields import today

MODELS = "models"
PARTS = "parts"
_BLOCK = 1 << 20


class Part(msgspec.Struct):
    """One part, as the client that sent it names it."""

    etag: str = msgspec.field(name="ETag")
    number: int = msgspec.field(name="PartNumber")


class Multipart:
    """The uploads in parts of every organization; ``limit`` is the most bytes that one may have."""

    def __init__(self, database: Database, objects: Objects, limit: int) -> None:
        self._database = database
        self._objects = objects
        self._limit = limit
        self._finishing = threading.Lock()

    def begin(self, account: Account, key: str) -> str:
        """The id of a new upload."""
        yesterday = (datetime.now(timezone.utc) - timedelta(days=1)).date().isoformat()
        old = (upload.c.organization_id == account.organization) & (upload.c.creation_date < yesterday)
        row = {
            "uuid": str(uuid4()),
            "organization_id": account.organization,
            "key": key,
            "finished": False,
            "creation_date": today(),
        }
        with self._database.exclusive():
            with self._database.writing() as conn:
                left = _parts(conn, old)
                conn.execute(delete(upload).where(old))
                conn.execute(insert(upload).values(row))
            self._remove(left)
        return str(row["uuid"])

    def check(self, account: Account, uuid: str, key: str) -> None:
        """Refuse an upload that is not the account's, or not of this object, or over."""
        with self._database.reading() as conn:
            if _of_account(conn, account, uuid, key).finished:
                raise ResourceNotFoundError("this upload is finished")

    def take(self, uuid: str, number: int, incoming: Incoming) -> str:
        """Keep a part and give its tag. Whoever holds the signed address of a part may send it."""
        etag = incoming.finish().hex()
        with self._database.writing() as conn:
            row = _upload(conn, upload.c.uuid == uuid)
            held = select(func.coalesce(func.sum(upload_part.c.size), 0))
            held = held.where(upload_part.c.upload_id == row.id, upload_part.c.number != number)
            if row.finished:
                raise ResourceNotFoundError("this upload is finished")
            if conn.execute(held).scalar_one() + incoming.size > self._limit:
                raise RequestRejectedError(f"the object is larger than {self._limit} bytes")
            self._objects.keep(incoming, _part_name(row, number, etag))
            values = {"upload_id": row.id, "number": number, "etag": etag, "size": incoming.size}
            conn.execute(insert_new(conn, upload_part).values(values))
        return etag

    def finish(self, account: Account, uuid: str, key: str, parts: list[Part]) -> None:
        """Make the object of these parts."""
        numbers = [part.number for part in parts]
        if not parts or numbers != sorted(set(numbers)):
            raise InvalidQueryError("the parts must be named once each, in order")
        with self._finishing:
            with self._database.reading() as conn:
                row = _of_account(conn, account, uuid, key)
                sent = set(_parts(conn, upload.c.id == row.id))
            if row.finished:
                return
            self._join(row, key, sent, parts)
            with self._database.exclusive():
                with self._database.writing() as conn:
                    left = _parts(conn, upload.c.id == row.id)
                    conn.execute(update(upload).where(upload.c.id == row.id).values(finished=True))
                    conn.execute(delete(upload_part).where(upload_part.c.upload_id == row.id))
                self._remove(left)

    def _join(self, row: Row[Any], key: str, sent: set[ObjectName], parts: list[Part]) -> None:
        names = [_part_name(row, part.number, part.etag.strip('"')) for part in parts]
        missing = next((part.number for part, name in zip(parts, names, strict=True) if name not in sent), 0)
        if missing:
            raise InvalidQueryError(f"part {missing} was not sent, or is another one")
        with self._objects.receive(self._limit) as incoming:
            for name in names:
                with self._objects.path(name).open("rb") as file:
                    while block := file.read(_BLOCK):
                        incoming.write(block)
            self._objects.replace(incoming, ObjectName(row.organization, MODELS, key))

    def _remove(self, names: list[ObjectName]) -> None:
        for name in names:
            self._objects.remove(name)


def _upload(conn: Connection, which: ColumnElement[bool]) -> Row[Any]:
    query = select(upload, organization.c.uuid.label("organization")).join(organization).where(which)
    row = conn.execute(query).one_or_none()
    if row is None:
        raise ResourceNotFoundError("no such upload")
    return row


def _of_account(conn: Connection, account: Account, uuid: str, key: str) -> Row[Any]:
    mine = (upload.c.organization_id == account.organization) & (upload.c.uuid == uuid)
    return _upload(conn, mine & (upload.c.key == key))


def _part_name(row: Row[Any], number: int, etag: str) -> ObjectName:
    return ObjectName(row.organization, PARTS, f"{row.uuid}/{number}/{etag}")


def _parts(conn: Connection, which: ColumnElement[bool]) -> list[ObjectName]:
    query = (
        select(
            upload.c.uuid, upload_part.c.number, upload_part.c.etag, organization.c.uuid.label("organization")
        )
        .join_from(upload_part, upload)
        .join(organization)
        .where(which)
    )
    found: list[Row[Any]] = [*conn.execute(query)]
    return [_part_name(row, row.number, row.etag) for row in found]
