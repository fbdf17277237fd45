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
    scans,
    storage,
    training,
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
    training.routes,
    scans.routes,
    multipart.routes,
    storage.routes,
)

__all__ = ["BASE", "BLUEPRINTS"]
