"""Datasets: named lists of pictures in versions, each version a row of its own.

``latest`` is the version made last. Membership is a set kept by a unique constraint, so adding a picture
twice adds it once. A new version is a copy made by the database: pictures, labels and annotations.
"""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, delete, insert, literal, select, update
from sqlalchemy.exc import IntegrityError

from ...errors import InvalidQueryError, ResourceNotFoundError
from ..database import Database, insert_new
from ..label_counts import copy_counts
from ..schema import annotation, dataset, dataset_picture, label, organization, picture
from .accounts import Account
from .fields import Count, Name, batches, picture_uuids
from .pictures import picture_ids, picture_objects
from .places import Places
from .replies import Once, earlier_answer, remember

FIRST = "first"
LATEST = "latest"
# A path that ends in one of these could not be told from another request.
_RESERVED = (LATEST, "download")
# A label's own counts arise as its objects are copied.
_NOT_COPIED = ("id", "dataset_id", "instances", "pictures")


class Creation(msgspec.Struct):
    """The body of ``PUT dataset/<org>``."""

    dataset_name: Name
    description: str | None = None
    private: bool = True
    pictures: list[Any] = []


class NewVersion(msgspec.Struct):
    """The body of ``PUT dataset/<org>/new_version``."""

    name: Name
    version: Name
    pictures: list[Any] = []
    from_version: str = LATEST


class Addition(msgspec.Struct):
    """The body of ``POST dataset/<org>``; ``pk`` wins over the name."""

    name: str = ""
    version: str = LATEST
    pictures: list[Any] = []
    pk: str | None = ""


class Statistics(msgspec.Struct):
    """The body of ``update_stats``."""

    repartition: dict[str, Count]
    nb_annotations: Count
    nb_objects: Count


class Datasets:
    """The datasets of every organization, each seen only by its own."""

    def __init__(self, database: Database, places: Places) -> None:
        self._database = database
        self._places = places

    def all(self, account: Account) -> list[dict[str, Any]]:
        """Every version of every dataset, oldest first."""
        with self._database.reading() as conn:
            return [_shown(row) for row in conn.execute(_datasets(account).order_by(dataset.c.id))]

    def get(self, account: Account, name: str, version: str) -> dict[str, Any]:
        """One version."""
        with self._database.reading() as conn:
            return _shown(version_row(conn, account, name, version))

    def create(self, account: Account, new: Creation, once: Once | None) -> bytes:
        """The first version of a dataset."""
        with self._database.writing() as conn:
            answer = earlier_answer(conn, account, once)
            if answer is not None:
                return answer
            ids = picture_ids(conn, account.organization, picture_uuids(new.pictures))
            row = {"description": new.description, "private": new.private}
            made = _insert(conn, account, new.dataset_name, FIRST, row)
            _add_pictures(conn, made, ids)
            return remember(conn, account, once, _made(conn, account, made), dataset_id=made)

    def new_version(self, account: Account, new: NewVersion, once: Once | None) -> bytes:
        """A copy of a version under another version name, with more pictures."""
        if new.version in _RESERVED:
            raise InvalidQueryError(f"a version cannot be called {new.version}")
        with self._database.writing() as conn:
            answer = earlier_answer(conn, account, once)
            if answer is not None:
                return answer
            source = version_row(conn, account, new.name, new.from_version)
            ids = picture_ids(conn, account.organization, picture_uuids(new.pictures))
            row = {"description": source.description, "private": source.private}
            made = _insert(conn, account, new.name, new.version, row)
            for table in (dataset_picture, label, annotation):
                columns = [c for c in table.c if c.name not in _NOT_COPIED]
                copied = select(literal(made), *columns).where(table.c.dataset_id == source.id)
                if "id" in table.c:
                    copied = copied.order_by(table.c.id)
                conn.execute(insert(table).from_select([table.c.dataset_id, *columns], copied))
            copy_counts(conn, int(source.id), made)
            _add_pictures(conn, made, ids)
            return remember(conn, account, once, _made(conn, account, made), dataset_id=made)

    def add(self, account: Account, more: Addition) -> dict[str, Any]:
        """Put pictures in a dataset; those that are in it already stay in it once."""
        uuids = picture_uuids(more.pictures)
        with self._database.writing() as conn:
            if more.pk:
                target = dataset_row(conn, account, more.pk)
            else:
                target = int(version_row(conn, account, more.name, more.version).id)
            _add_pictures(conn, target, picture_ids(conn, account.organization, uuids))
            return _by_id(conn, account, target)

    def delete(self, account: Account, name: str, version: str) -> None:
        """Remove one version with its labels and annotations; the pictures stay in the lake."""
        with self._places.deleting(), self._database.writing() as conn:
            row = version_row(conn, account, name, version)
            conn.execute(delete(dataset).where(dataset.c.id == row.id))

    def pictures(self, account: Account, uuid: str) -> list[dict[str, Any]]:
        """The pictures of a dataset, oldest first."""
        with self._database.reading() as conn:
            members = select(dataset_picture.c.picture_id)
            members = members.where(dataset_picture.c.dataset_id == dataset_row(conn, account, uuid))
            return picture_objects(conn, members)

    def check(self, account: Account, uuid: str) -> None:
        """Raise ResourceNotFoundError unless the organization has this dataset."""
        with self._database.reading() as conn:
            dataset_row(conn, account, uuid)

    def images(self, account: Account, name: str, version: str) -> list[dict[str, Any]]:
        """What a download needs to know of each picture, oldest first; with the ``internal_key``."""
        with self._database.reading() as conn:
            return images_of(conn, version_row(conn, account, name, version).id)

    def update_statistics(self, account: Account, uuid: str, statistics: Statistics) -> None:
        """Set the numbers a client counted, in place of those before."""
        text = msgspec.json.encode(statistics).decode()
        with self._database.writing() as conn:
            target = dataset_row(conn, account, uuid)
            conn.execute(update(dataset).where(dataset.c.id == target).values(statistics=text))


def images_of(conn: Connection, row: int) -> list[dict[str, Any]]:
    """What a download needs to know of each picture of a dataset, oldest first; with the ``internal_key``."""
    columns = picture.c
    query = (
        select(
            columns.external_url.label("external_picture_url"),
            columns.uuid.label("internal_picture_id"),
            columns.internal_key,
            columns.width,
            columns.height,
        )
        .join_from(dataset_picture, picture)
        .where(dataset_picture.c.dataset_id == row)
        .order_by(columns.id)
    )
    return [dict(image) for image in conn.execute(query).mappings()]


def size_of(conn: Connection, row: int) -> int:
    """How many pictures a dataset has."""
    return int(conn.execute(select(dataset.c.size).where(dataset.c.id == row)).scalar_one())


def dataset_of(conn: Connection, organization_id: str, uuid: str) -> int:
    """The row of a dataset version of the organization that clients know by this id."""
    owner = select(organization.c.id).where(organization.c.uuid == organization_id)
    return _row(conn, dataset.c.organization_id == owner.scalar_subquery(), uuid)


def dataset_row(conn: Connection, account: Account, uuid: str) -> int:
    """The row of a dataset version, if it is the organization's."""
    return _row(conn, dataset.c.organization_id == account.organization, uuid)


def _row(conn: Connection, owned: ColumnElement[bool], uuid: str) -> int:
    found = conn.execute(select(dataset.c.id).where(owned, dataset.c.uuid == uuid)).scalar()
    if found is None:
        raise ResourceNotFoundError(f"no dataset {uuid}")
    return int(found)


def _datasets(account: Account) -> Select[Any]:
    return select(dataset).where(dataset.c.organization_id == account.organization)


def version_row(conn: Connection, account: Account, name: str, version: str) -> Row[Any]:
    """The row of a version by its names; ``latest`` is the newest."""
    query = _datasets(account).where(dataset.c.name == name)
    if version != LATEST:
        query = query.where(dataset.c.version == version)
    row = conn.execute(query.order_by(dataset.c.id.desc()).limit(1)).first()
    if row is None:
        raise ResourceNotFoundError(f"no dataset {name}/{version}")
    return row


def _by_id(conn: Connection, account: Account, id_: int) -> dict[str, Any]:
    return _shown(conn.execute(_datasets(account).where(dataset.c.id == id_)).one())


def _shown(row: Row[Any]) -> dict[str, Any]:
    return {
        "dataset_id": row.uuid,
        "dataset_name": row.name,
        "version": row.version,
        "size": row.size,
        "description": row.description,
        "private": row.private,
    }


def _made(conn: Connection, account: Account, id_: int) -> bytes:
    shown = _by_id(conn, account, id_)
    return msgspec.json.encode({"dataset": shown, "pk": shown["dataset_id"]})


def _insert(conn: Connection, account: Account, name: str, version: str, row: dict[str, Any]) -> int:
    values = {"uuid": str(uuid4()), "organization_id": account.organization, "name": name, "version": version}
    try:
        made = conn.execute(insert(dataset).values(values | row).returning(dataset.c.id))
    except IntegrityError:
        raise InvalidQueryError(f"the dataset {name}/{version} exists already") from None
    return int(made.scalar_one())


def _add_pictures(conn: Connection, dataset_id: int, ids: list[int]) -> None:
    columns = dataset_picture.c
    for batch in batches(ids):
        members = select(literal(dataset_id), picture.c.id).where(picture.c.id.in_(batch))
        new = insert_new(conn, dataset_picture)
        conn.execute(new.from_select([columns.dataset_id, columns.picture_id], members))
