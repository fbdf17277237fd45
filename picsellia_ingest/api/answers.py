"""What an answer means: the error that its status stands for, with the platform's own words and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

import msgspec

from ..errors import (
    ApiLimitError,
    ForbiddenError,
    InvalidQueryError,
    PicselliaError,
    ProcessingError,
    RequestRejectedError,
    ResourceNotFoundError,
    UnauthorizedError,
    UnsufficientRessourcesError,
    WrongHostError,
)

RETRY_AFTER_MOST = 120.0
_AGAIN = {408, 425, 500, 502, 503, 504}
_ERRORS: dict[int, type[PicselliaError]] = {
    400: InvalidQueryError,
    401: UnauthorizedError,
    402: UnsufficientRessourcesError,
    403: ForbiddenError,
    404: ResourceNotFoundError,
    507: UnsufficientRessourcesError,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def check(answer: Answer) -> None:
    """Raise the error that a status means; 2xx passes."""
    status = answer.status
    if 200 <= status < 300:
        return
    words = _error_text(answer)
    if status == 429 or (status == 503 and "Retry-After" in answer.headers):
        raise ApiLimitError(f"too many requests: {words}", wait=retry_after(answer))
    if status in _AGAIN:
        raise ProcessingError(f"the platform failed ({status}): {words}")
    if 300 <= status < 400:
        raise WrongHostError(
            f"the host redirects ({status}), which is not followed", "give the address it redirects to"
        )
    raise _ERRORS.get(status, RequestRejectedError)(f"{words} ({status})", _HINTS.get(status, ""))


_HINTS = {401: "check PICSELLIA_TOKEN", 402: "the organization's quota is used up"}


def _error_text(answer: Answer) -> str:
    """The platform's own words, cut to a line."""
    return " ".join(words_of(answer).split())[:300] or "no reason given"


def words_of(answer: Answer) -> str:
    """The text of ``error``; empty when the answer is not one of the platform's."""
    try:
        found = msgspec.json.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""
    return str(found.get("error") or "") if isinstance(found, dict) else ""


def retry_after(answer: Answer) -> float:
    """Seconds to wait; 0 for anything that is neither a number of seconds nor a date within two minutes of the answer's.

    The clock of this machine is not asked, which may be wrong.
    """
    value = answer.headers.get("Retry-After")
    if not value:
        return 0.0
    try:
        seconds = float(value)
    except ValueError:
        try:
            until, now = (parsedate_to_datetime(text) for text in (value, answer.headers.get("Date", "")))
            seconds = (until - now).total_seconds()
        except (ValueError, TypeError):
            return 0.0
    return seconds if 0 <= seconds <= RETRY_AFTER_MOST else 0.0
