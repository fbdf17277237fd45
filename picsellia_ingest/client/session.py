"""Token, host and organization: what every class of the client begins with, in one place."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from ..api import platform
from ..api.connection import Connection, Secret
from ..api.platform import Identity
from ..errors import AuthenticationError, InvalidQueryError
from ..upload import threads
from . import local

DEFAULT_HOST = "https://app.picsellia.com/sdk/v2/"
TOKEN_VARIABLE = "PICSELLIA_TOKEN"  # noqa: S105 - the variable's name


@dataclass(frozen=True)
class Session:
    """An open connection, whose token the platform accepted, in one organization."""

    connection: Connection
    identity: Identity
    host: str
    """The host as it was given; ``connection.host`` is the address."""


class Resource:
    """What every class of the client begins with: a session of its own, or that of the object it belongs to.

    ``_begin`` is called when the session is there. Raises AuthenticationError without a token (argument or
    PICSELLIA_TOKEN), UnauthorizedError for a wrong one, NetworkError when the host does not answer.
    """

    def __init__(
        self,
        api_token: str | None = None,
        organization: str | None = None,
        host: str = DEFAULT_HOST,
        ping: bool = True,  # noqa: ARG002 - old calls give it
        *,
        session: Session | None = None,
    ) -> None:
        if session is None:
            self._load()
        self._session = session or open_session(api_token, organization, host)
        self._connection = self._session.connection
        self._organization = self._session.identity.organization_id
        self._begin()

    def _load(self) -> None:
        """Have loaded what nearly every user of the class needs, while the session opens."""

    def _begin(self) -> None:
        """Set what the class keeps between calls."""


def open_session(api_token: str | None, organization: str | None, host: str | None) -> Session:
    """Connect. Raises AuthenticationError without a token, InvalidQueryError for a host that is no address."""
    wanted = host or DEFAULT_HOST
    if local.is_local(wanted):
        address, token = local.start(wanted)
    else:
        address, token = _address(wanted), _token(api_token)
    connection = Connection(address, Secret(token))
    return Session(connection, platform.identify(connection, organization), wanted)


def opening(organization: str | None, host: str | None) -> Callable[[], Session]:
    """Connect while something else is done; what is given waits for the session, or raises what ``open_session`` does.

    The embedded platform, whose start makes a folder, is started when that is called.
    """
    if local.is_local(host or DEFAULT_HOST):
        return lambda: open_session(None, organization, host)
    return threads.meanwhile(open_session, None, organization, host).result


def _address(host: str) -> str:
    parts = urlsplit(host)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidQueryError(
            f"the host {host!r} is not an address", "write https://.../sdk/v2/ or local:FOLDER"
        )
    address = host if host.endswith("/") else host + "/"
    # The reference prints its hosts without the version of the wire.
    return address + "v2/" if parts.path.rstrip("/") == "/sdk" else address


def _token(api_token: str | None) -> str:
    token = api_token or os.environ.get(TOKEN_VARIABLE, "")
    if not token:
        raise AuthenticationError("no API token was given", f"set {TOKEN_VARIABLE}, or pass api_token")
    if not token.isascii() or not token.isprintable() or " " in token:
        raise AuthenticationError("the API token has characters that no token has", f"check {TOKEN_VARIABLE}")
    return token
