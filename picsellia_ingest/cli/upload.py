"""``picsellia-ingest upload`` and ``verify``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ..errors import InvalidQueryError
from . import main
from .ends import FORMATS, conventions, evidence, keep_evidence, labels_chosen, machines, say, show, told

if TYPE_CHECKING:
    from ..upload.plan_file import Plan


@main.command()
@click.option("--name", help="Dataset to make, or to fetch when only annotations are given.")
@click.option("--dataset-version", help="Version to fetch; the newest by default.")
@click.option("--imgdir", help="Folder of images, an archive, or an address; sub-folders are followed.")
@click.option("--ann-path", help="Annotation file or folder, also in an archive or at an address.")
@click.option("--ann-format", help=FORMATS)
@click.option("--tags", multiple=True, help="Tag for the pictures, may be repeated; the date by default.")
@machines
@labels_chosen
@click.option("--rectangle", is_flag=True, help="Send the box where an instance has a box and a polygon.")
@click.option("--host", help="Address of the platform, or local:FOLDER for the embedded one.")
@click.option("--organization", help="Organization to work in; your own by default.")
@conventions
@click.option(
    "--on-conflict",
    type=click.Choice(["error", "skip", "rename", "replace"]),
    default="error",
    show_default=True,
    help="What becomes of an image whose name the lake has for another content.",
)
@click.option("--journal", type=click.Path(path_type=Path), help="Where the run remembers what is done.")
@click.option(
    "--patience", type=float, help="Seconds to wait for a platform that does not answer; 900 by default."
)
@click.option("--dry-run", is_flag=True, help="Make the whole plan and report, change nothing.")
@click.option("--plan", type=click.Path(path_type=Path), help="As --dry-run, and save the plan in this file.")
@click.option(
    "--apply", type=click.Path(path_type=Path), help="Do what a saved plan says; it needs no other options."
)
@evidence
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
@click.pass_context
def upload(
    context: click.Context, name: str | None, dataset_version: str | None, imgdir: str | None, ann_path: str | None, ann_format: str | None,
    tags: tuple[str, ...], nb_jobs: int, backend: str, scheduler: str | None, labels: Path | None, only: tuple[str, ...], drop: tuple[str, ...],
    rectangle: bool, host: str | None, organization: str | None,
    voc_coordinates: str, coordinates: str, exif: str, on_conflict: str, journal: Path | None, patience: float | None,
    dry_run: bool, plan: Path | None, apply: Path | None, report: Path | None, no_report: bool, as_json: bool,
) -> None:  # fmt: skip
    """Upload a labelled dataset: images, annotations, or both.

    \b
    picsellia-ingest upload --name cars --imgdir images --ann-path instances.json
    picsellia-ingest upload --name cars --ann-path Annotations --ann-format PASCAL-VOC
    picsellia-ingest upload --name cars --imgdir cars.zip/images --ann-path cars.zip/instances.json
    picsellia-ingest upload --name cars --imgdir s3://bucket/images --ann-path s3://bucket/labels.zip
    picsellia-ingest upload --name cars --imgdir /share/images --backend dask --scheduler tcp://10.0.0.1:8786
    picsellia-ingest upload --host local:platform --name cars --imgdir images
    picsellia-ingest upload --name cars --imgdir images --plan cars.plan
    picsellia-ingest upload --apply cars.plan

    Running the same command again goes on where an interrupted run stopped, and sends nothing when all is there.
    Zip and tar archives are read in place, and so are s3://, gs://, https:// and other addresses of fsspec, with
    pip install 'picsellia_ingest[remote]'. Credentials come from the environment.
    """
    if not name and apply is None:
        raise click.MissingParameter(param_hint="'--name'", param_type="option")
    with told():
        from ..client import evidence as pages
        from ..client import ingest
        from ..client.progress import progress
        from ..client.session import open_session, opening

        if apply is not None:
            saved = _saved(context, apply)
            host = host or saved.where.host
            session = open_session(None, organization or saved.where.organization, host)
            jobs = nb_jobs if _given(context, "nb_jobs") else None
            with progress() as shown:
                done = ingest.apply(session, saved, jobs, journal, patience, shown)
        else:
            opened = opening(organization, host)
            job = ingest.job(
                name, dataset_version, imgdir, ann_path, ann_format, list(tags), nb_jobs,
                rectangle=rectangle, dry_run=dry_run, voc_coordinates=voc_coordinates, coordinates=coordinates, exif=exif,
                on_conflict=on_conflict, patience=patience, labels=labels, only=only, drop=drop, survey=not no_report,
                backend=backend, scheduler=scheduler,
            )  # fmt: skip
            session = opened()
            with progress() as shown:
                done = ingest.upload(session, job, journal, shown, plan)
        show(done, as_json)
        if not no_report:
            keep_evidence(done.dataset, report, lambda where: pages.of_report(done, where))
        if host and host.startswith("local:") and not as_json:
            say(f"look at it: picsellia-ingest serve --root {host.removeprefix('local:')}")
        sys.exit(done.exit_code)


_WITH_APPLY = {
    "apply",
    "host",
    "organization",
    "nb_jobs",
    "journal",
    "patience",
    "report",
    "no_report",
    "as_json",
}


def _given(context: click.Context, name: str) -> bool:
    return context.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE


def _saved(context: click.Context, path: Path) -> Plan:
    """The plan to apply; options that it has decided already are refused."""
    from ..upload import plan_file

    more = [
        one
        for one in context.command.params
        if one.name not in _WITH_APPLY and _given(context, one.name or "")
    ]
    if more:
        names = ", ".join(one.opts[0] for one in more)
        raise InvalidQueryError(
            f"--apply does what the plan says; {names} cannot be given with it", "leave it out"
        )
    return plan_file.load(path)


@main.command()
@click.option("--name", required=True, help="Dataset to compare with.")
@click.option("--dataset-version", help="Version to fetch; the newest by default.")
@click.option("--imgdir", help="Folder of images, to compare names and content.")
@click.option("--ann-path", help="Annotation file or folder, also in an archive or at an address.")
@click.option("--ann-format", help=FORMATS)
@machines
@labels_chosen
@click.option("--rectangle", is_flag=True, help="The upload sent boxes where there are a box and a polygon.")
@click.option(
    "--exact", is_flag=True, help="Objects that the platform has beyond the source are differences too."
)
@click.option("--host", help="Address of the platform, or local:FOLDER for the embedded one.")
@click.option("--organization", help="Organization to look in; your own by default.")
@conventions
@evidence
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def verify(
    name: str, dataset_version: str | None, imgdir: str | None, ann_path: str | None, ann_format: str | None,
    nb_jobs: int, backend: str, scheduler: str | None, labels: Path | None, only: tuple[str, ...], drop: tuple[str, ...], rectangle: bool, exact: bool, host: str | None, organization: str | None,
    voc_coordinates: str, coordinates: str, exif: str, report: Path | None, no_report: bool, as_json: bool,
) -> None:  # fmt: skip
    """Compare a dataset on the platform with its source, whenever and wherever it was uploaded. Ends with 6 if they differ.

    \b
    picsellia-ingest verify --name cars --imgdir images --ann-path instances.json

    Names, sizes, stored content, annotations and answers are compared, and a sample of the pictures is read back and
    hashed. Nothing is changed, and no journal of the upload is needed.
    """
    with told():
        from dataclasses import replace

        from ..client import evidence as pages
        from ..client import ingest
        from ..client.progress import progress
        from ..client.session import opening

        opened = opening(organization, host)
        job = ingest.job(
            name, dataset_version, imgdir, ann_path, ann_format, None, nb_jobs, rectangle=rectangle,
            voc_coordinates=voc_coordinates, coordinates=coordinates, exif=exif, labels=labels, only=only, drop=drop,
            survey=not no_report, backend=backend, scheduler=scheduler,
        )  # fmt: skip
        session = opened()
        with progress() as shown:
            done = ingest.check(session, replace(job, exact=exact), shown)
        show(done, as_json)
        if not no_report:
            keep_evidence(done.dataset, report, lambda where: pages.of_report(done, where))
        sys.exit(done.exit_code)
