"""What an evidence page shows of an inspection, of an upload, or of a dataset of a job file, in one shape."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from ..problems import ProblemLog
from ..upload.report import Account, Report
from ..upload.survey import Survey
from .inspect import Inspection
from .jobs import Ended, JobsReport


@dataclass(slots=True)
class Ledger:
    """Where everything of one kind went: (word, reason code, count), and the sum that came in."""

    title: str
    rows: list[tuple[str, str, int]]
    came_in: int


@dataclass(slots=True)
class View:
    """One part of a page. ``facts`` are numbers with what they count."""

    title: str
    subtitle: str = ""
    verdict: str = ""
    is_good: bool = True
    facts: list[tuple[str, str]] = field(default_factory=list)
    ledgers: list[Ledger] = field(default_factory=list)
    hints: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    labels: dict[str, int] = field(default_factory=dict)
    labels_unused: int = 0
    problems: ProblemLog = field(default_factory=ProblemLog)
    survey: Survey = field(default_factory=Survey)


def of_inspection(found: Inspection) -> View:
    """What a source says, and what is wrong with it."""
    lost = found.problems.lost
    rows = [
        ("good", "", found.instances_stated - lost.total()),
        *(("rejected", code, count) for code, count in lost.items()),
    ]
    facts = [
        (found.images, "images"),
        (found.images_without_instances, "without an instance"),
        (found.instances_stated, "instances came in"),
        (found.instances, "of them can be read"),
        (len(found.labels), "labels"),
        *([(found.answers, "answers")] if found.answers else []),
    ]
    if found.image_files is not None:
        facts += [(found.image_files, "image files"), (found.images_missing, "images without a file")]
    used = {name: count for name, count in found.labels.items() if count}
    recognised = f", recognised by {found.recognised_by}" if found.recognised_by else ""
    return View(
        found.path, f"{found.format}{recognised}", facts=_spelled(facts),
        ledgers=[Ledger("Where every instance went", rows, found.instances_stated)], hints=found.hints, notes=found.notes,
        labels=used, labels_unused=len(found.labels) - len(used), problems=found.problems,
        survey=found.survey or Survey(),
    )  # fmt: skip


def of_report(report: Report, title: str = "") -> View:
    """What an upload, a dry run or a check did."""
    survey = report.survey or Survey()
    megabytes = report.picture_bytes / 1e6
    facts = [
        *_spelled(
            [
                (report.images.came_in, "images"),
                (report.instances.came_in, "instances"),
                (len(report.labels), "labels"),
            ]
        ),
        *_spelled([(report.requests, "requests"), (report.retries, "of them repeats")]),
        (f"{megabytes:,.1f}", "MB of pictures"),
        (f"{report.seconds:,.1f}", "seconds"),
    ]
    counted = {name: count for name, count in survey.labels.items() if count}
    named = {name for name, _ in report.labels}
    return View(
        title or report.dataset, f"version {report.version}" + (f", run {report.run}" if report.run else ""), report.verdict,
        report.exit_code == 0, facts,
        [_ledger("Where every image went", report.images), _ledger("Where every instance went", report.instances)],
        notes=[*report.notes, *report.choices_said()],
        failures=[*(f"{code}: {name}: {words}" for name, code, words in report.failures), *report.differences],
        labels=counted, labels_unused=len(named - counted.keys()) if report.survey else 0, problems=report.problems,
        survey=survey,
    )  # fmt: skip


def of_jobs(report: JobsReport) -> list[View]:
    """A part for each dataset that was run."""
    return [_of_ended(one) for one in report.ended]


def _of_ended(one: Ended) -> View:
    if one.report is None:
        return View(one.name, verdict=one.error, is_good=False)
    return of_report(one.report, one.name)


def _ledger(title: str, account: Account) -> Ledger:
    return Ledger(title, list(_rows(account)), account.came_in)


def _rows(account: Account) -> Iterator[tuple[str, str, int]]:
    yield "uploaded", "", account.uploaded
    yield "already there", "", account.already_there
    for word, count in (("planned", account.planned), ("left out", account.left_out)):
        if count:
            yield word, "", count
    for word, counts in (("rejected", account.rejected), ("failed", account.failed)):
        for code, count in sorted(counts.items()):
            yield word, code, count


def _spelled(facts: list[tuple[int, str]]) -> list[tuple[str, str]]:
    return [(f"{count:,}", words) for count, words in facts]
