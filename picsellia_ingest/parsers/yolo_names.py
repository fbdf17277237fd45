"""What a YOLO dataset says of itself: data.yaml (Ultralytics), or obj.data with a list of names (Darknet).

The names of the classes stand in data.yaml, as a list or by number; in the file that obj.data calls ``names``; or, a
line each, in obj.names, classes.txt or _darknet.labels. Labels cannot be invented: where no file, or several that
differ, give names the source is refused. Files are looked for among those of the source, never by a path that is named.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..problems import Place, Problem, Unit
from .numbers import number
from .voc_layout import shown
from .yaml_subset import Value, YamlError, sections, value

NAME_FILES = frozenset(("classes.txt", "obj.names.txt", "names.txt"))
"""Text files of which a line is a name; so are all *.names."""

LISTS = frozenset(("train.txt", "val.txt", "valid.txt", "validation.txt", "test.txt", "trainval.txt"))
"""Text files of which a line may be an image's path."""

KEYS = frozenset(
    ("names", "nc", "path", "kpt_shape", "flip_idx", "download", "roboflow", "channels", "backup", "classes")
)
"""Keys of data.yaml and obj.data that name no split."""

_BYTES_MAX = 1 << 20
_TEXT_MAX = 1 << 26
_EDGE = 1 << 16
_YAML = (".yaml", ".yml")
_DRIVE = re.compile(r"[A-Za-z]:[\\/]|[\\/]")


@dataclass(slots=True)
class Names:
    """The classes by number, the paths that each split stands for, and all keys of data.yaml as text."""

    names: dict[int, str] = field(default_factory=dict)
    splits: dict[str, list[str]] = field(default_factory=dict)
    sections: dict[str, str] = field(default_factory=dict)
    path: str = ""
    keypoints: int = 0
    """How many numbers follow the box in each row of a pose dataset."""
    notes: list[str] = field(default_factory=list)

    def absolute(self, value: str) -> bool:
        """Whether a path begins elsewhere than at the dataset's folder, so that only its end can be compared."""
        return bool(self.path or _DRIVE.match(value))


def read(root: Path, files: Sequence[str], chosen: str = "") -> Names:
    """The names of the source in ``root``, of its ``files`` or of the one that was chosen. Raises InputError."""
    found = Names()
    stated = [chosen] if chosen else sorted(files, key=lambda path: (path.count("/"), path))
    yamls = [path for path in stated if path.lower().endswith(_YAML)]
    preferred = sorted(yamls, key=lambda path: (path.count("/"), path.rpartition("/")[2] != "data.yaml"))
    for path in preferred:
        if _yaml(root / path, found):
            found.notes += [f"{other} is not read" for other in yamls if other != path]
            break
    for path in [] if found.sections else [path for path in stated if path.lower().endswith(".data")][:1]:
        _darknet(root, path, files, found)
    if not found.names:
        found.names = _listed(root, [path for path in files if _holds_names(path)])
    if not found.names:
        hint = "add data.yaml, or classes.txt with one name a line, in the order of the numbers"
        raise _refused(root, "labels_unnamed", "no file says what the numbers of the classes mean", hint)
    return found


def is_description(path: Path) -> bool:
    """Whether a file is a data.yaml or an obj.data; raises nothing but OSError."""
    suffix = path.suffix.lower()
    if suffix not in (*_YAML, ".data") or not path.is_file():
        return False
    with path.open("rb") as stream:
        head = stream.read(_EDGE)
    if suffix == ".data":
        return re.search(rb"^\s*names\s*=", head, re.M) is not None
    return all(re.search(pattern, head, re.M) for pattern in (rb"^names\s*:", rb"^(train|val|nc|path)\s*:"))


def text_of(path: Path, most: int = _TEXT_MAX) -> str:
    """The text of a file. Raises InputError when it is no text of a possible size."""
    try:
        if not path.is_file() or path.stat().st_size > most:
            raise _refused(path, "unreadable", "it is not a regular file of a possible size", "")
        return path.read_text("utf-8-sig")
    except OSError as error:
        raise _refused(path, "unreadable", f"cannot read the file: {error.strerror}", "") from error
    except UnicodeError as error:
        raise _refused(path, "encoding", "the file is not UTF-8", "save it as UTF-8") from error


def _yaml(path: Path, found: Names) -> bool:
    """Take in what data.yaml says; whether it is one. Raises InputError with the line that is not understood."""
    try:
        keys = sections(text_of(path, _BYTES_MAX))
        if "names" not in keys and not {"train", "val"} <= keys.keys():
            return False
        for key, (text, line) in keys.items():
            if key in ("names", "path", "kpt_shape"):
                _take(key, value(text, line), line, found)
            elif key not in KEYS:
                found.splits.update(_paths(key, text, line))
    except YamlError as error:
        hint = "write names as a list or by number, and paths as text"
        raise _refused(path, "yaml_syntax", f"{path.name}: {error}", hint, error.line) from error
    found.sections = {key: text for key, (text, _) in keys.items()}
    return True


def _take(key: str, stated: Value, line: int, found: Names) -> None:
    if key == "path":
        found.path = stated if isinstance(stated, str) else ""
    elif key == "kpt_shape":
        sides = [number(side) for side in stated] if isinstance(stated, list) else []
        if len(sides) != 2 or not all(side is not None and 0 < side < 10_000 for side in sides):
            raise YamlError(f"kpt_shape is not [points, 2 or 3]: {stated!r:.60}", line)
        found.keypoints = int(sides[0] or 0) * int(sides[1] or 0)
    elif isinstance(stated, dict):
        for text, name in stated.items():
            if not (text.isascii() and text.isdigit() and len(text) < 10):
                raise YamlError(f"names are listed by number, not by {text!r:.40}", line)
            found.names[int(text)] = name
    else:
        found.names = dict(enumerate(stated if isinstance(stated, list) else [stated]))


def _paths(key: str, text: str, line: int) -> dict[str, list[str]]:
    """The paths under a key; nothing for a key that no split can have, however it is written."""
    try:
        stated = value(text, line)
    except YamlError:
        if key in ("train", "val", "test"):
            raise
        return {}
    paths = stated if isinstance(stated, list) else [stated] if isinstance(stated, str) else []
    return {key: [path for path in paths if path]} if any(paths) else {}


def _darknet(root: Path, path: str, files: Sequence[str], found: Names) -> None:
    """Take in what obj.data says: ``key = value`` lines."""
    for line in text_of(root / path, _BYTES_MAX).splitlines():
        key, _, stated = (part.strip() for part in line.partition("="))
        if key == "names":
            wanted = stated.replace("\\", "/").rpartition("/")[2]
            named = [file for file in files if file.rpartition("/")[2] == wanted]
            found.names = _listed(root, named) if named else found.names
        elif stated and key not in KEYS:
            found.splits[key] = [stated]


def _holds_names(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    return name in NAME_FILES or name == "_darknet.labels" or name.endswith(".names")


def _listed(root: Path, paths: list[str]) -> dict[int, str]:
    """The lines of the lists of names; all must say the same. Blank lines at the end are none."""
    lists = {path: text_of(root / path, _BYTES_MAX).rstrip().split("\n") for path in paths}
    if any(lines != lists[paths[0]] for lines in lists.values()):
        message = f"these lists of names differ: {', '.join(paths):.200}"
        raise _refused(root, "names_ambiguous", message, "keep one of them, or name the classes in data.yaml")
    return {at: line.strip() for at, line in enumerate(lists[paths[0]])} if paths else {}


def _refused(path: Path, code: str, message: str, hint: str, line: int | None = None) -> InputError:
    return InputError(Problem(code, message, Place(shown(path), line), unit=Unit.FILE, hint=hint))
