"""The platform's endpoints as plain functions: typed, stateless, one call each (docs/protocol.md, section 2).

Names enter an address percent-encoded, whole: a picture called ``a#1/b.jpg`` is addressed, not its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

from ..errors import ProcessingError, WrongHostError
from .connection import Connection
from .transport import call


@dataclass(frozen=True, slots=True)
class Identity:
    """Who the token belongs to, and the organization it works in."""

    username: str
    sdk_version: str
    organization_id: str
    organization_name: str


@dataclass(frozen=True, slots=True)
class Dataset:
    """One version of a dataset, as the platform describes it."""

    id: str
    name: str
    version: str
    size: int
    raw: Mapping[str, Any]


def segment(name: str) -> str:
    """A name as one path segment of an address. A segment of dots alone would be taken for a folder."""
    quoted = quote(name, safe="")
    return quoted.replace(".", "%2E") if not quoted.strip(".") else quoted


def identify(connection: Connection, organization: str | None = None) -> Identity:
    """The two calls that begin every session. Raises UnauthorizedError, WrongHostError, NetworkError."""
    try:
        _, who = call(connection, "GET", "ping")
    except ProcessingError as error:
        raise WrongHostError(f"{connection.host}: {error.message}", "check the host") from error
    _, where = call(connection, "POST", "get_organization", {"organization": organization})
    try:
        return Identity(
            str(who.get("username", "")),
            str(who.get("sdk_version", "")),
            where["organization_id"],
            where["organization_name"],
        )
    except KeyError as error:
        raise WrongHostError(
            f"{connection.host} does not answer as the platform does: no {error}", "check the host"
        ) from error


def list_pictures(connection: Connection, organization_id: str) -> list[dict[str, Any]]:
    """Every picture of the lake."""
    return listed(call(connection, "GET", f"datalake/{organization_id}"), "pictures")


def search_pictures(
    connection: Connection, organization_id: str, tags: Sequence[str], quantity: float = 1
) -> list[dict[str, Any]]:
    """The pictures that carry the tags; ``quantity`` is the proportion that is wanted, 1 for all."""
    body = {"tags": list(tags), "quantity": quantity}
    return listed(call(connection, "POST", f"datalake/search/{organization_id}", body), "pictures")


def change_pictures(connection: Connection, organization_id: str, verb: str, body: Mapping[str, Any]) -> None:
    """``verb`` is ``delete``, ``tag`` or ``delete_tag``."""
    call(connection, "POST", f"datalake/{verb}/{organization_id}", body)


def register_picture(
    connection: Connection, organization_id: str, picture: Mapping[str, Any]
) -> tuple[bool, dict[str, Any]]:
    """Make a stored object a picture of the lake: (whether it is new, what the platform says of it, if anything)."""
    status, found = call(connection, "PUT", f"picture/upload/{organization_id}", picture)
    return status != 208, found


def presign(connection: Connection, method: str, object_name: str, *, model_bucket: bool = False) -> Any:
    """A signed address: for ``get`` a text, for ``post`` an object with ``url`` and ``fields``."""
    body = {"method": method, "object_name": object_name, "bucket_model": model_bucket}
    _, found = call(connection, "POST", "generate_presigned_url", body)
    if "url" not in found:
        raise ProcessingError("the answer holds no signed address")
    return found["url"]


def list_datasets(connection: Connection, organization_id: str) -> list[dict[str, Any]]:
    """All versions of all datasets."""
    return listed(call(connection, "GET", f"dataset/{organization_id}"), "datasets")


def fetch_dataset(
    connection: Connection, organization_id: str, name: str, version: str | None = None
) -> Dataset:
    """One version, by default the newest. Raises ResourceNotFoundError."""
    path = f"dataset/{organization_id}/{segment(name)}/{segment(version or 'latest')}"
    return _dataset(call(connection, "GET", path))


def create_dataset(
    connection: Connection,
    organization_id: str,
    name: str,
    pictures: Sequence[Any],
    description: str = "",
    *,
    private: bool = True,
) -> Dataset:
    """A new dataset; the platform calls its version ``first``."""
    body = {"dataset_name": name, "description": description, "private": private, "pictures": list(pictures)}
    return _dataset(call(connection, "PUT", f"dataset/{organization_id}", body, _once()))


def new_version(
    connection: Connection,
    organization_id: str,
    name: str,
    version: str,
    pictures: Sequence[Any],
    from_version: str = "latest",
) -> Dataset:
    """A copy of a version under a new name, with more pictures."""
    body = {"name": name, "version": version, "pictures": list(pictures), "from_version": from_version}
    return _dataset(call(connection, "PUT", f"dataset/{organization_id}/new_version", body, _once()))


def add_pictures(
    connection: Connection,
    organization_id: str,
    pictures: Sequence[Any],
    dataset_id: str = "",
    name: str = "",
    version: str = "latest",
) -> None:
    """Attach pictures to a dataset, named by id or by name and version."""
    body = {"name": name, "version": version, "pictures": list(pictures), "pk": dataset_id}
    call(connection, "POST", f"dataset/{organization_id}", body)


def delete_dataset(connection: Connection, organization_id: str, name: str, version: str = "latest") -> None:
    """Remove one version of a dataset; its pictures stay in the lake."""
    call(connection, "DELETE", f"dataset/{organization_id}/{segment(name)}/{segment(version)}")


def dataset_pictures(connection: Connection, dataset_id: str) -> list[dict[str, Any]]:
    """The pictures of one version of a dataset."""
    return listed(call(connection, "GET", f"picture/{dataset_id}"), "pictures")


def dataset_downloads(
    connection: Connection, organization_id: str, name: str, version: str
) -> list[dict[str, Any]]:
    """``external_picture_url`` and ``signed_url`` of every picture of a dataset."""
    path = f"dataset/{organization_id}/{segment(name)}/{segment(version)}/download"
    return listed(call(connection, "GET", path), "images")


def create_label(connection: Connection, dataset_id: str, name: str, kind: str) -> None:
    """Make a label known to a dataset, as a rectangle, polygon or classification; harmless when it is."""
    call(connection, "PUT", f"label/{dataset_id}/{segment(name)}/{kind}")


def add_annotation(
    connection: Connection,
    dataset_id: str,
    picture_name: str,
    body: Mapping[str, Any],
    key: str | None = None,
    confirm: Callable[[], bool] | None = None,
) -> dict[str, Any]:
    """Add objects to a picture's annotation. The platform appends, so a repeat is guarded twice: by an idempotency
    ``key`` where the host honours one, and by ``confirm``, asked after an answer was lost.
    """
    headers = {"Idempotency-Key": key} if key else None
    path = f"annotation/new/{dataset_id}/{segment(picture_name)}"
    return call(connection, "PUT", path, body, headers, confirm)[1]


def picture_annotations(connection: Connection, dataset_id: str, picture_name: str) -> list[dict[str, Any]]:
    """The annotation records of one picture: none or one."""
    return listed(
        call(connection, "GET", f"annotation/new/{dataset_id}/{segment(picture_name)}"), "annotations"
    )


def annotation_snapshot(connection: Connection, dataset_id: str) -> tuple[str, str]:
    """Where all annotations of a dataset lie as one file, and how it is called."""
    query = urlencode({"limit": 1, "offset": 0, "snapshot": "True"})
    _, found = call(connection, "GET", f"annotation/{dataset_id}?{query}")
    if not found.get("url"):
        raise ProcessingError("the answer holds no address of a snapshot")
    return str(found["url"]), str(found.get("object_name", ""))


def delete_annotations(
    connection: Connection, dataset_id: str, picture_id: str | None = None
) -> dict[str, Any]:
    """Remove the annotation of one picture, or all of them."""
    path = f"annotation/{dataset_id}/{picture_id}" if picture_id else f"annotation/{dataset_id}"
    return call(connection, "DELETE", path)[1]


def update_statistics(
    connection: Connection, dataset_id: str, repartition: Mapping[str, int], annotations: int, objects: int
) -> None:
    """Set the dataset's counts: objects by label, annotated pictures, objects."""
    body = {"repartition": dict(repartition), "nb_annotations": annotations, "nb_objects": objects}
    call(connection, "POST", f"dataset/{dataset_id}/update_stats", body)


def listed(answered: tuple[int, dict[str, Any]], key: str) -> list[dict[str, Any]]:
    """The list that an answer holds under ``key``. Raises ProcessingError."""
    found = answered[1].get(key)
    if not isinstance(found, list):
        raise ProcessingError(f"the answer holds no list of {key}")
    return found


def _once() -> dict[str, str]:
    """A key for one call: a host that knows such keys answers a repeat of the call as the first time."""
    return {"Idempotency-Key": str(uuid4())}


def _dataset(answered: tuple[int, dict[str, Any]]) -> Dataset:
    found = answered[1].get("dataset")
    if not isinstance(found, dict) or not found.get("dataset_id"):
        raise ProcessingError("the answer holds no dataset")
    return Dataset(
        found["dataset_id"],
        str(found.get("dataset_name", "")),
        str(found.get("version", "")),
        int(found.get("size") or 0),
        found,
    )
