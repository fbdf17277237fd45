"""What all tasks of one kind of work share: processes load it once, from a file, and not with each task."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any


@contextmanager
def by(value: Any, jobs: int, folder: Path | None = None) -> Iterator[Any]:
    """What to give so many processes for a value: a file in the folder, or in one of its own; for one, the value itself."""
    if jobs == 1:
        yield value
        return
    with TemporaryDirectory(prefix="picsellia-ingest-", dir=folder) as own:
        path = Path(own) / "shared"
        path.write_bytes(pickle.dumps(value))
        yield path


def value(given: Any) -> Any:
    """The value that ``by`` gave this for."""
    return _loaded(given) if isinstance(given, Path) else given


@lru_cache(maxsize=1)
def _loaded(path: Path) -> Any:
    return pickle.loads(path.read_bytes())  # noqa: S301 - written by this run, in a folder of its own
