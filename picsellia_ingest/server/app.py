"""The Flask application: what stands before every route, and how errors become answers.

A request passes three gates. Its ``Host`` must be a loopback name, which stops DNS rebinding; a browser's
``Origin`` or ``Sec-Fetch-Site`` must not be another site's; and platform calls must carry a token. Storage
addresses carry their own signature instead, and pages want a session. Errors of the store become the status that
clients expect; whatever is not served is 404, and only signing in and out redirects.
"""

from __future__ import annotations

import math
import threading
import time
from copy import copy
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING

import msgspec
from flask import Config, Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed
from werkzeug.routing import BaseConverter

from ..errors import (
    ApiLimitError,
    ForbiddenError,
    InvalidQueryError,
    PicselliaError,
    RequestRejectedError,
    ResourceNotFoundError,
    UnauthorizedError,
)
from . import pages, routes
from .routes.common import EXTENSION, check_writer, reply
from .routes.common import platform as current_platform

if TYPE_CHECKING:
    from .platform import Limits, Platform

_STATUS: dict[type[PicselliaError], HTTPStatus] = {
    InvalidQueryError: HTTPStatus.BAD_REQUEST,
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    ResourceNotFoundError: HTTPStatus.NOT_FOUND,
    RequestRejectedError: HTTPStatus.CONFLICT,
    ApiLimitError: HTTPStatus.TOO_MANY_REQUESTS,
}
_READING = ("bootstrap.get_organization", "lake.search", "storage.presign")
"""What asks with another method than GET and changes nothing; what is signed is looked at there."""
_MAKING = ("multipart.begin", "scans.next_run")
"""What makes something with a GET."""
_HOSTS = ("127.0.0.1", "localhost", "[::1]")


class _Anything(BaseConverter):
    """One or more characters of any kind: a name arrives decoded, with its slashes and line ends."""

    regex = r"(?s:.+)"
    part_isolating = False
    weight = 200


def create_app(platform: Platform) -> Flask:
    """The application that answers for a platform."""
    app = copy(_routes())
    app.config = Config(app.root_path, app.config)
    app.config["MAX_CONTENT_LENGTH"] = platform.limits.request_size
    app.extensions = {EXTENSION: platform}
    gates = (_check_host, _check_site, _RateLimit(platform.limits), _authenticate)
    app.before_request_funcs = {**app.before_request_funcs, None: [*gates]}
    return app


@cache
def _routes() -> Flask:
    """What answers for any platform. It is made once: nearly all of the time goes into the patterns of the routes."""
    app = Flask(__name__, static_folder=None)
    app.config["PROVIDE_AUTOMATIC_OPTIONS"] = False
    app.url_map.merge_slashes = False
    app.url_map.strict_slashes = False
    app.url_map.converters["anything"] = _Anything
    for blueprint in (*routes.BLUEPRINTS, pages.routes):
        app.register_blueprint(blueprint)
    app.register_error_handler(PicselliaError, _refuse)
    app.register_error_handler(msgspec.MsgspecError, _refuse_body)
    app.register_error_handler(HTTPException, _refuse_request)
    return app


def _check_host() -> None:
    name, colon, port = request.headers.get("Host", "").rpartition(":")
    if not (colon and port.isdecimal()):
        name = request.headers.get("Host", "")
    if name not in _HOSTS:
        raise ForbiddenError("this host is not served here")


def _check_site() -> None:
    site = request.headers.get("Sec-Fetch-Site", "none")
    origin = request.headers.get("Origin")
    # A form of a page says where it came from; calls of the platform never come from a browser.
    own = pages.wanted() and origin == request.host_url.rstrip("/")
    if (origin is not None and not own) or site not in ("same-origin", "none"):
        raise ForbiddenError("requests from other sites are not served")


class _RateLimit:
    """A bucket of tokens for all requests together: it fills at the rate, and holds one second's worth."""

    def __init__(self, limits: Limits) -> None:
        self._rate = limits.requests_per_second
        self._level = max(1.0, self._rate)
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def __call__(self) -> None:
        if math.isinf(self._rate):
            return
        with self._lock:
            now = time.monotonic()
            self._level = min(max(1.0, self._rate), self._level + (now - self._at) * self._rate)
            self._at = now
            if self._level < 1:
                wait = math.ceil((1 - self._level) / self._rate)
                raise ApiLimitError("too many requests", wait=wait)
            self._level -= 1


def _authenticate() -> None:
    if request.path.startswith(routes.BASE):
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind != "Token" or not token:
            raise UnauthorizedError("a token is needed")
        g.account = current_platform().accounts.of_token(token.strip())
        if (request.method != "GET" and request.endpoint not in _READING) or request.endpoint in _MAKING:
            check_writer()


def _refuse(error: PicselliaError) -> Response:
    status = next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), None)
    answer = _answer(str(error), status or HTTPStatus.INTERNAL_SERVER_ERROR)
    if isinstance(error, ApiLimitError):
        answer.headers["Retry-After"] = str(int(error.wait))
    return answer


def _refuse_body(error: msgspec.MsgspecError) -> Response:
    return _answer(str(error), HTTPStatus.BAD_REQUEST)


def _refuse_request(error: HTTPException) -> Response:
    if isinstance(error, MethodNotAllowed):
        return _answer("nothing is served here", HTTPStatus.NOT_FOUND)
    return _answer(error.description or error.name, error.code or HTTPStatus.INTERNAL_SERVER_ERROR)


def _answer(message: str, status: int) -> Response:
    return pages.refusal(message, status) if pages.wanted() else reply({"error": message}, status)
