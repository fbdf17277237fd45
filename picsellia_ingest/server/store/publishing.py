"""An experiment becomes a network: its files, its labelmap, and the type of its project.

The files keep their keys, which begin with the experiment's id; they stay when the experiment goes.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select

from ..database import Database
from ..schema import experiment, experiment_data, experiment_file, project
from .accounts import Account
from .experiments import experiment_row
from .fields import Name
from .networks import create_network

LABELMAP = "labelmap"


class Publication(msgspec.Struct):
    """The body of ``experiment/<id>/publish``; without a name the network is called as the experiment."""

    name: Name | None = None


class Publishing:
    """Makes networks of experiments."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def publish(self, account: Account, uuid: str, name: str | None) -> dict[str, Any]:
        """The network that was made."""
        with self._database.writing() as conn:
            row = experiment_row(conn, account, uuid)
            query = select(experiment.c.name, project.c.type).join_from(experiment, project)
            held = conn.execute(query.where(experiment.c.id == row)).one()
            files = select(experiment_file.c.name, experiment_file.c.object_name)
            files = files.where(experiment_file.c.experiment_id == row).order_by(experiment_file.c.id)
            maps = select(experiment_data.c.data)
            maps = maps.where(experiment_data.c.experiment_id == row, experiment_data.c.type == LABELMAP)
            labels = conn.execute(maps.order_by(experiment_data.c.id.desc())).scalar()
            properties: dict[str, Any] = {
                "type": held.type,
                "files": {row.name: row.object_name for row in conn.execute(files)},
                "labels": _labels(labels),
            }
            return create_network(conn, account, name or held.name, properties)


def _labels(text: str | None) -> dict[str, Any]:
    found = msgspec.json.decode(text) if text else {}
    return found if isinstance(found, dict) else {}
