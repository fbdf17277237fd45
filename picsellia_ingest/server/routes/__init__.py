"""HTTP: each module takes requests apart, calls the store, and shapes the answers; it knows no rules."""

from . import annotations, bootstrap, datasets, instance, lake, storage
from .common import BASE

BLUEPRINTS = (
    bootstrap.routes,
    instance.routes,
    lake.routes,
    datasets.routes,
    annotations.routes,
    storage.routes,
)

__all__ = ["BASE", "BLUEPRINTS"]
