"""Organizations, their users, and the tokens by which users are known.

A user belongs to one organization and sees nothing of another. Tokens that are given out (``pxl_<id>_<secret>``) have
an id by which they are listed and revoked, and may expire; those of the folder's owner have none. Only the hash of
either is kept, so a token is shown once, when it is made.
"""

from __future__ import annotations

import hmac
import secrets
import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, ScalarSelect, bindparam, delete, insert, select

from ...errors import InvalidQueryError, ResourceNotFoundError, UnauthorizedError
from ..auth import token_hash
from ..database import Database, insert_new
from ..schema import organization, token, user
from .fields import check_name

_OWN = ("", "null", "none")


@dataclass(frozen=True, slots=True)
class Account:
    """A user with their organization: ``organization`` is its row, ``organization_id`` what clients know."""

    username: str
    organization: int
    organization_id: str
    organization_name: str
    read_only: bool = False
    """Whether the token that was given changes nothing."""


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """What may be shown of a token; ``expires`` is a time in seconds, None for never."""

    name: str
    username: str
    organization: str
    expires: int | None
    read_only: bool


# Every request asks it, and to put it into words takes longer than to have it answered.
_OF_HASH = (
    select(token.c.sha256, token.c.expires, token.c.read_only, user.c.username, organization)
    .join_from(token, user)
    .join(organization)
    .where(token.c.sha256 == bindparam("digest"))
)


class Accounts:
    """Who there is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, username: str, organization_name: str, tokens: Iterable[str]) -> None:
        """Make the user and the organization if need be; the user's tokens without an id become these and no others."""
        with self._database.writing() as conn:
            user_id = _user(conn, username, organization_name)
            conn.execute(delete(token).where(token.c.user_id == user_id, token.c.name.is_(None)))
            rows = [{"sha256": token_hash(text), "user_id": user_id} for text in dict.fromkeys(tokens)]
            if rows:
                conn.execute(insert(token), rows)

    def create_token(
        self, username: str, organization_name: str, expires: int | None = None, *, read_only: bool = False
    ) -> str:
        """A new token of a user, who is made with the organization if need be; ``expires`` is a time in seconds.

        With ``read_only`` it opens what changes nothing.

        Raises InvalidQueryError when the user belongs to another organization.
        """
        for text, what in ((username, "user"), (organization_name, "organization")):
            check_name(text, what)
        if organization_name in _OWN:
            raise InvalidQueryError(f"an organization cannot be called {organization_name}")
        name = secrets.token_hex(4)
        text = f"pxl_{name}_{secrets.token_hex(32)}"
        with self._database.writing() as conn:
            user_id = _user(conn, username, organization_name)
            belongs = select(organization.c.name).join(user).where(user.c.id == user_id)
            if conn.execute(belongs).scalar_one() != organization_name:
                raise InvalidQueryError(f"the user {username} belongs to another organization")
            row = {"sha256": token_hash(text), "user_id": user_id, "name": name, "expires": expires}
            conn.execute(insert(token).values(row | {"read_only": read_only}))
        return text

    def tokens(self) -> list[IssuedToken]:
        """The tokens that were given out and not revoked, oldest first."""
        query = (
            select(token.c.name, user.c.username, organization.c.name, token.c.expires, token.c.read_only)
            .join_from(token, user)
            .join(organization)
            .where(token.c.name.is_not(None))
            .order_by(token.c.id)
        )
        with self._database.reading() as conn:
            return [IssuedToken(*row) for row in conn.execute(query)]

    def revoke(self, name: str) -> None:
        """Make a token unknown, by its id. Raises ResourceNotFoundError."""
        with self._database.writing() as conn:
            if not conn.execute(delete(token).where(token.c.name == name)).rowcount:
                raise ResourceNotFoundError(f"there is no token {name}")

    def of_token(self, text: str) -> Account:
        """The account a token belongs to."""
        return self.of_hash(token_hash(text))

    def of_hash(self, digest: str) -> Account:
        """The account a token of this hash belongs to, as long as the token is good."""
        with self._database.reading() as conn:
            row = conn.execute(_OF_HASH, {"digest": digest}).one_or_none()
        if row is None or not hmac.compare_digest(row.sha256, digest):
            raise UnauthorizedError("the token is not known")
        if row.expires is not None and row.expires <= time.time():
            raise UnauthorizedError("the token has expired")
        return Account(row.username, row.id, row.uuid, row.name, read_only=bool(row.read_only))


def check_organization(account: Account, named: str | None) -> None:
    """Refuse an organization that is not the account's; ``null``, ``none`` and nothing mean its own."""
    if named not in (None, *_OWN, account.organization_id, account.organization_name):
        raise ResourceNotFoundError("no such organization")


def user_row(account: Account) -> ScalarSelect[int]:
    """The row of the account's user, to be put in a statement."""
    return select(user.c.id).where(user.c.username == account.username).scalar_subquery()


def _user(conn: Connection, username: str, organization_name: str) -> int:
    found = conn.execute(select(user.c.id).where(user.c.username == username)).scalar()
    if found is not None:
        return int(found)
    conn.execute(insert_new(conn, organization).values(uuid=str(uuid4()), name=organization_name))
    made = conn.execute(
        select(organization.c.id).where(organization.c.name == organization_name)
    ).scalar_one()
    return int(
        conn.execute(
            insert(user).values(username=username, organization_id=made).returning(user.c.id)
        ).scalar_one()
    )
