"""Pictures become members of the dataset, which is looked up before it is made.

A dataset that is made twice because an answer was lost would be two; one that exists is used. The platform calls the
first version of a dataset ``first``; when another version is asked for of a dataset that does not exist, both are made.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..api import platform
from ..api.connection import Connection
from ..api.platform import Dataset
from ..errors import InvalidQueryError, ResourceNotFoundError

CHUNK = 500
"""Pictures attached with one request."""

FIRST = "first"


def find(connection: Connection, organization_id: str, name: str, version: str | None) -> Dataset | None:
    """The dataset version a job names; None when there is no dataset of that name.

    Raises ResourceNotFoundError when there is one, without that version: making it would copy annotations nobody asked for.
    """
    try:
        return platform.fetch_dataset(connection, organization_id, name, version)
    except ResourceNotFoundError:
        if version is None:
            return None
    try:
        newest = platform.fetch_dataset(connection, organization_id, name)
    except ResourceNotFoundError:
        return None
    raise ResourceNotFoundError(
        f"the dataset {name!r} has no version {version!r} (its newest is {newest.version!r})",
        "create the version with dataset.new_version, or leave it out",
    )


def create(
    connection: Connection, organization_id: str, name: str, version: str | None, ids: Sequence[str]
) -> Dataset:
    """Make the dataset with its first pictures.

    When the answer to an earlier try was lost, the next one is told that the dataset exists: then that one is used.
    """
    try:
        made = platform.create_dataset(connection, organization_id, name, ids)
    except InvalidQueryError as error:
        made = _made_before(connection, organization_id, name, FIRST, ids, error)
    if version in (None, "latest", FIRST):
        return made
    try:
        return platform.new_version(connection, organization_id, name, str(version), ids, FIRST)
    except InvalidQueryError as error:
        return _made_before(connection, organization_id, name, str(version), ids, error)


def _made_before(
    connection: Connection,
    organization_id: str,
    name: str,
    version: str,
    ids: Sequence[str],
    error: InvalidQueryError,
) -> Dataset:
    try:
        found = platform.fetch_dataset(connection, organization_id, name, version)
    except ResourceNotFoundError:
        raise error from None
    platform.add_pictures(connection, organization_id, ids, found.id)
    return found
