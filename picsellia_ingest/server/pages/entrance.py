"""Signing in and out, and how pages look, which needs no session."""

from __future__ import annotations

from pathlib import Path

from flask import Response, request, send_file

from ...errors import UnauthorizedError
from ..routes.common import platform
from ..sessions import SESSION_SECONDS
from .common import HEADERS, cookie, move, routes, show

_STYLE = Path(__file__).with_name("style.css")
_LONGEST_FORM = 1 << 16


@routes.get("/enter")
def enter() -> Response:
    """Where one signs in; with the ``key`` of an invitation one is."""
    then = _local(request.args.get("next", "/"))
    if "key" not in request.args:
        return show("enter.html", message="", then=then)
    try:
        return _signed_in(platform().sessions.accept(request.args["key"]), then)
    except UnauthorizedError as error:
        return show("enter.html", 401, message=str(error), then=then)


@routes.post("/enter")
def sign_in() -> Response:
    """Sign in with a token."""
    request.max_content_length = _LONGEST_FORM
    then = _local(request.form.get("next", "/"))
    try:
        return _signed_in(platform().sessions.open(request.form.get("token", "").strip()), then)
    except UnauthorizedError as error:
        return show("enter.html", 401, message=str(error), then=then)


@routes.post("/leave")
def leave() -> Response:
    """Sign out."""
    platform().sessions.close(request.cookies.get(cookie(), ""))
    answer = move("/enter")
    answer.delete_cookie(cookie(), httponly=True, samesite="Strict")
    return answer


@routes.get("/style.css")
def style() -> Response:
    """How pages look."""
    answer = send_file(_STYLE, mimetype="text/css", conditional=True)
    answer.headers.update(HEADERS | {"Cache-Control": "no-cache"})
    return answer


def _signed_in(session: str, then: str) -> Response:
    answer = move(then)
    answer.set_cookie(cookie(), session, max_age=SESSION_SECONDS, httponly=True, samesite="Strict")
    return answer


def _local(address: str) -> str:
    """An address of this site as it is, and the first page for any other.

    Browsers drop controls, take a backslash for a slash, and read another host after two slashes.
    """
    plain = address.startswith("/") and not address.startswith("//")
    return address if plain and not any(letter <= " " or letter == "\\" for letter in address) else "/"
