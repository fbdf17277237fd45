"""Pictures on their way from the lake into a folder, in parallel; one that fails does not stop the others.

What arrives is only kept when it is no page or message of an error, which some storages send as if all were well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..api import storage
from ..errors import PicselliaError
from ..parsers.image_files import SUFFIXES
from ..upload import workers
from . import progress
from .session import Session


def pictures(
    session: Session, images: Iterable[Mapping[str, Any]], folder: Path, nb_jobs: int
) -> dict[str, str]:
    """Download images (``signed_url``, ``external_picture_url``): the ones that failed, each with its reason.

    Files that are there are left alone; a file appears whole or not at all, under the path that its name says.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tasks = [(session, image["signed_url"], folder, image["external_picture_url"]) for image in images]
    failures = progress.failures("downloads", workers.each(_download, tasks, nb_jobs), len(tasks))
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
        storage.save(session.connection.traffic, url, path)
        if _is_page(path):
            path.unlink()
            return name, "the storage sent a page or a message instead of a picture"
    except (PicselliaError, OSError, ValueError) as error:
        return name, str(error)
    return name, ""


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        begin = file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n")
    return begin[:1] in (b"<", b"{") and path.suffix.lower() in SUFFIXES
