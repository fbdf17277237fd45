"""``Client.Datalake.Dataset``: datasets, their pictures and their annotations."""

from __future__ import annotations

import json
from typing import Any

from ..api import platform
from ..errors import InvalidQueryError
from .session import DEFAULT_HOST, Session, open_session


class Dataset:
    """Lists and fetches datasets; the last one fetched stays in ``fetched_dataset``."""

    def __init__(
        self,
        api_token: str | None = None,
        organization: str | None = None,
        host: str = DEFAULT_HOST,
        *,
        session: Session | None = None,
    ) -> None:
        self._session = session or open_session(api_token, organization, host)
        self.dataset_id = ""
        self.dataset_name = ""
        self.fetched_dataset: dict[str, Any] = {}

    def __str__(self) -> str:
        return json.dumps(self.fetched_dataset, indent=2, ensure_ascii=False)

    def list(self) -> Any:
        """Print and return all versions of all datasets."""
        session = self._session
        found = platform.list_datasets(session.connection, session.identity.organization_id)
        for dataset in found:
            print("-------------")
            print(f"Dataset Name: {dataset['dataset_name']}")
            print(f"Dataset Version: {dataset['version']}")
            print(f"Nb Assets: {dataset['size']}")
            print("-------------")
        return found

    def fetch(self, name: str | None = None, version: str | None = None) -> Dataset | None:
        """Fetch one version of a dataset, the newest if None. Raises ResourceNotFoundError."""
        if not name:
            print("Please give the name of the dataset")
            return None
        session = self._session
        found = platform.fetch_dataset(session.connection, session.identity.organization_id, name, version)
        self.dataset_id, self.dataset_name, self.fetched_dataset = found.id, found.name, dict(found.raw)
        return self

    def list_pictures(self, dataset_id: str | None = None) -> dict[str, Any]:
        """The pictures of a dataset, the fetched one if None, as ``{"pictures": [...]}``."""
        return {"pictures": platform.dataset_pictures(self._session.connection, self._id(dataset_id))}

    def get_annotations(
        self,
        picture_name: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        dataset_id: str | None = None,
    ) -> Any:
        """Annotation records: all, those of one picture, or ``limit`` of them from ``offset`` on."""
        connection, where = self._session.connection, self._id(dataset_id)
        if picture_name is not None:
            return platform.picture_annotations(connection, where, picture_name)
        if limit is not None or offset is not None:
            return platform.annotation_page(connection, where, offset or 0, limit or platform.PAGE)
        return [*platform.all_annotations(connection, where)]

    def _id(self, dataset_id: str | None) -> str:
        if not (dataset_id or self.dataset_id):
            raise InvalidQueryError("no dataset was fetched", "call fetch, or pass dataset_id")
        return dataset_id or self.dataset_id
