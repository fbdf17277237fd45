"""``Client.Datalake.Dataset``: datasets, their pictures, labels and annotations."""

from __future__ import annotations

import builtins
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec

from ..api import pages, platform, storage
from ..api.connection import Connection
from ..errors import InvalidQueryError, ProcessingError
from . import checks, downloads
from .both import MadeDataset, PictureList
from .picture import Pictures
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
        pictures: Pictures = [],
    ) -> MadeDataset | None:
        """Make a dataset of pictures, given as objects or ids; without pictures nothing is made.

        Gives the id of the dataset, which also does what this object does.
        """
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
        return MadeDataset.of(self._take(made))

    def new_version(
        self,
        name: str | None = None,
        version: str | None = None,
        from_version: str | Sequence[Any] | None = "latest",
        pictures: Pictures | str | None = [],
    ) -> Dataset:
        """Make a version from another one, with its labels and annotations, and more pictures.

        Without a name it is one of the fetched dataset. The last two arguments may change places, as they do in the
        published clients.
        """
        if not isinstance(from_version, str) and from_version is not None:
            from_version, pictures = pictures if isinstance(pictures, str) else None, from_version
        if not version or isinstance(pictures, str):
            raise InvalidQueryError("a version needs a name", "call new_version(name, version)")
        made = platform.new_version(
            self._connection,
            self._organization,
            name or self._name(),
            version,
            checks.picture_ids(pictures or ()),
            from_version or "latest",
        )
        return self._take(made)

    def add_data(self, name: str = "", version: str | None = "latest", pictures: Pictures = []) -> Dataset:
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

    def delete(self, name: str | None = None, version: str | None = "latest") -> None:
        """Delete one version of a dataset, the fetched one without a name; its pictures stay in the lake."""
        if not name:
            name, version = self._name(), str(self.fetched_dataset["version"])
        platform.delete_dataset(self._connection, self._organization, name, version or "latest")

    def create_labels(
        self, name: str | None = None, ann_type: str | None = None, verbose: bool = True
    ) -> None:
        """Make a label known to the fetched dataset; ``ann_type`` is rectangle, polygon or classification."""
        if not name or not ann_type:
            raise InvalidQueryError("a label needs a name and a type", "call create_labels(name, ann_type)")
        platform.create_label(self._connection, self._id(None), name, ann_type)
        if verbose:
            print(f"Label {name} ({ann_type}) created.")

    def list_pictures(self, dataset_id: str | None = None) -> PictureList:
        """The pictures of a dataset, the fetched one if None; ``["pictures"]`` of the list is the list."""
        return PictureList(platform.dataset_pictures(self._connection, self._id(dataset_id)))

    def download(
        self,
        dataset: str | None = None,
        folder_name: str | Path | None = None,
        nb_threads: int = 20,
        *,
        nb_jobs: int | None = None,
    ) -> dict[str, str]:
        """Download the pictures of ``name/version``, the fetched one if None, into a folder, ``./name/version`` if None.

        Files that are there are left alone; a file appears whole or not at all, and one that was interrupted is gone
        on with. ``nb_jobs`` (or ``nb_threads``, its older name) are fetched at a time, -1 for as many as make sense. The
        answer maps each picture that could not be downloaded to the reason, and is empty when all were.
        """
        if not dataset:
            dataset = f"{self._name()}/{self.fetched_dataset['version']}"
        name, slash, version = dataset.rpartition("/")
        if not slash or not name or not version:
            raise InvalidQueryError(f"{dataset!r} is not <name>/<version>", "write the name and the version")
        folder = Path(folder_name) if folder_name else Path(name) / version
        found = platform.dataset_downloads(self._connection, self._organization, name, version)
        return downloads.pictures(self._session, found, folder, nb_threads if nb_jobs is None else nb_jobs)

    def add_annotation(
        self,
        picture_external_url: str | None = None,
        dataset_id: str | bool | None = None,
        data: Any = {},
        image_qa: Any = {},
        **more: Any,
    ) -> dict[str, Any]:
        """Add objects (``data``) and answers (``image_qa``) to the annotation of a picture.

        ``True`` in place of ``dataset_id``, as in old examples, means the fetched dataset. The same call made again
        adds the same objects again. Raises TyperError for an annotation of the wrong shape.
        """
        if not picture_external_url:
            raise InvalidQueryError("no picture was named", "pass picture_external_url")
        where = self._id(dataset_id if isinstance(dataset_id, str) else None)
        annotation = {"data": data, **more} | ({"image_qa": image_qa} if image_qa else {})
        return self._add(where, picture_external_url, annotation)

    def add_annotation_legacy(
        self,
        chunk: Mapping[str, Any],
        new_picture: bool = True,  # noqa: ARG002 - old calls give it
        dataset_id: str | None = None,
    ) -> dict[str, Any]:
        """Add a record of an annotation dictionary; its counters may be missing. Raises TyperError.

        ``new_picture`` is taken and changes nothing: a picture is addressed by its name.
        """
        name = chunk.get("external_picture_url")
        if not name:
            raise InvalidQueryError("the record names no picture", "it needs an external_picture_url")
        data = chunk.get("annotations", [])
        annotation = {
            "picture_id": name,
            "nb_instances": chunk.get("nb_labels", len(data) if isinstance(data, list) else 0),
            "duration": chunk.get("time_spent", 0),
            "data": data,
        } | ({"image_qa": chunk["image_qa"]} if chunk.get("image_qa") else {})
        return self._add(self._id(dataset_id), str(name), annotation)

    def _add(self, where: str, picture: str, annotation: dict[str, Any]) -> dict[str, Any]:
        checks.annotation(annotation)
        once = _Once(self._connection, where, picture)
        return platform.add_annotation(self._connection, where, picture, annotation, once.key, once.applied)

    def get_annotations(
        self,
        picture_name: str | None = None,
        limit: int | None = None,
        offset: int | None = None,
        from_snapshot: bool = False,
        *,
        dataset_id: str | None = None,
    ) -> builtins.list[dict[str, Any]]:
        """Annotation records: all, those of one picture, or ``limit`` of them from ``offset`` on.

        ``from_snapshot`` fetches all of them as one file, which is kept nowhere.
        """
        where = self._id(dataset_id)
        if from_snapshot:
            url, _ = platform.annotation_snapshot(self._connection, where)
            return _records(storage.fetch(self._connection.traffic, url))
        if picture_name is not None:
            return platform.picture_annotations(self._connection, where, picture_name)
        if limit is not None or offset is not None:
            return pages.annotation_page(self._connection, where, offset or 0, limit or pages.PAGE)
        return [*pages.all_annotations(self._connection, where)]

    def delete_annotations(
        self, dataset_id: str | None = None, picture_id: str | None = None, all_annotations: bool = False
    ) -> dict[str, Any]:
        """Delete the annotation of one picture, or all annotations of a dataset."""
        if not picture_id and not all_annotations:
            raise InvalidQueryError(
                "neither a picture nor all annotations", "pass picture_id or all_annotations=True"
            )
        return platform.delete_annotations(self._connection, self._id(dataset_id), picture_id)

    def _name(self) -> str:
        if not self.dataset_name:
            raise InvalidQueryError("no dataset was fetched", "call fetch, or pass the name")
        return self.dataset_name

    def _id(self, dataset_id: str | None) -> str:
        if not (dataset_id or self.dataset_id):
            raise InvalidQueryError("no dataset was fetched", "call fetch, or pass dataset_id")
        return dataset_id or self.dataset_id


class _Once:
    """Finds out whether an annotation was added when the answer was lost: then there are more objects than before.

    A host that knows the key needs no such question; one that ignores it adds again whatever is sent again.
    """

    def __init__(self, connection: Connection, dataset_id: str, picture: str) -> None:
        self.key = str(uuid4())
        self._asked = connection, dataset_id, picture
        self._before = platform.picture_annotations(*self._asked)

    def applied(self) -> bool:
        """Whether the picture's annotation is another one than before."""
        return platform.picture_annotations(*self._asked) != self._before


def _records(snapshot: bytes) -> list[dict[str, Any]]:
    try:
        found = msgspec.json.decode(snapshot).get("annotations")
    except (msgspec.MsgspecError, UnicodeDecodeError, AttributeError):
        found = None
    if not isinstance(found, list):
        raise ProcessingError("the snapshot holds no annotations")
    return found
