"""Networks: trained models under a name, with their files in the model bucket.

All that a client may set stands in one JSON column, in the bytes that the client sent. A file is known by its
key; keys that begin with the network's id are its own, and their bytes go with it.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ...errors import InvalidQueryError, ResourceNotFoundError
from ..database import Database
from ..objects import ObjectName, Objects
from ..schema import network, picture, user
from .accounts import Account, user_row
from .fields import DESCRIPTION, Name
from .files import network_files, unneeded_files
from .lake import PICTURES


class Creation(msgspec.Struct):
    """The body of ``POST network/<org>``."""

    name: Name
    type: Name


class _Checked(msgspec.Struct, forbid_unknown_fields=True):
    model_id: str | None = None
    network_name: Name | None = None
    type: Name = ""
    description: str | None = None
    private: bool = True
    framework: str | None = None
    tag: list[Name] | None = None
    files: dict[Name, Name] = {}
    labels: dict[str, Any] | None = None
    base_parameters: dict[str, Any] | None = None
    readme_text: str | None = None
    thumb_object_name: str = ""
    model_object_name: str = ""
    checkpoint_object_name: str = ""
    origin_checkpoint_objects: dict[str, Any] | None = None


class _Thumb(msgspec.Struct):
    thumb_object_name: str


_check = msgspec.json.Decoder(_Checked)
_verbatim = msgspec.json.Decoder(dict[str, msgspec.Raw])
_thumb = msgspec.json.Decoder(_Thumb)
_NEW = {
    "description": DESCRIPTION,
    "private": True,
    "framework": "",
    "tag": None,
    "files": {},
    "labels": {},
    "base_parameters": {},
    "readme_text": "",
    "thumb_object_name": "",
    "model_object_name": "",
    "checkpoint_object_name": "",
    "origin_checkpoint_objects": {},
}


class Change:
    """The body of ``PATCH network/<org>/<id>``, checked: what it does not name stays as it is."""

    def __init__(self, body: bytes) -> None:
        checked = _check.decode(body)
        self.model_id, self.name = checked.model_id, checked.network_name
        self.properties = _verbatim.decode(body)
        for key in ("model_id", "network_name"):
            self.properties.pop(key, None)


class Networks:
    """The networks of every organization, each seen only by its own."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects

    def all(self, account: Account) -> list[dict[str, Any]]:
        """Every network, oldest first."""
        with self._database.reading() as conn:
            return [_shown(account, row) for row in conn.execute(_networks(account).order_by(network.c.id))]

    def get(self, account: Account, uuid: str) -> dict[str, Any]:
        """The network of this id."""
        with self._database.reading() as conn:
            return _shown(account, _row(conn, account, network.c.uuid == uuid))

    def get_by_name(self, account: Account, name: str) -> dict[str, Any]:
        """The network of this name."""
        with self._database.reading() as conn:
            return _shown(account, _row(conn, account, network.c.name == name))

    def create(self, account: Account, new: Creation) -> dict[str, Any]:
        """Make a network without files."""
        with self._database.writing() as conn:
            return create_network(conn, account, new.name, {"type": new.type})

    def update(self, account: Account, uuid: str, change: Change) -> dict[str, Any]:
        """Set properties of the network of this id."""
        return self._update(account, network.c.uuid == uuid, change)

    def update_by_name(self, account: Account, name: str, change: Change) -> dict[str, Any]:
        """Set properties of the network of this name."""
        return self._update(account, network.c.name == name, change)

    def _update(self, account: Account, which: ColumnElement[bool], change: Change) -> dict[str, Any]:
        with self._database.writing() as conn:
            row = _row(conn, account, which)
            if change.model_id not in (None, row.uuid):
                raise InvalidQueryError("the model_id is another network's, and cannot be changed")
            properties = _verbatim.decode(row.properties.encode()) | change.properties
            values = {
                "name": change.name or row.name,
                "properties": msgspec.json.encode(properties).decode(),
            }
            try:
                conn.execute(update(network).where(network.c.id == row.id).values(values))
            except IntegrityError:
                raise _taken(values["name"]) from None
            return _shown(account, _row(conn, account, network.c.id == row.id))

    def delete(self, account: Account, uuid: str) -> None:
        """Remove a network with its own files."""
        with self._database.exclusive():
            with self._database.writing() as conn:
                row = _row(conn, account, network.c.uuid == uuid)
                conn.execute(delete(network).where(network.c.id == row.id))
                unneeded = _own_objects(conn, account, row)
            for name in unneeded:
                self._objects.remove(name)


def _networks(account: Account) -> Select[Any]:
    query = select(network, user.c.username).join(user)
    return query.where(network.c.organization_id == account.organization)


def _row(conn: Connection, account: Account, which: ColumnElement[bool]) -> Row[Any]:
    row = conn.execute(_networks(account).where(which)).one_or_none()
    if row is None:
        raise ResourceNotFoundError("no such network")
    return row


def _shown(account: Account, row: Row[Any]) -> dict[str, Any]:
    return {
        "organization": {"name": account.organization_name},
        "model_id": row.uuid,
        "serving_id": row.uuid,
        "owner": {"username": row.username},
        "network_name": row.name,
        **_verbatim.decode(row.properties.encode()),
    }


def create_network(
    conn: Connection, account: Account, name: str, properties: dict[str, Any]
) -> dict[str, Any]:
    """Make a network; what ``properties`` does not say is as in every new one."""
    row = {
        "uuid": str(uuid4()),
        "organization_id": account.organization,
        "user_id": user_row(account),
        "name": name,
        "properties": msgspec.json.encode({**_NEW, **properties}).decode(),
    }
    try:
        conn.execute(insert(network).values(row))
    except IntegrityError:
        raise _taken(name) from None
    return _shown(account, _row(conn, account, network.c.uuid == row["uuid"]))


def _taken(name: str) -> InvalidQueryError:
    return InvalidQueryError(f"the network {name} exists already")


def network_row(conn: Connection, account: Account, name: str) -> Row[Any]:
    """The row of a network by its name, if it is the organization's."""
    return _row(conn, account, network.c.name == name)


def _own_objects(conn: Connection, account: Account, row: Row[Any]) -> list[ObjectName]:
    files = network_files(row.properties).values()
    found = unneeded_files(conn, account, [(row.uuid, key) for key in files])
    thumb = _thumb.decode(row.properties).thumb_object_name
    shown_elsewhere = select(picture.c.id).where(
        picture.c.organization_id == account.organization, picture.c.internal_key == thumb
    )
    if thumb.startswith(f"{row.uuid}/") and conn.execute(shown_elsewhere).first() is None:
        found.append(ObjectName(account.organization_id, PICTURES, thumb))
    return found
