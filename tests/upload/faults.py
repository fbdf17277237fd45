"""A WSGI layer that makes requests go wrong, each rule a stated number of times."""

from __future__ import annotations

import hashlib
import io
import random
import re
import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

Rule = Callable[[dict[str, Any]], str | None]


class Faults:
    """``fail(method, part, times, how)``: the next ``times`` requests whose path holds ``part`` go wrong.

    ``before``: answered 503, nothing done. ``after``: done, then answered 503. ``lost``: done, then an answer that is
    no JSON. ``closed``, ``closed after``: no answer.
    ``lie``: answered 200, nothing done. ``status NNN``: answered so, nothing done. ``cut``: the second
    half of the answer's body does not come. While ``away`` is set, which ``leave`` does, all are answered 503.
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
            if how in ("after", "lost", "closed after"):
                _drain(app, environ)
            else:
                environ["wsgi.input"].read()
            if how.startswith("closed"):
                _close(environ)
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


def _close(environ: dict[str, Any]) -> None:
    # Waitress offers no way to end a connection without an answer.
    environ["waitress.client_disconnected"].__self__.socket.shutdown(socket.SHUT_RDWR)


class Mix:
    """A share of all requests goes wrong, each in one of these ways; the seed says which, and how.

    What was asked is counted by what it asks for, and what went wrong by its kind.
    """

    KINDS = ("500 before", "500 after", "garbage", "cut", "429", "closed", "lost", "twice")

    def __init__(self, seed: int, share: float = 0.2, kinds: Sequence[str] = KINDS) -> None:
        self.seed, self.share, self.kinds = seed, share, kinds
        self.asked: Counter[str] = Counter()
        self.injected: Counter[str] = Counter()
        self.random = random.Random(seed)
        self.lock = threading.Lock()

    def _choose(self, what: str) -> str:
        with self.lock:
            self.asked[what] += 1
            chance = random.Random(f"{self.seed} {what} {self.asked[what]}")
            how = chance.choice(self.kinds) if chance.random() < self.share else ""
            if how:
                self.injected[how] += 1
        return how

    def wrap(self, app: Any) -> Any:
        def wrapped(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
            body = environ["wsgi.input"].read()

            def done(respond: Any = lambda *_: lambda _: None) -> bytes:
                return _body(app({**environ, "wsgi.input": io.BytesIO(body)}, respond))

            how = self._choose(_what(environ, body))
            if how in ("500 after", "garbage", "lost", "twice"):
                done()
            if how in ("closed", "lost"):
                _close(environ)
            if how in ("", "twice"):
                return [done(start_response)]
            if how == "cut":
                whole = done(start_response)
                return [whole[: len(whole) // 2]]
            status, answer = _ANSWERS.get(how, ("500 X", b"{}"))
            after = [("Retry-After", self.random.choice(("0", "soon", "-1")))] if how == "429" else []
            start_response(status, [("Content-Length", str(len(answer))), *after])
            return [answer]

        return wrapped


_ANSWERS = {"garbage": ("200 OK", b"<html>"), "429": ("429 X", b'{"error": "too much"}')}


def _what(environ: dict[str, Any], body: bytes) -> str:
    """What a request asks for, the same each time it is tried, and in each run of a test, whatever ids the platform gives."""
    path = f"{environ['REQUEST_METHOD']} {environ['PATH_INFO']}"
    if "/storage/" in path:
        return path + str(re.findall(rb'name="key"\s+(\S+)', body))
    content = hashlib.sha256(re.sub(_ID.encode(), b"", body)).hexdigest()
    return re.sub(_ID, "", f"{path} {environ['QUERY_STRING']} {content}")


_ID = "[0-9a-f]{8}-[0-9a-f-]{27}"


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
