"""``Client.Network``: trained models, with their properties and their files."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..api import platform, resources, storage
from ..errors import InvalidQueryError, RequestRejectedError, ResourceNotFoundError
from . import files, once
from .session import Resource, Session

PROPERTIES = (
    "network_name",
    "type",
    "description",
    "private",
    "framework",
    "tag",
    "files",
    "labels",
    "base_parameters",
    "readme_text",
    "thumb_object_name",
    "model_object_name",
    "checkpoint_object_name",
    "origin_checkpoint_objects",
)
"""What ``update`` can set."""


class Network(Resource):
    """Works on one network: the last one fetched or made, which stays in ``fetched_network``."""

    fetched_network: dict[str, Any]
    network_id: str
    network_name: str
    files: dict[str, str]

    def _begin(self) -> None:
        self.organization_name = self._session.identity.organization_name
        self._forget()

    def __str__(self) -> str:
        return json.dumps(self.fetched_network, indent=2, ensure_ascii=False)

    def _take(self, found: dict[str, Any]) -> Network:
        self.fetched_network = found
        self.network_id = str(found["model_id"])
        self.network_name = str(found.get("network_name", ""))
        self.files = dict(found.get("files") or {})
        return self

    def _forget(self) -> None:
        self.fetched_network = {}
        self.network_id = self.network_name = ""
        self.files = {}

    @classmethod
    def of(cls, session: Session, found: dict[str, Any]) -> Network:
        """The network that an answer of the platform describes."""
        return cls(session=session)._take(found)

    def list(self) -> builtins.list[dict[str, Any]]:
        """Every network of the organization."""
        return resources.list_networks(self._connection, self.organization_name)

    def get(self, identifier: str | None = None) -> Network:
        """Fetch a network by its name or id; without one, the fetched network again.

        Raises ResourceNotFoundError.
        """
        wanted = identifier or self._id()
        fetch = resources.fetch_network if resources.is_id(wanted) else resources.fetch_network_by_name
        return self._take(fetch(self._connection, self.organization_name, wanted))

    def create(self, name: str | None = None, type: str | None = None) -> Network:
        """Make a network. ``type`` is the task it performs: detection, segmentation, classification or your own."""
        if not name or not type:
            raise InvalidQueryError("a network needs a name and a type", "call create(name, type)")
        place = self._connection, self.organization_name, str(name)
        found = once.make(
            f"network {name}",
            lambda: resources.fetch_network_by_name(*place),
            lambda there: resources.create_network(*place, str(type), there),
        )
        return self._take(found)

    def update(self, **properties: Any) -> Network:
        """Set properties of the fetched network, as many as you like: those in ``PROPERTIES``."""
        unknown = [name for name in properties if name not in PROPERTIES]
        if unknown or not properties:
            raise InvalidQueryError(
                f"a network has no {', '.join(unknown)}" if unknown else "nothing is to be updated",
                f"it has {', '.join(PROPERTIES)}",
            )
        return self._take(
            resources.update_network(self._connection, self.organization_name, self._id(), properties)
        )

    def store(self, name: str = "", path: str | Path | None = None, zip: bool = False) -> None:
        """Store a file under a name, such as ``config`` or ``model-latest``, in the place of one that has it.

        With ``zip`` the file or folder is packed into an archive first.
        """
        if not name:
            raise InvalidQueryError("the file needs a name", "call store(name, path)")
        file = files.existing(path, folder=zip)
        key, _ = files.store(self._connection, self._id(), name, file, packed=zip)
        # The map is sent whole, so it begins with what others may have stored meanwhile.
        self.get()
        self.update(files={**self.files, name: key})

    def update_thumb(self, path: str | Path | None = None) -> None:
        """Make an image of less than 5 MiB the network's thumbnail."""
        file = files.existing(path)
        if file.stat().st_size >= resources.PART_BYTES:
            raise InvalidQueryError(f"{file} has 5 MiB or more", "give a smaller image")
        source = storage.survey(file)
        key = f"{self._id()}/{file.name}"
        try:
            self._store_picture(source, key)
        except RequestRejectedError:
            # Where pictures never change, another image of the same name needs a key of its own.
            key = f"{self._id()}/{source.sha256.hex()[:16]}/{file.name}"
            self._store_picture(source, key)
        self.update(thumb_object_name=key)

    def _store_picture(self, source: storage.Source, key: str) -> None:
        signed = platform.presign(self._connection, "post", key)
        storage.store(self._connection.traffic, signed, source, key)

    def labels(self, labels: Mapping[Any, str] | None = None) -> None:
        """Set the labelmap: from numbers, of which the first is 1, to names."""
        if not isinstance(labels, Mapping) or not all(_is_label(*pair) for pair in labels.items()):
            raise InvalidQueryError(
                "the labels are no labelmap", 'write {"1": "person", "2": "bicycle", ...}'
            )
        self.update(labels={str(number): name for number, name in labels.items()})

    def deploy(self) -> None:
        """Have the fetched network serve predictions."""
        resources.deploy_network(self._connection, self._id())
        print(f"Network {self.network_name} deployed.")

    def delete(self) -> None:
        """Delete the fetched network with its files."""
        resources.delete_network(self._connection, self.organization_name, self._id())
        self._forget()

    def download(self, name: str, folder_name: str | Path | None = None) -> None:
        """Download the file stored under ``name`` into a folder, the current one if None, as it was called.

        A file that is there is replaced; it appears whole or not at all.
        """
        key = self.get().files.get(name)
        if key is None:
            raise ResourceNotFoundError(
                f"the network has no file {name}", f"it has {', '.join(self.files) or 'none'}"
            )
        files.save(self._connection, key, Path(folder_name or "."))

    def _id(self) -> str:
        if not self.network_id:
            raise InvalidQueryError("no network was fetched", "call get(name) or create(name, type)")
        return self.network_id


def _is_label(number: object, name: object) -> bool:
    text = str(number)
    counts = text.isascii() and text.isdecimal() and not text.startswith("0")
    return counts and isinstance(name, str) and bool(name)
