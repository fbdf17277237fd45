"""Kept-alive connections, each taken for one request at a time and given back, so that threads share them.

The only user of ``requests``, which makes a connection: it knows proxies and certificates, and what the environment says of
both, and is asked once a connection. The first request goes to urllib3 below it, which opens the connection; those that
follow go to ``http.client`` below that, which takes half the time of urllib3 and a fifth of that of ``requests``. Cookies
are not kept, ``.netrc`` is not read, redirects are not followed, and nothing is tried twice here.
"""

from __future__ import annotations

import atexit
import math
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from http import client
from typing import Any, ClassVar, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase
from requests.utils import check_header_validity
from urllib3 import HTTPConnectionPool, HTTPHeaderDict, HTTPResponse, Retry, Timeout
from urllib3.exceptions import HTTPError, ReadTimeoutError
from urllib3.exceptions import TimeoutError as TimedOut

T = TypeVar("T")

CONNECT_SECONDS = 5.0
IDLE_SECONDS = 4.0
_SMALL = 1 << 16
"""Bytes of a body up to which copying it behind the head costs less than sending it by itself."""
_ONCE = Retry(total=False, redirect=False)
_ORIGIN = re.compile(r"[^:/?#]+://[^/?#]*")
_PLAIN = re.compile(r"/[\w.~!$&'()*+,;=:@/?-]*(?:%[0-9A-F]{2}[\w.~!$&'()*+,;=:@/?-]*)*", re.ASCII)
"""A target in which urllib3 would change nothing."""
FAILURES = (HTTPError, client.HTTPException, requests.RequestException, OSError)
"""What a request raises that got no whole answer."""


class SlowError(TimedOut):
    """An answer that takes longer, or is longer, than any that is meant."""


class Answering(Protocol):
    """The beginning of an answer, whose body is to be read to its end."""

    @property
    def status(self) -> int:
        """As a number."""

    @property
    def headers(self) -> Mapping[str, str]:
        """By their names in any case."""

    def read1(self, amt: int) -> bytes:
        """What has arrived of the body, at most so many bytes; nothing at its end."""

    def release_conn(self) -> None:
        """Let the connection have the next request, now that the body was read."""

    def close(self) -> None:
        """Read no more."""


class _NoAuth(AuthBase):
    """Given to requests: without it credentials would be taken from .netrc and from the address."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


class _Together:
    """A connection that sends the head of a request with its body, as far as that is small: http.client sends one after the
    other, which costs a call and a packet more."""

    last: ClassVar[_Together | None] = None
    """The connection that sent last. There is a class for each line."""
    _gathers = _holds = False
    _head = b""

    def request(self, *args: Any, **options: Any) -> None:
        type(self).last = self
        self._gathers, self._head = True, b""
        super().request(*args, **options)  # type: ignore[misc]
        self._flush()

    def write(self, method: str, target: str, headers: Mapping[str, str], body: Any) -> None:
        """Write another small request, past urllib3, which is held back until ``answer``."""
        self._holds, self._head = True, b""
        client.HTTPConnection.request(self, method, target, body, headers)  # type: ignore[arg-type]
        self._holds = False

    def ask(
        self, method: str, target: str, headers: Mapping[str, str], body: Any, seconds: float
    ) -> Answering:
        """Another request over the connection, past urllib3."""
        own: Any = self
        own.sock.settimeout(seconds)
        self._gathers, self._head = True, b""
        # A host that takes no more may have answered why.
        with suppress(BrokenPipeError, ConnectionResetError):
            client.HTTPConnection.request(own, method, target, body, headers)
        return self.answer(method, seconds)

    def answer(self, method: str, seconds: float) -> Answering:
        """The beginning of the answer to the last request, of which the rest is sent."""
        own: Any = self
        if own.sock.gettimeout() != seconds:
            own.sock.settimeout(seconds)
        with suppress(BrokenPipeError, ConnectionResetError):
            self._flush()
        answer: client.HTTPResponse = _in_time(client.HTTPConnection.getresponse, own)
        if "Content-Encoding" in answer.headers:
            return HTTPResponse(
                answer, HTTPHeaderDict(answer.getheaders()), answer.status, preload_content=False, original_response=answer,
                request_method=method,
            )  # fmt: skip
        return _Plain(answer)

    def send(self, data: Any) -> None:
        if self._holds:
            self._head += data
        elif not self._gathers or not isinstance(data, bytes) or len(data) > _SMALL:
            self._flush()
            super().send(data)  # type: ignore[misc]
        elif self._head:
            self._head += data
            self._flush()
        else:
            self._head = data

    def _flush(self) -> None:
        head, self._head, self._gathers = self._head, b"", False
        if head:
            super().send(head)  # type: ignore[misc]


class _Plain:
    """An answer whose body is as it was sent, read by http.client, which does not say when a body breaks off."""

    def __init__(self, answer: client.HTTPResponse) -> None:
        self._answer = answer
        self.status = answer.status
        self.headers = cast(Mapping[str, str], answer.headers)
        self.close = self.release_conn = answer.close

    def read1(self, amt: int) -> bytes:
        """Raises IncompleteRead at an end that comes too early, and ReadTimeoutError."""
        chunk: bytes = _in_time(self._answer.read1, amt)
        if not chunk and self._answer.length:
            raise client.IncompleteRead(b"", self._answer.length)
        return chunk


def _in_time(read: Callable[..., T], *given: Any) -> T:
    """What is read, if it comes in time."""
    try:
        return read(*given)
    except TimeoutError:
        raise ReadTimeoutError(None, None, "no answer in time") from None  # type: ignore[arg-type]


class Line:
    """One connection to an origin (scheme, host and port)."""

    def __init__(self, origin: str) -> None:
        """Make it ready; it is opened by its first request."""
        self.origin = origin
        with requests.Session() as session:
            session.trust_env = urlsplit(origin).hostname not in ("127.0.0.1", "localhost", "::1")
            url = f"{origin}/"
            asked = session.prepare_request(requests.Request("GET", url, auth=_NoAuth()))
            settings = session.merge_environment_settings(url, {}, stream=True, verify=True, cert=None)
            verify, cert, proxies = settings["verify"], settings["cert"], settings["proxies"]
        adapter = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=1)
        self._adapter = adapter
        self._pool: HTTPConnectionPool = adapter.get_connection_with_tls_context(  # type: ignore[assignment]
            asked, verify, proxies, cert
        )
        kind = self._pool.ConnectionCls
        self._kind: Any = type(f"Together{kind.__name__}", (_Together, kind), {})
        self._pool.ConnectionCls = self._kind
        adapter.cert_verify(self._pool, url, verify, cert)  # type: ignore[no-untyped-call]
        self._whole = adapter.request_url(asked, proxies) != asked.path_url
        self._written: Any = None
        self.used = math.inf
        """When it was used last; it is not open before it was used."""
        self._headers = {name: str(session.headers[name]) for name in ("User-Agent", "Accept-Encoding")}

    def write(self, method: str, url: str, headers: Mapping[str, str], body: Any) -> None:
        """Do of a request what can be done before its turn: a small one is written, if the connection is open."""
        for header in headers.items():
            check_header_validity(header)
        if body is None or (isinstance(body, bytes) and len(body) <= _SMALL):
            last, target = self._plainly(url)
            if last is not None:
                last.write(method, target, {**self._headers, **headers}, body)
                self._written = last

    def send(self, method: str, url: str, headers: Mapping[str, str], body: Any, seconds: float) -> Answering:
        """The beginning of an answer to the request, which may be written already. ``seconds`` bound each wait for a byte."""
        again: Answering
        written, self._written = self._written, None
        if written is not None and written.is_connected:
            again = written.answer(method, seconds)
            return again
        last, target = self._plainly(url)
        headers = {**self._headers, **headers}
        if last is not None and last.is_connected:
            again = last.ask(method, target, headers, body, seconds)
            return again
        return self._pool.urlopen(
            method, target, body, headers, retries=_ONCE, redirect=False, assert_same_host=False,
            timeout=Timeout(connect=CONNECT_SECONDS, read=seconds), preload_content=False,
        )  # fmt: skip

    def _plainly(self, url: str) -> tuple[Any, str]:
        """The connection, if it was opened and urllib3 is not needed for this address; and the target."""
        target = url if self._whole else url[len(self.origin) :]
        last: Any = self._kind.last
        return last if last is not None and _PLAIN.fullmatch(target) else None, target

    def close(self) -> None:
        """Close it, whatever it is used for."""
        self._pool.close()
        self._adapter.close()


_idle: dict[str, list[Line]] = defaultdict(list)
_lock = threading.Lock()


def origin_of(url: str) -> str:
    """Scheme, host and port of an address."""
    found = _ORIGIN.match(url)
    return found[0] if found else ""


def take(origin: str) -> Line:
    """A connection that nobody uses, and that the other end will not have closed yet."""
    oldest = time.monotonic() - IDLE_SECONDS
    stale: list[Line] = []
    found: Line | None = None
    with _lock:
        while _idle[origin] and found is None:
            line = _idle[origin].pop()
            if line.used >= oldest:
                found = line
            else:
                stale.append(line)
    for line in stale:
        line.close()
    return found or Line(origin)


@contextmanager
def asking(
    method: str, url: str, headers: Mapping[str, str], body: Any
) -> Iterator[Callable[[float], Answering]]:
    """What sends a request and gives its answer, each wait bounded by seconds; what can be done before is done at once.

    The connection is kept when the answer was read to its end, and closed otherwise.
    """
    line = take(origin_of(url))
    responses: list[Answering] = []

    def answer(seconds: float) -> Answering:
        nonlocal line
        if line.used < time.monotonic() - IDLE_SECONDS:  # it waited long for its turn
            line.close()
            line = Line(line.origin)
        responses.append(line.send(method, url, headers, body, seconds))
        return responses[0]

    try:
        line.write(method, url, headers, body)
        yield answer
        (response,) = responses
        response.release_conn()
    except BaseException:
        for response in responses:
            response.close()
        line.close()
        raise
    line.used = time.monotonic()
    with _lock:
        _idle[line.origin].append(line)


@atexit.register
def close_all() -> None:
    """Close the connections that no request is using."""
    with _lock:
        lines = [line for pool in _idle.values() for line in pool]
        _idle.clear()
    for line in lines:
        line.close()
