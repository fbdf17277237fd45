"""The files of networks and experiments: names for keys of the model bucket.

A key that begins with the id of a network or an experiment is its own. When that goes, the bytes go too, unless
something else names the key: an experiment may have taken a file over.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from sqlalchemy import ColumnElement, Connection, select

from ..objects import ObjectName
from ..schema import experiment, experiment_file, network, project
from .accounts import Account
from .fields import batches
from .multipart import MODELS


class _Properties(msgspec.Struct):
    files: dict[str, str]


_properties = msgspec.json.Decoder(_Properties)


def network_files(properties: str) -> dict[str, str]:
    """The files that stand in the properties of a network."""
    return _properties.decode(properties).files


def experiment_files(conn: Connection, which: ColumnElement[bool]) -> list[tuple[str, str]]:
    """The files of experiments: the id of each one's experiment, and its key."""
    query = select(experiment.c.uuid, experiment_file.c.object_name).join_from(experiment_file, experiment)
    return [(owner, key) for owner, key in conn.execute(query.where(which))]


def unneeded_files(conn: Connection, account: Account, held: Iterable[tuple[str, str]]) -> list[ObjectName]:
    """What can go of the files that were held: (the id of the holder, which is gone; key)."""
    own = {key for owner, key in held if key.startswith(f"{owner}/")}
    for batch in batches(sorted(own)):
        named = select(experiment_file.c.object_name).join_from(experiment_file, experiment).join(project)
        named = named.where(
            project.c.organization_id == account.organization, experiment_file.c.object_name.in_(batch)
        )
        own.difference_update(conn.execute(named).scalars())
    if own:
        others = select(network.c.properties).where(network.c.organization_id == account.organization)
        for properties in conn.execute(others).scalars():
            own.difference_update(network_files(properties).values())
    return [ObjectName(account.organization_id, MODELS, key) for key in sorted(own)]
