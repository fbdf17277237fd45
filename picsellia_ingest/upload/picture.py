"""One picture's way to the lake: its address is signed, its bytes are stored, and the object becomes a picture."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import Any

from ..api import platform
from ..api.connection import Connection
from ..errors import InvalidQueryError, PicselliaError, ResourceNotFoundError
from . import register, transfer
from .items import Item, Outcome, State, failed


def sign(connection: Connection, organization_id: str, tags: Sequence[str], item: Item) -> Any:  # noqa: ARG001 - as send
    """The signed address of a picture that is to be sent soon."""
    return None if item.state >= State.TRANSFERRED else platform.presign(connection, "post", item.object_key)


def send(
    connection: Connection, organization_id: str, tags: Sequence[str], item: Item, signed: Future[Any] | None
) -> Outcome:
    """One picture's three requests, the first of which may be under way. What it reached is kept, whatever stopped it."""
    reached = None
    try:
        if item.state < State.TRANSFERRED:
            transfer.transfer(connection, item, signed and signed.result())
        reached = State.TRANSFERRED
        try:
            picture_id, there = register.register(connection, organization_id, item, tags)
        except (InvalidQueryError, ResourceNotFoundError):
            if item.state < State.TRANSFERRED:
                raise
            # The object was stored by an earlier run; the platform may not have it any more.
            transfer.transfer(connection, item)
            picture_id, there = register.register(connection, organization_id, item, tags)
        return Outcome(item.id, State.REGISTERED, picture_id=picture_id, picture_there=there)
    except (PicselliaError, OSError) as error:
        return failed(item.id, error, reached)
