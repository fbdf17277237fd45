"""The files and the data of experiments, each known by a name that its experiment has once."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Row, Table, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ...errors import InvalidQueryError, ResourceNotFoundError
from ..database import Database
from ..schema import experiment_data, experiment_file
from .accounts import Account
from .experiments import data_object, experiment_row, file_object
from .fields import Name, moment


class File(msgspec.Struct):
    """An entry of ``PUT experiment/<id>/file``."""

    name: Name
    object_name: Name
    large: bool = False


class FileChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``PATCH experiment/<id>/file/<name>``."""

    object_name: Name | UnsetType = UNSET
    large: bool | UnsetType = UNSET


class Data(msgspec.Struct):
    """An entry of ``PUT experiment/<id>/data``."""

    name: Name
    type: Name
    data: msgspec.Raw


class DataChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``PATCH`` and ``POST experiment/<id>/data/<name>``."""

    data: msgspec.Raw
    type: Name | UnsetType = UNSET


class Assets:
    """The files and the data of every experiment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def files(self, account: Account, uuid: str, name: str | None = None) -> list[dict[str, Any]]:
        """The files of an experiment, or those of a name: one or none."""
        return [file_object(row) for row in self._all(experiment_file, account, uuid, name)]

    def add_files(self, account: Account, uuid: str, files: list[File]) -> None:
        """Give names to keys."""
        self._add(experiment_file, account, uuid, [msgspec.to_builtins(file) for file in files])

    def change_file(self, account: Account, uuid: str, name: str, change: FileChange) -> None:
        """Let a name stand for another key."""
        with self._database.writing() as conn:
            row = _row(conn, experiment_file, account, uuid, name)
            _set(conn, experiment_file, row, msgspec.to_builtins(change))

    def delete_files(self, account: Account, uuid: str, name: str | None = None) -> None:
        """Forget a name, or all; the bytes stay until the experiment goes."""
        self._delete(experiment_file, account, uuid, name)

    def data(self, account: Account, uuid: str) -> list[dict[str, Any]]:
        """The data of an experiment."""
        return [data_object(row) for row in self._all(experiment_data, account, uuid, None)]

    def data_called(self, account: Account, uuid: str, name: str) -> dict[str, Any]:
        """The data of a name."""
        with self._database.reading() as conn:
            return data_object(_row(conn, experiment_data, account, uuid, name))

    def add_data(self, account: Account, uuid: str, data: list[Data]) -> None:
        """Give names to data; an empty list may be made again, since published clients take it for nothing."""
        rows = [{"name": one.name, "type": one.type, "data": bytes(one.data).decode()} for one in data]
        self._add(experiment_data, account, uuid, rows)

    def replace_data(self, account: Account, uuid: str, name: str, change: DataChange) -> None:
        """Let a name stand for other data."""
        with self._database.writing() as conn:
            row = _row(conn, experiment_data, account, uuid, name)
            _set(conn, experiment_data, row, _typed(change) | {"data": bytes(change.data).decode()})

    def extend_data(self, account: Account, uuid: str, name: str, change: DataChange) -> None:
        """Add to a list, or to the lists of an object."""
        with self._database.writing() as conn:
            row = _row(conn, experiment_data, account, uuid, name)
            longer = _extended(msgspec.json.decode(row.data), msgspec.json.decode(change.data))
            _set(conn, experiment_data, row, _typed(change) | {"data": msgspec.json.encode(longer).decode()})

    def delete_data(self, account: Account, uuid: str, name: str | None = None) -> None:
        """Remove the data of a name, or all."""
        self._delete(experiment_data, account, uuid, name)

    def _all(self, table: Table, account: Account, uuid: str, name: str | None) -> list[Row[Any]]:
        with self._database.reading() as conn:
            return [
                *conn.execute(
                    select(table).where(_which(conn, table, account, uuid, name)).order_by(table.c.id)
                )
            ]

    def _add(self, table: Table, account: Account, uuid: str, rows: list[dict[str, Any]]) -> None:
        now = moment()
        with self._database.writing() as conn:
            owner = {"experiment_id": experiment_row(conn, account, uuid)}
            dates = {"date_created": now, "last_update": now}
            if table is experiment_data:
                empty = (table.c.name.in_([row["name"] for row in rows])) & (table.c.data == "[]")
                conn.execute(delete(table).where(table.c.experiment_id == owner["experiment_id"], empty))
            try:
                if rows:
                    conn.execute(insert(table), [owner | row | dates for row in rows])
            except IntegrityError:
                raise InvalidQueryError("the experiment has this name already") from None

    def _delete(self, table: Table, account: Account, uuid: str, name: str | None) -> None:
        with self._database.writing() as conn:
            gone = conn.execute(delete(table).where(_which(conn, table, account, uuid, name)))
            if name is not None and not gone.rowcount:
                raise _missing(name)


def _which(
    conn: Connection, table: Table, account: Account, uuid: str, name: str | None
) -> ColumnElement[bool]:
    mine: ColumnElement[bool] = table.c.experiment_id == experiment_row(conn, account, uuid)
    return mine if name is None else mine & (table.c.name == name)


def _row(conn: Connection, table: Table, account: Account, uuid: str, name: str) -> Row[Any]:
    found = conn.execute(select(table).where(_which(conn, table, account, uuid, name))).one_or_none()
    if found is None:
        raise _missing(name)
    return found


def _missing(name: str) -> ResourceNotFoundError:
    return ResourceNotFoundError(f"the experiment has no {name}")


def _set(conn: Connection, table: Table, row: Row[Any], values: dict[str, Any]) -> None:
    conn.execute(update(table).where(table.c.id == row.id).values(values | {"last_update": moment()}))


def _typed(change: DataChange) -> dict[str, str]:
    return {} if change.type is UNSET else {"type": str(change.type)}


def _extended(held: Any, more: Any) -> Any:
    if isinstance(held, list) and isinstance(more, list):
        return [*held, *more]
    if isinstance(held, dict) and isinstance(more, dict):
        return held | {
            key: _extended(held[key], value) if key in held else value for key, value in more.items()
        }
    raise InvalidQueryError("only a list, or an object of lists, can be added to")
