"""A WSGI layer that makes requests go wrong, each rule a stated number of times."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

Rule = Callable[[dict[str, Any]], str | None]


class Faults:
    """``fail(method, part, times, how)``: the next ``times`` requests whose path holds ``part`` go wrong.

    ``before``: answered 503, nothing done. ``after``: done, then answered 503. ``lost``: done, then an answer that is
    no JSON. ``lie``: answered 200, nothing done. ``status NNN``: answered so, nothing done. ``cut``: the second half of the answer's body does not come. While ``away`` is set, which ``leave`` does, all are answered 503.
    """

    def __init__(self) -> None:
        self.rules: list[list[Any]] = []
        self.away = False
        self.seen: list[tuple[str, str]] = []
        self.lock = threading.Lock()

    def fail(self, method: str, part: str, times: int = 1, how: str = "before") -> None:
        self.rules.append([method, part, times, how])

    def count(self, method: str, part: str) -> int:
        return sum(m == method and part in path for m, path in self.seen)

    def _rule(self, method: str, path: str) -> str | None:
        with self.lock:
            self.seen.append((method, path))
            if self.away:
                return "before"
            for rule in self.rules:
                if rule[0] == method and rule[1] in path and rule[2] > 0:
                    rule[2] -= 1
                    return str(rule[3])
        return None

    def wrap(self, app: Any) -> Any:
        def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            how = self._rule(environ["REQUEST_METHOD"], environ["PATH_INFO"])
            if how is None:
                answer: Iterable[bytes] = app(environ, start_response)
                return answer
            if how == "cut":
                whole = _body(app(environ, start_response))
                return [whole[: len(whole) // 2]]
            self.away = self.away or how == "leave"
            if how in ("after", "lost"):
                _drain(app, environ)
            else:
                environ["wsgi.input"].read()
            status = (
                "200 OK"
                if how == "lost"
                else f"{how.removeprefix('status ') if how.startswith('status') else '503'} X"
            )
            body = b"<html>" if how == "lost" else b'{"error": "made to fail"}'
            if how == "lie":
                status, body = "200 OK", b"{}"
            start_response(status, [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
            return [body]

        return wrapped


def _drain(app: Any, environ: dict[str, Any], said: list[str] | None = None) -> None:
    def start_response(status: str, *_: Any) -> Any:
        if said is not None:
            said.append(status)
        return lambda _: None

    _body(app(environ, start_response))


def _body(answer: Any) -> bytes:
    whole = b"".join(answer)
    if hasattr(answer, "close"):
        answer.close()
    return whole


def foreign(app: Any) -> Any:
    """The platform as another host might be: it says nothing of a picture it registers and knows no idempotency key."""

    def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.pop("HTTP_IDEMPOTENCY_KEY", None)
        if "/picture/upload/" not in environ["PATH_INFO"]:
            answer: Iterable[bytes] = app(environ, start_response)
            return answer
        said: list[str] = []
        _drain(app, environ, said)
        start_response(said[0], [("Content-Type", "application/json"), ("Content-Length", "2")])
        return [b"{}"]

    return wrapped
