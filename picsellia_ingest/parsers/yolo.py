"""YOLO: one text file for an image, a row for each instance, all numbers in fractions of the picture.

Rows are in yolo_rows, where files lie in yolo_layout, names and splits in yolo_names. Fractions become pixels, so the
size of every image is read from its header: in ``imgdir``, or where the dataset has it. Rows of an image whose size is
not known are rejected together. An empty label file is an image without instances, and so is an image without one.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..errors import InputError, ItemError
from ..model import Header, ImageRecord, Instance
from ..problems import OnProblem, Place, Problem, Severity, Unit
from ..sources import AnyPath, Far
from .base import Options, labels_of
from .checks import usable_label
from .file_per_image import FilePerImage, Glance, LineReport
from .folders import begins, ignore
from .image_files import size_of
from .jsonfile import reject
from .passes import Seen
from .voc_layout import shown, walk
from .yolo_layout import ROW, Layout, Source
from .yolo_names import LISTS, NAME_FILES, Names, is_description, read, text_of
from .yolo_rows import Classes, instance

if TYPE_CHECKING:
    from .writer import Writer

_FOLDERS, _FILES = 2000, 40
DATA_YAML = "data.yaml"
"""The header's attribute that holds the keys of data.yaml as text."""


class Yolo(FilePerImage[Source]):
    """Reads boxes, polygons and oriented boxes (polygons of four points); keeps keypoints and confidences."""

    name: ClassVar[str] = "YOLO"

    def __init__(self, path: Path, options: Options | None = None) -> None:
        super().__init__(path, options)
        self._names = Names()
        self._classes = Classes({})
        self._sizes: dict[str, tuple[int, int] | None] = {}
        """Of images that were opened and whose sources are not taken in yet."""
        self.root = path if path.is_dir() else path.parent

    @staticmethod
    def recognises(path: Path) -> bool:
        """Whether one of the first text files in the folder begins with a row, or the file is a data.yaml or obj.data."""
        try:
            if not path.is_dir():
                return is_description(path)
            looked_at = 0
            for folder, names in islice(walk(path, ignore), _FOLDERS):
                texts = [name for name in names if name.lower().endswith(".txt")]
                texts = [name for name in texts if name.lower() not in NAME_FILES | LISTS]
                if any(begins(path / folder / name, ROW) for name in texts[:_FILES]):
                    return True
                looked_at += len(texts[:_FILES])
                if looked_at > _FOLDERS:
                    return False
            return False
        except OSError:
            return False

    @staticmethod
    def writer() -> type[Writer]:
        """What writes YOLO."""
        from .yolo_writer import YoloWriter

        return YoloWriter

    def prepare(self, on_problem: OnProblem) -> None:
        """Read every label file once. Raises InputError when there is none, or nothing names the classes."""
        if not os.path.lexists(self.path):
            raise reject(self.path, "missing", "there is no such file or folder", "check the path")
        if not self.path.is_dir() and not is_description(self.path):
            hint = "give the dataset's folder, or its data.yaml"
            raise reject(self.path, "not_a_dataset", "this is no folder and no data.yaml", hint)
        layout = Layout(self.root, on_problem, self.options.imgdir)
        sources = layout.sources(self.options.imgdir, on_problem)
        if not any(source.labels is not None for source in sources):
            hint = "give the folder that holds images and labels"
            raise reject(self.path, "no_yolo_file", "the folder holds no label file", hint)
        chosen = "" if self.path.is_dir() else self.path.name
        self._names = read(self.root, layout.texts + layout.others, chosen)
        self._classes = Classes(self._names.names)
        self.notes = list(self._names.notes)
        layout.divide(sources, self._names, on_problem)
        used = {source.labels for source in sources} | layout.known
        names = LISTS | NAME_FILES
        passed = [path for path in layout.texts if path not in used and path.rpartition("/")[2] not in names]
        if passed:
            self.notes.append(f"text files that hold no rows are passed over: {', '.join(passed):.200}")
        self._blank_names(on_problem)
        self._repeated_images(sources, on_problem)
        self._read_once(sources, on_problem)
        self._sizes = {}
        self._instances += layout.lost

    def _blank_names(self, on_problem: OnProblem) -> None:
        for number, name in self._names.names.items():
            if not usable_label(name):
                message = f"class {number} has no name that can be shown: {name!r:.80}"
                place = Place(shown(self.root))
                on_problem(
                    Problem("label_blank", message, place, Severity.WARNING, Unit.FILE, hint="name it")
                )

    def _repeated_images(self, sources: list[Source], on_problem: OnProblem) -> None:
        seen: set[str] = set()
        for source in sources:
            if source.image and source.image in seen:
                message = (
                    f"the image {Path(source.image).name!r} belongs to another label file too; both are kept"
                )
                place = Place(self._shown(source.file))
                on_problem(Problem("image_repeated", message, place, Severity.WARNING, Unit.IMAGE))
            seen.add(source.image)

    def _see(self, source: Source, quick: Callable[[Source], Glance | None] | None) -> Seen:
        """Open the image, too: whoever reads the labels needs its size."""
        if source.image:
            source.size = self._sizes[source.image] = size_of(self._image(source))
        return super()._see(source, quick)

    def _noted(self) -> dict[str, tuple[int, int] | None]:
        return self._sizes

    def _note_also(self, noted: dict[str, tuple[int, int] | None]) -> None:
        self._sizes = noted

    def _take(self, source: Source, seen: Seen) -> None:
        source.size = self._sizes.get(source.image)
        super()._take(source, seen)

    def _image(self, source: Source) -> AnyPath:
        path, imgdir = Path(source.image), self.options.imgdir
        if isinstance(imgdir, Far) and path.is_relative_to(imgdir.absolute()):
            return imgdir / path.relative_to(imgdir.absolute())
        return path

    def header(self) -> Header:
        """The names in the order of their numbers; a name that stands twice is one label."""
        listed: dict[str, dict[str, int]] = {}
        for number, name in sorted(self._names.names.items()):
            if usable_label(name):
                listed.setdefault(name, {"id": number})
        said = self._names.sections
        return Header(labels_of(self._kinds, said=listed), {DATA_YAML: dict(said)} if said else {})

    def _load(self, source: Source, on_problem: OnProblem) -> ImageRecord:
        rows = self._rows(source)
        if rows and source.size is None:
            raise self._unsized(source, len(rows))
        instances = self._instances_of(source, rows, on_problem)
        width, height = source.size or (None, None)
        where: dict[str, Any] = {"path": source.place}
        if source.labels is not None:
            where["labels"] = source.labels
        line = rows[0][0] if rows else None
        place = Place(self._shown(source.file), line)
        name = self._name(source)
        return ImageRecord(name, width, height, instances, (), {"image": where}, source.splits, place)

    def _name(self, source: Source) -> str:
        imgdir = self.options.imgdir
        if imgdir is not None and source.image and Path(source.image).is_relative_to(imgdir.absolute()):
            return shown(Path(source.image).relative_to(imgdir.absolute()))
        return shown(Path(source.place))

    def _rows(self, source: Source) -> list[tuple[int, str]]:
        """The rows of a label file with their lines, which count from 1."""
        if source.labels is None:
            return []
        text = text_of(self.root / source.labels)
        return [(at, row.strip()) for at, row in enumerate(text.splitlines(), start=1) if row.strip()]

    def _unsized(self, source: Source, rows: int) -> InputError:
        what = (
            f"the image {Path(source.image).name!r:.100} cannot be read"
            if source.image
            else "the image is not here"
        )
        message = f"{what}: without its size {rows} rows have no pixels"
        place = Place(self._shown(source.file))
        hint = "replace it" if source.image else "give --imgdir"
        return InputError(Problem("size_unknown", message, place, unit=Unit.IMAGE, lost=rows, hint=hint))

    def _instances_of(
        self, source: Source, rows: list[tuple[int, str]], on_problem: OnProblem
    ) -> tuple[Instance, ...]:
        found: list[Instance] = []
        seen: set[str] = set()
        file = self._shown(source.file)
        for line, text in rows:
            reporter = LineReport(file, line, on_problem)
            if text in seen:
                reporter.warn("row_repeated", "the row stands in the file twice; both are kept")
            seen.add(text)
            try:
                found.append(self._instance(text, source, reporter))
            except ItemError as error:
                reporter.report(error)
        return tuple(found)

    def _instance(self, text: str, source: Source, reporter: LineReport) -> Instance:
        assert source.size is not None, "rows of images without a size are rejected together"
        return instance(text, self._classes, source.size, self._names.keypoints, reporter.warn)

    def _shown(self, relative: str) -> str:
        return shown(self.root / relative)
