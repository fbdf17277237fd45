"""Evidence on disk: the page of an inspection, of a run or of a job file, with its data as JSON beside it."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from ..upload.report import Report
from . import evidence_page, evidence_views, runs
from .inspect import Inspection
from .jobs import JobsReport

KEPT = 100
"""Pages that are kept where nobody named a place."""


def of_inspection(found: Inspection, path: Path) -> None:
    """Write the page of an inspection that was surveyed. Raises OSError."""
    evidence_page.write(found.path, [evidence_views.of_inspection(found)], found.to_dict(), path)


def of_report(report: Report, path: Path) -> None:
    """Write the page of an upload, a dry run or a check. Raises OSError."""
    evidence_page.write(report.dataset, [evidence_views.of_report(report)], report.to_dict(), path)


def of_jobs(report: JobsReport, title: str, path: Path) -> None:
    """Write the one page of all datasets of a job file. Raises OSError."""
    evidence_page.write(title, evidence_views.of_jobs(report), report.to_dict(), path)


def place(name: str) -> Path:
    """Where a page goes that nobody named a place for: beside the journals, with the time and what it is about."""
    safe = "".join(sign if sign.isalnum() or sign in "-_" else "-" for sign in name)[:60]
    folder = runs.folder() / "evidence"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in sorted(folder.glob("*.html"))[: 1 - KEPT]:
        old.unlink()
        old.with_suffix(".json").unlink(missing_ok=True)
    return folder / f"{datetime.now(timezone.utc):%Y%m%d-%H%M%S-%f}-{safe}.html"
