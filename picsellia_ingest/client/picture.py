"""``Client.Datalake.Picture``: the pictures of the lake."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..api import platform
from .session import DEFAULT_HOST, Session, open_session


class Picture:
    """Lists and fetches pictures; the last ones fetched stay in ``fetched_pictures``."""

    def __init__(
        self,
        api_token: str | None = None,
        organization: str | None = None,
        host: str = DEFAULT_HOST,
        *,
        session: Session | None = None,
    ) -> None:
        self._session = session or open_session(api_token, organization, host)
        self.fetched_pictures: list[dict[str, Any]] = []

    def list(self) -> dict[str, Any]:
        """Every picture of the lake, as ``{"pictures": [...]}``."""
        session = self._session
        self.fetched_pictures = platform.list_pictures(session.connection, session.identity.organization_id)
        return {"pictures": self.fetched_pictures}

    def fetch(self, quantity: float = 1, tags: Sequence[str] = ()) -> Any:
        """The pictures that carry all the tags; ``quantity`` is the proportion that is wanted, 1 for all."""
        session = self._session
        self.fetched_pictures = platform.search_pictures(
            session.connection, session.identity.organization_id, tags, quantity
        )
        return self.fetched_pictures

    def status(self) -> None:
        """Print how many pictures were fetched."""
        count = len(self.fetched_pictures)
        print(f"Number of Assets selected : {count}" if count else "No assets selected")
