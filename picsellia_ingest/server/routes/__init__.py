"""HTTP: each module takes requests apart, calls the store, and shapes the answers; it knows no rules."""

from . import (
    annotations,
    bootstrap,
    datasets,
    experiments,
    instance,
    lake,
    multipart,
    networks,
    projects,
    storage,
)
from .common import BASE

BLUEPRINTS = (
    bootstrap.routes,
    instance.routes,
    lake.routes,
    datasets.routes,
    annotations.routes,
    networks.routes,
    projects.routes,
    experiments.routes,
    multipart.routes,
    storage.routes,
)

__all__ = ["BASE", "BLUEPRINTS"]
