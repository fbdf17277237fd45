"""The endpoints of networks and projects, and of the model bucket where their files lie (docs/protocol.md, 2.7, 2.8).

As in ``platform``: plain functions, typed and stateless. ``organization`` is a name here, where pictures and datasets
want the id.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from ..errors import ProcessingError, SourceChangedError
from . import storage
from .connection import Connection
from .platform import listed, presign, segment
from .storage import Source
from .transport import call

PART_BYTES = 5 * 1024 * 1024
"""Files from this size on are sent in parts of this size."""


def list_networks(connection: Connection, organization: str) -> list[dict[str, Any]]:
    """Every network of an organization."""
    return listed(call(connection, "GET", f"network/{segment(organization)}"), "networks")


def fetch_network(connection: Connection, organization: str, network_id: str) -> dict[str, Any]:
    """The network of an id. Raises ResourceNotFoundError."""
    _, found = call(connection, "GET", f"network/{segment(organization)}/{segment(network_id)}")
    return with_key(found, "model_id")


def fetch_network_by_name(connection: Connection, organization: str, name: str) -> dict[str, Any]:
    """The network of a name. Raises ResourceNotFoundError."""
    _, found = call(connection, "GET", f"network/by_name/{segment(organization)}/{segment(name)}")
    return with_key(found, "model_id")


def create_network(
    connection: Connection, organization: str, name: str, kind: str, confirm: Callable[[], bool]
) -> dict[str, Any]:
    """A new network, without files; nothing where ``confirm`` said, after an answer was lost, that it is there.

    Raises InvalidQueryError when there is one of this name.
    """
    body = {"name": name, "type": kind}
    return made(call(connection, "POST", f"network/{segment(organization)}", body, None, confirm), "model_id")


def update_network(
    connection: Connection, organization: str, network_id: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Set properties of a network; ``files`` replaces the whole map."""
    path = f"network/{segment(organization)}/{segment(network_id)}"
    _, found = call(connection, "PATCH", path, {**changes, "model_id": network_id})
    return with_key(found.get("network"), "model_id")


def delete_network(connection: Connection, organization: str, network_id: str) -> None:
    """Remove a network."""
    call(connection, "DELETE", f"network/{segment(organization)}/{segment(network_id)}")


def deploy_network(connection: Connection, network_id: str) -> None:
    """Have a network serve predictions."""
    call(connection, "POST", f"network/{segment(network_id)}")


def list_projects(connection: Connection, organization: str) -> list[dict[str, Any]]:
    """Every project of an organization."""
    return listed(call(connection, "GET", f"project/{segment(organization)}"), "projects")


def fetch_project(connection: Connection, organization: str, name: str) -> dict[str, Any]:
    """The project of a name. Raises ResourceNotFoundError."""
    return with_key(call(connection, "GET", _project(organization, name))[1], "project_id")


def create_project(
    connection: Connection,
    organization: str,
    name: str,
    properties: Mapping[str, Any],
    confirm: Callable[[], bool],
) -> dict[str, Any]:
    """A new project, as with networks. Raises InvalidQueryError when there is one of this name."""
    body = {**properties, "project_name": name}
    return made(
        call(connection, "PUT", f"project/{segment(organization)}", body, None, confirm), "project_id"
    )


def update_project(
    connection: Connection, organization: str, name: str, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """Set properties of a project, its name among them."""
    _, found = call(connection, "PATCH", _project(organization, name), changes)
    return with_key(found.get("project"), "project_id")


def delete_project(connection: Connection, organization: str, name: str) -> None:
    """Remove a project."""
    call(connection, "DELETE", _project(organization, name))


def attach_dataset(connection: Connection, project_id: str, name: str, version: str) -> None:
    """Attach a version of a dataset to a project."""
    body = {"dataset_name": name, "version": version}
    call(connection, "POST", f"project/attach_dataset/{segment(project_id)}", body)


def list_workers(connection: Connection, project_id: str) -> list[dict[str, Any]]:
    """Who works on a project."""
    return listed(call(connection, "GET", f"worker/{segment(project_id)}"), "workers")


def begin_parts(connection: Connection, object_name: str) -> str:
    """The id of a new upload in parts."""
    _, found = call(connection, "GET", "init_multipart_upload", {"object_name": object_name})
    return str(with_key(found, "upload_id")["upload_id"])


def part_address(connection: Connection, object_name: str, upload_id: str, number: int) -> str:
    """The signed address of one part; parts count from 1."""
    body = {"object_name": object_name, "upload_id": upload_id, "part_no": number}
    return str(with_key(call(connection, "POST", "generate_post_part_url", body)[1], "url")["url"])


def finish_parts(
    connection: Connection, object_name: str, upload_id: str, parts: list[dict[str, Any]]
) -> None:
    """Make the object of its parts, each with ``ETag`` and ``PartNumber``."""
    body = {"object_name": object_name, "upload_id": upload_id, "parts": parts, "network_id": None}
    call(connection, "POST", "complete_part_upload", body)


def store_file(connection: Connection, source: Source, object_name: str) -> None:
    """Put a file in the model bucket, in the place of one that has the name. Raises SourceChangedError."""
    if source.size < PART_BYTES:
        signed = presign(connection, "post", object_name, model_bucket=True)
        storage.store(connection.traffic, signed, source, object_name)
        return
    upload_id = begin_parts(connection, object_name)
    digest = hashlib.sha256()
    parts: list[dict[str, Any]] = []
    with source.path.open("rb") as file:
        for number in range(1, -(-source.size // PART_BYTES) + 1):
            data = file.read(min(PART_BYTES, source.size - PART_BYTES * (number - 1)))
            digest.update(data)
            # Signed one at a time: a signature may not live as long as the upload of a large file.
            url = part_address(connection, object_name, upload_id, number)
            parts.append({"ETag": storage.store_part(connection.traffic, url, data), "PartNumber": number})
    if digest.digest() != source.sha256:
        raise SourceChangedError(
            f"{source.path} changed while it was sent", "send it again when nothing writes to it"
        )
    finish_parts(connection, object_name, upload_id, parts)


def is_id(text: str) -> bool:
    """Whether a text is an id, and not a name: UUIDs of version 4 in the platform's spelling are."""
    try:
        found = UUID(text)
    except ValueError:
        return False
    return found.version == 4 and str(found) == text


def _project(organization: str, name: str) -> str:
    return f"project/by_name/{segment(organization)}/{segment(name)}"


def made(answered: tuple[int, dict[str, Any]], key: str) -> dict[str, Any]:
    """The object that an answer holds; nothing for the answer that stands for a confirmed call."""
    return with_key(answered[1], key) if answered[1] else {}


def with_key(found: object, key: str) -> dict[str, Any]:
    """An object of an answer, which must name its ``key``."""
    if not isinstance(found, dict) or not found.get(key):
        raise ProcessingError(f"the answer holds no {key}")
    return found
