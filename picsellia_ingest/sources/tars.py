"""A tar archive as a store: one pass over its headers is the listing, its members are ranges of it.

A compressed tar has no ranges: reading its last member means unpacking all of it, so it is refused (addresses).
"""

from __future__ import annotations

import tarfile
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO

from ..errors import ItemError
from . import names
from .far import AnyPath, Entry, Listing, Store, stamp
from .streams import Part
from .zips import broken, opened, refuse_twins

_HEADERS = 1 << 16
"""Bytes of a remote archive that are read on from a header: enough for those of many small members."""
_RECORD = 512


class Tar(Store):
    """A tar archive that is not compressed, which may itself be far."""

    def __init__(self, container: AnyPath) -> None:
        super().__init__(str(container), container)
        self._container = container
        self._offsets: dict[str, int] = {}

    def look(self) -> Listing:
        """Read every header."""
        listing, links = Listing(), dict[str, str]()
        info = self._container.stat()
        for name, one in self._taken(listing, info.st_size).items():
            if one.isreg():
                self._offsets[name] = one.offset_data
                mark = stamp(info.st_size, info.st_mtime_ns, one.offset_data, one.size, one.mtime)
                listing.files[name] = Entry(one.size, mark)
            else:
                links[name] = names.joined(name if one.issym() else "", one.linkname)
        for name, target in names.follow(links, listing).items():
            self._offsets[name], listing.files[name] = self._offsets[target], listing.files[target]
        return listing

    def _taken(self, listing: Listing, size: int) -> dict[str, tarfile.TarInfo]:
        taken: dict[str, tarfile.TarInfo] = {}
        often: Counter[str] = Counter()
        try:
            with opened(self._container, 0, _HEADERS) as stream:
                for one in _headers_of(stream, listing):
                    try:
                        name = names.inside(one.name)
                        often[name] += 1
                        _judge(one, size)
                        taken[name] = one
                    except ItemError as error:
                        listing.refused.append((one.name, error))
        except (tarfile.TarError, EOFError, ValueError) as error:
            raise broken(self._container, f"not a whole tar archive: {error}") from None
        refuse_twins(often, taken, listing)
        return taken

    def open(self, name: str, start: int = 0, stop: int | None = None) -> BinaryIO:
        """A member."""
        size = self.entry(name).size
        offset = self._offsets[name]
        stream = opened(self._container, offset + start, offset + (size if stop is None else min(stop, size)))
        return Part(stream, offset, size, f"{self.shown}/{name}")  # type: ignore[return-value]


def _headers_of(stream: BinaryIO, listing: Listing) -> Iterator[tarfile.TarInfo]:
    """Every member but folders; an archive without its end mark is noted."""
    with tarfile.open(fileobj=stream, mode="r:") as archive:
        try:
            while (one := archive.next()) is not None:
                vars(archive)["members"] = []  # it would keep them all
                if not one.isdir():
                    yield one
            stream.seek(vars(archive)["offset"])
            end = stream.read(_RECORD)
            cut = len(end) < _RECORD or bool(end.strip(b"\0"))
        except tarfile.ReadError:
            cut = True
    if cut:
        error = ItemError(
            "archive_cut", "the archive ends before its end mark: it was cut off", "copy it again"
        )
        listing.refused.append(("", error))


def _judge(one: tarfile.TarInfo, size: int) -> None:
    """Raise ItemError for a member that is not taken."""
    if not (one.isreg() or one.issym() or one.islnk()) or one.issparse():
        raise ItemError("not_a_file", "not a regular file")
    if one.isreg() and one.offset_data + one.size > size:
        raise ItemError(
            "archive_cut", "the archive ends before the end of this file", "copy the archive again"
        )
