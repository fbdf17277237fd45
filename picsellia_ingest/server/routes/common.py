"""What every route needs: the platform, the caller, the body, and the answer."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, TypeVar, cast

import msgspec
from flask import Response, current_app, g, request

from ...errors import ForbiddenError, InvalidQueryError
from ..platform import Platform
from ..store.accounts import Account, check_organization
from ..store.replies import Once

BASE = "/sdk/v2"
EXTENSION = "picsellia_platform"
_LONGEST_KEY = 255
T = TypeVar("T")


def platform() -> Platform:
    """The platform this application answers for."""
    return cast(Platform, current_app.extensions[EXTENSION])


def caller() -> Account:
    """The account whose token came with the request."""
    return cast(Account, g.account)


def check_writer() -> None:
    """Raise ForbiddenError where the token only reads."""
    if caller().read_only:
        raise ForbiddenError("this token only reads")


def member_of(organization: str) -> Account:
    """The caller, if the organization in the address is theirs."""
    check_organization(caller(), organization)
    return caller()


def raw_body() -> bytes:
    """The body; clients send no content type, so none is asked for."""
    data = request.get_data(cache=True) or b"{}"
    try:
        data.decode()
    except UnicodeDecodeError:
        raise InvalidQueryError("the body is not UTF-8") from None
    return data


def body(kind: type[T]) -> T:
    """The body as a value of this kind."""
    return checked(msgspec.json.Decoder(kind).decode, raw_body())


def checked(decode: Callable[[bytes], T], data: bytes) -> T:
    """The body as ``decode`` gives it; a decoder's own recursion limit is the client's fault."""
    try:
        return decode(data)
    except RecursionError:
        raise InvalidQueryError("the body is nested too deeply") from None


def once() -> Once | None:
    """The ``Idempotency-Key`` of the request with the hash of all that it asks for."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 0 < len(key) <= _LONGEST_KEY:
        raise InvalidQueryError(f"an Idempotency-Key has 1 to {_LONGEST_KEY} characters")
    fingerprint = hashlib.sha256()
    for part in (request.method.encode(), request.path.encode(), raw_body()):
        fingerprint.update(b"%d:%b" % (len(part), part))
    return Once(key, fingerprint.digest())


def reply(answer: Any, status: int = HTTPStatus.OK) -> Response:
    """A JSON answer; bytes are JSON already."""
    data = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    return Response(data, status, mimetype="application/json")
