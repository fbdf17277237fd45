"""A plan as a file: everything that a dry run decided, for ``apply`` to do later, on this machine or another.

It is a SQLite file of the journal's items, with the job, the ledger so far and the dataset it was made against as JSON,
and a digest over all of it. It holds no secret, and is written whole or not at all. Whoever opens it believes nothing:
its tables must be exactly ours, its rows must fit each other, and no name may lead out of the image folder.
"""

from __future__ import annotations

import contextlib
import hashlib
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

import msgspec

from ..errors import PlanError
from ..sources import Far, find, is_remote
from . import conflicts, journal_schema, workers
from .journal import Journal
from .plan import Job
from .planned import Against, Asked, Ledger, Row, Where, fits, ledger, location
from .report import Report

APPLICATION_ID = 0x50784C50
VERSION = 2
WINDOW = 500
_META = "CREATE TABLE plan(key TEXT PRIMARY KEY, value TEXT NOT NULL)"
_ITEM = journal_schema.ITEM.strip().removesuffix(";")
_AGAIN = "make the plan again with upload --plan"


_COLUMNS = ", ".join(Row.__struct_fields__)


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan that was opened: everything but its items, which ``windows`` gives."""

    path: Path
    where: Where
    asked: Asked
    against: Against
    ledger: Ledger

    def job(self) -> Job:
        """The job, without a source: what it says is in the items."""
        asked = self.asked
        folder = None if asked.imgdir is None else find(asked.imgdir)
        return Job(
            asked.name, asked.version, folder, tags=tuple(asked.tags), tags_wanted=asked.tags_wanted,
            nb_jobs=asked.nb_jobs, on_conflict=asked.on_conflict, patience=asked.patience,
        )  # fmt: skip

    def take(self, journal: Journal) -> None:
        """Plan the items in the journal's run."""
        for window in workers.windows(_rows(self.path, self.asked.imgdir), WINDOW):
            files = [row for row in window if row.path is not None]
            journal.plan_files(
                (r.name, r.path, r.size, r.mtime_ns, r.inode, r.sha256, r.width, r.height, r.object_key)
                for r in files
            )
            there = [row for row in window if row.path is None]
            journal.plan_pictures((r.name, r.picture_id or "", r.object_key) for r in there)
            journal.plan_documents(
                (r.document, r.instances, r.name) for r in window if r.document is not None
            )


def shown_host(host: str) -> str:
    """A host without a user and password that may stand in it."""
    parts = urlsplit(host)
    if "@" not in parts.netloc:
        return host
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def may_write(path: Path) -> None:
    """Raise PlanError where a plan cannot be written: what is there is overwritten only if it is a plan."""
    if not path.parent.is_dir():
        raise PlanError(f"the folder of the plan {path} is not there", "make it, or name another file")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise PlanError(f"{path} is no file that a plan can replace", "name another file")
    if path.exists() and path.stat().st_size and not _is_plan(path):
        raise PlanError(f"{path} is there and is no plan: it is not overwritten", "name another file")


def _is_plan(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(100)
    return head.startswith(b"SQLite format 3\0") and head[68:72] == APPLICATION_ID.to_bytes(4, "big")


def save(path: Path, journal: Journal, job: Job, report: Report, where: Where) -> None:
    """Write the journal's run as a plan. It appears whole or not at all."""
    may_write(path)
    parser = job.parser
    asked = Asked(
        job.name, job.version, _folder(job), list(job.tags), job.tags_wanted,
        job.nb_jobs, job.on_conflict, job.patience, "" if parser is None else parser.address,
        "" if parser is None else parser.name, job.rectangle,
    )  # fmt: skip
    against = Against(report.dataset_id, report.version if report.dataset_id else "")
    forecast = {} if report.forecast is None else report.forecast.to_dict()
    meta = {
        "where": where,
        "asked": asked,
        "against": against,
        "ledger": ledger(report),
        "forecast": forecast,
    }
    texts = {key: msgspec.json.encode(value).decode() for key, value in meta.items()}
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            made = Path(folder) / path.name
            made.touch(mode=0o600)
            _write(made, texts, journal, asked.imgdir)
            made.replace(path)
    except (OSError, sqlite3.Error) as error:
        raise PlanError(f"the plan {path} cannot be written: {error}", "name another file") from error


def _folder(job: Job) -> str | None:
    """The image folder, as any process can find it again. Raises PlanError for an address that holds a secret."""
    if not isinstance(job.imgdir, Far):
        return None if job.imgdir is None else str(job.imgdir.resolve())
    if not job.imgdir.is_open():
        raise PlanError(
            f"the address of the images ({job.imgdir}) holds a password or a signature, and a plan holds no secret",
            "leave it to the environment, or upload without a plan",
        )
    return str(job.imgdir)


def _is_whole(imgdir: str) -> bool:
    return is_remote(imgdir) or imgdir.startswith("/")


def _write(path: Path, texts: dict[str, str], journal: Journal, imgdir: str | None) -> None:
    base = sqlite3.connect(path, isolation_level=None)
    try:
        base.execute("PRAGMA synchronous=FULL")
        base.execute("BEGIN IMMEDIATE")
        base.execute(_META)
        base.execute(_ITEM)
        marks = ",".join("?" * len(Row.__struct_fields__))
        digest = _digest(texts)
        for row in journal.rows():
            values = {name: row[name] for name in Row.__struct_fields__}
            if imgdir is not None and row["path"] is not None:  # the journal may have it relative to a folder
                values["path"] = location(imgdir, row["name"])
            one = msgspec.convert(values, Row)
            digest.update(msgspec.json.encode(one))
            base.execute(
                f"INSERT INTO item({_COLUMNS}, run) VALUES({marks},1)",
                msgspec.structs.astuple(one),
            )
        base.executemany("INSERT INTO plan VALUES(?,?)", [*texts.items(), ("digest", digest.hexdigest())])
        base.execute(f"PRAGMA application_id={APPLICATION_ID}")
        base.execute(f"PRAGMA user_version={VERSION}")
        base.execute("COMMIT")
    finally:
        base.close()


def _digest(texts: dict[str, str]) -> hashlib._Hash:
    return hashlib.sha256(msgspec.json.encode(sorted(texts.items())))


def load(path: Path) -> Plan:
    """Open a plan and check all of it. Raises PlanError."""
    texts, seal = _meta(path)
    try:
        asked = msgspec.json.decode(texts["asked"], type=Asked)
        plan = Plan(
            path, msgspec.json.decode(texts["where"], type=Where), asked,
            msgspec.json.decode(texts["against"], type=Against), msgspec.json.decode(texts["ledger"], type=Ledger),
        )  # fmt: skip
    except (KeyError, msgspec.MsgspecError) as error:
        raise PlanError(f"the plan {path} does not hold what a plan does: {error}", _AGAIN) from error
    if asked.on_conflict not in conflicts.POLICIES or not _is_whole(asked.imgdir or "/"):
        raise PlanError(f"the plan {path} has arguments that cannot be meant", _AGAIN)
    digest = _digest(texts)
    for row in _rows(path, asked.imgdir):
        digest.update(msgspec.json.encode(row))
    if digest.hexdigest() != seal:
        raise PlanError(f"the plan {path} was changed after it was written", _AGAIN)
    return plan


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The file, opened to be read only and trusted with nothing."""
    if not path.is_file():
        raise PlanError(f"there is no plan {path}", "check the name")
    try:
        if not _is_plan(path):
            raise PlanError(f"{path} is not a plan of this program", "name the file that upload --plan wrote")
        address = f"file:{quote(str(path.resolve()))}?mode=ro&immutable=1"
        with contextlib.closing(sqlite3.connect(address, uri=True, isolation_level=None)) as base:
            base.row_factory = sqlite3.Row
            base.execute("PRAGMA trusted_schema=OFF")
            base.execute("PRAGMA cell_size_check=ON")
            yield base
    except OSError as error:
        raise PlanError(
            f"the plan {path} cannot be read: {error.strerror}", "check its owner and mode"
        ) from error
    except (sqlite3.Error, *journal_schema.DAMAGED) as error:
        raise PlanError(f"the plan {path} is damaged: {error}", _AGAIN) from error


def _meta(path: Path) -> tuple[dict[str, str], str]:
    with _reading(path) as base:
        version = base.execute("PRAGMA user_version").fetchone()[0]
        if version != VERSION:
            raise PlanError(f"the plan {path} has version {version}, this program reads {VERSION}", _AGAIN)
        made = {row[0] for row in base.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL")}
        whole = base.execute("PRAGMA integrity_check").fetchone()[0]
        if whole != "ok":
            raise PlanError(f"the plan {path} is damaged: {' '.join(str(whole).split()):.200}", _AGAIN)
        if made != {_META, _ITEM}:
            raise PlanError(f"the plan {path} does not hold what a plan does", _AGAIN)
        texts = {str(row[0]): str(row[1]) for row in base.execute("SELECT key, value FROM plan")}
    return texts, texts.pop("digest", "")


def _rows(path: Path, imgdir: str | None) -> Iterator[Row]:
    with _reading(path) as base:
        rows: Iterable[sqlite3.Row] = base.execute(
            f"SELECT {_COLUMNS} FROM item ORDER BY name"  # noqa: S608 - constants
        )
        for found in rows:
            try:
                row = msgspec.convert(dict(found), Row)
                good = fits(row, imgdir)
            except (msgspec.MsgspecError, ValueError) as error:
                raise PlanError(
                    f"the plan {path} has an item that cannot be read: {error}", _AGAIN
                ) from error
            if not good:
                raise PlanError(f"the plan {path} has an item that does not fit: {row.name!r:.200}", _AGAIN)
            yield row
