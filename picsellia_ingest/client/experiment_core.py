"""What all parts of ``Client.Experiment`` share: which experiment is meant, and the folders it works in.

The class is put together from one module for each part: files, data, training, log, scans.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..api import experiments
from ..api.resources import is_id
from ..errors import InvalidQueryError
from .session import Resource

FOLDERS = {
    "images": "png_dir",
    "checkpoint": "checkpoint_dir",
    "metrics": "metrics_dir",
    "records": "record_dir",
    "config": "config_dir",
    "results": "results_dir",
    "exported_model": "exported_model_dir",
}
"""What ``checkout`` makes with ``tree``, and the attributes that then hold the paths."""


class Core(Resource):
    """One experiment: the last one checked out or made, which stays in ``fetched_experiment``."""

    fetched_experiment: dict[str, Any]
    id: str
    name: str
    project_token: str
    files: list[dict[str, Any]]
    data: list[dict[str, Any]]
    base_dir: str
    png_dir: str
    checkpoint_dir: str
    metrics_dir: str
    record_dir: str
    config_dir: str
    results_dir: str
    exported_model_dir: str

    def __str__(self) -> str:
        return json.dumps(self.fetched_experiment, indent=2, ensure_ascii=False)

    @property
    def experiment_name(self) -> str:
        """The name, as older scripts call it."""
        return self.name

    @experiment_name.setter
    def experiment_name(self, name: str) -> None:
        self.name = name

    def _take(self, found: dict[str, Any]) -> None:
        self.fetched_experiment = found
        self.id, self.name = str(found["id"]), str(found.get("name", ""))
        self.files, self.data = [*(found.get("files") or ())], [*(found.get("data") or ())]
        self.project_token = str((found.get("project") or {}).get("project_id") or self.project_token)

    def _forget(self) -> None:
        self.fetched_experiment = {}
        self.id = self.name = ""
        self.files, self.data = [], []

    def _leave_folders(self) -> None:
        """No folder is that of an experiment: paths are those of the working directory."""
        self.base_dir = ""
        for folder, attribute in FOLDERS.items():
            setattr(self, attribute, folder)

    def _enter_folders(self, base: Path, *, made: bool) -> None:
        """Work in a folder, and in the folders of a training inside it where they are ``made``."""
        self.base_dir = str(base)
        for folder, attribute in FOLDERS.items():
            if made:
                (base / folder).mkdir(parents=True, exist_ok=True)
            setattr(self, attribute, str(base / folder))

    def _fetch(self, id: str | None, name: str | None, project_token: str | None) -> None:
        """Fetch the experiment of an id, or of a name in a project, each in either place."""
        given = [text for text in (id, name) if text] or [text for text in (self.id, self.name) if text]
        if not given:
            raise InvalidQueryError("no experiment was named", "pass its id, or its name and project_token")
        known = next((text for text in given if is_id(text)), None)
        if known:
            self._take(experiments.fetch_experiment(self._connection, known))
        else:
            project = self._project(project_token)
            self._take(experiments.fetch_experiment_by_name(self._connection, project, given[0]))

    def _id(self) -> str:
        """The id; of an experiment of which only the name is known the platform is asked once."""
        if not self.id:
            if not self.name:
                raise InvalidQueryError("no experiment was fetched", "call checkout or create")
            self._fetch(None, None, None)
        return self.id

    def _project(self, project_token: str | None) -> str:
        if not (project_token or self.project_token):
            raise InvalidQueryError("no project was named", "pass project_token, the project's id")
        return project_token or self.project_token
