"""Pictures become members of the dataset, which is looked up before it is made.

A dataset that is made twice because an answer was lost would be two; one that exists is used. The platform calls the
first version of a dataset ``first``; when another version is asked for of a dataset that does not exist, both are made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..api import listing, platform
from ..api.connection import Connection
from ..api.platform import Dataset
from ..errors import InvalidQueryError, ResourceNotFoundError
from .made import FOUND, MADE, SENDING

CHUNK = 500
"""Pictures attached with one request."""

FIRST = "first"


def find(
    connection: Connection, organization_id: str, name: str, version: str | None, *, beside: bool = False
) -> Dataset | None:
    """The dataset version a job names; None when there is no dataset of that name.

    Raises ResourceNotFoundError when there is one, without that version: making it would copy annotations nobody asked for.
    With ``beside`` it may be made beside others, and is None; then the first one, which it is a copy of, must be empty.
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
    if beside:
        _refuse_full_first(connection, organization_id, name)
        return None
    raise ResourceNotFoundError(
        f"the dataset {name!r} has no version {version!r} (its newest is {newest.version!r})",
        "create the version with dataset.new_version, or leave it out",
    )


def _refuse_full_first(connection: Connection, organization_id: str, name: str) -> None:
    first = platform.fetch_dataset(connection, organization_id, name, FIRST)
    if len(listing.of_dataset(connection, first.id)):
        raise InvalidQueryError(
            f"the version {FIRST!r} of the dataset {name!r} has pictures, which every new version would have too",
            "give the dataset of splits another name",
        )


Tell = Callable[[str, "str | None", int], None]
"""Told of a version that is being made, and then of its id and how sure it is that it was made now (``made``)."""


def create(  # noqa: PLR0913 - one more than six
    connection: Connection,
    organization_id: str,
    name: str,
    version: str | None,
    ids: Sequence[str],
    tell: Tell = lambda *_: None,
    *,
    beside: bool = False,
) -> Dataset:
    """Make the dataset with its first pictures; with ``beside`` they are in the version only, and the first one stays empty.

    When the answer to an earlier try was lost, the next one is told that the dataset exists: then that one is used.
    """
    first_ids = [] if beside else ids
    tell(FIRST, None, SENDING)
    sure = MADE
    try:
        made = platform.create_dataset(connection, organization_id, name, first_ids)
    except InvalidQueryError as error:
        made, sure = _made_before(connection, organization_id, name, FIRST, first_ids, error), FOUND
    tell(FIRST, made.id, sure)
    if version in (None, "latest", FIRST):
        return made
    tell(str(version), None, SENDING)
    sure = MADE
    try:
        made = platform.new_version(connection, organization_id, name, str(version), ids, FIRST)
    except InvalidQueryError as error:
        made, sure = _made_before(connection, organization_id, name, str(version), ids, error), FOUND
    tell(str(version), made.id, sure)
    return made


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
    if ids:
        platform.add_pictures(connection, organization_id, ids, found.id)
    return found
