"""Runs a job file: one dataset after the other, each as ``datalake.upload`` would, and none stops the others.

How each ended is kept beside the journals, so that those that failed can be run again by themselves; running the whole
file again is as good, since what is done is not done twice. One number of jobs and one pace hold for all.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import InputError, PicselliaError, exit_code
from ..problems import shown
from ..upload import splits
from ..upload.report import Report
from . import files, ingest, job_file, runs
from .job_file import DatasetJob
from .progress import progress
from .session import Session, open_session

_WORST_FIRST = (1, 5, 2, 4, 6, 3, 0)
DONE = (0, 3)
"""Exit codes of a dataset that another run would not change."""


def worst(codes: Iterable[int]) -> int:
    """The exit code that a person must hear of first; 0 for none."""
    found = set(codes)
    return next((code for code in _WORST_FIRST if code in found), 0)


@dataclass(frozen=True, slots=True)
class Ended:
    """How one dataset ended: with a report, or with an error that kept it from beginning."""

    name: str
    exit_code: int
    report: Report | None = None
    error: str = ""

    @property
    def verdict(self) -> str:
        """One line."""
        return self.error or (self.report.verdict if self.report else "")

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        report = None if self.report is None else self.report.to_dict()
        return {"name": self.name, "exit_code": self.exit_code, "error": self.error, "report": report}


@dataclass(slots=True)
class JobsReport:
    """What became of every dataset that was to be run; ``exit_code`` is the worst of theirs."""

    ended: list[Ended] = field(default_factory=list)
    passed_over: list[str] = field(default_factory=list)
    """Datasets that were done already, where only those that failed were asked for."""

    @property
    def exit_code(self) -> int:
        """The worst of all; 0 for none."""
        return worst(one.exit_code for one in self.ended)

    def lines(self) -> Iterator[str]:
        """A line for each dataset, and one for all."""
        return map(shown, self._lines())

    def _lines(self) -> Iterator[str]:
        width = max((len(one.name) for one in self.ended), default=0)
        for one in self.ended:
            counts = ""
            if one.report is not None:
                images, instances = one.report.images, one.report.instances
                counts = f"{images.came_in} images, {instances.came_in} instances: "
            yield f"{one.name:{width}}  {counts}{one.verdict}"
        if self.passed_over:
            yield f"{len(self.passed_over)} passed over, done already: {', '.join(self.passed_over)}"
        done = sum(one.exit_code in DONE for one in self.ended)
        again = "" if done == len(self.ended) else "; run the same command again for the others"
        yield f"{done} of {len(self.ended)} datasets complete{again}"

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for machines."""
        datasets = [one.to_dict() for one in self.ended]
        return {"exit_code": self.exit_code, "datasets": datasets, "passed_over": self.passed_over}

    def __str__(self) -> str:
        return "\n".join(self.lines())


def run(
    path: str | Path,
    *,
    only: Iterable[str] = (),
    only_failed: bool = False,
    dry_run: bool = False,
    quiet: bool = True,
    survey: bool = False,
    say: Callable[[str], None] | None = None,
) -> JobsReport:
    """Upload the datasets of a job file (docs/jobs.md), all or ``only`` those of these names; what became of each.

    With ``only_failed`` those that ended complete the last time are passed over. A dry run plans them all and changes
    nothing. ``quiet`` shows no progress; ``survey`` keeps what a page of evidence shows (client.evidence); ``say`` is told each dataset's report as it ends. Whatever keeps one dataset
    from being uploaded is in its place in the answer. Raises InputError when the job file cannot be understood,
    InvalidQueryError, AuthenticationError when a variable that should hold a token is not set.
    """
    where = Path(path)
    jobs = job_file.chosen(job_file.load(where), only)
    memory = _Memory(where)
    report = JobsReport()
    sessions: dict[tuple[str | None, ...], Session] = {}
    for number, job in enumerate(jobs, 1):
        if only_failed and memory.is_done(job.name):
            report.passed_over.append(job.name)
            continue
        if say is not None:
            say(f"== {job.name} ({number} of {len(jobs)})")
        several = list(_run_one(job, sessions, dry_run=dry_run, quiet=quiet, survey=survey))
        report.ended += several
        if say is not None:
            for ended in several:
                say(str(ended.report) if ended.report is not None else f"error: {ended.error}")
        if not dry_run:
            memory.keep(job.name, several)
    return report


def _run_one(
    job: DatasetJob,
    sessions: dict[tuple[str | None, ...], Session],
    *,
    dry_run: bool,
    quiet: bool,
    survey: bool,
) -> Iterator[Ended]:
    """Upload one dataset, or each of its splits; what keeps one of them from beginning does not stop the others."""
    try:
        parts = list(_parts(job))
    except PicselliaError as error:
        yield _not_begun(job, job.name, error)
        return
    for name, arguments in parts:
        yield _run_part(job, name, {**arguments, "survey": survey}, sessions, dry_run=dry_run, quiet=quiet)


def _parts(job: DatasetJob) -> Iterator[tuple[str, dict[str, Any]]]:
    """The uploads that a dataset consists of, each with what it is called and its arguments."""
    if job.splits is None:
        yield job.name, job.arguments
        return
    parser = ingest.job(job.name, **job.arguments).parser
    assert parser is not None
    with parser:
        parser.prepare(lambda _: None)  # what is to be said is said by each upload
        named = splits.named(parser)
    if job.splits == "versions":
        for split in named:
            yield f"{job.name}/{split}", {**job.arguments, "version": split, "split": split, "beside": True}
        return
    for split in (*named, splits.NONE):
        tags = [*job.arguments["tags"], *([split] if split else [])]
        yield f"{job.name} ({split or 'in no split'})", {**job.arguments, "tags": tags, "split": split}


def _not_begun(job: DatasetJob, name: str, error: PicselliaError) -> Ended:
    place = "" if isinstance(error, InputError) else f"{job.place}: "
    return Ended(name, exit_code(error), error=f"{place}{error}")


def _run_part(
    job: DatasetJob, name: str, arguments: dict[str, Any], sessions: dict[tuple[str | None, ...], Session], *,
    dry_run: bool, quiet: bool,
) -> Ended:  # fmt: skip
    try:
        what = ingest.job(job.name, dry_run=dry_run, **arguments)
        key = (job.api_token, job.organization, job.host)
        if key not in sessions:
            sessions[key] = open_session(*key)
        with nullcontext() if quiet else progress() as told:
            report = ingest.upload(sessions[key], what, progress=told)
    except PicselliaError as error:
        return _not_begun(job, name, error)
    return Ended(name, report.exit_code, report)


class _Memory:
    """How each dataset of a job file ended the last time."""

    def __init__(self, job_file: Path) -> None:
        name = hashlib.sha256(str(job_file.resolve()).encode()).hexdigest()[:32]
        self._path = runs.folder() / f"jobs-{name}.json"
        self._codes: dict[str, int] = {}
        try:
            held = json.loads(self._path.read_text())
            self._codes = {str(key): int(code) for key, code in held.items()}
        except (OSError, ValueError, AttributeError, TypeError):
            self._codes = {}

    def is_done(self, name: str) -> bool:
        """Whether it was complete."""
        return self._codes.get(name) in DONE

    def keep(self, name: str, ended: Iterable[Ended]) -> None:
        """Remember how the parts of one ended, by the worst; the file appears whole or not at all."""
        self._codes[name] = worst(one.exit_code for one in ended)
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        files.write(self._path, json.dumps(self._codes).encode())
