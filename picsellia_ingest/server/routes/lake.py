"""Pictures of the data lake."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import msgspec
from flask import Blueprint, Response

from ..store.fields import Name
from ..store.lake import Registration
from .common import BASE, body, member_of, platform, reply

routes = Blueprint("lake", __name__, url_prefix=BASE)


class Search(msgspec.Struct):
    """The body of ``datalake/search``."""

    tags: list[Name] = []
    quantity: float = 1


class Deletion(msgspec.Struct):
    """The body of ``datalake/delete``."""

    to_delete: list[Any]


class Tagging(msgspec.Struct):
    """The body of ``datalake/tag``."""

    tags: list[Name]
    to_tag: list[Any]


class Untagging(msgspec.Struct):
    """The body of ``datalake/delete_tag``."""

    tags: list[Name]
    to_delete_tag: list[Any]


@routes.get("/datalake/<org>")
def pictures(org: str) -> Response:
    """Every picture."""
    return reply({"pictures": platform().lake.pictures(member_of(org))})


@routes.post("/datalake/search/<org>")
def search(org: str) -> Response:
    """The pictures with all these tags."""
    wanted = body(Search)
    found = platform().lake.search(member_of(org), wanted.tags, wanted.quantity)
    return reply({"pictures": found})


@routes.post("/datalake/delete/<org>")
def delete(org: str) -> Response:
    """Remove pictures."""
    platform().lake.delete(member_of(org), body(Deletion).to_delete)
    return reply({"message": "pictures deleted"})


@routes.post("/datalake/tag/<org>")
def tag(org: str) -> Response:
    """Add tags."""
    wanted = body(Tagging)
    platform().lake.tag(member_of(org), wanted.to_tag, wanted.tags)
    return reply({"message": "tags added"})


@routes.post("/datalake/delete_tag/<org>")
@routes.post("/datalake/delete_tag/tag/<org>")  # 4.7
def untag(org: str) -> Response:
    """Remove tags."""
    wanted = body(Untagging)
    platform().lake.untag(member_of(org), wanted.to_delete_tag, wanted.tags)
    return reply({"message": "tags removed"})


@routes.put("/picture/upload/<org>")
def register(org: str) -> Response:
    """Make a picture of stored bytes: 201, or 208 with the one that has the name."""
    picture, made = platform().lake.register(member_of(org), body(Registration))
    return reply(picture, HTTPStatus.CREATED if made else HTTPStatus.ALREADY_REPORTED)
