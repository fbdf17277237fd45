"""``picsellia-ingest run``: a job file."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from . import main
from .ends import evidence, keep_evidence, say, show, told


@main.command()
@click.argument("job_file", type=click.Path(path_type=Path))
@click.option("--only", multiple=True, help="Name of a dataset to run, may be repeated; all by default.")
@click.option("--only-failed", is_flag=True, help="Pass over the datasets that were complete the last time.")
@click.option("--dry-run", is_flag=True, help="Make all plans and reports, change nothing.")
@evidence
@click.option("--json", "as_json", is_flag=True, help="Print the reports as JSON.")
def run(job_file: Path, only: tuple[str, ...], only_failed: bool, dry_run: bool, report: Path | None,
    no_report: bool, as_json: bool) -> None:  # fmt: skip
    """Upload many datasets that a job file states, one after the other; none stops the others.

    \b
    picsellia-ingest run jobs.toml
    picsellia-ingest run jobs.toml --dry-run
    picsellia-ingest run jobs.toml --only cars --only boats

    A job file is TOML: [defaults] for what all share, a [[dataset]] for each, with the arguments of upload as keys. The
    same command again goes on where it stopped. Ends with the worst of the datasets' exit codes.
    """
    with told():
        from ..client import evidence as pages
        from ..client import jobs

        done = jobs.run(
            job_file,
            only=only,
            only_failed=only_failed,
            dry_run=dry_run,
            quiet=as_json,
            survey=not no_report,
            say=None if as_json else say,
        )
        if not as_json:
            say()
        show(done, as_json)
        if not no_report:
            keep_evidence(job_file.stem, report, lambda where: pages.of_jobs(done, job_file.name, where))
        sys.exit(done.exit_code)
