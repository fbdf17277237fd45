"""Which image an annotation's file name means. The name is compared, never opened as a path.

Tried in turn: the exact relative path, a unique path suffix, a unique name, a unique stem, and the same three
ignoring case. Whatever fits two images, or would leave the folder, is refused: an annotation on the wrong picture is
worse than one left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from typing import TypeAlias

from ..errors import ItemError
from ..parsers.image_files import SUFFIXES

_CLIMBS = re.compile(r"(^|[/\\])\.\.([/\\]|$)|^[A-Za-z]:|^[a-z][a-z0-9+.-]*://?|^file:|\x00|^[/\\]{2}", re.I)

_USUAL = re.compile(r"\w[\w./-]*(?:\n\w[\w./-]*)*", re.ASCII)
"""Names one below the other, as nearly all are."""

_HALF = re.compile("[\ud800-\udfff]")
"""Bytes of a file's name that are no text."""

EXACT = ""
"""How a name was matched when nothing needs to be said about it."""


class NameIndex:
    """Images by name: ``names`` are relative paths with ``/``."""

    def __init__(self, names: Iterable[str]) -> None:
        self._exact = {_form(name): name for name in names}
        self._by: dict[Callable[[str], str], dict[str, list[str]]] = {}

    def match(self, name: str) -> tuple[str, str]:
        """The image that ``name`` means, and a problem code that says how it was found. Raises ItemError."""
        if _CLIMBS.search(name):
            raise ItemError(
                "name_escapes", f"{name!r} is not a name inside the image folder", "name a file in the folder"
            )
        for form in dict.fromkeys(
            (_form(name), _form(name).replace("\\", "/"), _form(name).strip().lstrip("/"))
        ):
            if form in self._exact:
                return self._exact[form], EXACT if form == _form(name) else "matched_by_name"
        wanted = _plain(name)
        for key, code in (
            (_name, "matched_by_name"),
            (_path_stem, "matched_by_stem"),
            (_stem, "matched_by_stem"),
            (_lower_name, "matched_by_case"),
            (_lower_stem, "matched_by_case"),
        ):
            if candidates := self._table(key).get(key(wanted)):
                return self._choose(name, wanted, candidates, code)
        raise ItemError(
            "image_missing", f"there is no image called {name!r}", "is this the right image folder?"
        )

    def below(self, folder: str, name: str) -> tuple[str, str] | None:
        """The image of that very path below a folder, if there is a folder and such an image."""
        found = self._exact.get(folder + _plain(name)) if folder and not _CLIMBS.search(name) else None
        return None if found is None else (found, EXACT)

    def folder_of(self, names: Iterable[str]) -> str:
        """The one folder below which all the names lie that lie anywhere; "" when there is none, or no need of one.

        Who gives the folder above the right one has not made any name ambiguous.
        """
        common: set[str] | None = None
        for name in names:
            wanted = _plain(name)
            if wanted in self._exact:
                return ""
            forms = self._table(_name).get(_name(wanted), ())
            folders = {form.removesuffix(wanted) for form in forms if form.endswith(f"/{wanted}")}
            if folders:
                common = folders if common is None else common & folders
                if not common:
                    return ""
        return common.pop() if common is not None and len(common) == 1 else ""

    def _table(self, key: Callable[[str], str]) -> dict[str, list[str]]:
        if key not in self._by:
            table: dict[str, list[str]] = defaultdict(list)
            for form in self._exact:
                table[key(form)].append(form)
            self._by[key] = table
        return self._by[key]

    def _choose(self, name: str, wanted: str, candidates: list[str], code: str) -> tuple[str, str]:
        longer = [form for form in candidates if form.endswith("/" + wanted)]
        if len(longer) == 1:
            return self._exact[longer[0]], EXACT
        shorter = [form for form in candidates if wanted.endswith("/" + form)]
        chosen = longer or shorter or candidates
        if len(chosen) > 1:
            some = ", ".join(sorted(chosen)[:3])
            raise ItemError(
                "image_ambiguous", f"{name!r} may mean any of {len(chosen)} images ({some})", "write the path"
            )
        return self._exact[chosen[0]], code


def are_plain(names: Collection[str]) -> bool:
    """Whether every name is in the one form that names are compared in, can be written down, and stays in the folder.

    Where all names of records and images are, a record whose name is an image's means that image, whatever the others are.
    """
    together = "\n".join(names)
    # Of such letters alone, without a folder that is called "..", a name is all of this.
    if _USUAL.fullmatch(together) and ".." not in together and together.count("\n") == len(names) - 1:
        return True
    return all(_plain(name) == name and not _CLIMBS.search(name) and not _HALF.search(name) for name in names)


def _form(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _plain(name: str) -> str:
    return _form(name).replace("\\", "/").strip().lstrip("/")


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1]


def _stem(path: str) -> str:
    """The name without its extension; only what is an image's extension is taken for one."""
    name = _name(path)
    stem, dot, extension = name.rpartition(".")
    return stem if stem and f"{dot}{extension}".lower() in SUFFIXES else name


def _path_stem(path: str) -> str:
    """The path without what is an image's extension."""
    folder, slash, name = path.rpartition("/")
    return f"{folder}{slash}{_stem(name)}"


def _lower_name(path: str) -> str:
    return _name(path).casefold()


def _lower_stem(path: str) -> str:
    return _stem(path).casefold()


Match: TypeAlias = "tuple[str, str] | ItemError"
"""The image of a record and how it was found, or why it has none."""


def pair(names: Iterable[str], index: NameIndex) -> dict[str, Match]:
    """The image of every name that records give, or why it has none.

    Two different names may not share an image unless one of them is exact: then the other has none.
    """
    found: dict[str, Match] = {}
    users: dict[str, list[str]] = defaultdict(list)
    distinct = dict.fromkeys(names)
    folder = index.folder_of(distinct)
    for name in distinct:
        try:
            image, code = index.below(folder, name) or index.match(name)
            found[name] = (image, code)
            users[image].append(name)
        except ItemError as error:
            found[name] = error
    for image, sharing in users.items():
        for name in sharing if len(sharing) > 1 else ():
            match = found[name]
            if not isinstance(match, ItemError) and match[1] != EXACT:
                message = f"{name!r} and another record would both be the image {image!r}"
                found[name] = ItemError("image_ambiguous", message, "write the path")
    return found
