"""What a training says while it runs: lines of its log, and the state of its job.

A line is known by its number, its part and its text, so one that is sent again after a lost answer is kept once, and
one of a second training of the same experiment, whose numbers begin anew, is kept too. No machine stands behind the
embedded platform: launching an experiment notes the wish.
"""

from __future__ import annotations

from typing import Any

import msgspec
from sqlalchemy import select, update

from ..database import Database, insert_new
from ..schema import experiment, experiment_log
from .accounts import Account
from .experiments import experiment_row
from .fields import Count, Name, moment

LAUNCHED = "launched"


class Line(msgspec.Struct):
    """The body of ``experiment/send_experiment_logging``."""

    experiment_id: str
    line_nb: Count
    log: str
    part: str
    final: bool = False
    special: bool = False


class Launch(msgspec.Struct):
    """The body of ``experiment/<id>/launch``."""

    gpus: Count = 0


class JobStatus(msgspec.Struct):
    """The body of ``experiment/<id>/update_job_status``."""

    status: Name


class Telemetry:
    """The logs and job states of every experiment."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, account: Account, line: Line) -> None:
        """Keep a line of a log."""
        values = msgspec.to_builtins(line) | {"date_created": moment()}
        with self._database.writing() as conn:
            values["experiment_id"] = experiment_row(conn, account, line.experiment_id)
            conn.execute(insert_new(conn, experiment_log).values(values))

    def lines(self, account: Account, uuid: str) -> list[dict[str, Any]]:
        """The log of an experiment in the order in which it came."""
        names = ("line_nb", "part", "log", "final", "special", "date_created")
        with self._database.reading() as conn:
            query = select(*(experiment_log.c[name] for name in names)).order_by(experiment_log.c.id)
            query = query.where(experiment_log.c.experiment_id == experiment_row(conn, account, uuid))
            return [dict(row) for row in conn.execute(query).mappings()]

    def set_status(self, account: Account, uuid: str, status: str) -> None:
        """Set the state of an experiment's job, which is the experiment's own."""
        with self._database.writing() as conn:
            row = experiment_row(conn, account, uuid)
            values = {"status": status, "last_update": moment()}
            conn.execute(update(experiment).where(experiment.c.id == row).values(values))
