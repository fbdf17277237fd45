"""``Client.Datalake.Dataset``: datasets, their pictures, labels and annotations."""

from __future__ import annotations

import builtins
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..api import platform
from ..errors import InvalidQueryError
from . import checks, downloads
from .session import Resource


class Dataset(Resource):
    """Works on one version of a dataset: the last one fetched or made, which stays in ``fetched_dataset``."""

    def _begin(self) -> None:
        self.dataset_id = ""
        self.dataset_name = ""
        self.fetched_dataset: dict[str, Any] = {}

    def __str__(self) -> str:
        return json.dumps(self.fetched_dataset, indent=2, ensure_ascii=False)

    def _take(self, found: platform.Dataset) -> Dataset:
        self.dataset_id, self.dataset_name, self.fetched_dataset = found.id, found.name, dict(found.raw)
        return self

    def list(self) -> builtins.list[dict[str, Any]]:
        """Print and return all versions of all datasets."""
        found = platform.list_datasets(self._connection, self._organization)
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
        return self._take(platform.fetch_dataset(self._connection, self._organization, name, version))

    def create(
        self,
        name: str | None = None,
        description: str = "",
        private: bool = True,
        pictures: Sequence[Any] = (),
    ) -> Dataset | None:
        """Make a dataset of pictures, given as objects or ids; without pictures nothing is made."""
        if not name or not pictures:
            print("Please give a name and the pictures of the dataset")
            return None
        made = platform.create_dataset(
            self._connection,
            self._organization,
            name,
            checks.picture_ids(pictures),
            description,
            private=private,
        )
        return self._take(made)

    def new_version(
        self, name: str, version: str, pictures: Sequence[Any] = (), from_version: str | None = "latest"
    ) -> Dataset:
        """Make a version from another one, with its labels and annotations, and more pictures."""
        made = platform.new_version(
            self._connection,
            self._organization,
            name,
            version,
            checks.picture_ids(pictures),
            from_version or "latest",
        )
        return self._take(made)

    def add_data(
        self, name: str = "", version: str | None = "latest", pictures: Sequence[Any] = ()
    ) -> Dataset:
        """Attach pictures to the dataset that is named, or else to the fetched one; without pictures nothing is done."""
        if not pictures:
            print("Please give the pictures to add")
        elif name:
            found = platform.fetch_dataset(self._connection, self._organization, name, version)
            platform.add_pictures(
                self._connection, self._organization, checks.picture_ids(pictures), found.id
            )
        else:
            platform.add_pictures(
                self._connection, self._organization, checks.picture_ids(pictures), self._id(None)
            )
        return self

    def delete(self, name: str, version: str | None = "latest") -> None:
        """Delete one version of a dataset; its pictures stay in the lake."""
        platform.delete_dataset(self._connection, self._organization, name, version or "latest")

    def create_labels(self, name: str, ann_type: str, verbose: bool = True) -> None:
        """Make a label known to the fetched dataset; ``ann_type`` is rectangle, polygon or classification."""
        platform.create_label(self._connection, self._id(None), name, ann_type)
        if verbose:
            print(f"Label {name} ({ann_type}) created.")

    def list_pictures(self, dataset_id: str | None = None) -> dict[str, Any]:
        """The pictures of a dataset, the fetched one if None, as ``{"pictures": [...]}``."""
        return {"pictures": platform.dataset_pictures(self._connection, self._id(dataset_id))}

    def download(
        self, dataset: str, folder_name: str | Path | None = None, nb_threads: int = 20
    ) -> dict[str, str]:
        """Download the pictures of ``name/version`` into a folder, ``./name/version`` if None.

        Files that are there are left alone; a file appears whole or not at all. The answer maps each picture that
        could not be downloaded to the reason, and is empty when all were.
        """
        name, slash, version = dataset.rpartition("/")
        if not slash or not name or not version:
            raise InvalidQueryError(f"{dataset!r} is not <name>/<version>", "write the name and the version")
        folder = Path(folder_name) if folder_name else Path(name) / version
        found = platform.dataset_downloads(self._connection, self._organization, name, version)
        return downloads.pictures(self._session, found, folder, nb_threads)

    def add_annotation(
        self, picture_external_url: str, dataset_id: str | bool | None = None, **annotation: Any
    ) -> dict[str, Any]:
        """Add objects (``data``) and answers (``image_qa``) to the annotation of a picture.

        ``True`` in place of ``dataset_id``, as in old examples, means the fetched dataset. Raises TyperError for an
        annotation of the wrong shape.
        """
        where = self._id(dataset_id if isinstance(dataset_id, str) else None)
        checks.annotation(annotation)
        return platform.add_annotation(self._connection, where, picture_external_url, annotation)

    def get_annotations(
        self,
        picture_name: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        dataset_id: str | None = None,
    ) -> builtins.list[dict[str, Any]]:
        """Annotation records: all, those of one picture, or ``limit`` of them from ``offset`` on."""
        where = self._id(dataset_id)
        if picture_name is not None:
            return platform.picture_annotations(self._connection, where, picture_name)
        if limit is not None or offset is not None:
            return platform.annotation_page(self._connection, where, offset or 0, limit or platform.PAGE)
        return [*platform.all_annotations(self._connection, where)]

    def delete_annotations(
        self, dataset_id: str | None = None, picture_id: str | None = None, all_annotations: bool = False
    ) -> dict[str, Any]:
        """Delete the annotation of one picture, or all annotations of a dataset."""
        if not picture_id and not all_annotations:
            raise InvalidQueryError(
                "neither a picture nor all annotations", "pass picture_id or all_annotations=True"
            )
        return platform.delete_annotations(self._connection, self._id(dataset_id), picture_id)

    def _id(self, dataset_id: str | None) -> str:
        if not (dataset_id or self.dataset_id):
            raise InvalidQueryError("no dataset was fetched", "call fetch, or pass dataset_id")
        return dataset_id or self.dataset_id
