"""Files of networks and experiments on their way to and from the model bucket."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from ..api import platform, resources, storage
from ..api.connection import Connection
from ..errors import InvalidQueryError

_MODEL = "model-latest"


def existing(path: str | Path | None, *, folder: bool = False) -> Path:
    """The file, or where ``folder`` says so also the folder, that is meant. Raises InvalidQueryError."""
    if not path:
        raise InvalidQueryError("no path was given", "pass path=...")
    found = Path(path).absolute()
    if found.is_dir() and not folder:
        raise InvalidQueryError(f"{path} is a folder", "pass zip=True to store a folder")
    if not found.is_file() and not found.is_dir():
        raise InvalidQueryError(f"there is no file {path}", "check the path")
    return found


def store(
    connection: Connection, owner: str, name: str, path: Path, *, packed: bool = False
) -> tuple[str, int]:
    """Put a file in the model bucket, packed first if so: its key, which begins with the owner's id, and its size.

    What is called ``model-latest`` lies in a folder ``0``, which is its version.
    """
    with _packed(path) if packed else nullcontext(path) as sent:
        key = f"{owner}/0/{sent.name}" if name == _MODEL else f"{owner}/{sent.name}"
        source = storage.survey(sent)
        resources.store_file(connection, source, key)
    return key, source.size


def save(connection: Connection, key: str, folder: Path, name: str = "") -> Path:
    """Download what is stored under a key into a folder, under a name, or the last part of the key.

    A file that is there is replaced; it appears whole or not at all, and one that was interrupted is gone on with.
    """
    name = (name or key).rpartition("/")[2]
    if name in ("", ".", "..") or "\0" in name:
        raise InvalidQueryError(f"the key {key!r} does not end in the name of a file")
    url = platform.presign(connection, "get", key, model_bucket=True)
    storage.save(connection.traffic, str(url), folder / name)
    return folder / name


def write(path: Path, content: bytes) -> Path:
    """Write a file, with the folders it needs; it appears whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    part.write_bytes(content)
    return part.replace(path)


@contextmanager
def _packed(path: Path) -> Iterator[Path]:
    """An archive of a file or folder, which goes away after use; its entries begin with the name of what it holds."""
    with tempfile.TemporaryDirectory() as temporary:
        packed = Path(temporary) / f"{path.name}.zip"
        files = sorted(path.rglob("*")) if path.is_dir() else [path]
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, strict_timestamps=False) as archive:
            for file in files:
                if file.is_file() or file.is_dir():
                    archive.write(file, file.relative_to(path.parent))
        yield packed
