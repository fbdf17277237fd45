"""Scans and their runs: one training for each combination of values.

A scan's ``config`` says what varies under ``parameters``: ``{"values": [...]}`` are tried in turn, ``{"value": x}`` and
anything else stays. Combinations are counted, not listed, so a huge grid costs nothing. Asking for the next run makes
it, with an experiment ``<scan>-<number>``; who asks again with the same claim gets the same run, since the question is
a GET that clients repeat.
"""

from __future__ import annotations

from typing import Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import UNSET, UnsetType
from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from ...errors import InvalidQueryError, ResourceNotFoundError
from ..database import Database
from ..schema import experiment, project, run, scan
from .accounts import Account
from .experiments import Creation, create_experiment
from .fields import Name, moment
from .projects import project_of

_STARTED = "started"
_ENDED = "ended"
_Workers = Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class NewScan(msgspec.Struct):
    """The body of ``POST scan/<project>/create``."""

    name: Name
    config: dict[str, Any]
    nb_worker: _Workers = 1
    object_name: str | None = None
    filename: str | None = None


class RunChange(msgspec.Struct, forbid_unknown_fields=True):
    """The body of ``PATCH run/<id>``: what it does not name stays as it is."""

    status: Name | UnsetType = UNSET
    config: dict[str, Any] | UnsetType = UNSET


class Scans:
    """The scans of every organization, each seen only by its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, account: Account, project_uuid: str, new: NewScan) -> None:
        """Make a scan."""
        combination(new.config, 0)
        values = msgspec.to_builtins(new) | {
            "uuid": str(uuid4()),
            "config": msgspec.json.encode(new.config).decode(),
            "launched": False,
            "date_created": moment(),
        }
        with self._database.writing() as conn:
            values["project_id"] = project_of(conn, account, project_uuid)
            try:
                conn.execute(insert(scan).values(values))
            except IntegrityError:
                raise InvalidQueryError(f"the scan {new.name} exists already in this project") from None

    def launch(self, account: Account, project_uuid: str, name: str) -> None:
        """Note that a scan is to be run; whoever asks for its runs runs it."""
        with self._database.writing() as conn:
            row = _scan(conn, account, project_uuid, name)
            conn.execute(update(scan).where(scan.c.id == row.id).values(launched=True))

    def next_run(self, account: Account, project_uuid: str, name: str, claim: str | None) -> dict[str, Any]:
        """The run of a combination that none has had; 404 when all are taken."""
        with self._database.writing() as conn:
            held = _scan(conn, account, project_uuid, name)
            if claim is not None:
                again = select(run.c.uuid).where(run.c.scan_id == held.id, run.c.claim == claim)
                if (found := conn.execute(again).scalar()) is not None:
                    return _shown(conn, account, found)
            count = select(func.coalesce(func.max(run.c.number) + 1, 0)).where(run.c.scan_id == held.id)
            number = int(conn.execute(count).scalar_one())
            config = combination(msgspec.json.decode(held.config), number)
            if config is None:
                raise ResourceNotFoundError(f"the scan {name} has no further run")
            dataset = config.get("dataset") if isinstance(config.get("dataset"), str) else None
            new = Creation(name=f"{name}-{number}", dataset=dataset)
            values = {
                "uuid": str(uuid4()),
                "scan_id": held.id,
                "experiment_id": create_experiment(conn, account, held.project_id, new),
                "number": number,
                "claim": claim,
                "config": msgspec.json.encode(config).decode(),
                "status": _STARTED,
                "date_created": moment(),
            }
            conn.execute(insert(run).values(values))
            return _shown(conn, account, str(values["uuid"]))

    def run(self, account: Account, uuid: str) -> dict[str, Any]:
        """The run of this id."""
        with self._database.reading() as conn:
            return _shown(conn, account, uuid)

    def change_run(self, account: Account, uuid: str, change: RunChange) -> dict[str, Any]:
        """Set the state or the configuration of a run."""
        values = msgspec.to_builtins(change)
        if "config" in values:
            values["config"] = msgspec.json.encode(values["config"]).decode()
        with self._database.writing() as conn:
            row = _run(conn, account, uuid)
            if values:
                conn.execute(update(run).where(run.c.id == row.id).values(values))
            return _shown(conn, account, uuid)

    def end_run(self, account: Account, uuid: str) -> None:
        """End a run; a state that was set meanwhile, such as how it went, stays."""
        with self._database.writing() as conn:
            row = _run(conn, account, uuid)
            begun = (run.c.id == row.id) & (run.c.status == _STARTED)
            conn.execute(update(run).where(begun).values(status=_ENDED))


def combination(config: dict[str, Any], number: int) -> dict[str, Any] | None:
    """The configuration of run ``number``: each parameter with one value. None when there are not so many."""
    parameters = config.get("parameters") or {}
    if not isinstance(parameters, dict):
        raise InvalidQueryError("the parameters of a scan are an object of names")
    chosen: dict[str, Any] = {}
    for name, wish in parameters.items():
        values = _values(name, wish)
        number, which = divmod(number, len(values))
        chosen[name] = values[which]
    return None if number else config | {"parameters": chosen}


def _values(name: str, wish: Any) -> list[Any]:
    if not isinstance(wish, dict):
        return [wish]
    if "values" in wish:
        if not isinstance(wish["values"], list) or not wish["values"]:
            raise InvalidQueryError(f"the values of the parameter {name} are a list that is not empty")
        return wish["values"]
    return [wish["value"]] if "value" in wish else [wish]


def _scan(conn: Connection, account: Account, project_uuid: str, name: str) -> Row[Any]:
    owner = project_of(conn, account, project_uuid)
    row = conn.execute(select(scan).where(scan.c.project_id == owner, scan.c.name == name)).one_or_none()
    if row is None:
        raise ResourceNotFoundError(f"no scan {name}")
    return row


def _run(conn: Connection, account: Account, uuid: str) -> Row[Any]:
    mine: ColumnElement[bool] = project.c.organization_id == account.organization
    query = (
        select(run, experiment.c.uuid.label("experiment"), experiment.c.name.label("experiment_name"))
        .add_columns(scan.c.name.label("scan"), scan.c.filename, scan.c.object_name)
        .join_from(run, scan)
        .join(experiment, experiment.c.id == run.c.experiment_id)
        .join(project, project.c.id == scan.c.project_id)
        .where(mine, run.c.uuid == uuid)
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        raise ResourceNotFoundError("no such run")
    return row


def _shown(conn: Connection, account: Account, uuid: str) -> dict[str, Any]:
    row = _run(conn, account, uuid)
    config = msgspec.json.decode(row.config)
    script = {"script": row.filename, "script_object_name": row.object_name} if row.object_name else {}
    return {
        "id": row.uuid,
        "scan": {"name": row.scan},
        "experiment": {"id": row.experiment, "name": row.experiment_name},
        "config": config,
        "requirements": config.get("requirements") or [],
        "status": row.status,
        "date_created": row.date_created,
        **script,
    }
