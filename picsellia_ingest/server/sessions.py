"""Who looks at pages: a browser cannot send a token with every page, so it is given a session.

A session is a random name in a cookie. Here it is known by its hash, and stands for a token's hash, which is looked
up for every page: a token that is revoked or has expired ends the sessions that were opened with it. Sessions live in
memory, so they end with the server. An invitation opens one session, once, soon.
"""

from __future__ import annotations

import secrets
import threading
import time
from typing import NamedTuple

from ..errors import UnauthorizedError
from .auth import token_hash
from .store.accounts import Account, Accounts

SESSION_SECONDS = 12 * 60 * 60
_INVITATION_SECONDS = 10 * 60
_MOST = 1000


class _Entry(NamedTuple):
    token: str
    ends: float


class _Register:
    """Secrets that are given out, by their hashes; when there are too many, the oldest is forgotten."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._entries: dict[str, _Entry] = {}
        self._lock = threading.Lock()

    def add(self, token: str) -> str:
        secret = secrets.token_urlsafe(32)
        with self._lock:
            while len(self._entries) >= _MOST:
                del self._entries[next(iter(self._entries))]
            self._entries[token_hash(secret)] = _Entry(token, time.monotonic() + self._seconds)
        return secret

    def get(self, secret: str) -> str | None:
        with self._lock:
            return self._living(self._entries.get(token_hash(secret)))

    def take(self, secret: str) -> str | None:
        with self._lock:
            return self._living(self._entries.pop(token_hash(secret), None))

    @staticmethod
    def _living(entry: _Entry | None) -> str | None:
        return entry.token if entry and time.monotonic() < entry.ends else None


class Sessions:
    """The sessions of all browsers."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts
        self._sessions = _Register(SESSION_SECONDS)
        self._invitations = _Register(_INVITATION_SECONDS)

    def invite(self, token: str) -> str:
        """A secret that opens one session of the token's account."""
        return self._invitations.add(token_hash(token))

    def accept(self, invitation: str) -> str:
        """The session an invitation opens. Raises UnauthorizedError."""
        digest = self._invitations.take(invitation)
        if digest is None:
            raise UnauthorizedError("this address was used before, or is too old")
        return self._sessions.add(digest)

    def open(self, token: str) -> str:
        """A session of the account whose token this is. Raises UnauthorizedError."""
        digest = token_hash(token)
        self._accounts.of_hash(digest)
        return self._sessions.add(digest)

    def account(self, session: str) -> Account:
        """Who a session belongs to. Raises UnauthorizedError."""
        digest = self._sessions.get(session)
        if digest is None:
            raise UnauthorizedError("sign in to look at this platform")
        return self._accounts.of_hash(digest)

    def close(self, session: str) -> None:
        """End a session."""
        self._sessions.take(session)
