"""Output that appears whole or not at all: written beside its destination, then renamed into place.

What a run that was killed leaves behind is called ``.<name>.<random>.partial``; it is never taken for a result.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from ..errors import InvalidQueryError


class Staging:
    """A folder to write into, and the destination that one file of it, or all of it, becomes."""

    def __init__(self, destination: Path, *, overwrite: bool = False) -> None:
        self.destination = destination
        self.overwrite = overwrite
        parent = destination.absolute().parent
        if os.path.lexists(destination) and not overwrite and not _empty_folder(destination):
            raise InvalidQueryError(
                f"{str(destination)!r} is there already",
                "give another destination, or allow it to be overwritten",
            )
        try:
            parent.mkdir(parents=True, exist_ok=True)
            self.folder = Path(
                tempfile.mkdtemp(prefix=f".{destination.name}.", suffix=".partial", dir=parent)
            )
        except OSError as error:
            raise InvalidQueryError(
                f"cannot write beside {str(destination)!r}: {error.strerror}", "give another destination"
            ) from error

    def path(self, relative: str) -> Path:
        """A file below the folder, its own folder made."""
        path = self.folder / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def commit(self, relative: str = "") -> None:
        """Put one file, or with no name the whole folder, in place of the destination."""
        made = self.folder / relative if relative else self.folder
        made.chmod(0o755 if made.is_dir() else 0o644)
        _sync(made)
        old = None
        if os.path.lexists(self.destination):
            old = Path(
                tempfile.mkdtemp(prefix=f".{self.destination.name}.", suffix=".old", dir=self.folder.parent)
            )
            self.destination.rename(old / "old")
        made.replace(self.destination)
        _sync(self.destination.absolute().parent)
        if old is not None:
            shutil.rmtree(old)
        self.discard()

    def discard(self) -> None:
        """Remove what was written and not committed."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _empty_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink() and next(path.iterdir(), None) is None


def _sync(path: Path) -> None:
    """Flush a file, or a folder's entries, to disk; where a system cannot do it to folders, it need not."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
