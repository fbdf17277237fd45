"""The files of an experiment: names such as ``config`` or ``model-latest`` for objects of the model bucket."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

from ..api import experiments
from ..api.resources import PART_BYTES
from ..errors import InvalidQueryError, ResourceNotFoundError
from . import files
from .experiment_core import Core

PLACES = {
    "config": ("config", "*"),
    "checkpoint-index-latest": ("checkpoint", "*.index"),
    "checkpoint-data-latest": ("checkpoint", "*.data-*"),
    "model-latest": ("exported_model", "*"),
}
"""The folder of a training in which the file of a name lies, and how it is called there."""


class Files(Core):
    """Stores, lists, downloads and forgets files."""

    def list_files(self) -> builtins.list[dict[str, Any]]:
        """Every file, with its ``name``, its ``object_name`` and whether it is ``large``."""
        self.files = experiments.experiment_files(self._connection, self._id())
        return self.files

    def get_file(self, name: str) -> dict[str, Any]:
        """The file stored under a name. Raises ResourceNotFoundError."""
        found = experiments.experiment_file(self._connection, self._id(), name)
        if found is None:
            raise ResourceNotFoundError(f"the experiment has no file {name}")
        return found

    def update_file(self, file_name: str, **changes: Any) -> None:
        """Set the ``object_name`` of a file, or whether it is ``large``."""
        known = ("object_name", "large")
        if not changes or any(key not in known for key in changes):
            raise InvalidQueryError("this cannot be updated", f"pass {' or '.join(known)}")
        experiments.change_file(self._connection, self._id(), file_name, changes)

    def delete_file(self, name: str) -> None:
        """Forget the file stored under a name. Raises ResourceNotFoundError."""
        experiments.forget(self._connection, self._id(), "file", name)

    def delete_all_files(self) -> None:
        """Forget every file."""
        experiments.forget(self._connection, self._id(), "file")

    def store(self, name: str = "", path: str | Path | None = None, zip: bool = False) -> None:
        """Store a file under a name, such as ``config`` or ``model-latest``, in the place of one that has it.

        With ``zip`` the file or folder is packed into an archive first. Without a path the newest file is taken
        that has the name in the folders that ``checkout(tree=True)`` made; a model that is a folder is packed.
        """
        if not name:
            raise InvalidQueryError("the file needs a name", "call store(name, path)")
        found = self._in_tree(name) if path is None else Path(path)
        packed = zip or (path is None and found is not None and found.is_dir())
        file, owner = files.existing(found, folder=packed), self._id()
        key, size = files.store(self._connection, owner, name, file, packed=packed)
        experiments.record_file(self._connection, owner, name, key, large=size >= PART_BYTES)

    def _in_tree(self, name: str) -> Path | None:
        if not self.base_dir or name not in PLACES:
            return None
        folder, pattern = PLACES[name]
        found = [
            path
            for path in (Path(self.base_dir) / folder).glob(pattern)
            if name == "model-latest" or path.is_file()
        ]
        return max(found, key=lambda path: path.stat().st_mtime_ns, default=None)

    def download(
        self,
        name: str,
        path: str | Path = "",
        large: bool | None = None,  # noqa: ARG002 - old calls give it
    ) -> None:
        """Download the file stored under ``name`` into a folder, the current one by default.

        A file that is there is replaced; it appears whole or not at all. Raises ResourceNotFoundError.
        """
        files.save(self._connection, str(self.get_file(name)["object_name"]), Path(path))


def folder_of(name: str) -> str:
    """The folder of a training in which the file of a name belongs; none for other names."""
    if name.startswith("checkpoint-") and name.endswith("-latest"):
        return "checkpoint"
    return PLACES[name][0] if name in PLACES else ""
