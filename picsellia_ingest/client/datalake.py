"""``Client.Datalake``: bulk upload, and the pictures and datasets of one organization."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

from ..upload.report import Report
from . import ingest
from .dataset import Dataset as _Dataset
from .picture import Picture as _Picture
from .progress import progress
from .session import Resource


class Datalake(Resource):
    """The lake of one organization. ``picture`` and ``dataset`` share its connection."""

    Picture: TypeAlias = _Picture
    Dataset: TypeAlias = _Dataset

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
        quiet: bool = False,
    ) -> Report:
        """Upload a labelled dataset: images and annotations, images only, or annotations only.

        The dataset is made when there are images and none of that name; with annotations only it must exist.
        ``version`` names the version to fetch, the newest if None. ``ann_format`` is any format that
        ``picsellia_ingest.parsers.FORMATS`` lists, and is recognised where it is not given. Without ``tags`` the
        pictures get the upload's date. ``nb_jobs`` is the most requests at a time, -1 for all that make sense; there are
        fewer while the platform cannot keep up. With ``rectangle`` an instance that has a box and a polygon is sent as
        the box.

        ``on_conflict`` says what becomes of an image whose name the lake has for another content: "error" fails it,
        "skip" leaves it out, "rename" gives it a name with its hash, "replace" deletes the other picture.
        ``patience`` is how many seconds a platform that does not answer any more is waited for, 900 if None.

        The same call goes on where an interrupted one stopped, and sends nothing when all is there. The report
        accounts for every image and instance; single failures are in it and are not raised. Raises
        InvalidQueryError, ResourceNotFoundError, InputError, NetworkError, JournalError.
        """
        job = ingest.job(
            name, version, imgdir, ann_path, ann_format, tags, nb_jobs,
            rectangle=rectangle, dry_run=dry_run, voc_coordinates=voc_coordinates, coordinates=coordinates, exif=exif,
            on_conflict=on_conflict, patience=patience,
        )  # fmt: skip
        if quiet:
            return ingest.upload(self._session, job, journal)
        with progress() as shown:
            report = ingest.upload(self._session, job, journal, shown)
        print(report)
        return report
