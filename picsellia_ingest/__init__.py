"""Put any labelled image dataset, whole and provably, on a Picsellia data lake.

The documented entry point is ``from picsellia_ingest.client import Client``.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
