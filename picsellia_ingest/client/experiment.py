"""``Client.Experiment``: the trainings of a project, with their files and their data."""

from __future__ import annotations

import builtins
import json
from pathlib import Path
from typing import Any

from ..api import experiments
from ..api.resources import PART_BYTES, is_id
from ..errors import InvalidQueryError, ResourceNotFoundError
from . import files
from .session import DEFAULT_HOST, Resource, Session

FOLDERS = ("images", "checkpoint", "metrics", "records", "config", "results", "exported_model")
"""What ``checkout`` makes with ``tree``."""

_LINE = "line"


class Experiment(Resource):
    """Works on one experiment: the last one checked out or made, which stays in ``fetched_experiment``.

    What is given here (``project_token``, and ``id`` or ``name``) need not be given again.
    """

    fetched_experiment: dict[str, Any]
    id: str
    name: str
    files: builtins.list[dict[str, Any]]
    data: builtins.list[dict[str, Any]]

    def __init__(
        self,
        api_token: str | None = None,
        host: str = DEFAULT_HOST,
        project_token: str | None = None,
        id: str | None = None,
        name: str | None = None,
        interactive: bool = True,
        *,
        organization: str | None = None,
        session: Session | None = None,
    ) -> None:
        super().__init__(api_token, organization, host, session=session)
        self.interactive = interactive
        self._forget()
        self.project_token = project_token or ""
        self.id, self.name = id or "", name or ""

    def __str__(self) -> str:
        return json.dumps(self.fetched_experiment, indent=2, ensure_ascii=False)

    def _take(self, found: dict[str, Any]) -> Experiment:
        self.fetched_experiment = found
        self.id, self.name = str(found["id"]), str(found.get("name", ""))
        self.files, self.data = [*(found.get("files") or ())], [*(found.get("data") or ())]
        self.project_token = str((found.get("project") or {}).get("project_id") or self.project_token)
        return self

    def _forget(self) -> None:
        self.fetched_experiment = {}
        self.id = self.name = ""
        self.files, self.data = [], []

    def checkout(
        self,
        id: str | None = None,
        name: str | None = None,
        project_token: str | None = None,
        tree: bool = False,
        with_file: bool = False,
        with_data: bool = False,  # noqa: ARG002 - documented
    ) -> Experiment:
        """Fetch an experiment by its id, or by its name in a project; by default the one this object works on.

        A name may stand in the place of the id. ``with_file`` downloads its files into ``./<name>``; ``tree`` makes
        the folders of a training there and puts the files in them. ``with_data`` is taken and changes nothing: the
        data always comes along. Raises ResourceNotFoundError.
        """
        given = [text for text in (id, name) if text] or [text for text in (self.id, self.name) if text]
        if not given:
            raise InvalidQueryError("no experiment was named", "pass its id, or its name and project_token")
        known = next((text for text in given if is_id(text)), None)
        if known:
            self._take(experiments.fetch_experiment(self._connection, known))
        else:
            project = self._project(project_token)
            self._take(experiments.fetch_experiment_by_name(self._connection, project, given[0]))
        if tree or with_file:
            self._lay_out(tree=tree, with_file=with_file)
        return self

    def _lay_out(self, *, tree: bool, with_file: bool) -> None:
        base = Path(self.name)
        if base.is_absolute() or ".." in base.parts or not base.parts:
            raise InvalidQueryError(f"the name {self.name!r} cannot be that of a folder here")
        for folder in FOLDERS if tree else ():
            (base / folder).mkdir(parents=True, exist_ok=True)
        for file in self.files if with_file else ():
            folder = _folder_of(str(file["name"])) if tree else ""
            files.save(self._connection, str(file["object_name"]), base / folder)

    def create(
        self,
        name: str | None = None,
        project_token: str | None = None,
        description: str = "",
        previous: str | None = None,
        dataset: str | None = None,
        source: str | None = None,
        with_file: bool = False,
        with_data: bool = False,
    ) -> Experiment:
        """Make an experiment in a project.

        ``dataset`` is ``name/version``. The files and the data of an experiment (``previous``) or the files of a
        network (``source``, ``organization/network``) are taken over as ``with_file`` and ``with_data`` say.
        """
        if not name:
            raise InvalidQueryError("an experiment needs a name", "call create(name)")
        new = {
            "name": name,
            "description": description,
            "previous": previous,
            "dataset": dataset,
            "source": source,
            "with_file": with_file,
            "with_data": with_data,
        }
        return self._take(experiments.create_experiment(self._connection, self._project(project_token), new))

    def list(self, project_token: str | None = None) -> builtins.list[dict[str, Any]]:
        """Every experiment of a project."""
        return experiments.list_experiments(self._connection, self._project(project_token))

    def update(self, **changes: Any) -> Experiment:
        """Set the ``name``, the ``description`` or the ``status``."""
        known = ("name", "description", "status")
        if not changes or any(key not in known for key in changes):
            raise InvalidQueryError("this cannot be updated", f"pass {', '.join(known)}")
        return self._take(experiments.update_experiment(self._connection, self._id(), changes))

    def delete(self) -> None:
        """Delete the experiment with its files and data."""
        experiments.delete_experiment(self._connection, self._id())
        self._forget()

    def store(self, name: str = "", path: str | Path | None = None, zip: bool = False) -> None:
        """Store a file under a name, such as ``config`` or ``model-latest``, in the place of one that has it.

        With ``zip`` the file or folder is packed into an archive first.
        """
        if not name:
            raise InvalidQueryError("the file needs a name", "call store(name, path)")
        file, owner = files.existing(path, folder=zip), self._id()
        key, size = files.store(self._connection, owner, name, file, packed=zip)
        experiments.record_file(self._connection, owner, name, key, large=size >= PART_BYTES)

    def download(
        self,
        name: str,
        path: str | Path = "",
        large: bool | None = None,  # noqa: ARG002 - old calls give it
    ) -> None:
        """Download the file stored under ``name`` into a folder, the current one by default."""
        found = experiments.experiment_file(self._connection, self._id(), name)
        if found is None:
            raise ResourceNotFoundError(f"the experiment has no file {name}")
        files.save(self._connection, str(found["object_name"]), Path(path))

    def log(self, name: str, data: Any, type: str | None = None, replace: bool = False) -> None:
        """Keep data under a name; a ``line`` that is there grows by it, unless ``replace`` is set.

        ``type`` says how it is shown: value, line, bar, table, labelmap, image. The data of an ``image`` is the path
        of a file, which is stored.
        """
        if not name or not type:
            raise InvalidQueryError("the data needs a name and a type", "call log(name, data, type)")
        owner = self._id()
        if type == "image":
            key, _ = files.store(self._connection, owner, name, files.existing(data))
            data = {"object_name": key}
        elif type == "value":
            data = {"value": data}
        try:
            held = self.get_data(name)
        except ResourceNotFoundError:
            experiments.create_data(self._connection, owner, name, data, type)
            return
        if replace or type != _LINE:
            experiments.replace_data(self._connection, owner, name, data, type)
        else:
            experiments.extend_data(
                self._connection, owner, name, data, type, lambda: self.get_data(name) != held
            )

    def get_data(self, name: str) -> Any:
        """The data kept under a name. Raises ResourceNotFoundError."""
        return experiments.experiment_data(self._connection, self._id(), name)["data"]

    def _id(self) -> str:
        """The id; of an experiment of which only the name is known the platform is asked once."""
        if not self.id:
            if not self.name:
                raise InvalidQueryError("no experiment was fetched", "call checkout or create")
            self.checkout()
        return self.id

    def _project(self, project_token: str | None) -> str:
        if not (project_token or self.project_token):
            raise InvalidQueryError("no project was named", "pass project_token, the project's id")
        return project_token or self.project_token


def _folder_of(name: str) -> str:
    if name.startswith("checkpoint-") and name.endswith("-latest"):
        return "checkpoint"
    return {"config": "config", "model-latest": "exported_model"}.get(name, "")
