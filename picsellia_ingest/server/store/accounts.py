"""Organizations, their users, and the tokens by which users are known."""

from __future__ import annotations

import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import uuid4

from sqlalchemy import Connection, ScalarSelect, delete, insert, select

from ...errors import ResourceNotFoundError, UnauthorizedError
from ..auth import token_hash
from ..database import Database
from ..schema import organization, token, user


@dataclass(frozen=True, slots=True)
class Account:
    """A user with their organization: ``organization`` is its row, ``organization_id`` what clients know."""

    username: str
    organization: int
    organization_id: str
    organization_name: str


class Accounts:
    """Who there is."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def ensure(self, username: str, organization_name: str, tokens: Iterable[str]) -> None:
        """Make the user and the organization if need be; the user's tokens become these and no others."""
        with self._database.writing() as conn:
            user_id = _user(conn, username, organization_name)
            conn.execute(delete(token).where(token.c.user_id == user_id))
            rows = [{"sha256": token_hash(text), "user_id": user_id} for text in dict.fromkeys(tokens)]
            if rows:
                conn.execute(insert(token), rows)

    def of_token(self, text: str) -> Account:
        """The account a token belongs to."""
        digest = token_hash(text)
        query = (
            select(token.c.sha256, user.c.username, organization)
            .join_from(token, user)
            .join(organization)
            .where(token.c.sha256 == digest)
        )
        with self._database.reading() as conn:
            row = conn.execute(query).one_or_none()
        if row is None or not hmac.compare_digest(row.sha256, digest):
            raise UnauthorizedError("the token is not known")
        return Account(row.username, row.id, row.uuid, row.name)


def check_organization(account: Account, named: str | None) -> None:
    """Refuse an organization that is not the account's; ``null``, ``none`` and nothing mean its own."""
    if named not in (None, "", "null", "none", account.organization_id, account.organization_name):
        raise ResourceNotFoundError("no such organization")


def user_row(account: Account) -> ScalarSelect[int]:
    """The row of the account's user, to be put in a statement."""
    return select(user.c.id).where(user.c.username == account.username).scalar_subquery()


def _user(conn: Connection, username: str, organization_name: str) -> int:
    found = conn.execute(select(user.c.id).where(user.c.username == username)).scalar()
    if found is not None:
        return int(found)
    made = conn.execute(
        insert(organization).values(uuid=str(uuid4()), name=organization_name).returning(organization.c.id)
    ).scalar_one()
    return int(
        conn.execute(
            insert(user).values(username=username, organization_id=made).returning(user.c.id)
        ).scalar_one()
    )
