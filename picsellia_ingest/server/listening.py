"""Waitress in a thread, told to be stricter with requests and kinder to connections.

A request that says its length in two ways is refused, since two readers could take it for two requests. One whose
head or body drips in is dropped, whatever it says next. An answer without a body keeps its connection, so that a
picture that is stored costs no new one.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import create_server
from waitress.task import WSGITask
from waitress.wasyncore import close_all, loop

from ..errors import ServerError
from .platform import Limits

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

HEAD_SECONDS = 10.0
"""How long the head of a request may take to arrive."""
BODY_SECONDS, BODY_BYTES_PER_SECOND = 10.0, 1024
"""A body may be slow for so long, and after that come no slower than so."""
_FORM_OVERHEAD = 1 << 20


class _Parser(HTTPRequestParser):  # type: ignore[misc] # waitress has no types
    """Refuses a request whose length is said twice, or in a way that its version does not have."""

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if (self.chunked and "CONTENT_LENGTH" in self.headers) or "TRANSFER_ENCODING" in self.headers:
            raise ParsingError("the length is said in two ways")


class _Task(WSGITask):  # type: ignore[misc] # waitress has no types
    """Keeps the connection after an answer that has no body and therefore no length."""

    def set_close_on_finish(self) -> None:
        wanted = self.request.headers.get("CONNECTION", "").lower()
        if self.has_body or self.version != "1.1" or wanted == "close":
            super().set_close_on_finish()


class _Channel(HTTPChannel):  # type: ignore[misc] # waitress has no types
    """A connection that knows when its request is late; when it ends, it lets go of one that had not fully come in."""

    parser_class = _Parser
    task_class = _Task
    request: Any
    coming: Any = None
    begun = 0.0
    """The request that is coming in, and since when."""

    def received(self, data: bytes) -> Any:
        done = super().received(data)
        if self.request is not self.coming:
            self.coming, self.begun = self.request, time.monotonic()
        return done

    def writable(self) -> bool:
        """Not while a thread sends: for what it cannot send it wakes the loop, which until then would turn for nothing."""
        if not self.outbuf_lock.acquire(blocking=False):
            return False
        try:
            return bool(super().writable())
        finally:
            self.outbuf_lock.release()

    def late(self, now: float) -> bool:
        """Whether the request that comes in comes in too slowly."""
        request, seconds = self.coming, now - self.begun
        if request is None or request is not self.request:
            return False
        if not request.headers_finished:
            return seconds > HEAD_SECONDS
        return bool(request.body_bytes_received < (seconds - BODY_SECONDS) * BODY_BYTES_PER_SECOND)

    def handle_close(self) -> None:
        if self.request is not None:
            self.request.close()
            self.request = None
        super().handle_close()


class Listener:
    """Waitress in a thread, with a way to end it."""

    def __init__(self, app: WSGIApplication, port: int, threads: int, limits: Limits) -> None:
        # A queue of requests is what a busy server has, not an event.
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)
        bound = _bind(port)
        self._map: dict[int, object] = {}
        self._server = create_server(
            app,
            map=self._map,
            sockets=[bound],
            threads=threads,
            ident=None,
            channel_timeout=120,
            connection_limit=1000,
            recv_bytes=1 << 16,
            max_request_header_size=1 << 16,
            max_request_body_size=max(limits.request_size, limits.object_size + _FORM_OVERHEAD),
            asyncore_use_poll=True,
        )
        self._server.channel_class = _Channel
        self.port = int(self._server.effective_port)
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._serve, name="picsellia-platform", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        looked = time.monotonic()
        while not self._ending.is_set():
            loop(timeout=1.0, use_poll=True, map=self._map, count=1)
            if (now := time.monotonic()) - looked > 1:
                looked = now
                self._drop_late(now)
        self._server.task_dispatcher.shutdown()
        for channel in list(self._server.active_channels.values()):
            channel.handle_close()
        close_all(self._map, ignore_all=True)

    def _drop_late(self, now: float) -> None:
        for channel in list(self._server.active_channels.values()):
            if channel.late(now):
                channel.handle_close()

    def close(self) -> None:
        """End: requests that are being answered end first, the rest are dropped."""
        self._ending.set()
        with contextlib.suppress(OSError):
            self._server.pull_trigger()
        self._thread.join()


def _bind(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(("127.0.0.1", port))
    except OSError as error:
        bound.close()
        raise ServerError(f"port {port} cannot be used: {error.strerror}", "choose another port") from error
    return bound
