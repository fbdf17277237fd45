"""What each run made on the platform, so that it can be undone and nothing else with it.

A thing is written down before it is sent, and confirmed by its answer: what an interrupted run was sending is known
to be uncertain. What was there before a run is never written down as made by it. An annotation is remembered by the
fingerprints of the objects that the run added, and by whether there were others.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .. import wire
from . import likeness
from .items import Item, Outcome, State

PICTURE, MEMBER, DATASET, LABEL, ANNOTATION = "picture", "membership", "dataset", "label", "annotation"
TAGS, REPLACED = "tags", "replaced"
KINDS = (PICTURE, MEMBER, DATASET, LABEL, ANNOTATION, TAGS, REPLACED)
SENDING, MADE, FOUND = 0, 1, 2
"""How sure it is that a run made a thing: no answer came, it did, the platform said that it was there."""
_CONFIRM = "UPDATE made SET sure=CASE sure WHEN 0 THEN ? ELSE sure END, ref=COALESCE(?, ref)"
_BYTES = 16
"""Bytes of a fingerprint that are kept."""


@dataclass(frozen=True, slots=True)
class Thing:
    """One thing that a run made, or was making."""

    kind: str
    name: str
    ref: str | None = None
    detail: bytes = b""
    objects: int = 0
    before: bool = False
    sure: int = SENDING
    gone: bool = False

    @property
    def shown(self) -> str:
        """The thing as a person knows it."""
        return f"{self.detail.decode()}/{self.name}" if self.kind == DATASET else self.name


@dataclass(frozen=True, slots=True)
class RunMade:
    """A run that made something: ``name`` is what people call it by, ``made`` how many things of each kind."""

    id: int
    name: str
    begun: str
    organization: str
    dataset: str
    version: str
    tags: tuple[str, ...]
    made: dict[str, int]
    unsure: int
    """How many more things it was sending when it was interrupted."""
    left: int
    """How many of all of them were not undone."""

    @property
    def when(self) -> str:
        """When it began, as far as a person wants to know."""
        return f"{self.begun[:19]} UTC"


def fingerprints(data: Iterable[dict[str, Any]], answers: Iterable[dict[str, Any]]) -> bytes:
    """Objects and picture-level answers as a row of short hashes."""
    found = [likeness.fingerprint(one)[:_BYTES] for one in data]
    found += [likeness.fingerprint({"qa": [one]})[:_BYTES] for one in answers]
    return b"".join(sorted(found))


def within(held: bytes, sent: bytes) -> bool:
    """Whether all that is held is among what was sent; equal things are counted."""
    return not _counted(held) - _counted(sent)


def _counted(row: bytes) -> Counter[bytes]:
    return Counter(row[start : start + _BYTES] for start in range(0, len(row), _BYTES))


def many(kind: str, count: int) -> str:
    """A kind of things in words."""
    words = {TAGS: "pictures with tags", REPLACED: "pictures replaced"}
    return words.get(kind, kind if count == 1 else f"{kind}s")


def _named(run: int, kind: str) -> str:
    """The row of a thing that has the name of an item, whose number is to be given."""
    return f"run={run:d} AND kind='{kind}' AND name=(SELECT name FROM item WHERE id=?)"


def _marks(values: Sequence[object]) -> str:
    return ",".join("?" * len(values))


class Made:
    """The table of one journal; ``transaction`` is the journal's."""

    def __init__(
        self, base: sqlite3.Connection, transaction: Callable[[], AbstractContextManager[None]]
    ) -> None:
        self._base, self._transaction = base, transaction
        self._unsure_beside, self._others = 0, list[int]()

    def begin(self, run: int, things: Iterable[Thing]) -> None:
        """These are about to be sent. What the run made before stays as it is known."""
        with self._transaction():
            self._base.executemany(
                "INSERT INTO made(run, kind, name, ref, detail, objects, before, sure) VALUES(?,?,?,?,?,?,?,?)"
                " ON CONFLICT DO NOTHING",
                [
                    (run, one.kind, one.name, one.ref, one.detail, one.objects, one.before, one.sure)
                    for one in things
                ],
            )

    def done(
        self, run: int, kind: str, names: Iterable[str], ref: str | None = None, sure: int = MADE
    ) -> None:
        """The platform confirmed these."""
        with self._transaction():
            self._base.executemany(
                _CONFIRM + " WHERE run=? AND kind=? AND name=?",
                [(sure, ref, run, kind, name) for name in names],
            )

    def begin_pictures(self, run: int, items: Sequence[Item]) -> None:
        """These pictures are about to be registered."""
        self.begin(run, (Thing(PICTURE, item.name, detail=item.object_key.encode()) for item in items))

    def begin_annotations(self, run: int, items: Sequence[Item], dataset: str) -> None:
        """The annotations of these are about to be sent."""
        things = []
        for item in items:
            document = wire.decode(item.document or b"")
            detail = fingerprints(document.data, document.image_qa)
            # What is there in part is not known in whole until the answer tells.
            things.append(
                Thing(ANNOTATION, item.name, dataset, detail, len(document.data), before=item.partly_held)
            )
        self.begin(run, things)

    def confirm(self, run: int, outcomes: Iterable[Outcome]) -> None:
        """What the outcomes of stages say of things that were being sent; within the journal's transaction."""
        pictures: list[Outcome] = []
        annotations: list[Outcome] = []
        for found in outcomes:
            if found.state is State.REGISTERED:
                pictures.append(found)
            elif found.state is State.ANNOTATED:
                annotations.append(found)
        self._base.executemany(
            f"{_CONFIRM} WHERE {_named(run, PICTURE)}",
            [(FOUND if found.picture_there else MADE, found.picture_id, found.id) for found in pictures],
        )
        self._not_by_others(run, PICTURE, [found.id for found in pictures if not found.picture_there])
        self._confirm_annotations(run, annotations)

    def _confirm_annotations(self, run: int, outcomes: Iterable[Outcome]) -> None:
        whole: list[Outcome] = []
        other: list[Outcome] = []
        nothing: list[Outcome] = []
        for found in outcomes:
            (whole if found.whole else other if found.added else nothing).append(found)
        row = _named(run, ANNOTATION)
        again = self._confirmed(run, [found.id for found in whole])
        other += [found for found in whole if found.id in again]
        first = [found.id for found in whole if found.id not in again]
        # One statement for all of them: each is a turn in which other threads may take the interpreter.
        self._base.execute(
            f"UPDATE made SET before=0, sure=1 WHERE run=? AND kind='{ANNOTATION}' AND name IN"  # otherwise as it was begun
            f" (SELECT name FROM item WHERE id IN ({_marks(first)}))",
            (run, *first),
        )
        for found in other:
            self._confirm_annotation(row, found)
        self._base.executemany(f"DELETE FROM made WHERE {row} AND sure=0", [(found.id,) for found in nothing])
        self._not_by_others(run, ANNOTATION, [found.id for found in (*whole, *other)])

    def _confirmed(self, run: int, items: list[int]) -> set[int]:
        """Those of the items of which the run sent annotations before."""
        rows = self._base.execute(
            "SELECT item.id FROM item CROSS JOIN made WHERE made.run=? AND made.name=item.name"
            f" AND kind='{ANNOTATION}' AND sure<>0 AND item.id IN ({_marks(items)})",
            (run, *items),
        )
        return {row[0] for row in rows}

    def _not_by_others(self, run: int, kind: str, items: list[int]) -> None:
        """What this run made was not there, so what an interrupted run was sending did not arrive."""
        for other in self._unsure(run) if items else ():
            self._base.executemany(
                f"DELETE FROM made WHERE {_named(other, kind)} AND sure=0", [(item,) for item in items]
            )

    def _unsure(self, run: int) -> list[int]:
        """The other runs that were sending something when they were interrupted; while one runs none is added."""
        if self._unsure_beside != run:
            rows = self._base.execute("SELECT DISTINCT run FROM made WHERE sure=0 AND run<>?", (run,))
            self._others, self._unsure_beside = [row[0] for row in rows], run
        return self._others

    def _confirm_annotation(self, row: str, found: Outcome) -> None:
        detail, objects, before = self._added(found)
        query = f"SELECT detail, objects, before FROM made WHERE {row} AND sure=1"
        earlier = self._base.execute(query, (found.id,)).fetchone()
        if earlier is not None:  # sent in two pieces, or again because the platform did not keep it
            before = bool(earlier["before"])
            if bytes(earlier["detail"]) != detail:
                detail, objects = bytes(earlier["detail"]) + detail, earlier["objects"] + objects
        query = f"UPDATE made SET detail=?, objects=?, before=?, sure=1 WHERE {row}"
        self._base.execute(query, (detail, objects, before, found.id))

    def _added(self, found: Outcome) -> tuple[bytes, int, bool]:
        """The fingerprints and number of the objects that were added, and whether there were others."""
        if not found.whole:
            return found.added, found.objects, found.added_to
        content = self._base.execute("SELECT document FROM item WHERE id=?", (found.id,)).fetchone()[0]
        document = wire.decode(content)
        return fingerprints(document.data, document.image_qa), len(document.data), False

    def anything(self, run: int) -> bool:
        """Whether a run made something, or was making it."""
        query = "SELECT 1 FROM made WHERE run=? AND sure<>2 LIMIT 1"
        return self._base.execute(query, (run,)).fetchone() is not None

    def of(self, run: int) -> Iterator[Thing]:
        """All that a run made, or was making."""
        for row in self._base.execute("SELECT * FROM made WHERE run=? ORDER BY kind, name", (run,)):
            yield Thing(
                row["kind"], row["name"], row["ref"], bytes(row["detail"] or b""), row["objects"], bool(row["before"]),
                row["sure"], row["gone"] == 1,
            )  # fmt: skip

    def given_up(self, run: int, things: Iterable[Thing]) -> None:
        """These were to go and cannot by themselves: they hold nothing back that another run made."""
        with self._transaction():
            self._base.executemany(
                "UPDATE made SET gone=2 WHERE run=? AND kind=? AND name=? AND gone=0",
                [(run, one.kind, one.name) for one in things],
            )

    def members_given_up(self) -> list[tuple[str, str]]:
        """Memberships of runs that were undone as far as possible: (name of the picture, dataset)."""
        rows = self._base.execute(
            "SELECT name, ref FROM made WHERE kind=? AND gone=2 AND ref IS NOT NULL", (MEMBER,)
        )
        return [tuple(row) for row in rows]

    def undone(self, run: int, things: Iterable[Thing]) -> None:
        """The platform has these no more."""
        with self._transaction():
            self._base.executemany(
                "UPDATE made SET gone=1 WHERE run=? AND kind=? AND name=?",
                [(run, one.kind, one.name) for one in things],
            )


def runs(base: sqlite3.Connection) -> list[RunMade]:
    """The runs of a journal that made something, oldest first."""
    found = []
    for row in base.execute("SELECT * FROM run WHERE name IS NOT NULL ORDER BY id").fetchall():
        counts = base.execute(
            "SELECT kind, sum(sure=1), sum(sure=0), sum(gone<>1) FROM made WHERE run=? AND sure<>2 GROUP BY kind",
            (row["id"],),
        ).fetchall()
        if counts:
            made = {kind: count for kind, count, _, _ in counts if count}
            tags = tuple(json.loads(row["tags"] or "[]"))
            found.append(
                RunMade(
                    row["id"], row["name"], row["begun"] or "", row["organization"] or "", row["dataset"] or "",
                    row["version"] or "", tags, made, sum(row[2] for row in counts), sum(row[3] for row in counts),
                )
            )  # fmt: skip
    return found
