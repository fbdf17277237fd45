"""Requests to the platform: deadlines, retries, and errors that say what to do.

Connections lie in a pool of this process (``lines``) and are taken for one request at a time, so that threads share
kept-alive ones and nothing unpicklable travels to workers. Success is a parsed answer, never a bare status. Redirects
are not followed (they lose bodies and leak tokens), and retries of urllib3 are off: the policy is here, in one loop,
with full jitter.
"""

from __future__ import annotations

import errno
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO, TypeVar

import msgspec
from urllib3.exceptions import TimeoutError as TimedOut

from ..errors import Action, ApiLimitError, NetworkError, PicselliaError, ProcessingError
from . import lines
from .answers import Answer, check, retry_after, words_of
from .connection import Connection, Traffic
from .redaction import keep_addresses_out_of_logs

T = TypeVar("T")
_OBJECT = msgspec.json.Decoder(dict[str, Any])
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
keep_addresses_out_of_logs()

TRIES = 6
READ_SECONDS = 30.0
DEADLINE_SECONDS = 120.0
PAUSE_FIRST, PAUSE_MOST = 0.2, 20.0
ANSWER_BYTES_MAX = 1 << 30
_TOO_MUCH = (429, 503)
_NO_HANDLES = os.strerror(errno.EMFILE)
_CHUNK = 1 << 18
"""The most bytes taken at a time; what has arrived is not waited upon for more."""

Opener = Callable[[int, Mapping[str, str]], BinaryIO | None]
"""Given the status and headers of an answer: the file that its body goes to, or None to have it as bytes."""


class _NotWrittenError(Exception):
    """A body could not be written to its file, which is no failure of the network."""


close_idle_connections = lines.close_all


def send(  # noqa: PLR0913 - a request has that many parts
    traffic: Traffic,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: Any = None,
    seconds: float = DEADLINE_SECONDS,
    into: Opener | None = None,
) -> Answer:
    """One request, one answer, no second try. ``body`` is bytes or a readable with a length; ``into`` opens a file.

    It waits for its turn, and its answer sets the pace of those to come. Raises NetworkError when no whole answer
    came (a file has what did); any answer, whatever its status, is returned.
    """
    try:
        with lines.asking(method, url, headers, body) as ask, traffic.pace.turn(len(body) if body else 0):
            if traffic.pace.halted:
                raise NetworkError("the run is stopping")
            answer = _exchange(traffic, ask, seconds, into)
    except _NotWrittenError as error:
        raise error.args[0] from None
    except lines.FAILURES as error:
        raise _no_answer(traffic, lines.origin_of(url), error) from None
    traffic.note_clock(answer.headers.get("Date"))
    if answer.status in _TOO_MUCH:
        traffic.pace.asked_too_much(retry_after(answer))
    elif answer.status < 500:
        traffic.pace.went_well()
    return answer


def _exchange(
    traffic: Traffic, ask: Callable[[float], lines.Answering], seconds: float, into: Opener | None
) -> Answer:
    traffic.add(requests=1)
    deadline = time.monotonic() + seconds
    response = ask(READ_SECONDS)
    return Answer(response.status, response.headers, _take(response, deadline, into))


def _no_answer(traffic: Traffic, origin: str, error: BaseException) -> NetworkError:
    if _NO_HANDLES in repr(error):
        close_idle_connections()
    if _NO_HANDLES in repr(error) or isinstance(error, TimedOut):
        traffic.pace.asked_too_much()
    return NetworkError(f"{origin} does not answer: {_why(error)}", "is the host right, and up?")


def _take(response: lines.Answering, deadline: float, into: Opener | None) -> bytes:
    """Read the body to its end: as bytes, or into the file that is opened for it."""
    file = into(response.status, response.headers) if into else None
    if file is None:
        chunks, total = [], 0
        for chunk in _chunks(response, deadline):
            chunks.append(chunk)
            total += len(chunk)
            if total > ANSWER_BYTES_MAX:
                raise lines.SlowError("the answer is too long")
        return b"".join(chunks)
    with file:
        for chunk in _chunks(response, deadline):
            try:
                file.write(chunk)
            except OSError as error:
                raise _NotWrittenError(error) from None
    return b""


def _chunks(response: lines.Answering, deadline: float) -> Iterator[bytes]:
    while chunk := response.read1(_CHUNK):
        yield chunk
        if time.monotonic() > deadline:
            raise lines.SlowError("the answer takes too long")


def _why(error: BaseException) -> str:
    """An error in a few words, without addresses: exception texts hold signed URLs."""
    text = repr(error)
    for needle, words in (
        (_NO_HANDLES, "this process has too many open files"),
        ("Connection refused", "connection refused"),
        ("NameResolution", "its name cannot be resolved"),
        ("Name or service not known", "its name cannot be resolved"),
        ("ConnectTimeout", "no connection in time"),
        ("ReadTimeout", "no answer in time"),
        ("timed out", "no answer in time"),
        ("too slowly", "it takes bytes too slowly"),
        ("reset", "connection reset"),
        ("certificate", "its TLS certificate cannot be verified"),
    ):
        if needle in text:
            return words
    return re.sub(r"\W+", " ", type(error).__name__)


def call(
    connection: Connection,
    method: str,
    path: str,
    json: object = None,
    headers: Mapping[str, str] | None = None,
    confirm: Callable[[], bool] | None = None,
) -> tuple[int, dict[str, Any]]:
    """A call of the platform's API, repeated as long as that may help: (status, answer).

    ``path`` is relative to the host and already percent-encoded. ``confirm`` is for calls that must not be applied
    twice: after a failure that leaves it open whether the call took effect it is asked; when it says yes, the answer
    is (200, {}). Raises the PicselliaError that tells what to do.
    """
    body = None if json is None else msgspec.json.encode(json)

    def attempt() -> tuple[int, dict[str, Any]]:
        answer = _asked(connection, method, path, headers or {}, body)
        return answer.status, _parsed(answer, _OBJECT)

    def settled() -> tuple[int, dict[str, Any]] | None:
        return (200, {}) if confirm is not None and confirm() else None

    return persist(connection.traffic, connection.host, attempt, settled)


def fetch(connection: Connection, path: str, json: object = None) -> dict[str, msgspec.Raw]:
    """The members of an answer, each as the JSON that was sent: to a GET, or a POST that only asks. Otherwise as ``call``."""
    method, body = ("GET", None) if json is None else ("POST", msgspec.json.encode(json))

    def attempt() -> dict[str, msgspec.Raw]:
        return _parsed(_asked(connection, method, path, {}, body), _MEMBERS)

    return persist(connection.traffic, connection.host, attempt)


def _asked(
    connection: Connection, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
) -> Answer:
    sent = {"Authorization": f"Token {connection.token.reveal()}", **headers}
    answer = send(connection.traffic, method, connection.host + path, sent, body)
    if answer.status == 403 and not words_of(answer):
        raise ProcessingError("the answer (403) is not the platform's: something stands between")
    check(answer)
    return answer


def persist(
    traffic: Traffic, url: str, attempt: Callable[[], T], settled: Callable[[], T | None] | None = None
) -> T:
    """Try until it works, it cannot work, or the tries are used up. Full jitter.

    A host that is away for everybody is waited for, and then there are new tries.
    """
    while True:
        try:
            return _try(traffic, attempt, settled)
        except PicselliaError as error:
            if error.action is not Action.RETRY or isinstance(error, ApiLimitError):
                raise
            if not traffic.pace.await_return(lambda: _answers(traffic, url)):
                raise
        if settled is not None and (found := settled()) is not None:
            return found


def _try(traffic: Traffic, attempt: Callable[[], T], settled: Callable[[], T | None] | None) -> T:
    for pause in _pauses():
        try:
            return attempt()
        except PicselliaError as error:
            if error.action is not Action.RETRY or pause is None or traffic.pace.halted:
                raise
            ambiguous = not isinstance(error, ApiLimitError)
        traffic.pace.pause(pause)
        traffic.add(retries=1)
        if ambiguous and settled is not None and (found := settled()) is not None:
            return found
    raise AssertionError("the last pause is None")


def _answers(traffic: Traffic, url: str) -> bool:
    """Whether anything that works is at the other end; what it says does not matter."""
    try:
        return send(traffic, "GET", lines.origin_of(url) + "/", {}, None, READ_SECONDS).status < 500
    except NetworkError:
        return False


def _pauses() -> Iterator[float | None]:
    for number in range(TRIES - 1):
        yield random.uniform(0, min(PAUSE_MOST, PAUSE_FIRST * 2**number))  # noqa: S311 - jitter, not a secret
    yield None


def _parsed(answer: Answer, wanted: msgspec.json.Decoder[T]) -> T:
    try:
        return wanted.decode(answer.body)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ProcessingError(
            f"the answer ({answer.status}) is not a JSON object", "is this host a Picsellia platform?"
        ) from None
