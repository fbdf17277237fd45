"""``Client.Project.Worker``: who works on a project."""

from __future__ import annotations

import builtins
from typing import Any

from ..api import resources
from ..errors import InvalidQueryError
from .session import DEFAULT_HOST, Resource, Session


class Worker(Resource):
    """The people of one project, which ``project_token`` names: its id."""

    def __init__(
        self,
        api_token: str | None = None,
        host: str = DEFAULT_HOST,
        project_token: str | None = None,
        organization: str | None = None,
        *,
        session: Session | None = None,
    ) -> None:
        if not project_token:
            raise InvalidQueryError("no project was named", "pass project_token, the project's id")
        self.project_id = project_token
        super().__init__(api_token, organization, host, session=session)

    def list(self) -> dict[str, builtins.list[dict[str, Any]]]:
        """Who works on the project, as ``{"workers": [...]}``."""
        return {"workers": resources.list_workers(self._connection, self.project_id)}
