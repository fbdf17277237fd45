"""A platform that answers on a port, in a thread of this process.

A folder is served once: the process that serves holds a lock on ``lock`` (the kernel drops it when the process
dies), and writes its address to ``server.json``. Whoever comes later joins: it reads the address, and has the
server prove that it knows the folder's token before the address is trusted, since a file left by a dead process
may name a port that somebody else has now.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import http.client
import os
import secrets
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import msgspec

from ..errors import ServerError
from .app import create_app
from .auth import identity_proof, read_or_make
from .listening import Listener
from .platform import Limits, Platform
from .routes import BASE

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

_JOIN_SECONDS = 10.0


class _Address(msgspec.Struct):
    """What stands in ``server.json``."""

    address: str
    pid: int
    instance: str


class _FolderLock:
    """The right to serve a folder."""

    def __init__(self, root: Path) -> None:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file: IO[str] = (root / "lock").open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.seek(0)
            holder = self._file.read().strip() or "just starting"
            self._file.close()
            raise ServerError(
                f"{root} is served already, by process {holder}", "join that one, or stop it"
            ) from error
        self._file.truncate(0)
        self._file.write(str(os.getpid()))
        self._file.flush()

    def release(self) -> None:
        """Give it back; children that were forked meanwhile do not keep it."""
        if not self._file.closed:
            fcntl.flock(self._file, fcntl.LOCK_UN)
            self._file.close()


class RunningPlatform:
    """A platform at an address; a context manager that stops it, if it is this process that runs it."""

    def __init__(
        self,
        address: str,
        token: str,
        stop: Callable[[], None] | None = None,
        invite: Callable[[str], str] | None = None,
    ) -> None:
        self.address = address
        self.token = token
        self._stop = stop
        self._invite = invite

    @property
    def page(self) -> str:
        """Where a browser is shown what is there."""
        return self.address.removesuffix(f"{BASE}/") + "/"

    def entrance(self, then: str = "/") -> str:
        """The same, signed in as the owner: an address that is good once, for some minutes; then the page ``then``.

        Where another process serves, which alone could sign in, it is the address of the page.
        """
        if self._invite is None:
            return self.page
        query = {"key": self._invite(self.token)} | ({} if then == "/" else {"next": then})
        return f"{self.page}enter?{urlencode(query)}"

    def stop(self) -> None:
        """Free the port, the threads and the folder; nothing if another process or owner serves."""
        stop, self._stop = self._stop, None
        if stop is not None:
            stop()

    def __enter__(self) -> RunningPlatform:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(  # noqa: PLR0913 - each is a choice of its own
    root: Path,
    *,
    port: int = 0,
    token: str | None = None,
    strict: bool = False,
    threads: int = 8,
    database: str | None = None,
    limits: Limits | None = None,
    wrap: Callable[[WSGIApplication], WSGIApplication] | None = None,
) -> RunningPlatform:
    """Serve a folder on 127.0.0.1; returns when requests are answered.

    ``database`` is the address of a PostgreSQL database for the rows; ``wrap`` puts a WSGI layer around it all.
    """
    root = root.resolve()
    with contextlib.ExitStack() as undo:
        lock = _FolderLock(root)
        undo.callback(lock.release)
        state = root / "server.json"
        state.unlink(missing_ok=True)
        platform = Platform.open(root, database_address=database, token=token, strict=strict, limits=limits)
        undo.callback(platform.close)
        app: WSGIApplication = create_app(platform)
        listener = Listener(wrap(app) if wrap else app, port, threads, platform.limits)
        undo.callback(listener.close)
        undo.callback(state.unlink, missing_ok=True)
        address = f"http://127.0.0.1:{listener.port}{BASE}/"
        _write_state(state, _Address(address, os.getpid(), platform.instance))
        return RunningPlatform(address, platform.token, undo.pop_all().close, platform.sessions.invite)


_shared: dict[Path, RunningPlatform] = {}
_sharing = threading.Lock()


def join_or_start(root: Path) -> RunningPlatform:
    """The server of a folder: the one that runs, in this process or another, or else a new one.

    A server started here is shared by all who ask in this process, and ends with the process.
    """
    root = root.resolve()
    deadline = time.monotonic() + _JOIN_SECONDS
    with _sharing:
        if root in _shared:
            return _handle(_shared[root])
        while True:
            try:
                running = start(root)
            except ServerError as error:
                if not isinstance(error.__cause__, BlockingIOError):
                    raise
                joined = _join(root)
                if joined is not None:
                    return joined
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                _shared[root] = running
                return _handle(running)


@atexit.register
def _stop_shared() -> None:
    while _shared:
        _shared.popitem()[1].stop()


# The server is not in a forked child, which may join it like any other process.
os.register_at_fork(after_in_child=_shared.clear)


def _handle(running: RunningPlatform) -> RunningPlatform:
    return RunningPlatform(running.address, running.token)


def _join(root: Path) -> RunningPlatform | None:
    """The server that wrote ``server.json``, if it answers and knows the folder's token."""
    try:
        state = msgspec.json.decode((root / "server.json").read_bytes(), type=_Address)
        token = read_or_make(root / "token")
        nonce = secrets.token_hex(16)
        answer = _ask(state.address, f"/instance?nonce={nonce}")
        told = msgspec.json.decode(answer, type=dict[str, str])
    except (OSError, http.client.HTTPException, msgspec.MsgspecError):
        return None
    expected = {"instance": state.instance, "proof": identity_proof(token, state.instance, nonce)}
    return RunningPlatform(state.address, token) if told == expected else None


def _ask(address: str, path: str) -> bytes:
    where = urlsplit(address)
    connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=5)
    with contextlib.closing(connection):
        connection.request("GET", path)
        return connection.getresponse().read()


def _write_state(path: Path, state: _Address) -> None:
    new = path.with_suffix(".new")
    handle = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(msgspec.json.encode(state))
    new.replace(path)
