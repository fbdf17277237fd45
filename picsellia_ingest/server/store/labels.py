"""The labels of a dataset: names with a type; one name may stand with several types."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from sqlalchemy import Connection, select

from ...errors import InvalidQueryError
from ..database import Database, insert_new
from ..schema import label
from .accounts import Account
from .datasets import dataset_row
from .fields import batches, check_name

# Clients up to 5.0.2 send the second and the fourth.
_TYPES = {
    "rectangle": "rectangle",
    "detection": "rectangle",
    "polygon": "polygon",
    "segmentation": "polygon",
    "classification": "classification",
}


class Labels:
    """The labels of every dataset."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def all(self, account: Account, dataset: str) -> list[dict[str, str]]:
        """The labels of a dataset in the order in which they were made."""
        with self._database.reading() as conn:
            owner = dataset_row(conn, account, dataset)
            query = select(label.c.name, label.c.type).where(label.c.dataset_id == owner).order_by(label.c.id)
            return [dict(row) for row in conn.execute(query).mappings()]

    def create(self, account: Account, dataset: str, name: str, kind: str) -> None:
        """Make a label, unless it is there."""
        if kind not in _TYPES:
            raise InvalidQueryError(f"a label's type is one of {', '.join(_TYPES)}, not {kind}")
        check_name(name, "label")
        with self._database.writing() as conn:
            row = {"dataset_id": dataset_row(conn, account, dataset), "name": name, "type": _TYPES[kind]}
            conn.execute(insert_new(conn, label).values(row))


def label_names(conn: Connection, dataset: int) -> list[str]:
    """The names of a dataset's labels, each once, in the order in which they were made."""
    query = select(label.c.name).where(label.c.dataset_id == dataset).order_by(label.c.id)
    return [*dict.fromkeys(conn.execute(query).scalars())]


def use_labels(
    conn: Connection, dataset: int, used: Iterable[tuple[str, str]], *, strict: bool
) -> dict[int, int]:
    """How often each label's row is used; (name, type) pairs that a dataset does not have yet are made, or refused."""
    counts = Counter(used)
    known = _rows(conn, dataset, counts)
    new = [pair for pair in counts if pair not in known]
    if new and strict:
        name, kind = new[0]
        raise InvalidQueryError(f"the dataset has no label {name} of type {kind}")
    if new:
        conn.execute(
            insert_new(conn, label),
            [{"dataset_id": dataset, "name": name, "type": kind} for name, kind in new],
        )
        known |= _rows(conn, dataset, new)
    return {known[pair]: count for pair, count in counts.items()}


def _rows(conn: Connection, dataset: int, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for batch in batches(list({name for name, _ in pairs})):
        query = select(label).where(label.c.dataset_id == dataset, label.c.name.in_(batch))
        found |= {(row.name, row.type): int(row.id) for row in conn.execute(query)}
    return found
