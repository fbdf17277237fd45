"""What a training begins with: the annotations and pictures of the experiment's dataset, its labels, and a split.

The split is decided by a hash of each picture's name, so it is the same on every machine and in every run.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

from ..api import experiments
from ..errors import InvalidQueryError, ResourceNotFoundError
from . import downloads, files
from .experiment_core import Core

LABELMAP = "label_map.pbtxt"

Split = tuple[list[str], list[str], list[str], list[str], list[int], list[int], list[str]]


class Training(Core):
    """Fetches annotations and pictures, writes the labelmap, splits the pictures."""

    dict_annotations: dict[str, Any]
    label_map: dict[str, str]
    label_path: str
    train_list: list[str]
    eval_list: list[str]
    train_list_id: list[str]
    eval_list_id: list[str]
    train_repartition: list[int]
    test_repartition: list[int]
    categories: list[str]

    def _begin_training(self) -> None:
        self.dict_annotations, self.label_map, self.label_path = {}, {}, ""
        self.train_list, self.eval_list, self.train_list_id, self.eval_list_id = [], [], [], []
        self.train_repartition, self.test_repartition, self.categories = [], [], []

    def dl_annotations(self, option: str = "all") -> dict[str, Any]:
        """Fetch the annotation dictionary (``images``, ``categories``, ``annotations``) of the experiment's dataset.

        It stays in ``dict_annotations``. ``option`` is ``all`` or ``accepted``. Raises ResourceNotFoundError when
        the experiment has no dataset.
        """
        if option not in ("all", "accepted"):
            raise InvalidQueryError(f"the option is all or accepted, not {option!r}")
        found = experiments.annotation_dictionary(self._connection, self._id(), option)
        if not found:
            raise ResourceNotFoundError(
                "the experiment has no dataset", "create it with dataset=name/version"
            )
        self.dict_annotations = found
        return found

    def dl_pictures(self, *, nb_jobs: int = 20) -> dict[str, str]:
        """Download the pictures of the fetched annotations into ``png_dir``.

        Files that are there are left alone. The answer maps each picture that could not be downloaded to the reason.
        """
        return downloads.pictures(self._session, self._held("images"), Path(self.png_dir), nb_jobs)

    def generate_labelmap(self) -> dict[str, str]:
        """Write the labels as ``label_map.pbtxt``, numbered from 1, into the experiment's folder, or the current one.

        The labels stay in ``label_map`` (``{"1": "car"}``), the path in ``label_path``.
        """
        names = [str(category["name"]) for category in self._held("categories")]
        self.label_map = {str(number): name for number, name in enumerate(names, 1)}
        items = (
            f"item {{\n  id: {number}\n  name: {json.dumps(name, ensure_ascii=False)}\n}}\n"
            for number, name in self.label_map.items()
        )
        path = Path(self.base_dir) / LABELMAP
        files.write(path, "".join(items).encode())
        self.label_path = str(path)
        return self.label_map

    def train_test_split(self, prop: float = 0.8) -> Split:
        """Split the pictures of the fetched annotations: the share ``prop`` of them is for training.

        Gives the paths for training and for testing, the ids of both, the number of objects of each label in both,
        and the labels; all stay in attributes too. The numbers stand in the order of ``categories``.
        """
        if not 0 <= prop <= 1:
            raise InvalidQueryError(f"the share {prop} is not between 0 and 1")
        images = sorted(self._held("images"), key=_draw)
        train = round(len(images) * prop)
        self.categories = [str(category["name"]) for category in self._held("categories")]
        objects = {
            record["internal_picture_id"]: Counter(thing["label"] for thing in record["annotations"])
            for record in self._held("annotations")
        }
        self.train_list, self.train_list_id, self.train_repartition = self._part(images[:train], objects)
        self.eval_list, self.eval_list_id, self.test_repartition = self._part(images[train:], objects)
        return (
            self.train_list,
            self.eval_list,
            self.train_list_id,
            self.eval_list_id,
            self.train_repartition,
            self.test_repartition,
            self.categories,
        )

    def _part(
        self, images: list[dict[str, Any]], objects: dict[str, Counter[str]]
    ) -> tuple[list[str], list[str], list[int]]:
        ids = [str(image["internal_picture_id"]) for image in images]
        paths = [str(Path(self.png_dir) / image["external_picture_url"]) for image in images]
        total: Counter[str] = Counter()
        for id_ in ids:
            total.update(objects.get(id_, {}))
        return paths, ids, [total[label] for label in self.categories]

    def _held(self, key: str) -> list[dict[str, Any]]:
        if key not in self.dict_annotations:
            raise ResourceNotFoundError("no annotations were fetched", "call dl_annotations first")
        return list(self.dict_annotations[key])


def _draw(image: dict[str, Any]) -> bytes:
    return hashlib.sha256(str(image["external_picture_url"]).encode()).digest()
