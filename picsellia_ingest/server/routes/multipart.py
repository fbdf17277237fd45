"""Large objects in parts: an upload is begun and finished with a token, each part goes to a signed address."""

from __future__ import annotations

import time
from collections.abc import Iterator
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ...errors import RequestRejectedError
from ..auth import Grant
from ..objects import ObjectName
from ..store.fields import Name
from ..store.multipart import PARTS, Part
from .common import BASE, body, caller, platform, reply
from .storage import check_key, query, take, whole

# Clients ask for the addresses of all parts before they send the first.
_PART_SECONDS = 6 * 60 * 60
_BLOCK = 1 << 16

routes = Blueprint("multipart", __name__)


class Beginning(msgspec.Struct):
    """The body of ``init_multipart_upload``."""

    object_name: Name


class Wish(msgspec.Struct):
    """The body of ``generate_post_part_url``."""

    object_name: Name
    upload_id: str
    part_no: Annotated[int, msgspec.Meta(ge=1, le=10_000)]


class End(msgspec.Struct):
    """The body of ``complete_part_upload``."""

    object_name: Name
    upload_id: str
    parts: list[Part]


@routes.get(f"{BASE}/init_multipart_upload")
def begin() -> Response:
    """Begin; a GET with a body, as clients send it."""
    key = check_key(body(Beginning).object_name)
    return reply({"upload_id": platform().multipart.begin(caller(), key)})


@routes.post(f"{BASE}/generate_post_part_url")
def presign() -> Response:
    """Leave to send one part, without a token, for some hours."""
    wish, account = body(Wish), caller()
    platform().multipart.check(account, wish.upload_id, wish.object_name)
    key = f"{wish.upload_id}/{wish.part_no}"
    expires = int(time.time()) + _PART_SECONDS
    grant = Grant(
        "PUT", ObjectName(account.organization_id, PARTS, key), expires, platform().limits.object_size
    )
    signed = {
        "organization": grant.name.organization,
        "expires": grant.expires,
        "max_length": grant.max_length,
        "signature": platform().signer.sign(grant),
    }
    return reply({"url": f"{request.host_url}storage/{PARTS}/{key}?{urlencode(signed)}"})


@routes.put(f"/storage/{PARTS}/<upload>/<int:number>")
def store(upload: str, number: int) -> Response:
    """Take a part in."""
    organization, expires, length, signature = query("organization", "expires", "max_length", "signature")
    name = ObjectName(organization, PARTS, f"{upload}/{number}")
    grant = Grant("PUT", name, whole(expires), whole(length))
    platform().signer.check(grant, signature)
    request.max_content_length = grant.max_length
    with platform().objects.receive(grant.max_length) as incoming:
        take(_pieces(), incoming)
        try:
            etag = platform().multipart.take(upload, number, incoming)
        except RequestRejectedError as error:
            raise RequestEntityTooLarge(error.message) from None
    return Response(status=HTTPStatus.OK, headers={"ETag": f'"{etag}"'})


@routes.post(f"{BASE}/complete_part_upload")
def finish() -> Response:
    """Make the object of its parts."""
    end = body(End)
    platform().multipart.finish(caller(), end.upload_id, end.object_name, end.parts)
    return reply({"message": "upload complete"}, HTTPStatus.CREATED)


def _pieces() -> Iterator[bytes]:
    while piece := request.stream.read(_BLOCK):
        yield piece
