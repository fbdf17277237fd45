"""The command line: one command for each verb. Options carry the names of the Python arguments.

The token comes from PICSELLIA_TOKEN, never from the command line, where every user of the machine can read it. Exit
codes: 0 complete and verified, 1 unexpected, 2 usage, 3 input was rejected, 4 incomplete, 5 not allowed, 6 the platform
(or the other dataset) differs, 130 interrupted.
"""

from __future__ import annotations

import atexit
import gc
import os
from typing import Any

import click

from .. import __version__


class _Commands(click.Group):
    """All commands. What a command leaves behind is left to the system at its end: taking it apart takes longer than some do."""

    def main(self, *arguments: Any, **options: Any) -> Any:
        atexit.register(gc.freeze)
        return super().main(*arguments, **options)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Put any labelled image dataset, whole and provably, on a Picsellia data lake."""
    # One more thread for linear algebra, which nothing here does, costs each process a part of its start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from ..upload import forks, workers

    workers.collect_seldom()
    forks.allow()


from . import convert, jobs, look, serve, token, undo, upload  # noqa: E402 - each adds its commands to ``main``

__all__ = ["convert", "jobs", "look", "main", "serve", "token", "undo", "upload"]
