"""``Client``: one session for everything, and the place where the other classes hang."""

from __future__ import annotations

from typing import TypeAlias

from .datalake import Datalake as _Datalake
from .experiment import Experiment as _Experiment
from .network import Network as _Network
from .project import Project as _Project
from .session import DEFAULT_HOST, open_session


class Client:
    """A connection to the platform; greets its user. All that hangs on it shares it.

    Raises AuthenticationError without a token (argument or PICSELLIA_TOKEN), UnauthorizedError for a wrong one,
    NetworkError when the host does not answer.
    """

    Datalake: TypeAlias = _Datalake
    Network: TypeAlias = _Network
    Project: TypeAlias = _Project
    Experiment: TypeAlias = _Experiment

    supported_img_types = ("png", "jpg", "jpeg", "JPG", "JPEG", "PNG")

    def __init__(
        self,
        api_token: str | None = None,
        organization: str | None = None,
        host: str = DEFAULT_HOST,
        interactive: bool = True,
    ) -> None:
        session = open_session(api_token, organization, host)
        self.host = session.connection.host
        self.interactive = interactive
        self.username = session.identity.username
        self.sdk_version = session.identity.sdk_version
        self.organization_id = session.identity.organization_id
        self.organization_name = session.identity.organization_name
        self.datalake = _Datalake(session=session)
        self.network = _Network(session=session)
        self.project = _Project(session=session)
        self.experiment = _Experiment(session=session, interactive=interactive)
        print(f"Hi {self.username}, welcome back.")
