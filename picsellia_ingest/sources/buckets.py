"""A folder or file that fsspec reaches, as a store: listed once, read by ranges.

What identifies an object's content is what its listing says of it (an ETag, a time), whichever of them there are. A web
server has no listing, so only single files of one are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from ..errors import InvalidQueryError, ItemError, ResourceNotFoundError, SourceError
from . import names
from .far import Entry, Listing, Store, stamp
from .redaction import keep_addresses_out_of_logs, without_secrets
from .streams import BLOCK, Ranges, persist

INSTALL = "pip install 'picsellia_ingest[remote]'"
_STAMPS = (
    "ETag",
    "etag",
    "generation",
    "md5Hash",
    "content_md5",
    "LastModified",
    "last_modified",
    "mtime",
    "created",
)


class Bucket(Store):
    """What lies below an address, or the one file that it is."""

    def __init__(self, address: str) -> None:
        super().__init__(without_secrets(address).rstrip("/"), address)
        self._files, self.root = _reached(address, self.shown)
        self._web = "http" in self._files.protocol
        self._paths: dict[str, str] = {}

    def is_open(self) -> bool:
        """Whether the address holds nothing that is not shown."""
        address: str = self._made_of[0]
        return without_secrets(address) == address

    def is_file(self) -> bool:
        """Whether the address is that of a file. Raises SourceError."""
        return self._information() is not None

    def is_there(self) -> bool:
        """A folder of a bucket is there if something is in it."""
        listing = self.listing()
        return bool(listing.files or listing.refused)

    def _information(self) -> Mapping[str, Any] | None:
        try:
            found = persist(self.shown, lambda: self._files.info(self.root))
        except FileNotFoundError:
            return None
        return found if isinstance(found, dict) and found.get("type") == "file" else None

    def look(self) -> Listing:
        """List all that lies below."""
        listing = Listing()
        self._files.invalidate_cache()
        alone = self._information()
        if alone is not None:
            self._take(listing, "", self.root, alone)
            return listing
        if self._web:
            raise ResourceNotFoundError(
                f"{self.shown} is no file, and a web server does not list its folders",
                "give the address of a file, or of an archive of all of them",
            )
        try:
            found = persist(self.shown, lambda: self._files.find(self.root, detail=True))
        except FileNotFoundError:
            found = {}
        before = f"{self.root.rstrip('/')}/"
        for path, information in sorted(found.items()):
            if path.startswith(before) and not path.endswith("/") and information.get("type") == "file":
                try:
                    self._take(listing, names.inside(path.removeprefix(before)), path, information)
                except ItemError as error:
                    listing.refused.append((path.removeprefix(before), error))
        return listing

    def _take(self, listing: Listing, name: str, path: str, information: Mapping[str, Any]) -> None:
        size = information.get("size")
        if size is None:
            raise SourceError(f"{self.shown}/{name}: its size is not stated", "download it")
        if name in listing.files:
            raise ItemError("archive_twice", "another file has this name, but for slashes", "rename one")
        self._paths[name] = path
        listing.files[name] = Entry(int(size), stamp(*(information.get(key) for key in _STAMPS)))

    def open(self, name: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        """An object, by ranges."""
        size = self.entry(name).size
        path, shown = self._paths[name], f"{self.shown}/{name}".rstrip("/")
        block = BLOCK if stop is None else min(BLOCK, max(1, stop - start))

        def fetch(first: int, last: int) -> bytes:
            if not self._web:
                return bytes(self._files.cat_file(path, start=first, end=last))
            # Told the size, it asks for ranges, and takes no more than it asked for.
            with self._files.open(path, "rb", size=size, block_size=BLOCK, cache_type="none") as stream:
                stream.seek(first)
                return bytes(stream.read(last - first))

        return Ranges(fetch, size, shown, stop, block)  # type: ignore[return-value]


def _reached(address: str, shown: str) -> tuple[Any, str]:
    """The file system of an address, and its path there. Raises InvalidQueryError."""
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise InvalidQueryError(f"{shown} is read through fsspec, which is not installed", INSTALL) from None
    keep_addresses_out_of_logs()
    why, hint = "", "check the address"
    try:
        files, root = url_to_fs(address)
        return files, str(root)
    except ImportError as error:
        why, hint = str(error), INSTALL
    except ValueError as error:
        why = without_secrets(str(error))
    raise InvalidQueryError(f"{shown} cannot be read: {why}", hint)
