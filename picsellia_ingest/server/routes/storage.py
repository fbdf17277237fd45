"""Object storage: signed addresses, and what is done through them.

An upload is a form whose fields carry the signature and come before the file, so the grant is checked before
the first byte of the file is kept; from then on the bytes go straight to the objects folder. What is served
has the type its own bytes show and headers that keep a browser from running it.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote, urlencode

import msgspec
from flask import Blueprint, Response, request, send_file
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Event, Field, File, MultipartDecoder, NeedData

from ...errors import ForbiddenError, InvalidQueryError, RequestRejectedError, ResourceNotFoundError
from ..auth import Grant
from ..objects import OCTETS, Incoming, ObjectName, sniff
from ..store.accounts import Account
from ..store.fields import Name
from ..store.lake import PICTURES
from ..store.multipart import MODELS
from .common import BASE, body, caller, check_writer, platform, reply

SNAPSHOTS = "snapshots"
_POST_SECONDS = 15 * 60
_GET_SECONDS = 5 * 60
_BLOCK = 1 << 16
_FIELDS = 16
_FORM_OVERHEAD = 1 << 18
_INERT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "private",
}

routes = Blueprint("storage", __name__)


class Wish(msgspec.Struct):
    """The body of ``generate_presigned_url``."""

    method: Literal["post", "get"]
    object_name: Name
    bucket_model: bool = False


@routes.post(f"{BASE}/generate_presigned_url")
def presign() -> Response:
    """Leave to send or to fetch one object, without a token, for a while."""
    wish = body(Wish)
    if wish.method == "post":
        check_writer()
    key = check_key(wish.object_name)
    name = ObjectName(caller().organization_id, MODELS if wish.bucket_model else PICTURES, key)
    return reply({"url": signed_address(name) if wish.method == "get" else _signed_form(name)})


def check_key(key: str) -> str:
    """A key that an object may have."""
    if key in (".", ".."):
        raise InvalidQueryError("an object cannot be called that: clients take it for a folder")
    return key


def signed_address(name: ObjectName) -> str:
    """An address at which an object can be fetched for some minutes."""
    grant = Grant("GET", name, int(time.time()) + _GET_SECONDS)
    query = {
        "organization": name.organization,
        "expires": grant.expires,
        "signature": platform().signer.sign(grant),
    }
    return f"{request.host_url}storage/{name.bucket}/{quote(name.key, safe='')}?{urlencode(query)}"


def with_addresses(account: Account, images: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Images with a ``signed_url`` each in the place of the ``internal_key``."""
    return [
        {name: value for name, value in image.items() if name != "internal_key"}
        | {"signed_url": signed_address(ObjectName(account.organization_id, PICTURES, image["internal_key"]))}
        for image in images
    ]


def _signed_form(name: ObjectName) -> dict[str, object]:
    size = platform().limits.object_size
    grant = Grant("POST", name, int(time.time()) + _POST_SECONDS, size)
    fields = {
        "key": name.key,
        "x-organization": name.organization,
        "x-expires": str(grant.expires),
        "x-max-length": str(size),
        "x-signature": platform().signer.sign(grant),
    }
    return {"url": f"{request.host_url}storage/{name.bucket}/", "fields": fields}


@routes.post("/storage/<bucket>/")
def store(bucket: str) -> Response:
    """Take an object in."""
    request.max_content_length = platform().limits.object_size + _FORM_OVERHEAD
    events = _form_events()
    fields: dict[str, str] = {}
    for event in events:
        if isinstance(event, Field):
            _add_field(fields, event.name, _text(events))
        elif isinstance(event, File):
            grant = _check_form(bucket, fields)
            with platform().objects.receive(grant.max_length) as incoming:
                take((event.data for event in events if isinstance(event, Data)), incoming)
                keep = platform().objects.replace if bucket == MODELS else platform().objects.keep
                keep(incoming, grant.name)
            return Response(status=HTTPStatus.NO_CONTENT)
    raise InvalidQueryError("the form has no file")


@routes.get("/storage/<bucket>/<anything:key>")
def fetch(bucket: str, key: str) -> Response:
    """Serve an object."""
    organization, expires, signature = query("organization", "expires", "signature")
    name = ObjectName(organization, bucket, key)
    platform().signer.check(Grant("GET", name, whole(expires)), signature)
    return stored(name)


@routes.get(f"/storage/{SNAPSHOTS}/<anything:key>")
def snapshot(key: str) -> Response:
    """Serve the annotations of a dataset as a file; made now, so nothing of it is kept."""
    organization, expires, signature = query("organization", "expires", "signature")
    platform().signer.check(Grant("GET", ObjectName(organization, SNAPSHOTS, key), whole(expires)), signature)
    found = platform().exports.snapshot(organization, key.removesuffix(".json"))
    return inert(reply(found), attached=True)


def stored(name: ObjectName) -> Response:
    """The bytes of an object, with the type they show."""
    path = platform().objects.path(name)
    if not path.is_file():
        raise ResourceNotFoundError("no such object")
    kind = sniff(path)
    return inert(send_file(path, mimetype=kind, conditional=True), attached=kind == OCTETS)


def inert(answer: Response, *, attached: bool) -> Response:
    """Served so that a browser shows a picture and does nothing else."""
    answer.headers.update(_INERT)
    answer.headers["Content-Disposition"] = "attachment" if attached else "inline"
    return answer


def _form_events() -> Iterator[Event]:
    boundary = request.mimetype_params.get("boundary", "")
    if request.mimetype != "multipart/form-data" or not boundary:
        raise InvalidQueryError("an object is sent as a multipart form")
    decoder = MultipartDecoder(boundary.encode("latin-1"), max_form_memory_size=1 << 20, max_parts=_FIELDS)
    while True:
        try:
            event = decoder.next_event()
            while isinstance(event, NeedData):
                decoder.receive_data(request.stream.read(_BLOCK) or None)
                event = decoder.next_event()
        except ValueError:
            raise InvalidQueryError("the form is not complete") from None
        yield event
        if isinstance(event, Epilogue):
            return


def _text(events: Iterator[Event]) -> str:
    data = bytearray()
    for event in events:
        if isinstance(event, Data):
            data += event.data
            if not event.more_data:
                break
        if len(data) > _FORM_OVERHEAD // _FIELDS:
            raise InvalidQueryError("a field of the form is too long")
    return data.decode("utf-8", "replace")


def _add_field(fields: dict[str, str], name: str, value: str) -> None:
    if name in fields:
        raise ForbiddenError(f"the field {name} is there twice")
    fields[name] = value


def _check_form(bucket: str, fields: dict[str, str]) -> Grant:
    name = ObjectName(fields.get("x-organization", ""), bucket, fields.get("key", ""))
    grant = Grant("POST", name, whole(fields.get("x-expires", "")), whole(fields.get("x-max-length", "")))
    platform().signer.check(grant, fields.get("x-signature", ""))
    return grant


def take(pieces: Iterable[bytes], incoming: Incoming) -> None:
    """Write all the bytes; those of a form end with the form, and one that was cut off raises."""
    try:
        for piece in pieces:
            incoming.write(piece)
    except RequestRejectedError as error:
        raise RequestEntityTooLarge(error.message) from None


def query(*names: str) -> list[str]:
    """The values of the address's query; what is missing, or there twice, is empty and fits no signature."""
    given = (request.args.getlist(name) for name in names)
    return [found[0] if len(found) == 1 else "" for found in given]


def whole(text: str) -> int:
    """A number that stands in a signed address or form."""
    if not (text.isascii() and text.isdecimal() and len(text) <= 15):
        raise ForbiddenError("the signature does not fit")
    return int(text)
