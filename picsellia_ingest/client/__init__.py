"""The documented client: ``from picsellia_ingest.client import Client``.

The classes nest as in the SDK reference (``Client.Datalake.Picture``); each lives in a file of its own. This package
and the command line are the only code that prints. ``Client`` is loaded when it is asked for: not every module here needs
connections.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .base import Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    if name != "Client":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from .base import Client

    return Client
