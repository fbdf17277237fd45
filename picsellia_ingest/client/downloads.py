"""Pictures on their way from the lake into a folder, in parallel; one that fails does not stop the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..api import storage
from ..errors import PicselliaError
from ..upload import workers
from . import files
from .session import Session


def pictures(
    session: Session, images: Iterable[Mapping[str, Any]], folder: Path, nb_threads: int
) -> dict[str, str]:
    """Download images (``signed_url``, ``external_picture_url``): the ones that failed, each with its reason.

    Files that are there are left alone; a file appears whole or not at all, under the path that its name says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [(session, image["signed_url"], folder, image["external_picture_url"]) for image in images]
    failures = {picture: why for picture, why in workers.each(_download, tasks, nb_threads) if why}
    for picture, why in failures.items():
        print(f"{picture}: {why}")
    return failures


def _download(session: Session, url: str, folder: Path, name: str) -> tuple[str, str]:
    """Fetch one picture: its name, and why it is not there."""
    path = folder / name
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            return name, "its name leads out of the folder"
        if path.exists():
            return name, ""
        files.write(path, storage.fetch(session.connection.traffic, url))
    except (PicselliaError, OSError, ValueError) as error:
        return name, str(error)
    return name, ""
