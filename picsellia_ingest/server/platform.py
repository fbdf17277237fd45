"""The platform over one folder: its database, its objects, its secrets, and its owner.

The folder is for its owner alone (0700), and whoever can read it may use the platform: the owner's token
stands in the file ``token``. A token given on opening is known besides it, for as long as this opening lasts.
"""

from __future__ import annotations

import getpass
import math
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from ..errors import ResourceNotFoundError, ServerError
from .auth import Signer, fresh_secret, read_or_make
from .database import Database
from .objects import Objects
from .postgresql import postgresql_url
from .sessions import Sessions
from .sqlite import sqlite_url
from .store.accounts import Accounts
from .store.annotations import Annotations
from .store.assets import Assets
from .store.browsing import Browsing
from .store.datasets import Datasets
from .store.experiments import Experiments
from .store.exports import Exports
from .store.labels import Labels
from .store.lake import Lake
from .store.multipart import Multipart
from .store.networks import Networks
from .store.places import Places
from .store.projects import Projects
from .store.publishing import Publishing
from .store.scans import Scans
from .store.telemetry import Telemetry
from .thumbnails import Thumbnails

_FILE = "platform.db"
# What ties a folder to its PostgreSQL database.
_MARK = "folder"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much is taken: the largest request and object in bytes, and the number of requests in a second."""

    request_size: int = 256 << 20
    object_size: int = 1 << 30
    requests_per_second: float = math.inf


@dataclass(frozen=True, slots=True)
class Platform:
    """All that answers requests, in one value; ``folder_token`` is the one that stands in the folder."""

    database: Database
    objects: Objects
    signer: Signer
    token: str
    folder_token: str
    limits: Limits
    accounts: Accounts
    lake: Lake
    datasets: Datasets
    labels: Labels
    annotations: Annotations
    networks: Networks
    projects: Projects
    experiments: Experiments
    assets: Assets
    telemetry: Telemetry
    publishing: Publishing
    exports: Exports
    scans: Scans
    multipart: Multipart
    browsing: Browsing
    thumbnails: Thumbnails
    sessions: Sessions
    instance: str = field(default_factory=lambda: str(uuid4()))

    @classmethod
    def open(
        cls,
        root: Path,
        *,
        database_address: str | None = None,
        token: str | None = None,
        strict: bool = False,
        limits: Limits | None = None,
    ) -> Platform:
        """Open the platform of a folder, making both if need be; one opening at a time is the caller's care.

        The rows are in the folder, or in the PostgreSQL database of this address, and always in the same place.
        """
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        kept = read_or_make(root / "token")
        signer = Signer(*fresh_secret(root / "secret"))
        objects = Objects(root / "objects")
        objects.tidy()
        database = _open_database(root, database_address)
        accounts = Accounts(database)
        owner = _user_name()
        limits = limits or Limits()
        places = Places(alone=database_address is None)
        accounts.ensure(owner, owner, [kept, token or kept])
        return cls(
            database=database,
            objects=objects,
            signer=signer,
            token=token or kept,
            folder_token=kept,
            limits=limits,
            accounts=accounts,
            lake=Lake(database, objects, places),
            datasets=Datasets(database, places),
            labels=Labels(database),
            annotations=Annotations(database, places, strict=strict),
            networks=Networks(database, objects),
            projects=Projects(database, objects),
            experiments=Experiments(database, objects),
            assets=Assets(database),
            telemetry=Telemetry(database),
            publishing=Publishing(database),
            exports=Exports(database),
            scans=Scans(database),
            multipart=Multipart(database, objects, limits.object_size),
            browsing=Browsing(database),
            thumbnails=Thumbnails(objects),
            sessions=Sessions(accounts),
        )

    def close(self) -> None:
        """Let go of the database."""
        self.database.close()


@contextmanager
def accounts_of(root: Path, *, database_address: str | None = None, make: bool = False) -> Iterator[Accounts]:
    """The accounts of a folder's platform, whether it is served at the moment or not.

    A folder without a platform is made one with ``make``. Raises ResourceNotFoundError.
    """
    if not make and not (root / _FILE).exists() and not (root / _MARK).exists():
        raise ResourceNotFoundError(f"there is no platform in {root}", "check the folder")
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    with closing(_open_database(root, database_address)) as database:
        yield Accounts(database)


def _open_database(root: Path, address: str | None) -> Database:
    if address is None:
        if (root / _MARK).exists():
            raise ServerError(
                f"the rows of the platform in {root} are in a PostgreSQL database",
                "give its address with --database",
            )
        return Database(sqlite_url(root / _FILE))
    if (root / _FILE).exists():
        raise ServerError(
            f"the rows of the platform in {root} are in its {_FILE}",
            "leave --database out, or choose another folder",
        )
    marked = (root / _MARK).exists()
    database = Database(postgresql_url(address))
    try:
        database.belongs_to(read_or_make(root / _MARK))
    except ServerError:
        database.close()
        if not marked:
            (root / _MARK).unlink()
        raise
    return database


def _user_name() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "owner"
