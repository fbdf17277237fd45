"""How many objects of each label an annotation has, kept beside the annotation's text.

The text is what counts: these rows are written in the transaction that writes it and go with it, and a database from
before there were any gets them from the text when it is opened.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import msgspec
from sqlalchemy import Connection, delete, insert, select

from .schema import annotation, annotation_label, label

_AT_ONCE = 500


class _Named(msgspec.Struct):
    label: str
    type: str


_names = msgspec.json.Decoder(list[_Named])


def count_labels(conn: Connection, row: int, picture: int, more: Mapping[int, int]) -> None:
    """Add to what is held of an annotation; ``more`` says how many objects, by the label's row."""
    held = select(annotation_label.c.label_id, annotation_label.c.instances).where(
        annotation_label.c.annotation_id == row
    )
    counts = Counter({found.label_id: int(found.instances) for found in conn.execute(held)})
    if counts:
        conn.execute(delete(annotation_label).where(annotation_label.c.annotation_id == row))
    counts.update(more)
    _insert(conn, [(row, name, picture, count) for name, count in counts.items()])


def copy_counts(conn: Connection, source: int, target: int) -> None:
    """Give the annotations that were copied to another dataset the counts of those they were copied from."""
    old, new = annotation.alias(), annotation.alias()
    old_label, new_label = label.alias(), label.alias()
    copied = (
        select(new.c.id, new_label.c.id, new.c.picture_id, annotation_label.c.instances)
        .join_from(old, annotation_label, annotation_label.c.annotation_id == old.c.id)
        .join(new, (new.c.dataset_id == target) & (new.c.picture_id == old.c.picture_id))
        .join(old_label, old_label.c.id == annotation_label.c.label_id)
        .join(
            new_label,
            (new_label.c.dataset_id == target)
            & (new_label.c.name == old_label.c.name)
            & (new_label.c.type == old_label.c.type),
        )
        .where(old.c.dataset_id == source)
    )
    conn.execute(insert(annotation_label).from_select([*annotation_label.c], copied))


def fill(conn: Connection) -> None:
    """Count what every annotation of a database from before has."""
    annotation_label.create(conn, checkfirst=True)
    names = select(label.c.id, label.c.dataset_id, label.c.name, label.c.type)
    labels = {(row.dataset_id, row.name, row.type): int(row.id) for row in conn.execute(names)}
    columns = annotation.c
    last = 0
    query = select(columns.id, columns.dataset_id, columns.picture_id, columns.objects).order_by(columns.id)
    while found := conn.execute(query.where(columns.id > last).limit(_AT_ONCE)).all():
        last = found[-1].id
        _insert(
            conn,
            [
                (row.id, labels[key], row.picture_id, count)
                for row in found
                for key, count in _counted(row.dataset_id, row.objects).items()
                if key in labels
            ],
        )


def _counted(dataset: int, objects: str) -> Counter[tuple[int, str, str]]:
    return Counter((dataset, thing.label, thing.type) for thing in _names.decode(objects))


def _insert(conn: Connection, rows: list[tuple[int, int, int, int]]) -> None:
    names = ("annotation_id", "label_id", "picture_id", "instances")
    if rows:
        conn.execute(insert(annotation_label), [dict(zip(names, row, strict=True)) for row in rows])
