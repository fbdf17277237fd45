"""A zip archive as a store: its central directory is the listing, its members are read where they lie.

``zipfile`` reads the directory and takes members out, which checks their length and sum; each is opened on a stream of its
own, so that many can be read at once, and a remote archive is asked for the member's range alone. What a hostile archive
may hold is refused member by member: see ``_judged``.
"""

from __future__ import annotations

import stat
import struct
import zipfile
import zlib
from collections import Counter
from typing import BinaryIO, NamedTuple, TypeVar

from ..errors import InputError, ItemError, SourceChangedError
from ..problems import Place, Problem, Unit
from . import names
from .far import AnyPath, Entry, Far, Listing, Store, stamp
from .streams import Ranged

T = TypeVar("T")

RATIO_MOST, RATIO_FROM = 200, 16 << 20
"""A member of more bytes than the second may not be packed more tightly than the first."""
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_HEADER, _EXTRA = 30, 1 << 10
_LINK_MOST = 4096


class _Member(NamedTuple):
    offset: int
    packed: int
    size: int
    crc: int
    method: int
    flags: int
    raw: str


class Zip(Store):
    """A zip archive, which may itself be far."""

    def __init__(self, container: AnyPath) -> None:
        super().__init__(str(container), container)
        self._container = container
        self._members: dict[str, _Member] = {}

    def look(self) -> Listing:
        """Read the central directory."""
        listing, links = Listing(), dict[str, str]()
        info = self._container.stat()
        for name, one in self._taken(listing).items():
            member = _Member(
                one.header_offset, one.compress_size, one.file_size, one.CRC, one.compress_type, one.flag_bits,
                one.orig_filename,
            )  # fmt: skip
            self._members[name] = member
            if stat.S_ISLNK(one.external_attr >> 16):
                try:
                    links[name] = self._target(name, member)
                except ItemError as error:
                    listing.refused.append((name, error))
            else:
                mark = stamp(info.st_size, info.st_mtime_ns, *member)
                listing.files[name] = Entry(one.file_size, mark)
        for name, target in names.follow(links, listing).items():
            self._members[name] = self._members[target]
            listing.files[name] = listing.files[target]
        return listing

    def _taken(self, listing: Listing) -> dict[str, zipfile.ZipInfo]:
        try:
            with self._container.open("rb") as stream, zipfile.ZipFile(stream) as archive:
                infos = [one for one in archive.infolist() if not one.is_dir()]
        except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error, EOFError) as error:
            raise broken(self._container, f"not a whole zip archive: {error}") from None
        overlapping = _overlapping(infos)
        taken: dict[str, zipfile.ZipInfo] = {}
        often: Counter[str] = Counter()
        for one in infos:
            try:
                name = names.inside(one.orig_filename)
                often[name] += 1
                _judge(one)
                if one.header_offset in overlapping:
                    raise ItemError("archive_bomb", "its bytes are also another member's", "pack it again")
                taken[name] = one
            except ItemError as error:
                listing.refused.append((one.orig_filename, error))
        refuse_twins(often, taken, listing)
        return taken

    def _target(self, name: str, member: _Member) -> str:
        """Where a symbolic link leads, which is its content."""
        if member.size > _LINK_MOST:
            return "/"
        with self.open(name) as stream:
            return names.joined(name, stream.read().decode("utf-8", "replace"))

    def open(self, name: str, start: int = 0, stop: int | None = None) -> BinaryIO:  # noqa: ARG002
        """A member, unpacked as it is read: all that is packed is what is read of the container."""
        if name not in self._members:
            self.entry(name)
        one = self._members[name]
        shown = f"{self.shown}/{name}"
        ahead = one.offset + _HEADER + len(one.raw.encode("utf-8", "replace")) + _EXTRA + one.packed
        stream = opened(self._container, one.offset, ahead)
        try:
            stream.seek(one.offset)
            head = stream.read(_HEADER)
            if len(head) < _HEADER or head[:4] != b"PK\3\4":
                raise SourceChangedError(f"{shown} is not where the archive says", "was the archive changed?")
            stream.seek(one.offset + _HEADER + sum(struct.unpack("<HH", head[26:])))
        except BaseException:
            stream.close()
            raise
        info = zipfile.ZipInfo(one.raw)
        info.compress_size, info.file_size, info.CRC = one.packed, one.size, one.crc
        info.compress_type, info.flag_bits = one.method, one.flags
        return _Unpacked(zipfile.ZipExtFile(stream, "r", info, None, close_fileobj=True), one.size, shown)  # type: ignore[return-value]


class _Unpacked(Ranged):
    """A member's content; damage is an ItemError."""

    def __init__(self, member: zipfile.ZipExtFile, size: int, shown: str) -> None:
        super().__init__(shown, size)
        self._member = member

    def some(self, most: int) -> bytes:
        try:
            if self._member.tell() != self._at:
                self._member.seek(self._at)
            part = self._member.read(most)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError) as error:
            raise ItemError(
                "archive_broken", f"it cannot be unpacked: {error}", "copy the archive again"
            ) from None
        if not part:
            raise ItemError("archive_broken", "it is shorter than the archive says", "copy the archive again")
        return part

    def close(self) -> None:
        self._member.close()
        super().close()


def _judge(one: zipfile.ZipInfo) -> None:
    """Raise ItemError for a member that is not taken."""
    kind = stat.S_IFMT(one.external_attr >> 16)
    if one.flag_bits & 1:
        raise ItemError("archive_encrypted", "it is encrypted", "pack it again without a password")
    if one.compress_type not in _METHODS:
        raise ItemError(
            "archive_method", f"it is packed by method {one.compress_type}", "pack it again as usual"
        )
    if kind not in (0, stat.S_IFREG, stat.S_IFLNK):
        raise ItemError("not_a_file", "not a regular file")
    if one.file_size > RATIO_FROM and one.file_size > RATIO_MOST * one.compress_size:
        sizes = f"{one.compress_size} bytes unpack to {one.file_size}"
        raise ItemError("archive_bomb", f"{sizes}: at most {RATIO_MOST} times as many are taken")
    if one.compress_type == zipfile.ZIP_STORED and one.compress_size != one.file_size:
        raise ItemError("archive_broken", "its sizes contradict each other", "copy the archive again")


def _overlapping(infos: list[zipfile.ZipInfo]) -> set[int]:
    """The offsets of members whose bytes are also another's, as a small archive that unpacks to a huge one has them."""
    found: set[int] = set()
    last, end = -1, 0
    for one in sorted(infos, key=lambda one: one.header_offset):
        if one.header_offset < end:
            found |= {last, one.header_offset}
        if one.header_offset + _HEADER + one.compress_size > end:
            last, end = one.header_offset, one.header_offset + _HEADER + one.compress_size
    return found


def refuse_twins(often: Counter[str], taken: dict[str, T], listing: Listing) -> None:
    """Which of two members of one name is meant is not known: neither is taken."""
    for name, times in often.items():
        if times > 1:
            taken.pop(name, None)
            error = ItemError(
                "archive_twice", f"{times} members have this name", "pack it again, each file once"
            )
            listing.refused.append((name, error))


def broken(container: AnyPath, message: str) -> InputError:
    """The error of an archive that is rejected whole."""
    hint = "copy it again"
    return InputError(Problem("archive_broken", message, Place(str(container)), unit=Unit.FILE, hint=hint))


def opened(container: AnyPath, start: int, stop: int) -> BinaryIO:
    """A container of which that range is about to be read."""
    if isinstance(container, Far):
        return container.store.open(container.name, start, stop)
    return container.open("rb")
