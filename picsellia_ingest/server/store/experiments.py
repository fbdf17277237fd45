"""Experiments: the trainings of a project, with the files and the numbers that come of them.

A file is a name for a key of the model bucket; data is a name for a piece of JSON, kept in the bytes that the
client sent. Keys that begin with an experiment's id are its own, and their bytes go when nothing names them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Row,
    Select,
    Table,
    cast,
    delete,
    func,
    insert,
    literal,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError

from ...errors import InvalidQueryError, ResourceNotFoundError
from ..database import Database
from ..objects import Objects
from ..schema import experiment, experiment_data, experiment_file, experiment_log, project, user
from .accounts import Account, check_organization, user_row
from .datasets import version_row
from .fields import Name, moment
from .files import experiment_files, network_files, unneeded_files
from .networks import network_row
from .projects import project_of


class Creation(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``POST experiment/<project>``.

    ``previous`` is an experiment of the project, ``source`` is ``<organization>/<network>``: what they have is
    taken over as far as ``with_file`` and ``with_data`` say so.
    """

    name: Name
    description: str | None = ""
    previous: str | None = None
    dataset: str | None = None
    source: str | None = None
    with_file: bool = False
    with_data: bool = False


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``PATCH experiment/<project>/<id>``: what it does not name stays as it is."""

    name: Name | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    status: Name | UnsetType = UNSET


class Experiments:
    """The experiments of every organization, each seen only by its own."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects

    def all(self, account: Account, project_uuid: str) -> list[dict[str, Any]]:
        """Every experiment of a project, oldest first."""
        with self._database.reading() as conn:
            row = project_of(conn, account, project_uuid)
            return _shown(conn, account, experiment.c.project_id == row)

    def get(self, account: Account, uuid: str) -> dict[str, Any]:
        """The experiment of this id."""
        with self._database.reading() as conn:
            return _one(conn, account, experiment.c.uuid == uuid)

    def get_by_name(self, account: Account, project_uuid: str, name: str) -> dict[str, Any]:
        """The experiment of this name in a project."""
        with self._database.reading() as conn:
            row = project_of(conn, account, project_uuid)
            return _one(conn, account, (experiment.c.project_id == row) & (experiment.c.name == name))

    def create(self, account: Account, project_uuid: str, new: Creation) -> dict[str, Any]:
        """Make an experiment."""
        with self._database.writing() as conn:
            made = create_experiment(conn, account, project_of(conn, account, project_uuid), new)
            return _one(conn, account, experiment.c.id == made)

    def update(self, account: Account, uuid: str, change: Change) -> dict[str, Any]:
        """Set properties of an experiment."""
        values = msgspec.to_builtins(change) | {"last_update": moment()}
        with self._database.writing() as conn:
            row = experiment_row(conn, account, uuid)
            try:
                conn.execute(update(experiment).where(experiment.c.id == row).values(values))
            except IntegrityError:
                raise _taken(values["name"]) from None
            return _one(conn, account, experiment.c.id == row)

    def delete(self, account: Account, uuid: str) -> None:
        """Remove an experiment with its own files."""
        self._delete(account, lambda conn: experiment.c.id == experiment_row(conn, account, uuid))

    def delete_all(self, account: Account, project_uuid: str) -> None:
        """Remove the experiments of a project."""
        self._delete(account, lambda conn: experiment.c.project_id == project_of(conn, account, project_uuid))

    def _delete(self, account: Account, which: Callable[[Connection], ColumnElement[bool]]) -> None:
        with self._database.exclusive():
            with self._database.writing() as conn:
                chosen = which(conn)
                held = experiment_files(conn, chosen)
                conn.execute(delete(experiment).where(chosen))
                unneeded = unneeded_files(conn, account, held)
            for name in unneeded:
                self._objects.remove(name)


def create_experiment(conn: Connection, account: Account, owner: int, new: Creation) -> int:
    """Make an experiment in the project of a row, and give its own."""
    if new.dataset:
        name, _, version = new.dataset.rpartition("/")
        version_row(conn, account, name, version)
    now = moment()
    row = {
        "uuid": str(uuid4()),
        "project_id": owner,
        "user_id": user_row(account),
        "name": new.name,
        "description": new.description,
        "status": "started",
        "dataset": new.dataset or None,
        "date_created": now,
        "last_update": now,
    }
    try:
        made = int(conn.execute(insert(experiment).values(row).returning(experiment.c.id)).scalar_one())
    except IntegrityError:
        raise _taken(new.name) from None
    _take_over(conn, account, made, owner, new)
    return made


def experiment_row(conn: Connection, account: Account, uuid: str) -> int:
    """The row of an experiment, if it is the organization's."""
    query = select(experiment.c.id).join(project).where(experiment.c.uuid == uuid)
    found = conn.execute(query.where(project.c.organization_id == account.organization)).scalar()
    if found is None:
        raise _missing()
    return int(found)


def file_object(row: Row[Any]) -> dict[str, Any]:
    """A file as the wire shows it."""
    return _dated(row) | {"large": row.large, "name": row.name, "object_name": row.object_name}


def data_object(row: Row[Any]) -> dict[str, Any]:
    """A piece of data as the wire shows it."""
    return _dated(row) | {"type": row.type, "name": row.name, "data": msgspec.Raw(row.data.encode())}


def _dated(row: Row[Any]) -> dict[str, Any]:
    return {"id": row.id, "date_created": row.date_created, "last_update": row.last_update}


def _missing() -> ResourceNotFoundError:
    return ResourceNotFoundError("no such experiment")


def _taken(name: str) -> InvalidQueryError:
    return InvalidQueryError(f"the experiment {name} exists already in this project")


def _one(conn: Connection, account: Account, which: ColumnElement[bool]) -> dict[str, Any]:
    found = _shown(conn, account, which)
    if not found:
        raise _missing()
    return found[0]


def _shown(conn: Connection, account: Account, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    """Experiments as the wire shows them: four statements, however many there are."""
    mine = (project.c.organization_id == account.organization) & which
    ids = select(experiment.c.id).join(project).where(mine)
    files, data = _of_all(conn, experiment_file, ids), _of_all(conn, experiment_data, ids)
    logs = _logs(conn, ids)
    query = (
        select(experiment, project.c.uuid.label("project"), project.c.name.label("project_name"))
        .add_columns(user.c.username)
        .join_from(experiment, project)
        .join(user, user.c.id == experiment.c.user_id)
        .where(mine)
        .order_by(experiment.c.id)
    )
    return [
        {
            "id": row.uuid,
            "date_created": row.date_created,
            "last_update": row.last_update,
            "owner": {"username": row.username},
            "project": {"project_id": row.project, "project_name": row.project_name},
            "name": row.name,
            "description": row.description,
            "status": row.status,
            "dataset": row.dataset,
            "logging": logs.get(row.id),
            "files": [file_object(one) for one in files[row.id]],
            "data": [data_object(one) for one in data[row.id]],
        }
        for row in conn.execute(query)
    ]


def _of_all(conn: Connection, table: Table, ids: Select[tuple[int]]) -> defaultdict[int, list[Row[Any]]]:
    found: defaultdict[int, list[Row[Any]]] = defaultdict(list)
    for row in conn.execute(select(table).where(table.c.experiment_id.in_(ids)).order_by(table.c.id)):
        found[row.experiment_id].append(row)
    return found


def _logs(conn: Connection, ids: Select[tuple[int]]) -> dict[int, dict[str, Any]]:
    """What there is of each log; the lines have an address of their own."""
    columns = experiment_log.c
    query = (
        select(
            columns.experiment_id,
            func.count().label("nb_lines"),
            func.max(cast(columns.final, Integer)).label("final"),
            func.max(columns.date_created).label("last_update"),
        )
        .where(columns.experiment_id.in_(ids))
        .group_by(columns.experiment_id)
    )
    return {
        row.experiment_id: {
            "nb_lines": row.nb_lines,
            "final": bool(row.final),
            "last_update": row.last_update,
        }
        for row in conn.execute(query)
    }


def _take_over(conn: Connection, account: Account, made: int, owner: int, new: Creation) -> None:
    if new.previous:
        query = select(experiment.c.id).where(
            experiment.c.project_id == owner, experiment.c.name == new.previous, experiment.c.id != made
        )
        earlier = conn.execute(query).scalar()
        if earlier is None:
            raise ResourceNotFoundError(f"no experiment {new.previous}")
        for table, wanted in ((experiment_file, new.with_file), (experiment_data, new.with_data)):
            if wanted:
                columns = [c for c in table.c if c.name not in ("id", "experiment_id")]
                copied = select(literal(made), *columns).where(table.c.experiment_id == earlier)
                conn.execute(
                    insert(table).from_select([table.c.experiment_id, *columns], copied.order_by(table.c.id))
                )
    elif new.source:
        organization, _, name = new.source.partition("/")
        check_organization(account, organization)
        now = moment()
        rows = [
            {"experiment_id": made, "name": file, "object_name": key, "large": True}
            | {"date_created": now, "last_update": now}
            for file, key in network_files(network_row(conn, account, name).properties).items()
            if new.with_file
        ]
        if rows:
            conn.execute(insert(experiment_file), rows)
