"""Answers that were already given, for requests that carry an ``Idempotency-Key``.

The answer is kept in the transaction of the effect, so there is never one without the other, and it goes
when what it made goes: a dataset or an annotation that was deleted can be made again with the same key.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from ...errors import InvalidQueryError
from ..schema import reply
from .accounts import Account


@dataclass(frozen=True, slots=True)
class Once:
    """A key that a client chose, and the hash of the whole request it stands for."""

    key: str
    fingerprint: bytes


def earlier_answer(conn: Connection, account: Account, once: Once | None) -> bytes | None:
    """What was answered the first time, if there was one."""
    if once is None:
        return None
    query = select(reply.c.fingerprint, reply.c.answer).where(
        reply.c.organization_id == account.organization, reply.c.key == once.key
    )
    row = conn.execute(query).one_or_none()
    if row is None:
        return None
    if row.fingerprint != once.fingerprint:
        raise InvalidQueryError("this Idempotency-Key was used for another request")
    return bytes(row.answer)


def remember(
    conn: Connection,
    account: Account,
    once: Once | None,
    answer: bytes,
    *,
    dataset_id: int,
    annotation_id: int | None = None,
) -> bytes:
    """Keep an answer with what it made."""
    if once is not None:
        conn.execute(
            insert(reply).values(
                organization_id=account.organization,
                key=once.key,
                fingerprint=once.fingerprint,
                answer=answer,
                dataset_id=dataset_id,
                annotation_id=annotation_id,
            )
        )
    return answer
