"""``host="local:PATH"``: the embedded platform over a folder, through real HTTP on loopback."""

from __future__ import annotations

from pathlib import Path

from ..errors import InvalidQueryError

PREFIX = "local:"


def is_local(host: str) -> bool:
    """Whether the host is a folder of the embedded platform."""
    return host.startswith(PREFIX)


def start(host: str) -> tuple[str, str]:
    """Join the platform that serves the folder, or start it: (its address, a token for it)."""
    path = host.removeprefix(PREFIX)
    if not path:
        raise InvalidQueryError("local: needs a folder", "write local:PATH")
    from ..server import join_or_start  # heavy, and only needed here

    running = join_or_start(Path(path).expanduser())
    return running.address, running.token


def destination(host: str) -> str:
    """A name for the host that stays the same from run to run, for the journal."""
    return PREFIX + str(Path(host.removeprefix(PREFIX)).expanduser().resolve()) if is_local(host) else host
