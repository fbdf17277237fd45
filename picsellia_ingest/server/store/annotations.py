"""Annotations: all that is said of one picture in one dataset.

A request adds its objects to those held. Objects are checked for their shape, and then kept as the bytes the
client sent, so that unknown keys and the spelling of numbers survive. A row holds one record, so reading a
page is one statement.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Annotated, Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Select, delete, func, insert, select, update

from ...errors import InvalidQueryError, ResourceNotFoundError
from ..database import Database
from ..label_counts import count_labels
from ..schema import annotation, dataset, dataset_picture, picture
from .accounts import Account
from .datasets import dataset_row
from .fields import today
from .labels import use_labels
from .places import Place, Places
from .replies import Once, earlier_answer, remember
from .shapes import Shape, kind

_BEYOND = (1 << 31) - 1
"""No record of any database has a higher number."""


class _Checked(msgspec.Struct):
    data: list[Shape] | None = None
    image_qa: list[dict[str, Any]] | None = None
    duration: Annotated[float, msgspec.Meta(ge=0)] | None = None


class _Verbatim(msgspec.Struct):
    data: list[msgspec.Raw] | None = None
    image_qa: list[msgspec.Raw] | None = None


_check = msgspec.json.Decoder(_Checked)
_verbatim = msgspec.json.Decoder(_Verbatim)
_elements = msgspec.json.Decoder(list[msgspec.Raw])


class Addition:
    """The body of an annotation request, checked."""

    def __init__(self, body: bytes) -> None:
        # The typed decoders skip what they do not know without a look at it.
        msgspec.json.decode(body)
        checked, verbatim = _check.decode(body), _verbatim.decode(body)
        if checked.data is None and checked.image_qa is None:
            raise InvalidQueryError("an annotation needs data")
        self.labels = [(thing.label, kind(thing)) for thing in checked.data or ()]
        self.objects = verbatim.data or []
        self.image_qa = verbatim.image_qa or []
        self.duration = checked.duration or 0.0


class Annotations:
    """The annotations of every dataset. ``strict`` refuses objects whose label was not made before."""

    def __init__(self, database: Database, places: Places, *, strict: bool) -> None:
        self._database = database
        self._places = places
        self._strict = strict

    def add_by_name(
        self, account: Account, dataset: str, name: str, more: Addition, once: Once | None
    ) -> bytes:
        """Add to the annotation of the picture of this name."""
        return self._add(account, dataset, picture.c.external_url == name, more, once)

    def add_by_id(
        self, account: Account, dataset: str, uuid: str, more: Addition, once: Once | None
    ) -> bytes:
        """Add to the annotation of the picture of this id."""
        return self._add(account, dataset, picture.c.uuid == uuid, more, once)

    def _add(
        self, account: Account, dataset: str, which: ColumnElement[bool], more: Addition, once: Once | None
    ) -> bytes:
        with self._database.writing() as conn:
            answer = earlier_answer(conn, account, once)
            if answer is not None:
                return answer
            owner = dataset_row(conn, account, dataset)
            member = _member(conn, account, owner, which)
            used = use_labels(conn, owner, more.labels, strict=self._strict)
            row, held = _append(conn, owner, member, more)
            count_labels(conn, row, member, used)
            answer = msgspec.json.encode({"message": "annotation saved", "nb_instances": held})
            return remember(conn, account, once, answer, dataset_id=owner, annotation_id=row)

    def of_picture(self, account: Account, dataset: str, name: str) -> list[dict[str, Any]]:
        """The record of a picture, or nothing."""
        with self._database.reading() as conn:
            owner = dataset_row(conn, account, dataset)
            member = _member(conn, account, owner, picture.c.external_url == name)
            return _records(conn, _of_dataset(owner).where(annotation.c.picture_id == member))

    def page(
        self, account: Account, dataset: str, limit: int, offset: int
    ) -> tuple[list[dict[str, Any]], int]:
        """Some records of a dataset in the order of their making, and how many pages of this size there are."""
        age = self._places.age()
        begin = self._places.before(dataset, offset)
        with self._database.reading() as conn:
            owner = dataset_row(conn, account, dataset)
            last = _last(conn, owner)
            begin = _place(conn, owner, begin, offset)
            query = _of_dataset(owner).where(annotation.c.id > begin.id).limit(limit)
            rows = conn.execute(query).all()
        if rows:
            self._places.keep(dataset, age, Place(begin.number + len(rows), rows[-1].id), last)
        return _shown(rows), math.ceil(last.number / limit)

    def delete_all(self, account: Account, dataset: str) -> None:
        """Remove the annotations of a dataset."""
        with self._places.deleting(), self._database.writing() as conn:
            owner = dataset_row(conn, account, dataset)
            conn.execute(delete(annotation).where(annotation.c.dataset_id == owner))

    def delete(self, account: Account, dataset: str, uuid: str) -> None:
        """Remove the annotation of one picture."""
        with self._places.deleting(), self._database.writing() as conn:
            owner = dataset_row(conn, account, dataset)
            member = _member(conn, account, owner, picture.c.uuid == uuid)
            conn.execute(
                delete(annotation).where(annotation.c.dataset_id == owner, annotation.c.picture_id == member)
            )


def _last(conn: Connection, owner: int) -> Place:
    """The last record, whose number is how many there are."""
    newest = select(func.max(annotation.c.id)).where(annotation.c.dataset_id == owner)
    number = select(dataset.c.annotated).where(dataset.c.id == owner)
    return Place(conn.execute(number).scalar_one(), conn.execute(newest).scalar() or 0)


def _place(conn: Connection, dataset: int, begin: Place, offset: int) -> Place:
    """The place with so many records up to it; only the index is read for it, from ``begin`` on."""
    if begin.number == offset:
        return begin
    ids = select(annotation.c.id).where(annotation.c.dataset_id == dataset, annotation.c.id > begin.id)
    skipped = ids.order_by(annotation.c.id).limit(1).offset(offset - begin.number - 1)
    found = conn.execute(skipped).scalar()
    return Place(offset, _BEYOND if found is None else int(found))


def _member(conn: Connection, account: Account, dataset: int, which: ColumnElement[bool]) -> int:
    query = (
        select(picture.c.id)
        .join_from(picture, dataset_picture)
        .where(
            which, picture.c.organization_id == account.organization, dataset_picture.c.dataset_id == dataset
        )
    )
    found = conn.execute(query).scalar()
    if found is None:
        raise ResourceNotFoundError("no such picture in this dataset")
    return int(found)


def _append(conn: Connection, dataset: int, member: int, more: Addition) -> tuple[int, int]:
    """Add to the record, or begin it; gives its row and the number of objects held."""
    query = select(annotation).where(annotation.c.dataset_id == dataset, annotation.c.picture_id == member)
    held = conn.execute(query.with_for_update()).one_or_none()
    if held is None:
        row = _values([], [], more) | {
            "dataset_id": dataset,
            "picture_id": member,
            "duration": more.duration,
            "creation_date": today(),
        }
        made = conn.execute(insert(annotation).values(row).returning(annotation.c.id)).scalar_one()
        return int(made), row["nb_instances"]
    row = _values(_elements.decode(held.objects), _elements.decode(held.image_qa), more)
    row["duration"] = held.duration + more.duration
    conn.execute(update(annotation).where(annotation.c.id == held.id).values(row))
    return int(held.id), row["nb_instances"]


def _values(objects: list[msgspec.Raw], image_qa: list[msgspec.Raw], more: Addition) -> dict[str, Any]:
    objects = [*objects, *more.objects]
    known = [msgspec.json.decode(one) for one in image_qa]
    for one in more.image_qa:
        value = msgspec.json.decode(one)
        if value not in known:
            known.append(value)
            image_qa.append(one)
    return {
        "objects": msgspec.json.encode(objects).decode(),
        "image_qa": msgspec.json.encode(image_qa).decode(),
        "nb_instances": len(objects),
    }


def records_of(conn: Connection, dataset: int) -> list[dict[str, Any]]:
    """Every record of a dataset, in the order of their making."""
    return _records(conn, _of_dataset(dataset))


def _of_dataset(dataset: int) -> Select[Any]:
    return (
        select(
            annotation.c.id,
            picture.c.external_url,
            picture.c.uuid,
            annotation.c.nb_instances,
            annotation.c.duration,
            annotation.c.objects,
            annotation.c.image_qa,
            annotation.c.creation_date,
        )
        .join_from(annotation, picture)
        .where(annotation.c.dataset_id == dataset)
        .order_by(annotation.c.id)
    )


def _records(conn: Connection, query: Select[Any]) -> list[dict[str, Any]]:
    return _shown(conn.execute(query))


def _shown(rows: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {
            "external_picture_url": external_url,
            "internal_picture_id": uuid,
            "nb_labels": held,
            "time_spent": duration,
            "annotations": msgspec.Raw(objects.encode()),
            "image_qa": msgspec.Raw(image_qa.encode()),
            "creation_date": creation_date,
        }
        for _, external_url, uuid, held, duration, objects, image_qa, creation_date in rows
    ]
