"""What the pages show: datasets with their figures, pictures by label and tag, one picture with what is said of it.

All of it is read through indexes, and what can be is not counted but looked up (``counters``), so that a page takes as
long however many pictures there are.
Each method is one view: its figures fit each other.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Connection, Row, Select, func, select

from ...errors import ResourceNotFoundError
from ..database import Database
from ..schema import (
    annotation,
    annotation_label,
    dataset,
    dataset_picture,
    dataset_tag,
    label,
    lake_tag,
    organization,
    picture,
    picture_tag,
)
from .accounts import Account
from .labels import label_names
from .shapes import Shape

PAGE = 48
_DATASETS = 24
_COVER = 4

_shapes = msgspec.json.Decoder(list[Shape])


@dataclass(frozen=True, slots=True)
class Filter:
    """Which pictures are looked at: those with an instance of a label, with a tag, without an annotation."""

    label: str = ""
    tag: str = ""
    bare: bool = False


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label with its counts."""

    name: str
    kind: str
    instances: int
    pictures: int


@dataclass(frozen=True, slots=True)
class Member:
    """A picture among others, with the objects of its annotation: None when it has none, as in the lake."""

    uuid: str
    name: str
    width: int
    height: int
    shapes: list[Shape] | None = None


@dataclass(frozen=True, slots=True)
class Reference:
    """How a dataset version is called."""

    uuid: str
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Version(Reference):
    """A dataset version with its figures; ``cover`` is its first pictures."""

    description: str | None
    size: int
    annotated: int
    cover: list[Member] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Gallery:
    """A page of pictures, out of a dataset or, without one, out of the lake."""

    dataset: Version | None
    labels: list[Labelled]
    tags: list[tuple[str, int]]
    pictures: list[Member]


@dataclass(frozen=True, slots=True)
class View:
    """One picture and what is said of it; ``index`` is its place among those that are looked at."""

    member: Member
    created: str
    tags: list[str]
    datasets: list[Reference]
    dataset: Reference | None
    labels: list[str]
    image_qa: Any
    index: int
    before: str | None
    after: str | None


class Browsing:
    """Looks at what is there and changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def datasets(self, account: Account, page: int) -> tuple[list[Version], int]:
        """Some dataset versions, newest first, and how many there are."""
        owned = dataset.c.organization_id == account.organization
        with self._database.reading() as conn:
            count = int(conn.execute(select(func.count()).select_from(dataset).where(owned)).scalar_one())
            query = select(dataset).where(owned).order_by(dataset.c.id.desc()).limit(_DATASETS)
            rows = conn.execute(query.offset((page - 1) * _DATASETS)).all()
            return [_version(row, _cover(conn, row.id)) for row in rows], pages_of(count, _DATASETS)

    def gallery(self, account: Account, uuid: str | None, wish: Filter, page: int) -> tuple[Gallery, int]:
        """A page of the pictures of a dataset, or of the lake, and how many there are on all pages."""
        with self._database.reading() as conn:
            row = _dataset(conn, account, uuid)
            owner = None if row is None else int(row.id)
            chosen, column = _chosen(account, owner, wish)
            ids = chosen.order_by(column).limit(PAGE).offset((page - 1) * PAGE)
            found = Gallery(
                None if row is None else _version(row),
                [] if owner is None else _labels(conn, owner),
                _tags(conn, account, owner),
                _members(conn, [*conn.execute(ids).scalars()], owner),
            )
            known = _known_count(conn, account, found, wish)
            return found, _count(conn, chosen) if known is None else known

    def view(self, account: Account, dataset_uuid: str | None, uuid: str, wish: Filter) -> View:
        """A picture in a dataset, or in the lake, between those before and after it."""
        with self._database.reading() as conn:
            found = _picture(conn, account, uuid)
            datasets = _holding(conn, found.id)
            owner = next((row for row, one in datasets.items() if one.uuid == dataset_uuid), None)
            if owner is None and dataset_uuid is not None:
                raise ResourceNotFoundError("there is no such picture in this dataset")
            chosen, column = _chosen(account, owner, wish)
            earlier = chosen.where(column < found.id)
            before = conn.execute(earlier.order_by(column.desc()).limit(1)).scalar()
            after = conn.execute(chosen.where(column > found.id).order_by(column).limit(1)).scalar()
            tags = select(picture_tag.c.tag).where(picture_tag.c.picture_id == found.id)
            answers = select(annotation.c.image_qa).where(
                annotation.c.dataset_id == owner, annotation.c.picture_id == found.id
            )
            return View(
                _members(conn, [found.id], owner)[0],
                found.creation_date,
                [*conn.execute(tags.order_by(picture_tag.c.id)).scalars()],
                [*datasets.values()],
                None if owner is None else datasets[owner],
                [] if owner is None else label_names(conn, owner),
                msgspec.json.decode(conn.execute(answers).scalar() or "[]"),
                _count(conn, earlier),
                _uuid(conn, before),
                _uuid(conn, after),
            )

    def key(self, account: Account, uuid: str) -> str:
        """The key under which the bytes of a picture of the organization are stored."""
        with self._database.reading() as conn:
            return str(_picture(conn, account, uuid).internal_key)


def pages_of(count: int, size: int) -> int:
    """How many pages so many things fill; one at least."""
    return max(1, -(-count // size))


def _version(row: Row[Any], cover: list[Member] | None = None) -> Version:
    return Version(row.uuid, row.name, row.version, row.description, row.size, row.annotated, cover or [])


def _dataset(conn: Connection, account: Account, uuid: str | None) -> Row[Any] | None:
    if uuid is None:
        return None
    mine = (dataset.c.organization_id == account.organization) & (dataset.c.uuid == uuid)
    row = conn.execute(select(dataset).where(mine)).one_or_none()
    if row is None:
        raise ResourceNotFoundError("there is no such dataset")
    return row


def _picture(conn: Connection, account: Account, uuid: str) -> Row[Any]:
    query = select(picture).where(picture.c.uuid == uuid, picture.c.organization_id == account.organization)
    row = conn.execute(query).one_or_none()
    if row is None:
        raise ResourceNotFoundError("there is no such picture")
    return row


def _holding(conn: Connection, row: int) -> dict[int, Reference]:
    query = (
        select(dataset)
        .join(dataset_picture)
        .where(dataset_picture.c.picture_id == row)
        .order_by(dataset.c.id)
    )
    return {int(one.id): Reference(one.uuid, one.name, one.version) for one in conn.execute(query)}


def _chosen(account: Account, owner: int | None, wish: Filter) -> tuple[Select[Any], ColumnElement[int]]:
    """The rows of the pictures that are looked at, and the column they stand in."""
    if owner is None:
        column: ColumnElement[int] = picture.c.id
        query = select(column).where(picture.c.organization_id == account.organization)
    else:
        column = dataset_picture.c.picture_id
        query = select(column).where(dataset_picture.c.dataset_id == owner)
    if wish.label:
        called = select(label.c.id).where(label.c.dataset_id == owner, label.c.name == wish.label)
        holding = select(annotation_label.c.picture_id).where(annotation_label.c.label_id.in_(called))
        query = query.where(column.in_(holding))
    if wish.tag:
        query = query.where(column.in_(select(picture_tag.c.picture_id).where(picture_tag.c.tag == wish.tag)))
    if wish.bare:
        annotated = select(annotation.c.picture_id).where(annotation.c.dataset_id == owner)
        query = query.where(column.not_in(annotated))
    return query, column


def _known_count(conn: Connection, account: Account, gallery: Gallery, wish: Filter) -> int | None:
    """How many pictures are looked at, where it is kept, so that they need not be counted."""
    version = gallery.dataset
    if wish == Filter():
        mine = select(organization.c.pictures).where(organization.c.id == account.organization)
        return int(conn.execute(mine).scalar_one()) if version is None else version.size
    if version is not None and wish == Filter(bare=True):
        return version.size - version.annotated
    if wish.tag and wish == Filter(tag=wish.tag):
        return dict(gallery.tags).get(wish.tag, 0)
    holding = [one.pictures for one in gallery.labels if one.name == wish.label]
    # With two kinds of one label, some pictures may have both.
    return holding[0] if wish == Filter(label=wish.label) and len(holding) == 1 else None


def _count(conn: Connection, chosen: Select[Any]) -> int:
    return int(conn.execute(select(func.count()).select_from(chosen.subquery())).scalar_one())


def _labels(conn: Connection, owner: int) -> list[Labelled]:
    """The labels of a dataset in the order of their making, in which a label keeps its place for good."""
    rows = conn.execute(select(label).where(label.c.dataset_id == owner).order_by(label.c.id))
    return [Labelled(row.name, row.type, row.instances, row.pictures) for row in rows]


def _tags(conn: Connection, account: Account, owner: int | None) -> list[tuple[str, int]]:
    if owner is None:
        table, here = lake_tag, lake_tag.c.organization_id == account.organization
    else:
        table, here = dataset_tag, dataset_tag.c.dataset_id == owner
    rows = conn.execute(select(table).where(here).order_by(table.c.pictures.desc(), table.c.tag))
    return [(row.tag, row.pictures) for row in rows]


def _cover(conn: Connection, owner: int) -> list[Member]:
    column = dataset_picture.c.picture_id
    query = select(column).where(dataset_picture.c.dataset_id == owner).order_by(column).limit(_COVER)
    return _members(conn, [*conn.execute(query).scalars()], None)


def _members(conn: Connection, ids: list[int], owner: int | None) -> list[Member]:
    held = select(annotation.c.picture_id, annotation.c.objects).where(
        annotation.c.dataset_id == owner, annotation.c.picture_id.in_(ids)
    )
    objects = {row.picture_id: _shapes.decode(row.objects) for row in conn.execute(held)}
    query = select(picture).where(picture.c.id.in_(ids)).order_by(picture.c.id)
    return [
        Member(row.uuid, row.external_url, row.width, row.height, objects.get(row.id))
        for row in conn.execute(query)
    ]


def _uuid(conn: Connection, row: Any) -> str | None:
    return (
        None
        if row is None
        else str(conn.execute(select(picture.c.uuid).where(picture.c.id == row)).scalar_one())
    )
