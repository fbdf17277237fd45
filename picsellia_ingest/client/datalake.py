"""``Client.Datalake``: bulk upload, and the pictures and datasets of one organization."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from ..upload import plan_file
from ..upload.made import RunMade
from ..upload.progress import Progress
from ..upload.report import Report
from ..upload.undo_report import UndoReport
from . import ingest, local, runs
from .dataset import Dataset as _Dataset
from .picture import Picture as _Picture
from .progress import progress
from .session import Resource

R = TypeVar("R", Report, UndoReport)


class Datalake(Resource):
    """The lake of one organization. ``picture`` and ``dataset`` share its connection."""

    Picture: TypeAlias = _Picture
    Dataset: TypeAlias = _Dataset

    def _load(self) -> None:
        # Not as a daemon, which the end of the interpreter might meet halfway through a library's start.
        threading.Thread(target=import_module, args=("numpy",)).start()

    def _begin(self) -> None:
        self.host = self._connection.host
        self.organization_id = self._session.identity.organization_id
        self.organization_name = self._session.identity.organization_name
        self.picture = _Picture(session=self._session)
        self.dataset = _Dataset(session=self._session)

    @property
    def fetched_pictures(self) -> list[dict[str, Any]]:
        """The pictures that were fetched last."""
        return self.picture.fetched_pictures

    def upload(
        self,
        name: str | None = None,
        version: str | None = None,
        imgdir: str | Path | None = None,
        ann_path: str | Path | None = None,
        ann_format: str | None = None,
        tags: list[str] | None = [],
        nb_jobs: int = 5,
        rectangle: bool = False,
        *,
        dry_run: bool = False,
        journal: str | Path | None = None,
        voc_coordinates: str = "as_written",
        coordinates: str = "pixels",
        exif: str = "as_shown",
        on_conflict: str = "error",
        patience: float | None = None,
        labels: Mapping[str, str | None] | str | Path | None = None,
        only: Iterable[str] = (),
        drop: Iterable[str] = (),
        plan: str | Path | None = None,
        evidence: str | Path | None = None,
        backend: str = "threading",
        scheduler: str | None = None,
        quiet: bool = False,
    ) -> Report:
        """Upload a labelled dataset: images and annotations, images only, or annotations only.

        ``imgdir`` and ``ann_path`` are a folder or file, one in a zip or tar archive (``"cars.zip/images"``), or an address
        that fsspec reads (``"s3://bucket/images"``, with the extra ``remote``); see docs/sources.md.

        The dataset is made when there are images and none of that name; with annotations only it must exist.
        ``version`` names the version to fetch, the newest if None. ``ann_format`` is any format that
        ``picsellia_ingest.parsers.FORMATS`` lists, and is recognised where it is not given. Without ``tags`` the
        pictures get the upload's date. ``nb_jobs`` is the most pictures or annotations sent at a
        time, -1 for all that make sense; there are fewer while the platform cannot keep up. With ``rectangle`` an instance that has a box and a polygon is sent as
        the box.

        ``on_conflict`` says what becomes of an image whose name the lake has for another content: "error" fails it,
        "skip" leaves it out, "rename" gives it a name with its hash, "replace" deletes the other picture.
        ``patience`` is how many seconds a platform that does not answer any more is waited for, 900 if None.

        ``labels`` maps label names to those that are sent (a mapping, or the path of a TOML file); a label mapped to None
        is left out. ``only`` and ``drop`` choose labels by their names in the source. What is left out is counted.

        ``evidence`` names a page (HTML, and its data as JSON beside it) that is written of the run: where everything went,
        labels, sizes, problems, and the instances that should be looked at first, drawn on their images.

        ``plan`` names a file that the whole plan is saved in, and nothing is sent: ``apply`` does it later.

        ``backend="dask"`` gives the work to the workers of the Dask cluster whose ``scheduler`` is at that address
        (``"tcp://HOST:8786"``, with the extra ``dask``); ``nb_jobs`` is then the most requests of each of them at a time, and
        they must see the images under the same paths; see docs/cluster.md.

        The same call goes on where an interrupted one stopped, and sends nothing when all is there. The report
        accounts for every image and instance; single failures are in it and are not raised. Raises
        InvalidQueryError, ResourceNotFoundError, InputError, NetworkError, JournalError, PlanError, ClusterError.
        """
        job = ingest.job(
            name, version, imgdir, ann_path, ann_format, tags, nb_jobs,
            rectangle=rectangle, dry_run=dry_run, voc_coordinates=voc_coordinates, coordinates=coordinates, exif=exif,
            on_conflict=on_conflict, patience=patience, labels=labels, only=only, drop=drop,
            survey=evidence is not None, backend=backend, scheduler=scheduler,
        )  # fmt: skip
        report = self._shown(lambda shown: ingest.upload(self._session, job, journal, shown, plan), quiet)
        if evidence is not None:
            from . import evidence as evidence_files  # pages and their templates are seldom asked for

            evidence_files.of_report(report, Path(evidence))
        return report

    def apply(
        self,
        plan: str | Path,
        nb_jobs: int | None = None,
        *,
        journal: str | Path | None = None,
        patience: float | None = None,
        quiet: bool = False,
    ) -> Report:
        """Do what a plan says that ``upload(..., plan=...)`` saved, and just that.

        No folder is scanned and no annotation read again. An image file that changed since fails as ``image_changed``;
        what the platform holds meanwhile is not sent again; what is not in the plan is never sent. The same call goes on
        where an interrupted one stopped. Raises PlanError for a file that is no whole plan, a plan for another host or
        organization, or one whose dataset is gone; otherwise as ``upload``.
        """
        opened = plan_file.load(Path(plan))
        return self._shown(
            lambda shown: ingest.apply(self._session, opened, nb_jobs, journal, patience, shown), quiet
        )

    def runs(self, journal: str | Path | None = None) -> list[RunMade]:
        """The runs that changed something here, oldest first: name, time, dataset, and how much each made.

        They are those that the journals of this machine remember, or the one that ``journal`` names.
        """
        here = local.destination(self._session.host).rstrip("/"), self.organization_id
        found = runs.known(journal)
        return [one.run for one in found if (one.host.rstrip("/"), one.organization_id) == here]

    def undo(
        self,
        run: str,
        nb_jobs: int = 5,
        *,
        journal: str | Path | None = None,
        dry_run: bool = False,
        quiet: bool = False,
    ) -> UndoReport:
        """Remove what one run made, and nothing else; with ``dry_run`` only say what that would be.

        A picture goes if no other dataset holds it and nobody added tags or annotations to it, an annotation if all
        that it holds was added by the run, a dataset if the run put in all that it holds. What stays is in the report
        with the reason. The same call goes on where an interrupted one stopped. Raises ResourceNotFoundError for a
        run that is not known, InvalidQueryError for one that sent elsewhere.
        """
        found = runs.find(run, journal)
        return self._shown(
            lambda shown: runs.undo(self._session, found, nb_jobs, shown, dry_run=dry_run), quiet
        )

    def _shown(self, work: Callable[[Progress | None], R], quiet: bool) -> R:
        if quiet:
            return work(None)
        with progress() as shown:
            report = work(shown)
        print(report)
        return report
