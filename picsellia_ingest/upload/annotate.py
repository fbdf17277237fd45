"""Labels, then the annotation of one picture at a time.

The platform appends what it is sent, so an annotation is guarded against arriving twice: the request carries an
idempotency key made from its content, and after an answer was lost the picture's annotation is read back and compared
before anything is sent again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

from .. import wire
from ..api import platform
from ..api.connection import Connection
from ..errors import PicselliaError
from . import likeness
from .items import Item, Outcome, State, failed
from .made import fingerprints


def create_label(
    connection: Connection, dataset_id: str, name: str, kind: str
) -> tuple[str, str, PicselliaError | None]:
    """Create one label; the error, if there was one, is returned."""
    try:
        platform.create_label(connection, dataset_id, name, kind)
        return name, kind, None
    except PicselliaError as error:
        return name, kind, error


def annotate(connection: Connection, dataset_id: str, item: Item) -> Outcome:
    """Send what the item's picture does not hold yet of its document."""
    assert item.document is not None
    try:
        if not item.partly_held:
            return _annotate_whole(connection, dataset_id, item, item.document)
        document = wire.decode(item.document)
        held = platform.picture_annotations(connection, dataset_id, item.name)
        there, body = _body(document, held)
        if body:
            _send(connection, dataset_id, item.name, item.document, body)
        sent = len(document.parts) - there
        objects = body.get("data") or []
        added = fingerprints(objects, body.get("image_qa") or ())
        return Outcome(
            item.id, State.ANNOTATED, instances_there=there, instances_sent=sent, added=added, objects=len(objects),
            added_to=bool(held),
        )  # fmt: skip
    except PicselliaError as error:
        return failed(item.id, error)


def _annotate_whole(connection: Connection, dataset_id: str, item: Item, content: bytes) -> Outcome:
    """Send a document as it was encoded when it was planned."""
    document = wire.sealed(content)
    body = document.body()
    if body:
        _send(connection, dataset_id, item.name, content, body)
    says = sum(document.parts) > 0 or "image_qa" in body
    return Outcome(item.id, State.ANNOTATED, instances_sent=len(document.parts), whole=says)


def _body(document: wire.Document, held: Sequence[dict[str, Any]]) -> tuple[int, dict[str, Any]]:
    """How many instances are there, and the body that adds the rest; empty when nothing is missing."""
    lacking, questions = likeness.lacks(document, held)
    body: dict[str, Any] = {}
    if lacking or questions or (not held and document.duration):
        body = {"data": [document.data[position] for position in lacking], "nb_instances": len(lacking)}
        if questions:
            body["image_qa"] = [document.image_qa[position] for position in questions]
        if document.duration is not None and not held:
            body["duration"] = document.duration
    return likeness.instances_held(document, lacking), body


def _send(connection: Connection, dataset_id: str, name: str, document: bytes, body: dict[str, Any]) -> None:
    content = likeness.canonical([dataset_id, name, body])

    def arrived() -> bool:
        held = platform.picture_annotations(connection, dataset_id, name)
        return likeness.lacks(wire.decode(document), held) == ([], [])

    platform.add_annotation(connection, dataset_id, name, body, hashlib.sha256(content).hexdigest(), arrived)
