"""Pictures as rows: finding them and showing them, for the lake and for datasets alike."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, select

from ...errors import ResourceNotFoundError
from ..schema import picture, picture_tag
from .fields import batches


def picture_ids(conn: Connection, organization: int, uuids: list[str]) -> list[int]:
    """The rows of these pictures; all of them, or none if one is not the organization's."""
    columns = picture.c
    found: dict[str, int] = {}
    for batch in batches(uuids):
        # The organization is compared here: in the statement it leads SQLite to read all its pictures for each batch.
        query = select(columns.uuid, columns.id, columns.organization_id).where(columns.uuid.in_(batch))
        for uuid, id_, owner in conn.execute(query):
            if owner == organization:
                found[uuid] = id_
    missing = next((uuid for uuid in uuids if uuid not in found), None)
    if missing is not None:
        raise ResourceNotFoundError(f"no picture {missing}")
    return [found[uuid] for uuid in uuids]


def picture_objects(
    conn: Connection, ids: Select[tuple[int]], order: ColumnElement[Any] | None = None
) -> list[dict[str, Any]]:
    """The pictures a query selects, as the wire shows them: two statements, however many there are."""
    tags: defaultdict[int, list[str]] = defaultdict(list)
    query = select(picture_tag.c.picture_id, picture_tag.c.tag).where(picture_tag.c.picture_id.in_(ids))
    for owner, tag in conn.execute(query.order_by(picture_tag.c.id)):
        tags[owner].append(tag)
    columns = picture.c
    rows = conn.execute(
        select(
            columns.id,
            columns.uuid,
            columns.internal_key,
            columns.external_url,
            columns.creation_date,
            columns.height,
            columns.width,
        )
        .where(columns.id.in_(ids))
        .order_by(columns.id if order is None else order)
    )
    return [
        {
            "picture_id": uuid,
            "internal_key": internal_key,
            "external_url": external_url,
            "creation_date": creation_date,
            "height": height,
            "width": width,
            "tag": tags.get(id_, []),
        }
        for id_, uuid, internal_key, external_url, creation_date, height, width in rows
    ]
