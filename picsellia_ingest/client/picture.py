"""``Client.Datalake.Picture``: the pictures of the lake."""

from __future__ import annotations

import builtins
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..api import platform
from ..errors import ItemError, PicselliaError
from ..upload import images, register, transfer, workers
from ..upload.items import Item, State
from . import checks, progress
from .session import Resource, Session

Pictures = Sequence[Any] | Mapping[str, Any]
"""Pictures as objects or ids, or what ``list()`` answers."""


class Picture(Resource):
    """Lists, fetches, uploads and changes pictures; the last ones fetched stay in ``fetched_pictures``."""

    def _begin(self) -> None:
        self.fetched_pictures: builtins.list[dict[str, Any]] = []

    def list(self) -> dict[str, Any]:
        """Every picture of the lake, as ``{"pictures": [...]}``."""
        self.fetched_pictures = platform.list_pictures(self._connection, self._organization)
        return {"pictures": self.fetched_pictures}

    def fetch(self, quantity: float = 1, tags: Sequence[str] = []) -> builtins.list[dict[str, Any]]:
        """The pictures that carry all the tags; ``quantity`` is the proportion that is wanted, 1 for all."""
        self.fetched_pictures = platform.search_pictures(self._connection, self._organization, tags, quantity)
        return self.fetched_pictures

    def status(self) -> None:
        """Print how many pictures were fetched."""
        count = len(self.fetched_pictures)
        print(f"Number of Assets selected : {count}" if count else "No assets selected")

    def upload(
        self,
        filepath: str | Path | builtins.list[str] | None = None,
        tags: Sequence[str] | None = [],
        source: str = "sdk",
        *,
        nb_jobs: int = 5,
    ) -> dict[str, str]:
        """Upload one image or many, under their base names. One that cannot be sent does not stop the others.

        The answer maps each path that was not sent to the reason, and is empty when all were. A picture that is in
        the lake with the same content counts as sent. Raises UnauthorizedError and the like, which concern all.
        """
        paths = [filepath] if isinstance(filepath, (str, Path)) else list(filepath or ())
        tasks = [(self._session, Path(path), tuple(tags or ()), source) for path in paths]
        failures = progress.failures("pictures", workers.each(_send, tasks, nb_jobs), len(tasks))
        for path, why in failures.items():
            print(f"{path}: {why}")
        return failures

    def delete(self, pictures: Pictures | None = None) -> None:
        """Delete pictures from the lake, the last fetched ones if None; an empty list deletes nothing."""
        chosen = self.fetched_pictures if pictures is None else pictures
        self._change("delete", {"to_delete": checks.picture_ids(chosen)})

    def add_tags(self, pictures: Pictures | None = [], tags: Sequence[str] = []) -> None:
        """Add tags to pictures, the last fetched ones if none are given."""
        self._change("tag", {"tags": [*tags], "to_tag": self._chosen(pictures)})

    def remove_tags(self, pictures: Pictures | None = [], tags: Sequence[str] = []) -> None:
        """Take tags from pictures, the last fetched ones if none are given."""
        self._change("delete_tag", {"tags": [*tags], "to_delete_tag": self._chosen(pictures)})

    def _chosen(self, pictures: Pictures | None) -> builtins.list[str]:
        """Ids of pictures given as objects or ids."""
        return checks.picture_ids(pictures or self.fetched_pictures)

    def _change(self, verb: str, body: dict[str, Any]) -> None:
        """A change without pictures or without tags is none, and no request."""
        empty = [key for key, value in body.items() if not value]
        if empty:
            print("No tags were given" if empty == ["tags"] else "No assets selected")
            return
        platform.change_pictures(self._connection, self._organization, verb, body)


def _send(session: Session, path: Path, tags: tuple[str, ...], source: str) -> tuple[str, str]:
    """Send one image: its path, and why it was not sent."""
    try:
        found = images.survey(path)
        key = transfer.object_key(path.name, found.sha256)
        item = Item(
            0, path.name, path, found.size, found.sha256, found.width, found.height, key, None, None, 0,
            State.PLANNED, partly_held=False,
        )  # fmt: skip
        transfer.transfer(session.connection, item)
        register.register(session.connection, session.identity.organization_id, item, tags, source)
        return str(path), ""
    except ItemError as error:
        return str(path), str(error)
    except PicselliaError as error:
        if error.action is error.action.STOP:
            raise
        return str(path), str(error)
    except OSError as error:
        return str(path), error.strerror or str(error)
