"""What the PNGs of a MASKS source are, by their names: masks of objects or of whole images, and where classes are listed."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

from . import voc_layout
from .voc_masks import NAMES, ClassNames, class_names

NOTHING = "0_.png"
"""The mask of an image without objects."""
FOLDER = "masks"
"""A folder between an image's and its masks, which may be left out."""
OBJECT = re.compile(r"([0-9]+)_(.*)\.png", re.I | re.S)
"""What the mask of an object is called: its number and its label."""


class Files:
    """What the PNGs of a source are, by their names. ``found`` are its folders with the names of their files."""

    def __init__(self, path: Path, found: list[tuple[str, list[str]]]) -> None:
        self.path = path
        folders = {folder for folder, _ in found}
        pngs = [
            f"{folder}/{name}".lstrip("/")
            for folder, names in found
            for name in names
            if name.lower().endswith(".png")
        ]
        self.masks = [file for file in pngs if file[:-4] not in folders]
        """Pictures beside the folder of their own name left out; sorted by folder, number and name."""
        self.masks.sort(key=_order)
        names = class_names(path)
        self.listed = dict.fromkeys(names.names if names.stated else ())
        """The labels that a list at the root has."""
        self.named = class_names(path.parent).stated or any(set(NAMES) & set(here) for _, here in found)
        """Whether there is a list of classes anywhere."""
        voc = (voc_layout.OBJECTS, voc_layout.CLASSES)
        self.of_voc = any(step in voc for folder in folders for step in folder.split("/")) or any(
            name.lower().endswith(".xml") for _, here in found for name in here
        )

    def are_of_objects(self, *, strict: bool = False) -> bool:
        """Whether most masks are called as those of objects are; 2011_000003.png is not, unless nothing else is possible."""
        labels = [
            unquote(match[2])
            if image_of(file) and (match := OBJECT.fullmatch(file.rpartition("/")[2]))
            else None
            for file in self.masks
        ]
        if self.listed:
            fitting = sum(label == "" or label in self.listed for label in labels if label is not None)
        else:
            digits = self.named or strict
            fitting = sum(label is not None and not (digits and label.isdigit()) for label in labels)
        return fitting * 2 > len(labels)


def image_of(file: str) -> str:
    """The image that a mask of an object belongs to, by its folder; "" at the root."""
    return file.rpartition("/")[0].removesuffix(f"/{FOLDER}")


def _order(file: str) -> tuple[str, int, str]:
    folder, _, name = file.rpartition("/")
    match = OBJECT.fullmatch(name)
    return folder, int(match[1]) if match else 0, name


def names_above(root: Path, folder: str) -> ClassNames:
    """The classes that are listed in a folder of the source, or in the nearest one above, up to the source's parent."""
    steps = folder.split("/") if folder else []
    above = [root / "/".join(steps[:depth]) for depth in range(len(steps), -1, -1)]
    for where in [*above, root.absolute().parent]:
        if (found := class_names(where)).stated:
            return found
    return ClassNames()
