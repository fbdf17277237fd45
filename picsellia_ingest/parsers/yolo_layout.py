"""Where things lie in a YOLO dataset: images/train + labels/train, train/images + train/labels, or side by side.

A label file belongs to the image whose path is its own with ``labels`` turned into ``images`` (the last such step, as
Ultralytics does), else to the one beside it, else to the only image of that stem that has no other. Only what a walk of
the source, or of ``imgdir``, finds is ever opened: paths that data.yaml, obj.data and lists name are compared with it,
from their end, because they are mostly those of another machine. What divides nothing is no split.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from ..problems import OnProblem, Place, Problem, Severity, Unit
from ..sources import AnyPath, Far
from . import file_per_image
from .folders import begins
from .image_files import SUFFIXES, images_below
from .names import DARKNET, SPLIT, split_folder
from .voc_layout import shown, walk
from .yolo_names import LISTS, NAME_FILES, Names, text_of

T = TypeVar("T")

ROW = re.compile(rb"\s*\d+(\.0*)?([ \t]+[-+]?[\d.]+([eE][-+]?\d+)?){4,}[ \t]*(\r|\n|\Z)")
"""How a label file begins."""
_FAMILY = {"val": ("valid", "validation")}


class Source(file_per_image.Source):
    """One record: its label file, its image, and where the image lies, or would lie, in the dataset."""

    labels: str | None = None
    image: str = ""
    """The image's path, as text; empty when it is not on disk."""
    place: str = ""
    """The image's path below the dataset; without extension when it is not on disk."""
    splits: tuple[str, ...] = ()
    size: tuple[int, int] | None = None


class Layout:
    """All files of a source by what they are."""

    def __init__(self, root: Path, on_problem: OnProblem, imgdir: AnyPath | None = None) -> None:
        self.root = root
        self.images: list[str] = []
        self.texts: list[str] = []
        self.others: list[str] = []
        self.known: set[str] = set()
        """Text files that are lists of images, or label files of uncertain images."""
        self.lost = 0
        """Rows of label files that are rejected because their image is uncertain."""
        for folder, names in walk(root, on_problem):
            for name in names:
                path = f"{folder}/{name}".lstrip("/")
                suffix = Path(name).suffix.lower()
                kind = self.images if suffix in SUFFIXES else self.texts if suffix == ".txt" else self.others
                kind.append(path)
        if isinstance(imgdir, Far):  # its images are not on the disk that was walked
            self.images = sorted({*self.images, *_standing_below(root, imgdir)})
        self._stems = {_stem(image) for image in self.images}

    def label_files(self) -> Iterator[str]:
        """The text files that hold rows: by their folder, the image beside, or their first row."""
        for path in self.texts:
            name = path.rpartition("/")[2].lower()
            if name in NAME_FILES or (name in LISTS and not begins(self.root / path, ROW)):
                continue
            if _is_label_folder(path) or _stem(path) in self._stems or begins(self.root / path, ROW):
                yield path

    def sources(self, imgdir: AnyPath | None, on_problem: OnProblem) -> list[Source]:
        """A source for every label file and for every image without one, sorted by the image's place."""
        finder = _Images(self.root, self.images, imgdir)
        found: list[Source] = []
        late: list[str] = []
        for path in self.label_files():
            images = finder.exactly(path)
            if images is None:
                late.append(path)
            elif len(images) > 1:
                problem = _ambiguous(self.root / path, images)
                self.lost += problem.lost
                self.known.add(path)
                on_problem(problem)
                finder.claimed.update(images)
            else:
                found.append(finder.source(path, images[0]))
        found += [finder.source(path, finder.loosely(path)) for path in late]
        found += finder.without_labels()
        return sorted(found, key=lambda source: (source.place, source.labels or ""))

    def divide(self, sources: list[Source], names: Names, on_problem: OnProblem) -> None:
        """Give every source its splits: those that a file states, else those that folders are called after."""
        by_place = _grouped((_stem(one.place) if one.image else one.place, one) for one in sources)
        stated, whole = self._stated(names, by_place, on_problem)
        for place, same in by_place.items():
            for source in same:
                source.splits = tuple(stated.get(place, ())) or (() if whole else split_folder(place))
        if len({source.splits for source in sources}) == 1 and len(sources[0].splits) > 1:
            for source in sources:
                source.splits = ()

    def _stated(
        self, names: Names, places: Mapping[str, object], on_problem: OnProblem
    ) -> tuple[dict[str, dict[str, None]], bool]:
        """The splits of every place that a file states, and whether each of them leads somewhere."""
        folders = _grouped((folder, place) for place in places for folder in _above(place))
        found: dict[str, dict[str, None]] = {}
        lists: dict[str, list[str] | None] = {}
        whole = bool(names.splits)
        for key, value in ((key, value) for key, values in names.splits.items() for value in values):
            if value.lower().endswith(".txt") and value not in lists:
                lists[value] = self._listed(value, places, on_problem)
            members = lists[value] if value in lists else _members(value, folders, names)
            whole = whole and members is not None
            for place in members or ():
                found.setdefault(place, {})[_called(key, value)] = None
        return found, whole

    def _listed(self, value: str, places: Mapping[str, object], on_problem: OnProblem) -> list[str] | None:
        """The places that a list of images names; None when the list is not here."""
        at = _longest(_steps(value), set(self.texts))
        if at is None:
            return None
        self.known.add(at)
        lines = [line.strip() for line in text_of(self.root / at).splitlines() if line.strip()]
        found = [_longest(_steps(_stem(line)), places) for line in lines]
        absent = [line for line, place in zip(lines, found, strict=True) if place is None]
        if absent:
            message = f"{len(absent)} of {len(lines)} listed images are not here, such as {absent[0]!r:.100}"
            where = Place(shown(self.root / at))
            on_problem(Problem("listed_image_missing", message, where, Severity.WARNING, Unit.FILE))
        return [place for place in found if place is not None]


def _standing_below(root: Path, imgdir: Far) -> Iterator[str]:
    """The far images as paths below the source, if their folder stands there."""
    if imgdir.absolute().is_relative_to(root):
        below = imgdir.absolute().relative_to(root)
        yield from ((below / name).as_posix() for name in images_below(imgdir))


def _members(value: str, folders: Mapping[str, list[str]], names: Names) -> list[str] | None:
    """The places below the folder that a path stands for; None when it leads nowhere here."""
    steps = _steps(value)
    whole = "/".join(steps)
    folder = whole if whole in folders else _longest(steps, folders) if names.absolute(value) else None
    if folder is None or (folder == "images" and len(steps) > 1 and SPLIT.fullmatch(steps[-2])):
        return None
    return folders[folder]


def _above(place: str) -> Iterator[str]:
    """Every folder that a path lies in; "" is the source's own."""
    steps = place.split("/")[:-1]
    return ("/".join(steps[:depth]) for depth in range(len(steps) + 1))


class _Images:
    """Finds images by the path of a label file, first in ``imgdir``, then in the source itself."""

    def __init__(self, root: Path, own: list[str], imgdir: AnyPath | None) -> None:
        self.root = root.absolute()
        self.claimed: set[str] = set()
        self.own = [str(self.root / name) for name in own]
        self._by_stem = _grouped(zip(map(_stem, own), self.own, strict=True))
        given = images_below(imgdir) if imgdir else []
        self._folder = imgdir.absolute() if imgdir else self.root
        below = [str(self._folder / name) for name in given]
        self._imgdir = _grouped(zip(map(_stem, given), below, strict=True))
        everywhere = dict.fromkeys([*below, *self.own])
        self._by_name = _grouped((_stem(path).rpartition("/")[2], path) for path in everywhere)

    def exactly(self, label: str) -> list[str] | None:
        """The images of a label file by its path."""
        candidates = list(_candidates(label))
        keys = (self._key(candidate) for candidate in candidates if self._imgdir)
        found = next((self._imgdir[key] for key in keys if key is not None), None)
        return found or next((self._by_stem[one] for one in candidates if one in self._by_stem), None)

    def _key(self, candidate: str) -> str | None:
        """What an image of the source would be called in ``imgdir``; where that lies elsewhere, by the path's end."""
        path = self.root / candidate
        if path.is_relative_to(self._folder):
            key = path.relative_to(self._folder).as_posix()
            return key if key in self._imgdir else None
        if self._folder.is_relative_to(self.root):
            return None
        return _longest(candidate.split("/"), self._imgdir)

    def loosely(self, label: str) -> str:
        """The only image of a label file's stem, if no other label file has it; else nothing."""
        images = self._by_name.get(_stem(label).rpartition("/")[2], [])
        return images[0] if len(images) == 1 and images[0] not in self.claimed else ""

    def source(self, label: str, image: str) -> Source:
        """The source of a label file and its image, if there is one."""
        self.claimed.add(image)
        place = self._place(image) or next(_candidates(label)) + Path(image).suffix
        return Source(label, labels=label, image=image, place=place)

    def without_labels(self) -> list[Source]:
        """Images of the source that no label file belongs to. A copy of one that was found in ``imgdir`` is none."""
        places = {_stem(self._place(image)) for image in self.claimed if image}
        copies = {_stem(Path(image).name) for image in self.claimed if image and not self._place(image)}
        found: list[Source] = []
        for image in self.own:
            place = self._place(image)
            if image in self.claimed or _stem(place) in places or _stem(place).rpartition("/")[2] in copies:
                continue
            found.append(Source(place, image=image, place=place))
        return found

    def _place(self, image: str) -> str:
        """The path below the source; empty for what lies elsewhere."""
        path = Path(image)
        return path.relative_to(self.root).as_posix() if image and path.is_relative_to(self.root) else ""


def _candidates(label: str) -> Iterator[str]:
    """Where the image of a label file may lie, without extension, the likeliest first; the last is beside it."""
    steps = _stem(label).split("/")
    for at in range(len(steps) - 2, -1, -1):
        if steps[at].lower() == "labels":
            yield "/".join([*steps[:at], "images" if steps[at] == "labels" else "Images", *steps[at + 1 :]])
    yield "/".join(steps)


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, list[T]]:
    found: dict[str, list[T]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found


def _stem(path: str) -> str:
    folder, slash, name = path.rpartition("/")
    return folder + slash + (name.rpartition(".")[0] or name)


def _steps(path: str) -> list[str]:
    return [step for step in path.replace("\\", "/").split("/") if step not in ("", ".", "..")]


def _longest(steps: list[str], known: Container[str]) -> str | None:
    """The longest end of a path that is known."""
    ends = ("/".join(steps[at:]) for at in range(len(steps)))
    return next((end for end in ends if end in known), None)


def _called(key: str, path: str) -> str:
    """The name of a split: its key, or where that is another word for it, the folder's."""
    steps = _steps(path.removesuffix(".txt"))
    return next((step for step in steps if step in _FAMILY.get(key, ())), key)


def _is_label_folder(path: str) -> bool:
    return any(step.lower() == "labels" or DARKNET.fullmatch(step) for step in path.split("/")[:-1])


def _ambiguous(path: Path, images: list[str]) -> Problem:
    names = ", ".join(Path(image).name for image in images)
    rows = sum(bool(line.strip()) for line in text_of(path).splitlines())
    message = f"{len(images)} images have the stem of this file: {names:.200}"
    hint = "keep one of them, or rename it"
    return Problem("image_ambiguous", message, Place(shown(path)), unit=Unit.IMAGE, lost=rows, hint=hint)
