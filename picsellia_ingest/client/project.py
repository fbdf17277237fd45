"""``Client.Project``: projects, the datasets attached to them, and who works on them."""

from __future__ import annotations

import builtins
import json
from typing import Any, TypeAlias

from ..api import resources
from ..errors import InvalidQueryError, ResourceNotFoundError
from . import once
from .both import NotGiven
from .session import DEFAULT_HOST, Resource, Session
from .worker import Worker as _Worker

_NOT_GIVEN = NotGiven("")
_OWN = ("", "null", "none", None)


class Project(Resource):
    """Works on one project: the last one fetched or made, which stays in ``fetched_project``.

    ``project_token`` is the id of a project to begin with. The arguments stand in the order of the SDK reference.
    """

    Worker: TypeAlias = _Worker

    fetched_project: dict[str, Any]
    project_id: str
    project_name: str

    def __init__(
        self,
        api_token: str | None = None,
        host: str = DEFAULT_HOST,
        project_token: str | None = None,
        organization: str | None = None,
        ping: bool = True,  # noqa: ARG002 - old calls give it
        *,
        session: Session | None = None,
    ) -> None:
        super().__init__(api_token, organization, host, session=session)
        self.organization_name = self._where = self._session.identity.organization_name
        self.project_list: builtins.list[dict[str, Any]] = []
        self._forget()
        self.project_id = project_token or ""

    def __str__(self) -> str:
        return json.dumps(self.fetched_project, indent=2, ensure_ascii=False)

    def _take(self, found: dict[str, Any], where: str) -> Project:
        self.fetched_project, self._where = found, where
        self.project_id, self.project_name = str(found["project_id"]), str(found.get("project_name", ""))
        return self

    def _forget(self) -> None:
        self.fetched_project = {}
        self.project_id = self.project_name = ""

    @property
    def project_token(self) -> str:
        """The id, as other classes call it."""
        return self.project_id

    def list(self) -> builtins.list[dict[str, Any]]:
        """Print and return every project of the organization; they stay in ``project_list``."""
        self.project_list = resources.list_projects(self._connection, self.organization_name)
        for project in self.project_list:
            print(f"Project Name: {project['project_name']}")
            print(f"Description: {project['description']}")
            print(f"Contributors: {project['contributors']}")
            print(f"Datasets: {project['datasets']}")
            print("-------------")
        return self.project_list

    def get(self, name: str = "", organization: str | None = "null") -> Project:
        """Fetch a project; ``null`` stands for your organization. Raises ResourceNotFoundError."""
        where = self._organization_called(name, organization)
        self._take(resources.fetch_project(self._connection, where, name), where)
        print(f"Successfully fetched project {self.project_name}", self, sep="\n")
        return self

    def create(self, name: str = "", organization: str | None = "null", **properties: Any) -> Project:
        """Make a project, with a ``description`` and a ``type`` if you like.

        Raises InvalidQueryError when the organization has a project of this name.
        """
        where = self._organization_called(name, organization)
        _check(properties, ("description", "type"))
        found = once.make(
            f"project {name}",
            lambda: resources.fetch_project(self._connection, where, name),
            lambda there: resources.create_project(self._connection, where, name, properties, there),
        )
        self._take(found, where)
        print(f"Project {self.project_name} created successfully.", self, sep="\n")
        return self

    def update(
        self,
        project_name: str = "",
        description: str | None = _NOT_GIVEN,
        type: str = "",
        **other: Any,
    ) -> Project:
        """Set the name, the description or the type of the fetched project; an empty name or type stays."""
        changes = {"project_name": project_name, "description": description, "type": type, **other}
        _check(changes, ("project_name", "description", "type"))
        wanted = {
            key: value
            for key, value in changes.items()
            if value or (key == "description" and description is not _NOT_GIVEN)
        }
        if not wanted:
            raise InvalidQueryError("nothing is to be updated", "pass project_name, description or type")
        name = self._name()
        self._take(resources.update_project(self._connection, self._where, name, wanted), self._where)
        print(f"Project {self.project_name} updated.", self, sep="\n")
        return self

    def delete(self) -> None:
        """Delete the fetched project; its datasets stay."""
        name = self._name()
        resources.delete_project(self._connection, self._where, name)
        self._forget()
        print(f"Project {name} deleted.")

    def attach_dataset(self, dataset: str = "") -> None:
        """Attach a version of a dataset, given as ``name/version``, to the fetched project."""
        name, slash, version = dataset.rpartition("/")
        if not slash or not name or not version:
            raise InvalidQueryError(f"{dataset!r} is not <name>/<version>", "write the name and the version")
        project = self._name()
        resources.attach_dataset(self._connection, self.project_id, name, version)
        print(f"Dataset {dataset} successfully attached to project {project}")

    def _organization_called(self, name: str, organization: str | None) -> str:
        if not name:
            raise InvalidQueryError("a project has a name", "pass the project's name")
        return self.organization_name if organization in _OWN else str(organization)

    def _name(self) -> str:
        """The name of the project; the platform is asked once when only its id is known."""
        if not self.project_id:
            raise InvalidQueryError("no project was fetched", "call get(name) or create(name)")
        if not self.project_name:
            found = resources.list_projects(self._connection, self._where)
            mine = [one for one in found if one.get("project_id") == self.project_id]
            if not mine:
                raise ResourceNotFoundError(f"no project {self.project_id}")
            self._take(mine[0], self._where)
        return self.project_name


def _check(given: dict[str, Any], known: tuple[str, ...]) -> None:
    for name, value in given.items():
        if name not in known:
            raise InvalidQueryError(f"a project has no {name} to set", f"it has {', '.join(known)}")
        if not isinstance(value, str) and not (name == "description" and value is None):
            raise InvalidQueryError(f"the {name} of a project is a text")
