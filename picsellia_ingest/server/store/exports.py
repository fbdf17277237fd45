"""All annotations at once: the dictionary a training begins with, and the snapshot of a dataset.

The embedded platform has no review, so every annotation is an accepted one.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from ...errors import InvalidQueryError
from ..database import Database
from ..schema import experiment
from .accounts import Account
from .annotations import records_of
from .datasets import dataset_of, images_of, size_of, version_row
from .experiments import experiment_row
from .labels import label_names

OPTIONS = ("all", "accepted")


class Exports:
    """The exports of every dataset."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def of_experiment(self, account: Account, uuid: str, option: str) -> dict[str, Any]:
        """``images`` (each with its ``internal_key``), ``categories`` and ``annotations`` of an experiment's dataset.

        Empty for an experiment without a dataset.
        """
        if option not in OPTIONS:
            raise InvalidQueryError(f"the annotations to download are {' or '.join(OPTIONS)}, not {option}")
        with self._database.reading() as conn:
            row = experiment_row(conn, account, uuid)
            attached = conn.execute(select(experiment.c.dataset).where(experiment.c.id == row)).scalar_one()
            if not attached:
                return {}
            name, _, version = attached.rpartition("/")
            dataset = version_row(conn, account, name, version).id
            return {
                "images": images_of(conn, dataset),
                "categories": [{"name": label} for label in label_names(conn, dataset)],
                "annotations": records_of(conn, dataset),
            }

    def snapshot(self, organization: str, uuid: str) -> dict[str, Any]:
        """The annotations of a dataset, and how many pictures it has; for whoever holds the signed address."""
        with self._database.reading() as conn:
            dataset = dataset_of(conn, organization, uuid)
            return {"annotations": records_of(conn, dataset), "total_assets": size_of(conn, dataset)}
