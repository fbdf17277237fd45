"""The calls a client begins with."""

from __future__ import annotations

import msgspec
from flask import Blueprint, Response

from ..store.accounts import check_organization
from .common import BASE, body, caller, reply

# The version this platform answers as; another one makes the published client print a notice.
SDK_VERSION = "5.0.22"

routes = Blueprint("bootstrap", __name__, url_prefix=BASE)


class OrganizationQuestion(msgspec.Struct):
    """The body of ``get_organization``."""

    organization: str | None = None


@routes.get("/ping")
def ping() -> Response:
    """Who the token belongs to."""
    return reply({"username": caller().username, "sdk_version": SDK_VERSION})


@routes.post("/get_organization")
def get_organization() -> Response:
    """The caller's organization."""
    account = caller()
    check_organization(account, body(OrganizationQuestion).organization)
    return reply({"organization_id": account.organization_id, "organization_name": account.organization_name})
