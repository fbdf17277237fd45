"""What a user may write where a folder or file is asked for, and what it means.

``images``, ``data.zip``, ``data.tar/train``, ``s3://bucket/train``, ``s3://bucket/data.zip/train``. Where the archive's
name does not end its address (a signed one has a query behind it), ``zip://train::https://...`` says the same, as fsspec
writes it. Nothing is opened to find out but the containers themselves.
"""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import InputError, InvalidQueryError
from ..problems import Place, Problem, Unit
from .buckets import Bucket
from .far import AnyPath, Far
from .redaction import without_secrets
from .tars import Tar
from .zips import Zip

ARCHIVES: dict[str, type[Zip] | type[Tar]] = {".zip": Zip, ".tar": Tar}
_PACKED = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+::)*[A-Za-z][A-Za-z0-9+.-]+://")
_CHAIN = re.compile(r"(zip|tar)://(.*?)::(.+)", re.S)


def is_remote(text: str) -> bool:
    """Whether an address is one for fsspec: it begins with a scheme, or is a chain of such."""
    return bool(_SCHEME.match(text)) and not text.startswith("file://")


def find(given: str | Path) -> AnyPath:
    """What an address means; a path that is not there stays one. Raises InvalidQueryError, InputError, SourceError."""
    text = str(given)
    if isinstance(given, str) and is_remote(text):
        return _remote(text)
    path = Path(text.removeprefix("file://")) if isinstance(given, str) else given
    try:
        container = next((one for one in (path, *path.parents) if one.is_file()), None)
    except (OSError, ValueError):  # a name that no file can have
        return path
    kind = None if container is None else _kind(container.name)
    if container is None or kind is None:
        return path
    return _in(kind(container.absolute()), path.relative_to(container).as_posix())


def _remote(text: str) -> Far:
    chain = _CHAIN.fullmatch(text)
    if chain:
        container = find(chain[3])
        if isinstance(container, Far) and isinstance(container.store, Zip | Tar):
            if not container.name:
                return container / chain[2]
            message = "an archive in an archive is not opened"
            place = Place(str(container))
            raise InputError(
                Problem("archive_nested", message, place, unit=Unit.FILE, hint="unpack the outer one")
            )
        return _in(ARCHIVES[f".{chain[1]}"](container), chain[2])
    if "::" in text.partition("?")[0]:
        raise InvalidQueryError(
            f"{without_secrets(text)} is a chain that is not read", "give zip:// or tar://"
        )
    path, query, rest = text.partition("?")
    steps = path.split("/")
    for at in range(3, len(steps)):
        kind = _kind(steps[at])
        if kind is None:
            continue
        bucket = Bucket("/".join(steps[: at + 1]) + (query + rest if at == len(steps) - 1 else ""))
        if bucket.is_file():
            return _in(kind(Far(bucket)), "/".join(steps[at + 1 :]))
    return Far(Bucket(text))


def _in(store: Zip | Tar, name: str) -> Far:
    return Far(store, "/".join(step for step in name.split("/") if step not in ("", ".")))


def _kind(name: str) -> type[Zip] | type[Tar] | None:
    """The kind of archive a file is by its name. Raises InputError for one that has no ranges."""
    lower = name.lower()
    if lower.endswith(_PACKED):
        message = f"{name!r:.100} is a compressed tar, of which single files cannot be read"
        hint = "unpack it to a .tar (gunzip, unxz), or make a zip of it"
        raise InputError(Problem("archive_compressed", message, Place(name), unit=Unit.FILE, hint=hint))
    return next((kind for suffix, kind in ARCHIVES.items() if lower.endswith(suffix)), None)
