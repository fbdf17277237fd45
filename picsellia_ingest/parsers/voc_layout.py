"""Where things lie in a VOC source: one file, a flat folder, a tree of folders, or VOCdevkit/VOCxxxx.

A record is an XML file, its masks, or both; they belong together when they have the same path below ``Annotations``,
``SegmentationObject`` and ``SegmentationClass`` of one folder. Hidden files and folders (editors' and macOS's copies)
are passed over, and so are linked folders, which may lead in circles or out of the source: those are reported.
The order is that of the sorted paths, on every machine.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from operator import attrgetter
from pathlib import Path

import msgspec

from ..problems import OnProblem, Place, Problem, Severity, Unit

ANNOTATIONS, IMAGE_SETS = "Annotations", "ImageSets"
OBJECTS, CLASSES = "SegmentationObject", "SegmentationClass"
_LISTS_MAX = 1 << 26


class Source(msgspec.Struct):
    """One record's files, as paths relative to the source, and what the first pass found in them."""

    root: str
    stem: str
    xml: str | None = None
    objects: str | None = None
    classes: str | None = None
    sets: tuple[str, ...] = ()
    name: str = ""
    instances: int = 0

    @property
    def file(self) -> str:
        """The file that stands for the record in problems."""
        return self.xml or self.objects or self.classes or ""


def walk(path: Path, on_problem: OnProblem) -> Iterator[tuple[str, list[str]]]:
    """Every folder below ``path`` as a relative path with ``/``, and its file names; sorted, links not followed."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        found = _listing(path / folder)
        for link in found.links:
            _link(path / folder / link, on_problem)
        if found.error:
            message = f"cannot list the folder: {found.error}"
            on_problem(Problem("unreadable", message, Place(shown(path / folder)), unit=Unit.FILE))
        yield folder, list(found.files)
        waiting += [f"{folder}/{name}".lstrip("/") for name in reversed(found.folders)]


class _Listing(msgspec.Struct):
    """What is in one folder, sorted; hidden things aside. With ``error`` the rest could not be listed."""

    files: list[str] = msgspec.field(default_factory=list)
    folders: list[str] = msgspec.field(default_factory=list)
    links: list[str] = msgspec.field(default_factory=list)
    error: str = ""


class _Kept(msgspec.Struct):
    """Listings that are kept for a while, and how many names are in them."""

    listings: dict[Path, _Listing] = msgspec.field(default_factory=dict)
    names: int = 0


_kept: ContextVar[_Kept | None] = ContextVar("kept", default=None)
_LISTED_MAX = 200_000
"""Names from which on no more are kept."""


@contextmanager
def listed_once() -> Iterator[None]:
    """List each folder once in this block, while many look at the same ones."""
    token = _kept.set(_Kept())
    try:
        yield
    finally:
        _kept.reset(token)


def _listing(path: Path) -> _Listing:
    kept = _kept.get()
    found = None if kept is None else kept.listings.get(path)
    if found is None:
        found = _list(path)
        if kept is not None and kept.names < _LISTED_MAX:
            kept.listings[path] = found
            kept.names += 1 + len(found.files)
    return found


def _list(path: Path) -> _Listing:
    found = _Listing()
    try:
        with os.scandir(path) as entries:
            for entry in sorted(entries, key=attrgetter("name")):
                name = entry.name
                if name.startswith(".") or name == "__MACOSX":
                    continue
                if entry.is_dir(follow_symlinks=False):
                    found.folders.append(name)
                elif entry.is_symlink() and _is_folder(entry):
                    found.links.append(name)
                else:
                    found.files.append(name)
    except OSError as error:
        found.error = str(error.strerror)
    return found


def shown(path: Path) -> str:
    """A path as text that any encoder takes, also when its bytes are not UTF-8."""
    return os.fsencode(path).decode("utf-8", "replace")


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _link(path: Path, on_problem: OnProblem) -> None:
    hint = "give the folder it leads to as a source of its own, if it holds annotations"
    place = Place(shown(path))
    on_problem(
        Problem(
            "link_not_followed", "a linked folder is passed over", place, Severity.WARNING, Unit.FILE, 0, hint
        )
    )


def scan(path: Path, on_problem: OnProblem) -> list[Source]:
    """All records of a folder, sorted by folder and name."""
    found: dict[tuple[str, str], Source] = {}
    sets: dict[tuple[str, str], list[str]] = {}
    for folder, files in walk(path, on_problem):
        root, part, below = _split(folder)
        inner = "".join(f"{step}/" for step in below)
        outer = f"{folder}/" if folder else ""
        for file in files:
            if part == IMAGE_SETS:
                _read_set(path / folder / file, root, inner + file, sets)
            else:
                _take(found, root, part, inner + file, outer + file)
    for key, listed in sets.items():
        if key in found:
            found[key].sets = tuple(sorted(listed))
    return [found[key] for key in sorted(found)]


def _take(found: dict[tuple[str, str], Source], root: str, part: str, name: str, where: str) -> None:
    """Add one file to its record, if it is an annotation or a mask."""
    stem, _, extension = name.rpartition(".")
    wanted = "png" if part in (OBJECTS, CLASSES) else "xml"
    if extension.lower() != wanted:
        return
    key = (root, stem)
    if part not in (OBJECTS, CLASSES) and key in found and found[key].xml is not None:
        key = (root, name)  # a.xml beside a.XML
    source = found.setdefault(key, Source(root, stem))
    if part == OBJECTS:
        source.objects = where
    elif part == CLASSES:
        source.classes = where
    else:
        source.xml = where


def _split(folder: str) -> tuple[str, str, list[str]]:
    """A folder's dataset folder, the part of the VOC layout it lies in, and the rest of its path."""
    steps = folder.split("/") if folder else []
    for depth, step in enumerate(steps):
        if step in (ANNOTATIONS, IMAGE_SETS, OBJECTS, CLASSES):
            return "/".join(steps[:depth]), step, steps[depth + 1 :]
    return folder, "", []


def _read_set(path: Path, root: str, name: str, sets: dict[tuple[str, str], list[str]]) -> None:
    """Take a list of images in. Lists for one class ("000001 -1") repeat what the objects say and are passed over."""
    name, _, extension = name.rpartition(".")
    try:
        if extension.lower() != "txt" or not path.is_file() or path.stat().st_size > _LISTS_MAX:
            return
        lines = path.read_text("utf-8-sig").splitlines()
    except (OSError, UnicodeError):
        return
    stems = [line.strip() for line in lines if line.strip()]
    if any(len(stem.split()) == 2 and stem.split()[1].lstrip("-").isdigit() for stem in stems[:100]):
        return
    for stem in dict.fromkeys(stems):
        sets.setdefault((root, stem), []).append(name)
