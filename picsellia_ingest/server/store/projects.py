"""Projects: a name under which datasets and the people who work on them come together."""

from __future__ import annotations

from collections import defaultdict
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Select, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from ...errors import InvalidQueryError, ResourceNotFoundError
from ..database import Database, insert_new
from ..objects import Objects
from ..schema import dataset, experiment, project, project_dataset, user, worker
from .accounts import Account, check_organization, user_row
from .datasets import LATEST, version_row
from .fields import DESCRIPTION, Name, moment, today
from .files import experiment_files, unneeded_files


class Creation(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``PUT project/<org>``; some clients name the organization here too."""

    project_name: Name
    organization: str | None = None
    description: str | None = DESCRIPTION
    type: Name = "classification"


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``PATCH project/by_name``: what it does not name stays as it is."""

    project_name: Name | UnsetType = UNSET
    description: str | UnsetType | None = UNSET
    type: Name | UnsetType = UNSET


class Attachment(msgspec.Struct):
    """The body of ``project/attach_dataset``."""

    dataset_name: Name
    version: str = LATEST


class Projects:
    """The projects of every organization, each seen only by its own."""

    def __init__(self, database: Database, objects: Objects) -> None:
        self._database = database
        self._objects = objects

    def all(self, account: Account) -> list[dict[str, Any]]:
        """Every project, oldest first."""
        with self._database.reading() as conn:
            return _shown(conn, account, project.c.organization_id == account.organization)

    def get(self, account: Account, name: str) -> dict[str, Any]:
        """One project."""
        with self._database.reading() as conn:
            return _shown(conn, account, project.c.id == project_row(conn, account, project.c.name == name))[
                0
            ]

    def create(self, account: Account, new: Creation) -> dict[str, Any]:
        """Make a project, with its maker as manager and contributor."""
        check_organization(account, new.organization)
        row = {
            "uuid": str(uuid4()),
            "organization_id": account.organization,
            "user_id": user_row(account),
            "name": new.project_name,
            "description": new.description,
            "type": new.type,
            "creation_date": today(),
        }
        with self._database.writing() as conn:
            try:
                made = conn.execute(insert(project).values(row).returning(project.c.id)).scalar_one()
            except IntegrityError:
                raise _taken(new.project_name) from None
            first = {"project_id": made, "user_id": user_row(account), "is_active": True}
            conn.execute(insert(worker).values(first | {"creation_date": moment()}))
            return _shown(conn, account, project.c.id == made)[0]

    def update(self, account: Account, name: str, change: Change) -> dict[str, Any]:
        """Set properties of a project."""
        values = msgspec.to_builtins(change)
        if "project_name" in values:
            values["name"] = values.pop("project_name")
        with self._database.writing() as conn:
            row = project_row(conn, account, project.c.name == name)
            try:
                if values:
                    conn.execute(update(project).where(project.c.id == row).values(values))
            except IntegrityError:
                raise _taken(values["name"]) from None
            return _shown(conn, account, project.c.id == row)[0]

    def delete(self, account: Account, name: str) -> None:
        """Remove a project with its experiments and their own files; its datasets stay."""
        with self._database.exclusive():
            with self._database.writing() as conn:
                row = project_row(conn, account, project.c.name == name)
                held = experiment_files(conn, experiment.c.project_id == row)
                conn.execute(delete(project).where(project.c.id == row))
                unneeded = unneeded_files(conn, account, held)
            for file in unneeded:
                self._objects.remove(file)

    def attach(self, account: Account, uuid: str, which: Attachment) -> None:
        """Attach a version of a dataset, unless it is attached."""
        with self._database.writing() as conn:
            row = project_row(conn, account, project.c.uuid == uuid)
            wanted = version_row(conn, account, which.dataset_name, which.version)
            pair = {"project_id": row, "dataset_id": wanted.id}
            conn.execute(insert_new(conn, project_dataset).values(pair))

    def workers(self, account: Account, uuid: str) -> list[dict[str, Any]]:
        """Who works on a project."""
        with self._database.reading() as conn:
            row = project_row(conn, account, project.c.uuid == uuid)
            return _workers(conn, select(project.c.id).where(project.c.id == row))[row]


def project_of(conn: Connection, account: Account, uuid: str) -> int:
    """The row of the organization's project that clients know by this id."""
    return project_row(conn, account, project.c.uuid == uuid)


def project_row(conn: Connection, account: Account, which: ColumnElement[bool]) -> int:
    """The row of a project, if it is the organization's."""
    query = select(project.c.id).where(project.c.organization_id == account.organization, which)
    found = conn.execute(query).scalar()
    if found is None:
        raise ResourceNotFoundError("no such project")
    return int(found)


def _taken(name: str) -> InvalidQueryError:
    return InvalidQueryError(f"the project {name} exists already")


def _shown(conn: Connection, account: Account, which: ColumnElement[bool]) -> list[dict[str, Any]]:
    """Projects as the wire shows them: three statements, however many there are."""
    ids = select(project.c.id).where(which)
    workers, datasets = _workers(conn, ids), _datasets(conn, ids)
    query = select(project, user.c.username).join(user).where(which).order_by(project.c.id)
    return [
        {
            "organization": {"name": account.organization_name},
            "project_name": row.name,
            "description": row.description,
            "project_id": row.uuid,
            "project_manager": {"username": row.username},
            "contributors": workers[row.id],
            "datasets": datasets[row.id],
            "type": row.type,
            "creation_date": row.creation_date,
        }
        for row in conn.execute(query)
    ]


def _workers(conn: Connection, projects: Select[tuple[int]]) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    query = select(worker, user.c.username).join(user).where(worker.c.project_id.in_(projects))
    for row in conn.execute(query.order_by(worker.c.id)):
        shown = {"user": {"username": row.username}, "is_active": row.is_active}
        found[row.project_id].append(shown | {"creation_date": row.creation_date})
    return found


def _datasets(conn: Connection, projects: Select[tuple[int]]) -> defaultdict[int, list[dict[str, Any]]]:
    found: defaultdict[int, list[dict[str, Any]]] = defaultdict(list)
    query = (
        select(project_dataset.c.project_id, dataset.c.name, dataset.c.description, dataset.c.private)
        .join(dataset)
        .where(project_dataset.c.project_id.in_(projects))
        .order_by(project_dataset.c.id)
    )
    for owner, name, description, private in conn.execute(query):
        found[owner].append({"dataset_name": name, "description": description, "private": private})
    return found
