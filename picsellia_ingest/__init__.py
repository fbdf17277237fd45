"""Put any labelled image dataset, whole and provably, on a Picsellia data lake, or turn it into another format.

The documented entry point is ``from picsellia_ingest.client import Client``; ``convert`` and ``diff`` need no
platform, ``run`` uploads what a job file states.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .client.jobs import run
    from .conversion.difference import diff
    from .conversion.pipeline import convert

__version__ = "0.1.0"

__all__ = ["__version__", "convert", "diff", "run"]

_HOMES = {"convert": ".conversion.pipeline", "diff": ".conversion.difference", "run": ".client.jobs"}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is: importing this package loads nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name], __name__), name)
