"""Annotations; a picture is addressed by its name, or by its id."""

from __future__ import annotations

from flask import Blueprint, Response, request

from ...errors import InvalidQueryError
from ..objects import ObjectName
from ..store.annotations import Addition
from .common import BASE, caller, checked, once, platform, raw_body, reply
from .storage import SNAPSHOTS, signed_address

_PAGE = 200

routes = Blueprint("annotations", __name__, url_prefix=BASE)


@routes.put("/annotation/new/<dataset>/<anything:name>")
def add_by_name(dataset: str, name: str) -> Response:
    """Add objects to the annotation of a picture."""
    more = checked(Addition, raw_body())
    return reply(platform().annotations.add_by_name(caller(), dataset, name, more, once()))


@routes.get("/annotation/new/<dataset>/<anything:name>")
def of_picture(dataset: str, name: str) -> Response:
    """The annotation of a picture."""
    return reply({"annotations": platform().annotations.of_picture(caller(), dataset, name)})


@routes.put("/annotation/<dataset>/<picture>")
def add_by_id(dataset: str, picture: str) -> Response:
    """The same, as clients up to 5.0.8 may ask."""
    more = checked(Addition, raw_body())
    return reply(platform().annotations.add_by_id(caller(), dataset, picture, more, once()))


@routes.delete("/annotation/<dataset>/<picture>")
def delete(dataset: str, picture: str) -> Response:
    """Remove the annotation of a picture."""
    platform().annotations.delete(caller(), dataset, picture)
    return reply({"success": "annotations deleted"})


@routes.get("/annotation/<dataset>")
def page(dataset: str) -> Response:
    """A page of the annotations of a dataset, or where all of them can be fetched as a file."""
    if request.args.get("snapshot", "False").lower() not in ("false", "0", ""):
        platform().datasets.check(caller(), dataset)
        name = f"{dataset}.json"
        url = signed_address(ObjectName(caller().organization_id, SNAPSHOTS, name))
        return reply({"url": url, "object_name": name})
    limit, offset = _number("limit", _PAGE, least=1), _number("offset", 0, least=0)
    records, pages = platform().annotations.page(caller(), dataset, limit, offset)
    return reply({"annotations": records, "nb_pages": pages})


@routes.delete("/annotation/<dataset>")
def delete_all(dataset: str) -> Response:
    """Remove every annotation of a dataset."""
    platform().annotations.delete_all(caller(), dataset)
    return reply({"success": "annotations deleted"})


def _number(name: str, default: int, least: int) -> int:
    text = request.args.get(name, str(default))
    if not (text.isdecimal() and text.isascii() and least <= int(text) < 1 << 31):
        raise InvalidQueryError(f"{name} must be a whole number from {least} on")
    return int(text)
