"""Which files of a COCO source are read: told apart by content, never by name alone.

A folder may hold the same images several times, as instances, keypoints, captions and panoptic files: the fullest
kind is read, the others are named in the notes. What is called JSON and is none is a problem: it may be the file
that was meant.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from ..errors import InputError
from ..problems import OnProblem, Problem
from .jsonfile import JsonFile, reject
from .looks import edges_if_any

_ORDER = ("instances", "person_keypoints", "keypoints", "stuff", "labels")
_OTHERS = (b"external_picture_url", b"internal_picture_id", b"total_assets", b"nb_pages")
"""Keys of the platform's own files, which have the same three arrays."""
_DATUMARO = re.compile(rb'"label"\s*:\s*\{\s*"labels"\s*:\s*\[')
"""What the categories of Datumaro's files hold, where COCO has an array."""

_KINDS = "instances|person_keypoints|keypoints|stuff|labels|captions|image_info"
_SPLIT = re.compile(rf"(?:{_KINDS})_((?:train|val|valid|test|unlabeled|trainval|minival)\w*)", re.I)
_SPLIT_FOLDERS = ("train", "val", "valid", "test")


def split_of(path: Path) -> tuple[str, ...]:
    """The split a file is of: ``instances_train.json`` (COCO's own names), ``train/_annotations.coco.json`` (Roboflow's)."""
    named = _SPLIT.fullmatch(path.stem)
    if named:
        return (named[1],)
    folder = path.absolute().parent.name
    return (folder,) if path.name == "_annotations.coco.json" and folder in _SPLIT_FOLDERS else ()


def readable(source: Path, on_problem: OnProblem) -> tuple[list[Path], list[str]]:
    """The files to read, and a note for every other one. Raises InputError when there is none."""
    if not source.exists():
        raise reject(source, "missing", "there is no such file or folder", "check the path")
    if source.is_dir():
        return _in_folder(source, on_problem)
    if kind(source) == "panoptic":
        raise reject(
            source, "panoptic", "this is a panoptic file: its segments stand in PNG files, not here",
            "give the instances file of the same dataset",
        )  # fmt: skip
    return [source], []


def _in_folder(folder: Path, on_problem: OnProblem) -> tuple[list[Path], list[str]]:
    kinds = {path: kind(path) for path in json_files(folder)}
    found = [path for path, what in kinds.items() if what == "instances"]
    for prefix in _ORDER:
        preferred = [path for path in found if path.stem.startswith(prefix)]
        if preferred:
            found = preferred
            break
    notes = []
    chosen = set(found)
    for path, what in kinds.items():
        if path in chosen:
            continue
        if what is None and (broken := _broken(path)) is not None:
            on_problem(broken)
        else:
            notes.append(f"{path.relative_to(folder)}: passed over ({what or 'not COCO'})")
    if not found:
        what = ", ".join(sorted({each or "other files" for each in kinds.values()})) or "no *.json file"
        raise reject(folder, "no_coco_file", f"the folder holds no COCO dataset file (found: {what})")
    return found, sorted(notes)


def _broken(path: Path) -> Problem | None:
    """Why a file that is called JSON is none, if it is none."""
    try:
        JsonFile.open(path).close()
    except InputError as error:
        return error.problem
    return None


def json_files(folder: Path) -> list[Path]:
    """All files of a folder that are called JSON, sorted; what is no regular file is passed over."""
    found = [
        Path(where, name)
        for where, _, names in os.walk(folder)
        for name in names
        if name.lower().endswith(".json")
    ]
    return sorted(path for path in found if path.suffix.lower() == ".json" and path.is_file())


def kind(path: Path) -> str | None:
    """What a JSON file is, from its first and last MiB: instances, captions, panoptic or results; None if not COCO."""
    text = edges_if_any(path)
    if _has(text, *_OTHERS) or _DATUMARO.search(text):
        return None
    if text.startswith(b"["):
        return "results" if _has(text, b"image_id") else None
    arrays = [_has(text, key) for key in (b"images", b"annotations", b"categories")]
    if not all(arrays) and not (any(arrays[:2]) and _has(text, b"file_name", b"image_id", b"category_id")):
        return None
    if _has(text, b"segments_info"):
        return "panoptic"
    return "captions" if _has(text, b"caption") and not _has(text, b"bbox", b"categories") else "instances"


def _has(text: bytes, *keys: bytes) -> bool:
    return any(b'"' + key + b'"' in text for key in keys)
