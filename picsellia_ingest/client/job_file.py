"""A job file: many datasets to upload, as TOML, with what they share stated once.

``[defaults]`` holds what all have, each ``[[dataset]]`` the rest; the keys are the arguments of ``datalake.upload`` and of
the client. Paths are relative to the file. A token never stands in it: ``api_token_from`` names the environment
variable that holds it. What is wrong is said with file and line before anything is sent.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

from ..errors import AuthenticationError, InputError, InvalidQueryError
from ..problems import Place, Problem, Unit
from ..sources import is_remote
from . import local

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_LARGEST = 16 << 20


class _Shared(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a dataset may state, or the defaults for it."""

    host: str | UnsetType = UNSET
    organization: str | UnsetType = UNSET
    api_token_from: str | UnsetType = UNSET
    version: str | UnsetType = UNSET
    imgdir: str | UnsetType = UNSET
    ann_path: str | UnsetType = UNSET
    ann_format: str | UnsetType = UNSET
    tags: list[str] | UnsetType = UNSET
    rectangle: bool | UnsetType = UNSET
    on_conflict: str | UnsetType = UNSET
    voc_coordinates: str | UnsetType = UNSET
    coordinates: str | UnsetType = UNSET
    exif: str | UnsetType = UNSET
    labels: dict[str, str | Literal[False]] | str | UnsetType = UNSET
    only: list[str] | UnsetType = UNSET
    drop: list[str] | UnsetType = UNSET
    splits: Literal["versions", "tags"] | UnsetType = UNSET
    patience: float | UnsetType = UNSET
    nb_jobs: int | UnsetType = UNSET
    backend: str | UnsetType = UNSET
    scheduler: str | UnsetType = UNSET


class _Dataset(_Shared, forbid_unknown_fields=True, kw_only=True):
    name: str


class _File(msgspec.Struct, forbid_unknown_fields=True):
    dataset: list[_Dataset]
    defaults: _Shared = msgspec.field(default_factory=_Shared)


@dataclass(frozen=True, slots=True)
class DatasetJob:
    """One dataset of a job file: ``arguments`` are those of ``ingest.job``, paths resolved."""

    name: str
    arguments: dict[str, Any]
    host: str | None
    organization: str | None
    api_token: str | None
    place: Place
    splits: str | None = None
    """Whether each split of the source becomes a version, or a tag; None where splits are not looked at."""


def load(path: Path) -> list[DatasetJob]:
    """The datasets of a job file, in its order. Raises InputError with the line, InvalidQueryError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidQueryError(
            f"the job file {str(path)!r} cannot be read: {error.strerror}", "check the path"
        ) from None
    text = _Text(path, content)
    try:
        found = msgspec.convert(tomllib.loads(text.text), type=_File)
    except tomllib.TOMLDecodeError as error:
        raise text.error(str(error), _line_said(str(error)), "mend the TOML") from None
    except msgspec.ValidationError as error:
        words, line = text.located(str(error))
        raise text.error(words, line, "see docs/jobs.md") from None
    if not found.dataset:
        raise text.error("there is no [[dataset]]", 1, "state at least one")
    jobs = [_job(one, found.defaults, text, at) for at, one in enumerate(found.dataset)]
    _refuse_twins(jobs, text)
    return jobs


def _job(one: _Dataset, defaults: _Shared, text: _Text, at: int) -> DatasetJob:
    said = {name: _stated(one, defaults, name) for name in _Shared.__struct_fields__}
    where = Place(str(text.path), text.line(f"dataset[{at}]"))
    if not one.name:
        raise text.error("a dataset has no name", text.line(f"dataset[{at}].name"), "give it one")
    folder = text.path.parent
    arguments = {
        "version": said["version"],
        "imgdir": _below(folder, said["imgdir"]),
        "ann_path": _below(folder, said["ann_path"]),
        "ann_format": said["ann_format"],
        "tags": said["tags"] or [],
        "nb_jobs": said["nb_jobs"] or 5,
    }
    if isinstance(said["labels"], str):
        said["labels"] = _below(folder, said["labels"])
    if said["splits"] == "versions" and said["version"] is not None:
        raise text.error(
            "a version is stated, and splits are to be versions", where.line, "state one of the two"
        )
    if said["splits"] is not None and (said["imgdir"] is None or said["ann_path"] is None):
        raise text.error("splits need imgdir and ann_path", where.line, "state both, or leave splits out")
    choices = (
        *("rectangle", "on_conflict", "voc_coordinates", "coordinates", "exif", "patience"),
        *("backend", "scheduler", "labels", "only", "drop"),
    )
    arguments |= {name: said[name] for name in choices if said[name] is not None}
    token = _token(said["api_token_from"], text, at)
    return DatasetJob(
        one.name, arguments, _host(folder, said["host"]), said["organization"], token, where, said["splits"]
    )


def _stated(one: _Dataset, defaults: _Shared, name: str) -> Any:
    value = getattr(one, name)
    value = getattr(defaults, name) if value is UNSET else value
    return None if value is UNSET else value


def _below(folder: Path, given: str | None) -> str | Path | None:
    if given is None or is_remote(given):
        return given
    return folder / Path(given).expanduser()


def _host(folder: Path, given: str | None) -> str | None:
    if given is None or not local.is_local(given):
        return given
    return local.PREFIX + str(folder / Path(given.removeprefix(local.PREFIX)).expanduser())


def _token(variable: str | None, text: _Text, at: int) -> str | None:
    if variable is None:
        return None
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
        line = text.line(f"dataset[{at}].api_token_from")
        raise text.error(
            "api_token_from is not the name of an environment variable", line, "never write the token itself"
        )
    token = os.environ.get(variable)
    if not token:
        raise AuthenticationError(
            f"the environment variable {variable} is not set", "export it, or mend api_token_from"
        )
    return token


def _refuse_twins(jobs: Iterable[DatasetJob], text: _Text) -> None:
    seen: dict[tuple[Any, ...], DatasetJob] = {}
    for job in jobs:
        target = (job.host, job.organization, job.name, job.arguments["version"])
        if target in seen:
            words = f"the dataset {job.name!r} is stated twice, first in line {seen[target].place.line}"
            raise text.error(words, job.place.line, "give one of them another name or version")
        seen[target] = job


def chosen(jobs: list[DatasetJob], only: Iterable[str]) -> list[DatasetJob]:
    """Those of these names, all without any. Raises InvalidQueryError for a name that none has."""
    wanted = set(only)
    unknown = sorted(wanted - {job.name for job in jobs})
    if unknown:
        raise InvalidQueryError(
            f"the job file has no dataset {unknown[0]!r}", f"it has {', '.join(job.name for job in jobs)}"
        )
    return [job for job in jobs if not wanted or job.name in wanted]


class _Text:
    """The text of a job file, in which a key's line is looked up."""

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        if len(content) > _LARGEST:
            raise self.error(
                f"the file has {len(content)} bytes, which no job file needs", 1, "is it the right file?"
            )
        try:
            self.text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise self.error(
                "the file is not UTF-8", content[: error.start].count(b"\n") + 1, "save it as UTF-8"
            ) from None

    def error(self, words: str, line: int | None, hint: str) -> InputError:
        """The error that rejects the file."""
        return InputError(
            Problem("job_invalid", words, Place(str(self.path), line), unit=Unit.FILE, hint=hint)
        )

    def located(self, words: str) -> tuple[str, int]:
        """What msgspec says without its path (``- at `$.dataset[1].tags```), and the line that the path means."""
        said, _, where = words.partition(" - at `$")
        where = where.rstrip("`").lstrip(".")
        key = re.search(r"unknown field `(.*)`", said)
        if key is not None:
            where = f"{where}.{key[1]}".lstrip(".")
        return (f"{where}: {said[:1].lower()}{said[1:]}" if where else said), self.line(where)

    def line(self, where: str) -> int:
        """The line, counted from 1, of ``dataset[1].tags``, ``defaults.host`` or ``dataset[1]``; of the file if not found."""
        table, _, key = where.partition(".")
        name, _, number = table.rstrip("]").partition("[")
        header = re.compile(rf"\s*\[\[\s*{name}\s*\]\]" if number else rf"\s*\[\s*{name}\s*\]")
        found, current, left = 1, False, int(number or 0)
        for at, text in enumerate(self.text.splitlines(), 1):
            if text.lstrip().startswith("["):
                hit = bool(header.match(text))
                current = hit and left == 0
                left -= hit
                found = at if current else found
            elif (
                key
                and (current or not name)
                and re.match(rf"\s*[\"']?{re.escape(key.partition('[')[0])}[\"']?\s*=", text)
            ):
                return at
        if not key and name and not number:
            bare = re.compile(rf"\s*{re.escape(name)}\s*=")
            return next((at for at, text in enumerate(self.text.splitlines(), 1) if bare.match(text)), found)
        return found


def _line_said(words: str) -> int:
    found = re.search(r"line (\d+)", words)
    return int(found[1]) if found else 1
