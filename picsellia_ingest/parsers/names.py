"""File names as they may be used below a folder: a name from an annotation file is never trusted as a path."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..losses import Losses

_STEP_MAX = 200
"""Bytes of a file's name, so that there is room for an extension and a number."""
_UNUSABLE = re.compile(r"[\x00-\x1f\x7f]")
_PLAIN = re.compile(r"((?:[A-Za-z0-9][A-Za-z0-9_-]{0,99}/)*[A-Za-z0-9][A-Za-z0-9_-]{0,99})\.[A-Za-z0-9]{1,5}")
"""A name that is its own relative path, with its stem."""
_DRIVE = re.compile(r"^[A-Za-z]:")
SPLIT = re.compile(r"(train|val|valid|validation|test|trainval)\d*", re.I)
"""Names of folders that hold a split."""
DARKNET = re.compile(r"obj_(\w+)_data", re.I)
"""The same as Darknet's tools name them."""


def inside(name: str) -> str:
    """A relative path with ``/`` that stays below the folder it is joined to: no drive, root, ``..`` or control character."""
    plain = _DRIVE.sub("", _UNUSABLE.sub("_", name).replace("\\", "/"))
    plain = plain.encode("utf-8", "replace").decode()
    return "/".join(step for step in plain.split("/") if step not in ("", ".", ".."))


def stem(name: str) -> str:
    """A name without its extension, if it has one of at most five characters."""
    before, dot, extension = name.rpartition(".")
    usable = dot and before and not before.endswith("/") and 0 < len(extension) <= 5 and extension.isalnum()
    return before if usable else name


def seen(path: str) -> str:
    """A path below a folder of which no step is hidden from a reader, or too long to be a file's name."""
    steps = (f"_{step}" if step.startswith(".") or step == "__MACOSX" else step for step in path.split("/"))
    return "/".join(step.encode()[:_STEP_MAX].decode("utf-8", "ignore") for step in steps)


def unique_stems(names: Sequence[str], losses: Losses) -> list[str]:
    """For every image name a stem below a folder that no other has, also where case does not count.

    The first of several gets the plain stem; the others are counted as ``name_changed``.
    """
    taken: dict[str, int] = {}
    found: list[str] = []
    for number, name in enumerate(names):
        usual = _PLAIN.fullmatch(name)
        if usual is not None and (key := usual[1].casefold()) not in taken:
            taken[key] = 1
            found.append(usual[1])
            continue
        plain = inside(name)
        wanted = seen(stem(plain)) or f"image_{number + 1}"
        chosen = wanted
        while chosen.casefold() in taken:
            tries = taken[wanted.casefold()] = taken.get(wanted.casefold(), 1) + 1
            chosen = (
                f"{wanted}_{plain[len(stem(plain)) + 1 :] or 'image'}" if tries == 2 else f"{wanted}_{tries}"
            )
        if chosen != stem(plain) or plain != name.replace("\\", "/"):
            losses.note("name_changed")
        taken.setdefault(chosen.casefold(), 1)
        found.append(chosen)
    return found


def split_folder(path: str) -> tuple[str, ...]:
    """The split after which a folder that a file lies in is called, if there is one."""
    for step in path.split("/")[:-1]:
        darknet = DARKNET.fullmatch(step)
        if darknet or SPLIT.fullmatch(step):
            return (darknet[1].lower() if darknet else step,)
    return ()
