"""``Client.Experiment``: the trainings of a project, with their files, their data, their logs and their scans."""

from __future__ import annotations

import builtins
from pathlib import Path
from typing import Any

from ..api import experiments, resources
from ..errors import InvalidQueryError, ResourceNotFoundError
from . import files, once
from .experiment_data import Data
from .experiment_files import Files, folder_of
from .experiment_log import Log
from .network import Network
from .scans import Scans
from .session import DEFAULT_HOST, Session
from .training import Training


class Experiment(Files, Data, Log, Training, Scans):
    """Works on one experiment: the last one checked out or made, which stays in ``fetched_experiment``.

    What is given here (``project_token``, and ``id`` or ``name``) need not be given again.
    """

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
        self._leave_folders()
        self._begin_training()
        self.project_token = project_token or ""
        self.id, self.name = id or "", name or ""
        self.line_nb, self.buffer_length = 0, 1
        self.run = None

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
        the folders of a training there, puts the files in them, and keeps their paths (``base_dir``, ``png_dir``,
        ``config_dir`` ...). ``with_data`` is taken and changes nothing: the data always comes along. Raises
        ResourceNotFoundError.
        """
        self._fetch(id, name, project_token)
        if tree or with_file:
            self._lay_out(tree=tree, with_file=with_file)
        return self

    def _lay_out(self, *, tree: bool, with_file: bool) -> None:
        base = Path(self.name)
        if base.is_absolute() or ".." in base.parts or not base.parts:
            raise InvalidQueryError(f"the name {self.name!r} cannot be that of a folder here")
        self._enter_folders(base, made=tree)
        for file in self.files if with_file else ():
            folder = folder_of(str(file["name"])) if tree else ""
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
        project = self._project(project_token)
        found = once.make(
            f"experiment {name}",
            lambda: experiments.fetch_experiment_by_name(self._connection, project, name),
            lambda there: experiments.create_experiment(self._connection, project, new, there),
        )
        self._take(found)
        return self

    def list(self, project_token: str | None = None) -> builtins.list[dict[str, Any]]:
        """Every experiment of a project."""
        return experiments.list_experiments(self._connection, self._project(project_token))

    def update(self, **changes: Any) -> Experiment:
        """Set the ``name``, the ``description`` or the ``status``."""
        known = ("name", "description", "status")
        if not changes or any(key not in known for key in changes):
            raise InvalidQueryError("this cannot be updated", f"pass {', '.join(known)}")
        self._take(experiments.update_experiment(self._connection, self._id(), changes))
        return self

    def delete(self) -> None:
        """Delete the experiment with its files and data."""
        experiments.delete_experiment(self._connection, self._id())
        self._forget()

    def delete_all(self, project_token: str | None = None) -> None:
        """Delete every experiment of a project with their files and data."""
        experiments.delete_experiments(self._connection, self._project(project_token))
        self._forget()

    def publish(self, name: str | None = None) -> Network:
        """Make a network of the experiment, with its files; it is called as the experiment unless named.

        Raises InvalidQueryError when the organization has a network of this name.
        """
        owner = self._id()
        wanted = name or self.fetched_experiment.get("name") or self.checkout().name
        found = experiments.publish_experiment(
            self._connection, owner, wanted, lambda: self._published(wanted) is not None
        )
        network = found if found.get("model_id") else self._published(wanted)
        if network is None:
            raise ResourceNotFoundError(f"the network {wanted} is not there")
        return Network.of(self._session, network)

    def _published(self, name: str) -> dict[str, Any] | None:
        """The network of a name, if it has the files of this experiment and no others."""
        where = self._session.identity.organization_name
        try:
            found = resources.fetch_network_by_name(self._connection, where, name)
        except ResourceNotFoundError:
            return None
        mine = {str(file["name"]): str(file["object_name"]) for file in self.list_files()}
        return found if (found.get("files") or {}) == mine else None

    def launch(self, gpus: int = 0) -> None:
        """Have the platform train the experiment."""
        if gpus < 0:
            raise InvalidQueryError(f"{gpus} is no number of GPUs")
        experiments.launch_experiment(self._connection, self._id(), gpus)

    def update_job_status(self, status: str) -> None:
        """Set the state of the experiment's job."""
        if not status:
            raise InvalidQueryError("no status was given", "pass status")
        experiments.set_job_status(self._connection, self._id(), status)
