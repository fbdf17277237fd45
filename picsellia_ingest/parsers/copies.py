"""Annotation files that are far, brought into a private folder: parsers map files, and read them more than once.

Images stay where they are, but for PNGs outside the image folder, which may be masks. The folder lies in the system's
place for temporary files and goes with the parser, at the latest when Python ends. Inside it everything has the path of
its address, so that an image folder stands beside its annotations as it does at the source; problems name the address.
"""

from __future__ import annotations

import errno
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from ..errors import InputError, ItemError
from ..problems import Place, Problem, Severity, Unit, copied_from, copy_is_gone
from ..sources import AnyPath, Far
from ..sources.addresses import ARCHIVES
from .image_files import SUFFIXES

BYTES_MAX = 32 << 30
_BLOCK = 1 << 20


class Copy:
    """What was brought: where it lies now, where an image folder stands beside it, and what was not taken."""

    def __init__(self, source: Far, imgdir: AnyPath | None) -> None:
        """Bring it. Raises InputError for too much of it, PicselliaError, OSError."""
        self.address = str(source)
        self.folder = Path(tempfile.mkdtemp(prefix="picsellia-ingest-"))
        self._end: weakref.finalize[..., object] | None = weakref.finalize(self, _remove, self.folder)
        try:
            self.path = self._at(source)
            copied_from(str(self.path), self.address)
            self.imgdir = self._beside(source, imgdir)
            self.problems = [*self._bring(source, imgdir)]
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Remove it, where this is what made it."""
        if self._end is not None:
            self._end()

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_end": None}

    def _at(self, source: Far) -> Path:
        """Where what has an address lies in the folder."""
        steps = str(source).split("/")
        return self.folder.joinpath(
            *(step for step in steps if step not in ("", ".", "..") and step[-1:] != ":")
        )

    def _beside(self, source: Far, imgdir: AnyPath | None) -> AnyPath | None:
        if imgdir is None:
            return None if source.is_file() else Far(source.store, source.name, self.path)
        if not isinstance(imgdir, Far):
            return imgdir
        return Far(imgdir.store, imgdir.name, self._at(imgdir))

    def _bring(self, source: Far, imgdir: AnyPath | None) -> Iterator[Problem]:
        one = source.is_file()
        wanted = [("", source)] if one else [*source.below()]
        if not one:
            wanted = [(name, file) for name, file in wanted if _is_wanted(name, file, imgdir)]
        self._check_size(sum(file.stat().st_size for _, file in wanted), source)
        for name, file in wanted:
            if PurePosixPath(name).suffix.lower() in ARCHIVES:
                message = "an archive in an archive, or in a folder, is not opened"
                yield Problem("archive_nested", message, Place(str(file)), Severity.WARNING, Unit.FILE)
                continue
            try:
                _write(file, self.path / name)
            except ItemError as error:
                yield Problem(error.code, error.message, Place(str(file)), unit=Unit.FILE, hint=error.hint)
        for name, why in source.store.listing().refused:
            if PurePosixPath(name).suffix.lower() not in SUFFIXES:
                place = Place(f"{source.store.shown}/{name}")
                yield Problem(why.code, why.message, place, unit=Unit.FILE, hint=why.hint)

    def _check_size(self, size: int, source: Far) -> None:
        free = shutil.disk_usage(self.folder).free
        if size > min(BYTES_MAX, free):
            message = (
                f"{size} bytes of annotations; {min(BYTES_MAX, free)} can be copied to {self.folder.parent}"
            )
            hint = "name the annotation file itself, or the folder of it alone"
            raise InputError(
                Problem("copies_too_large", message, Place(str(source)), unit=Unit.FILE, hint=hint)
            )


def _is_wanted(name: str, file: Far, imgdir: AnyPath | None) -> bool:
    steps = PurePosixPath(name)
    if any(step.startswith(".") or step == "__MACOSX" for step in steps.parts):
        return False
    suffix = steps.suffix.lower()
    if suffix not in SUFFIXES:
        return True
    among_images = imgdir is not None and f"{file}/".startswith(f"{str(imgdir).rstrip('/')}/")
    return suffix == ".png" and not among_images


def _write(file: Far, target: Path) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with file.open() as stream, target.open("xb") as copy:
            while block := stream.read(_BLOCK):
                copy.write(block)
    except (FileExistsError, NotADirectoryError, IsADirectoryError):
        raise ItemError("archive_twice", "a file and a folder have this name", "rename one of them") from None
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        raise ItemError(
            "name_too_long", "no file here can have so long a name", "give it a shorter one"
        ) from None


def _remove(folder: Path) -> None:
    copy_is_gone(str(folder))
    shutil.rmtree(folder, ignore_errors=True)
