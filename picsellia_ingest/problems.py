"""One finding about an input, with its place, and the log that collects findings.

A parser never prints and never raises for one bad item: it hands a Problem to the ``on_problem`` it was given.
``lost`` says how many instances that came in go no further because of it, so that the ledger adds up: every
instance of a file is either in a record or in the ``lost`` of exactly one problem.
"""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from enum import Enum
from typing import Any
from urllib.parse import quote


class Severity(str, Enum):
    """What became of the thing: WARNING, it was kept or repaired; ERROR, it was rejected."""

    WARNING = "warning"
    ERROR = "error"


class Unit(str, Enum):
    """The smallest thing a problem is about."""

    FILE = "file"
    IMAGE = "image"
    INSTANCE = "instance"
    ANSWER = "answer"


@dataclass(frozen=True, slots=True)
class Place:
    """Where in an input something stands.

    ``line`` and ``column`` count from 1, ``byte`` from 0; ``pointer`` is a JSON pointer or an XML path.
    """

    file: str
    line: int | None = None
    column: int | None = None
    byte: int | None = None
    pointer: str | None = None

    def __post_init__(self) -> None:
        if _copies:
            object.__setattr__(self, "file", _original(self.file))
        # A file's name may be any bytes; what cannot be encoded would end the report instead of being in it.
        if not self.file.isascii():
            plain = self.file.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
            object.__setattr__(self, "file", plain)

    def __str__(self) -> str:
        text = self.file
        if self.line is not None:
            text += f":{self.line}"
            if self.column is not None:
                text += f":{self.column}"
        return f"{text} ({self.pointer})" if self.pointer else text


_copies: dict[str, str] = {}


def copied_from(folder: str, address: str) -> None:
    """From now on places in a folder, or the file, that is a private copy are those of the address it was copied from."""
    _copies[folder] = address


def copy_is_gone(folder: str) -> None:
    """What lay in this folder is no copy any more."""
    for held in [held for held in _copies if held.startswith(folder)]:
        del _copies[held]


def _original(file: str) -> str:
    for folder, address in _copies.items():
        if file == folder or file.startswith(f"{folder}/"):
            return address + file[len(folder) :]
    return file


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding: a stable ``code``, what was found, what was done (the severity and unit), what to do (``hint``)."""

    code: str
    message: str
    place: Place
    severity: Severity = Severity.ERROR
    unit: Unit = Unit.INSTANCE
    lost: int = 0
    hint: str = ""

    def __str__(self) -> str:
        hint = f" - {self.hint}" if self.hint else ""
        return f"{self.severity.value} {self.code}: {self.message} [{self.place}]{hint}"

    def to_dict(self) -> dict[str, Any]:
        """The problem as plain values, for JSON."""
        return asdict(self)


def shown(text: str) -> str:
    """Text as it may be shown on any terminal: what cannot be printed (control and half characters) is escaped."""
    return "".join(character if character.isprintable() else repr(character)[1:-1] for character in text)


OnProblem = Callable[[Problem], None]


@dataclass(slots=True)
class ProblemLog:
    """Collects problems: every one is counted, the first ``keep`` of each code are kept.

    An instance is callable, so it can be handed to ``Parser.read`` as ``on_problem``.
    """

    keep: int = 1000
    kept: list[Problem] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    warnings: Counter[str] = field(default_factory=Counter)
    """How many of ``counts`` are warnings."""
    rejected: int = 0

    def __call__(self, problem: Problem) -> None:
        """Take one problem in."""
        self.counts[problem.code] += 1
        if problem.lost:
            self.lost[problem.code] += problem.lost
        if problem.severity is Severity.ERROR:
            self.rejected += 1
        else:
            self.warnings[problem.code] += 1
        if self.counts[problem.code] <= self.keep:
            self.kept.append(problem)

    def add(self, other: ProblemLog) -> None:
        """Take the problems of another part of the work in, behind those that are here. It kept as many, or more."""
        held = self.counts.copy()
        for problem in other.kept:
            if _copies:  # another process does not know of them
                problem = replace(problem, place=replace(problem.place))
            held[problem.code] += 1
            if held[problem.code] <= self.keep:
                self.kept.append(problem)
        self.counts.update(other.counts)
        self.lost.update(other.lost)
        self.warnings.update(other.warnings)
        self.rejected += other.rejected

    def to_dict(self) -> dict[str, Any]:
        """Counts of all problems and those that were kept, as plain values."""
        kept = [problem.to_dict() for problem in self.kept]
        return {"counts": dict(self.counts), "rejected": self.rejected, "kept": kept}

    def summary(self, most: int = 20) -> Iterator[str]:
        """Lines for a person: at most ``most`` of each code, then how many more there are."""
        shown: Counter[str] = Counter()
        for problem in self.kept:
            shown[problem.code] += 1
            if shown[problem.code] <= most:
                yield str(problem)
        for code, count in self.counts.items():
            if count > most:
                yield f"{code}: {count - most} more, {count} in all"


def as_jsonl(problems: Iterable[Problem]) -> Iterator[str]:
    """One JSON object a line."""
    for problem in problems:
        yield json.dumps(problem.to_dict())


COLUMNS = ("severity", "code", "unit", "file", "line", "column", "byte", "pointer", "message", "hint")


def as_csv(problems: Iterable[Problem]) -> Iterator[str]:
    """A table. A cell that a spreadsheet would take for a formula is quoted."""
    for row in itertools.chain([COLUMNS], map(_cells, problems)):
        out = io.StringIO()
        csv.writer(out, lineterminator="").writerow(row)
        yield out.getvalue()


def _cells(problem: Problem) -> list[str]:
    plain = problem.to_dict()
    plain.update(plain.pop("place"))
    cells = [
        "" if plain[name] is None else str(getattr(plain[name], "value", plain[name])) for name in COLUMNS
    ]
    return [f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell for cell in cells]


def as_sarif(problems: Iterable[Problem], version: str) -> dict[str, Any]:
    """A SARIF 2.1.0 log, which editors and code hosts show at the place (OASIS standard, sections 3.13 to 3.30)."""
    results = [_result(problem) for problem in problems]
    rules = [{"id": code} for code in sorted({str(result["ruleId"]) for result in results})]
    driver = {"name": "picsellia-ingest", "version": version, "rules": rules}
    return {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }


def _result(problem: Problem) -> dict[str, Any]:
    place = problem.place
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(place.file)}}
    region = {"startLine": place.line, "startColumn": place.column, "byteOffset": place.byte}
    stated = {name: value for name, value in region.items() if value is not None}
    if stated:
        location["region"] = stated
    found: dict[str, Any] = {"physicalLocation": location}
    if place.pointer:
        found["logicalLocations"] = [{"fullyQualifiedName": place.pointer}]
    text = f"{problem.message} - {problem.hint}" if problem.hint else problem.message
    return {
        "ruleId": problem.code,
        "level": problem.severity.value,
        "message": {"text": text},
        "locations": [found],
    }
