"""The documented client: ``from picsellia_ingest.client import Client``.

The classes nest as in the SDK reference (``Client.Datalake.Picture``); each lives in a file of its own. This package
and the command line are the only code that prints.
"""

from __future__ import annotations

from .base import Client

__all__ = ["Client"]
