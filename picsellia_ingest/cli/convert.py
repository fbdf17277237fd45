"""``picsellia-ingest convert`` and ``diff``: from one format to another, and whether two datasets hold the same."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from . import main
from .ends import FORMATS, convention, conventions, labels_chosen, show, told

_PATH = click.Path(path_type=Path)


@main.command()
@click.argument("source")
@click.argument("destination", type=_PATH)
@click.option("--to", required=True, help="Format to write.")
@click.option("--ann-format", help=FORMATS)
@click.option("--imgdir", help="Folder of images; gives their sizes where the source does not.")
@click.option(
    "--images",
    type=click.Choice(["leave", "copy", "link"]),
    default="leave",
    show_default=True,
    help="What becomes of the image files: left where they are, or put into the destination.",
)
@click.option(
    "--rectangle", is_flag=True, help="Write boxes only: an instance's own, or its polygon's bounds."
)
@labels_chosen
@click.option("--strict", is_flag=True, help="Write nothing when the format cannot hold something.")
@click.option("--dry-run", is_flag=True, help="Say what would be lost, write nothing.")
@click.option("--overwrite", is_flag=True, help="Replace what is at the destination.")
@click.option(
    "--nb-jobs", default=-1, show_default=True, help="Processes for large sources; -1 for all cores."
)
@conventions
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def convert(
    source: str, destination: Path, to: str, ann_format: str | None, imgdir: str | None, images: str, rectangle: bool,
    labels: Path | None, only: tuple[str, ...], drop: tuple[str, ...], strict: bool, dry_run: bool, overwrite: bool,
    nb_jobs: int, voc_coordinates: str, coordinates: str, exif: str, as_json: bool,
) -> None:  # fmt: skip
    """Write a dataset's annotations in another format; says what that cannot hold before anything appears.

    \b
    picsellia-ingest convert instances.json voc --to PASCAL-VOC
    picsellia-ingest convert Annotations coco.json --to COCO --labels map.toml --drop ignore
    picsellia-ingest convert instances.json yolo --to YOLO --imgdir images --images copy --strict

    The destination is one file where it has the format's extension, else a folder. It appears whole or not at all.
    """
    with told():
        from ..conversion import pipeline
        from ..selection import selection

        asked = pipeline.request(
            source, destination, to, ann_format=ann_format, imgdir=imgdir, images=images, strict=strict, dry_run=dry_run,
            overwrite=overwrite, nb_jobs=nb_jobs, voc_coordinates=voc_coordinates, coordinates=coordinates, exif=exif,
            chosen=selection(rectangle=rectangle, labels=labels, only=only, drop=drop),
        )  # fmt: skip
        report = pipeline.run(asked, before=lambda found: show(found, as_json))
        sys.exit(report.exit_code)


@main.command()
@click.argument("first")
@click.argument("second")
@click.option("--first-format", help="Format of the first; recognised when not given.")
@click.option("--second-format", help="Format of the second; recognised when not given.")
@click.option("--imgdir", help="Folder of images, for formats that do not state their sizes.")
@click.option(
    "--tolerance",
    default=0.0,
    show_default=True,
    help="Pixels by which coordinates may differ; 0 is exactly.",
)
@click.option("--rectangle", is_flag=True, help="Compare boxes only; a polygon's bounds where it has none.")
@click.option("--attributes", is_flag=True, help="Compare also scores, flags and other attributes.")
@convention("voc_coordinates")
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as JSON.")
def diff(
    first: str, second: str, first_format: str | None, second_format: str | None, imgdir: str | None,
    tolerance: float, rectangle: bool, attributes: bool, voc_coordinates: str, as_json: bool,
) -> None:  # fmt: skip
    """Say whether two datasets hold the same images and instances, in any two formats. Ends with 6 when they differ.

    \b
    picsellia-ingest diff instances.json voc
    picsellia-ingest diff instances.json yolo --imgdir images --tolerance 1e-6
    """
    with told():
        from ..conversion.difference import diff as compare

        found = compare(
            first, second, first_format=first_format, second_format=second_format, imgdir=imgdir, tolerance=tolerance,
            rectangle=rectangle, attributes=attributes, voc_coordinates=voc_coordinates,
        )  # fmt: skip
        show(found, as_json)
        sys.exit(found.exit_code)
