"""What this machine knows of one destination: a SQLite file, one row for each image.

An item goes planned -> transferred -> registered -> attached -> annotated. Within a run states only move forward,
each move in the same transaction as its evidence; at the start of a run ``believe`` puts what the platform says in
place of what was remembered. The journal is a cache: losing it costs hashing and asking, never correctness. It has
one writer, the thread that opened it, and a lock that lives as long as the process does. It is longer than other
modules because what moves items stands here, with what chooses them; the tables are in journal_schema, the account of a
run in journal_figures, what runs made in made.
"""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from types import TracebackType
from typing import Any

from ..errors import JournalError
from ..sources import AnyPath, Far
from . import journal_schema
from .items import Item, Outcome, State
from .journal_figures import Figures
from .lock import lock
from .made import Made, RunMade, runs


class Journal:
    """The journal of one destination, locked for this process."""

    def __init__(self, path: Path, destination: str | None) -> None:
        """Open or make it; without a destination it must be there. Raises JournalBusyError, JournalError."""
        self.path = path
        if destination is None and not path.is_file():
            raise JournalError(f"there is no journal {path}", "check --journal")
        self._lock = lock(path)
        try:
            path.touch(mode=0o600)
            self._base = sqlite3.connect(path, isolation_level=None, timeout=10)
            self._base.row_factory = sqlite3.Row
            with journal_schema.told(path):
                self.destination = journal_schema.prepare(self._base, path, destination)
        except OSError as error:
            self._lock.close()
            raise JournalError(
                f"the journal {path} cannot be opened: {error.strerror}", journal_schema.ELSEWHERE
            ) from error
        except JournalError:
            self.close()
            raise
        self.run = 0
        self.images: AnyPath | None = None
        """The image folder that paths of the run's items are in."""
        self.made = Made(self._base, self.transaction)

    def close(self) -> None:
        """Close the file and give the lock back."""
        self._base.close()
        self._lock.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if isinstance(error, sqlite3.Error):
                with journal_schema.told(self.path):
                    raise error
        finally:
            self.close()

    @property
    def figures(self) -> Figures:
        """The account of the run, as far as it is written."""
        return Figures(self._base, self.run)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is written together or not at all."""
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            if self._base.in_transaction:  # SQLite ends it by itself where the disk is full
                self._base.execute("ROLLBACK")
            raise

    def begin(self, tags: Sequence[str] = (), organization: str = "", dataset: str = "") -> str:
        """Begin a run: a plan is made anew, and a plan that was not sealed counts for nothing. The run's name."""
        now = datetime.now(timezone.utc)
        name = f"{now:%Y%m%d}-{secrets.token_hex(3)}"
        row = (
            os.getpid(),
            name,
            f"{now:%Y-%m-%d %H:%M:%S.%f}",
            organization,
            dataset,
            json.dumps(list(tags)),
        )
        with self.transaction():
            self.run = (
                self._base.execute(
                    "INSERT INTO run(pid, name, begun, organization, dataset, tags) VALUES(?,?,?,?,?,?)", row
                ).lastrowid
                or 0
            )
        return name

    def runs(self) -> list[RunMade]:
        """The runs that made something, oldest first."""
        return runs(self._base)

    def seal(self) -> None:
        """The plan is whole."""
        with self.transaction():
            self._base.execute("UPDATE run SET sealed=1 WHERE id=?", (self.run,))

    def into(self, dataset: str, version: str) -> None:
        """The run is about this version of a dataset."""
        with self.transaction():
            self._base.execute("UPDATE run SET dataset=?, version=? WHERE id=?", (dataset, version, self.run))

    def end(self, code: int) -> None:
        """The run ended with this exit code."""
        with self.transaction():
            self._base.execute("UPDATE run SET exit=? WHERE id=?", (code, self.run))

    def rows(self) -> Iterator[sqlite3.Row]:
        """The run's items as they are, in the order of their names."""
        yield from self._base.execute("SELECT * FROM item WHERE run=? ORDER BY name", (self.run,))

    def known_files(self, names: Sequence[str]) -> dict[str, sqlite3.Row]:
        """What was found out about files before, by name: size, mtime_ns, inode, sha256, width, height."""
        marks = ",".join("?" * len(names))
        rows = self._base.execute(
            f"SELECT name, size, mtime_ns, inode, sha256, width, height FROM item WHERE name IN ({marks}) AND sha256 IS NOT NULL",
            names,
        )
        return {row["name"]: row for row in rows}

    def plan_files(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Take image files in: (name, path, size, mtime_ns, inode, sha256, width, height, object_key)."""
        with self.transaction():
            self._base.executemany(
                "INSERT INTO item(name, path, size, mtime_ns, inode, sha256, width, height, object_key, run)"
                f" VALUES(?,?,?,?,?,?,?,?,?,{self.run}) ON CONFLICT(name) DO UPDATE SET"
                " state=CASE WHEN object_key IS excluded.object_key THEN state ELSE 0 END,"
                " picture_id=CASE WHEN object_key IS excluded.object_key THEN picture_id END,"
                " path=excluded.path, size=excluded.size, mtime_ns=excluded.mtime_ns, inode=excluded.inode,"
                f" sha256=excluded.sha256, width=excluded.width, height=excluded.height, {_FRESH},"
                " object_key=excluded.object_key, run=excluded.run",
                rows,
            )

    def plan_pictures(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Take in pictures that are on the platform already: (name, picture_id, object_key)."""
        with self.transaction():
            self._base.executemany(
                "INSERT INTO item(name, picture_id, object_key, state, picture_there, run)"
                f" VALUES(?,?,?,{State.ATTACHED:d},1,{self.run}) ON CONFLICT(name) DO UPDATE SET"
                f" {_FRESH}, picture_id=excluded.picture_id, object_key=excluded.object_key, path=NULL, sha256=NULL,"
                " state=excluded.state, picture_there=1, run=excluded.run",
                rows,
            )

    def document(self, name: str) -> bytes | None:
        """The document planned so far in this run for an item."""
        row = self._base.execute(
            "SELECT document FROM item WHERE name=? AND run=?", (name, self.run)
        ).fetchone()
        return row[0] if row else None

    def plan_documents(self, rows: Iterable[tuple[bytes, int, str]]) -> None:
        """What is to be said of pictures: (document, number of instances, name)."""
        with self.transaction():
            self._base.executemany(
                f"UPDATE item SET document=?, instances=? WHERE name=? AND run={self.run}",
                rows,
            )

    def believe(self, pictures: Iterable[tuple[str, str, str]]) -> None:
        """Put the platform's word in place of memory: the dataset holds these pictures (picture_id, name, object_key).

        An item with an image file that is not among them is not attached, and what became of its picture is unknown.
        """
        with self.transaction():
            self._base.execute(
                f"UPDATE item SET state=MIN(state, {State.TRANSFERRED:d}), picture_id=NULL, picture_there=0, instances_there=0"
                " WHERE run=? AND path IS NOT NULL",
                (self.run,),
            )
            self._base.executemany(
                f"UPDATE item SET state={State.ATTACHED:d}, picture_there=1, picture_id=?"
                f" WHERE name=? AND object_key=? AND run={self.run}",
                pictures,
            )

    def records(self, outcomes: Iterable[Outcome]) -> None:
        """Write outcomes: a state never moves back here."""
        outcomes = list(outcomes)
        with self.transaction():
            self.made.confirm(self.run, outcomes)
            self._base.executemany(
                "UPDATE item SET state=MAX(state, ?), picture_id=COALESCE(?, picture_id),"
                " picture_there=MAX(picture_there, ?), instances_there=instances_there+?, instances_sent=instances_sent+?,"
                " code=?, error=? WHERE id=?",
                [
                    (
                        -1 if found.state is None else int(found.state),
                        found.picture_id,
                        int(found.picture_there),
                        found.instances_there,
                        found.instances_sent,
                        found.code,
                        found.error,
                        found.id,
                    )
                    for found in outcomes
                ],
            )

    def give_another_chance(self, codes: Sequence[str]) -> int:
        """Take these failures off their items, so that they are tried again; how many there were.

        What came of the first try may be unknown: ask before sending.
        """
        marks = ",".join("?" * len(codes))
        with self.transaction():
            changed = self._base.execute(
                f"UPDATE item SET code=NULL, error=NULL, partly_held=1 WHERE run=? AND code IN ({marks})",
                (self.run, *codes),
            )
        return changed.rowcount

    def mark_partly_held(self, ids: Iterable[int]) -> None:
        """Some, not all, of these items' objects are on the platform: ask before sending."""
        with self.transaction():
            self._base.executemany("UPDATE item SET partly_held=1 WHERE id=?", [(i,) for i in ids])

    def todo(self, low: State, high: State, size: int, where: str = "1") -> Iterator[list[Item]]:
        """Windows of the run's items without an error whose state lies between two, both included.

        ``where`` is a condition of this package's own, never text from outside.
        """
        # One state stands in the index in the order of ids. Several would be sorted anew for each window.
        if low == high:
            chosen, states = "run=? AND state=?", [low]
        else:
            chosen, states = f"{_HERE} AND +state BETWEEN ? AND ?", [low, high]
        return self._windows(f"{chosen} AND code IS NULL AND ({where})", [self.run, *states], size)

    def failed(self, code: str, size: int) -> Iterator[list[Item]]:
        """Windows of the run's items that failed for this reason; what is done to them takes them out of it."""
        return self._windows(f"{_HERE} AND code=?", [self.run, code], size)

    def _windows(self, where: str, values: Sequence[object], size: int) -> Iterator[list[Item]]:
        return ([self._item(row) for row in rows] for rows in self._row_windows(_ITEM, where, values, size))

    def _row_windows(
        self, columns: str, where: str, values: Sequence[object], size: int
    ) -> Iterator[list[sqlite3.Row]]:
        """Rows in the order of their numbers; a window is asked for when what was done to the one before is written."""
        last = 0
        while rows := self._base.execute(
            f"SELECT {columns} FROM item WHERE {where} AND id>? ORDER BY id LIMIT ?", (*values, last, size)
        ).fetchall():
            last = rows[-1]["id"]
            yield rows

    def rename(self, rows: Iterable[tuple[int, str, str]]) -> None:
        """Give items another name and object name, and a new beginning; what an earlier run called so is forgotten."""
        with self.transaction():
            for item, name, key in rows:
                self._base.execute("DELETE FROM item WHERE name=? AND run<>?", (name, self.run))
                self._base.execute(
                    f"UPDATE OR IGNORE item SET name=?, object_key=?, {_AGAIN} WHERE id=?", (name, key, item)
                )

    def plan_again(self, rows: Iterable[tuple[Any, ...]]) -> None:
        """Let items begin anew with another content: (size, mtime_ns, inode, sha256, object_key, id)."""
        with self.transaction():
            self._base.executemany(
                f"UPDATE item SET size=?, mtime_ns=?, inode=?, sha256=?, object_key=?, {_AGAIN} WHERE id=?",
                rows,
            )

    def take_off(self, ids: Iterable[int]) -> None:
        """Let items begin anew."""
        with self.transaction():
            self._base.executemany(f"UPDATE item SET {_AGAIN} WHERE id=?", [(item,) for item in ids])

    def leave_out(self, ids: Iterable[int]) -> None:
        """Take items out of the run; the next one takes them up again."""
        with self.transaction():
            self._base.executemany("UPDATE item SET run=0 WHERE id=?", [(item,) for item in ids])

    def names(self, size: int) -> Iterator[list[str]]:
        """The names of the run's items, so many at a time."""
        for rows in self._row_windows("id, name", _HERE, [self.run], size):
            yield [row["name"] for row in rows]

    def has_all(self, names: Sequence[str]) -> bool:
        """Whether each of these different names is one of the run's items."""
        marks = ",".join("?" * len(names))
        query = f"SELECT count(*) FROM item WHERE {_HERE} AND name IN ({marks})"
        return int(self._base.execute(query, (self.run, *names)).fetchone()[0]) == len(names)

    def sample(self, size: int, where: str) -> list[Item]:
        """Some of the run's items that meet a condition of this package's own, by chance."""
        rows = self._base.execute(
            f"SELECT {_ITEM} FROM item WHERE run=? AND ({where}) ORDER BY random() LIMIT ?", (self.run, size)
        )
        return [self._item(row) for row in rows]

    def count(self, where: str = "1") -> int:
        """How many of the run's items meet a condition of this package's own."""
        query = f"SELECT count(*) FROM item WHERE run=? AND ({where})"
        return int(self._base.execute(query, (self.run,)).fetchone()[0])

    def ids(self, where: str) -> set[int]:
        """The numbers of the run's items that meet a condition of this package's own."""
        rows = self._base.execute(f"SELECT id FROM item WHERE run=? AND ({where})", (self.run,))
        return {row[0] for row in rows}

    def put_back(self, pictures: Iterable[int], annotations: Iterable[int]) -> None:
        """The platform turned out not to hold these pictures, or not all of these items' annotations."""
        with self.transaction():
            self._base.executemany(
                f"UPDATE item SET state={State.TRANSFERRED:d}, picture_id=NULL, picture_there=0, {_UNSAID} WHERE id=?",
                [(item,) for item in pictures],
            )
            self._base.executemany(
                f"UPDATE item SET state={State.ATTACHED:d}, {_UNSAID} WHERE id=? AND state={State.ANNOTATED:d}",
                [(item,) for item in annotations],
            )

    def total(self, column: str, where: str) -> int:
        """The sum of a column over the run's items that meet a condition of this package's own."""
        query = f"SELECT COALESCE(sum({column}), 0) FROM item WHERE run=? AND ({where})"
        return int(self._base.execute(query, (self.run,)).fetchone()[0])

    def find(self, names: Sequence[str]) -> dict[str, Item]:
        """The run's items with these names."""
        return {name: self._item(row) for name, row in self.held(names, _ITEM).items()}

    def held(self, names: Sequence[str], columns: str) -> dict[str, sqlite3.Row]:
        """Only these columns, with the name, of the run's items with these names: items take three times as long to make."""
        marks = ",".join("?" * len(names))
        rows = self._base.execute(
            f"SELECT {columns} FROM item WHERE {_HERE} AND name IN ({marks})", (self.run, *names)
        )
        return {row["name"]: row for row in rows}

    def new_labels(self, dataset: str, labels: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
        """Those of the labels (name, kind) that were not created yet, as far as is remembered."""
        known = {
            tuple(row)
            for row in self._base.execute("SELECT name, kind FROM label WHERE dataset=?", (dataset,))
        }
        return [label for label in labels if label not in known]

    def labels_made(self, dataset: str, labels: Iterable[tuple[str, str]]) -> None:
        """These labels are on the platform."""
        with self.transaction():
            self._base.executemany(
                "INSERT OR IGNORE INTO label VALUES(?,?,?)", [(dataset, name, kind) for name, kind in labels]
            )

    def _item(self, row: Iterable[Any]) -> Item:
        number, name, path, size, sha256, width, height, key, picture, document, instances, state, partly = (
            row
        )
        return Item(
            number, name, None if path is None else self._file(os.fsdecode(path)), size or 0, sha256 or b"", width or 0,
            height or 0, key or "", picture, document, instances, _STATES[state], bool(partly),
        )  # fmt: skip

    def _file(self, path: str) -> AnyPath:
        return self.images.called(path) if isinstance(self.images, Far) else Path(path)


_ITEM = "id, name, path, size, sha256, width, height, object_key, picture_id, document, instances, state, partly_held"
_STATES = tuple(State)
_HERE = "+run=?"
"""Of the run; with + SQLite does not choose the index of runs, in which all items are, before that of names or numbers."""
_AGAIN = "state=0, picture_id=NULL, picture_there=0, code=NULL, error=NULL"
_UNSAID = "instances_there=0, instances_sent=0, partly_held=1"
_FRESH = "document=NULL, instances=0, picture_there=0, instances_there=0, instances_sent=0, partly_held=0, code=NULL, error=NULL"
