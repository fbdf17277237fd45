"""What every page needs: the session, the headers, and the answer."""

from __future__ import annotations

import unicodedata
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, g, render_template, request
from jinja2 import StrictUndefined

from ...errors import InvalidQueryError
from ..routes.common import BASE, platform

routes = Blueprint("pages", __name__, template_folder="templates")

OPEN = frozenset({"pages.enter", "pages.sign_in", "pages.style"})
"""What is shown to everybody: where one signs in, and how it looks."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; img-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "private, no-store",
}
_HIDDEN = frozenset("\u200b\u2060\ufeff\u061c\u200e\u200f")
_PAGES = 1_000_000
_TITLES = {
    HTTPStatus.UNAUTHORIZED: "Sign in",
    HTTPStatus.NOT_FOUND: "Nothing is here",
    HTTPStatus.FORBIDDEN: "This is not shown",
}


@routes.record_once
def _prepare(state: Any) -> None:
    environment = state.app.jinja_env
    environment.undefined = StrictUndefined
    environment.trim_blocks = environment.lstrip_blocks = True
    environment.filters["shown"] = shown
    environment.filters["number"] = "{:,}".format


@routes.before_request
def _know() -> None:
    if request.endpoint not in OPEN:
        g.account = platform().sessions.account(request.cookies.get(cookie(), ""))


def cookie() -> str:
    """The cookie of the session. A browser sends it to every port of this machine, so its name says which it is for."""
    return f"picsellia_session_{request.environ['SERVER_PORT']}"


def show(template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
    """A page."""
    values.setdefault("username", g.account.username if "account" in g else None)
    return Response(render_template(template, **values), status, HEADERS, mimetype="text/html")


def move(address: str) -> Response:
    """On to another page; a form that was sent is not sent again there."""
    return Response(status=HTTPStatus.SEE_OTHER, headers=HEADERS | {"Location": address})


def wanted() -> bool:
    """Whether it is a page that was asked for; an address of nothing is one where a browser asks for HTML."""
    if request.url_rule is None:
        return not request.path.startswith((BASE, "/storage/")) and "text/html" in request.headers.get(
            "Accept", ""
        )
    return request.blueprint == routes.name


def refusal(message: str, status: int) -> Response:
    """The page of an error; who is not signed in may do so there."""
    if status == HTTPStatus.UNAUTHORIZED:
        then = request.full_path.rstrip("?") if request.method == "GET" else "/"
        return show("enter.html", status, username=None, message=message, then=then)
    title = _TITLES.get(HTTPStatus(status), "This did not work")
    return show("refusal.html", status, title=title, message=message)


def page_number() -> int:
    """The page that the address asks for."""
    text = request.args.get("page", "1")
    if not (text.isascii() and text.isdecimal() and len(text) <= 7 and 1 <= int(text) <= _PAGES):
        raise InvalidQueryError("a page is a whole number from 1 on")
    return int(text)


def shown(text: str) -> str:
    """Text as it is, with what would hide, turn or break it made visible."""
    return "".join(_visible(letter) for letter in text)


def _visible(letter: str) -> str:
    if letter < " ":
        return chr(0x2400 + ord(letter))
    turning = unicodedata.bidirectional(letter) in (
        "LRE",
        "RLE",
        "LRO",
        "RLO",
        "PDF",
        "LRI",
        "RLI",
        "FSI",
        "PDI",
    )
    if turning or letter in _HIDDEN or "\x7f" <= letter < "\xa0":
        return f"⟨U+{ord(letter):04X}⟩"
    return letter
