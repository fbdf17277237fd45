"""What the platform holds, compared with the plan: "complete" is never said without it.

``compare`` pages through the dataset's pictures and annotations once, in windows, and answers with every difference
and with the true counts of the dataset. ``read_back`` fetches a sample of pictures and hashes them.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain

from .. import wire
from ..api import listing, platform, storage
from ..api.connection import Connection
from ..api.listing import Pictures
from ..api.pages import PAGE, all_held
from ..errors import PicselliaError
from ..wire import Held
from . import likeness, threads
from .items import Item, Outcome, State
from .journal import Journal
from .workers import windows

READS = 3
SAMPLE_LEAST, SAMPLE_SHARE = 20, 1000
"""Pictures read back: twenty, or one in a thousand where that is more."""


@dataclass(slots=True)
class Holdings:
    """What a dataset holds in all: labels by number of objects, annotated pictures, objects."""

    repartition: Counter[str] = field(default_factory=Counter)
    annotations: int = 0
    objects: int = 0

    def add(self, held: Held) -> None:
        """Count one annotation record."""
        labels = [label for label, _ in held.used()]
        self.annotations += 1
        self.objects += len(labels)
        self.repartition.update(labels)


@dataclass(slots=True)
class Partly:
    """What was found of annotations that are there in part, and the labels that the dataset's objects have."""

    pictures: int = 0
    instances: int = 0
    labels: set[tuple[str, str]] = field(default_factory=set)


def reconcile_annotations(connection: Connection, dataset_id: str, journal: Journal) -> Partly:
    """Before anything is sent: mark the items whose annotation is there already, whole or in part."""
    found = Partly()
    for batch in windows(all_held(connection, dataset_id), PAGE):
        items = _items(journal, batch)
        whole: list[Outcome] = []
        partly: list[int] = []
        for held in batch:
            used = held.used()
            found.labels.update(used)
            item = items.get(held.name)
            if item is None or item["document"] is None:
                continue
            is_whole, there = _how_much(item["document"], held)
            if is_whole:
                whole.append(Outcome(item["id"], State.ANNOTATED, instances_there=there))
                continue
            partly.append(item["id"])
            found.pictures += bool(used or held.record()["image_qa"])
            found.instances += there
        journal.records(whole)
        journal.mark_partly_held(partly)
    return found


def _how_much(content: bytes, held: Held) -> tuple[bool, int]:
    """Whether all that a document says is held, and how many of its instances are."""
    if likeness.is_all_of(content, held):
        return True, len(wire.sealed(content).parts)
    document = wire.decode(content)
    lacking, questions = likeness.lacks(document, [held.record()])
    return not (lacking or questions), likeness.instances_held(document, lacking)


@dataclass(slots=True)
class Comparison:
    """Every difference between the plan and the platform, what the dataset holds, and the items that lack something."""

    differences: list[str] = field(default_factory=list)
    holdings: Holdings = field(default_factory=Holdings)
    pictures: list[int] = field(default_factory=list)
    """Items whose picture was attached and is not in the dataset."""
    annotations: list[int] = field(default_factory=list)
    """Items that were annotated and whose annotation lacks something."""


def compare(connection: Connection, dataset_id: str, journal: Journal, *, exact: bool) -> Comparison:
    """Page through the dataset once.

    With ``exact`` the dataset was made by this run, so objects beyond the plan are differences too.
    """
    found = Comparison()
    pictures, pages = _asked(connection, dataset_id)
    _pictures(pictures, journal, found)
    del pictures  # which may be a million
    seen: set[int] = set()
    for batch in pages:
        items = _items(journal, batch)
        for held in batch:
            found.holdings.add(held)
            item = items.get(held.name)
            if item is not None and item["document"] is not None:
                seen.add(item["id"])
                _compare_annotation(item, held, found, exact=exact)
    unseen = journal.ids(f"state={State.ANNOTATED:d} AND document IS NOT NULL") - seen
    if unseen:
        found.differences.append(
            f"{len(unseen)} pictures that were annotated have no annotation on the platform"
        )
        found.annotations += sorted(unseen)
    return found


def _items(journal: Journal, batch: Sequence[Held]) -> dict[str, sqlite3.Row]:
    return journal.held([held.name for held in batch], "id, name, document, state")


_SENT = "id, name, path IS NOT NULL AS sent, width, height, object_key"


def _asked(connection: Connection, dataset_id: str) -> tuple[Pictures, Iterator[list[Held]]]:
    """The pictures, and the pages of annotations, the first of which is asked for at the same time."""
    asked = threads.meanwhile(listing.of_dataset, connection, dataset_id)
    pages = windows(all_held(connection, dataset_id), PAGE)
    try:
        first = next(pages, [])
    except PicselliaError:
        asked.result()  # an error of the pictures is told first
        raise
    return asked.result(), chain([first], pages)


def _pictures(pictures: Pictures, journal: Journal, found: Comparison) -> None:
    seen: set[int] = set()
    for batch in windows(pictures, 500):
        items = journal.held([str(picture.name) for picture in batch], _SENT)
        for picture in batch:
            item = items.get(str(picture.name))
            if item is None:
                continue
            number, name, sent, *size, key = item
            seen.add(number)
            there = [picture.width, picture.height]
            if sent and picture.key == key and there != size:
                found.differences.append(
                    f"{name}: {there[0]} x {there[1]} on the platform, {size[0]} x {size[1]} here"
                )
    found.pictures = sorted(journal.ids(f"state>={State.ATTACHED:d}") - seen)
    if found.pictures:
        found.differences.append(f"{len(found.pictures)} pictures that were attached are not in the dataset")


def _compare_annotation(item: sqlite3.Row, held: Held, found: Comparison, *, exact: bool) -> None:
    number, name, content, state = item
    if likeness.is_all_of(content, held):
        return
    document, record = wire.decode(content), held.record()
    lacking, questions = likeness.lacks(document, [record])
    if (lacking or questions) and state == State.ANNOTATED:  # what others lack is in the ledger already
        found.differences.append(
            f"{name}: {len(lacking)} objects and {len(questions)} answers are not on the platform"
        )
        found.annotations.append(number)
        return
    extra = len(record["annotations"]) - (len(document.data) - len(lacking))
    if exact and extra > 0:
        found.differences.append(f"{name}: {extra} objects more than planned")


def sample(count: int) -> int:
    """How many of ``count`` pictures are read back."""
    return min(count, max(SAMPLE_LEAST, count // SAMPLE_SHARE))


def read_back(connection: Connection, item: Item) -> str | None:
    """Fetch one picture and hash it: the difference, or None. Bytes that differ may have been damaged on the way."""
    try:
        for _ in range(READS):
            if hashlib.sha256(storage.read(connection, item.object_key)).digest() == item.sha256:
                return None
        return f"{item.name}: the stored bytes are not those of {item.path}"
    except PicselliaError as error:
        return f"{item.name}: cannot be read back: {error}"


def statistics(connection: Connection, dataset_id: str, holdings: Holdings) -> None:
    """Tell the platform what the dataset truly holds."""
    platform.update_statistics(
        connection, dataset_id, holdings.repartition, holdings.annotations, holdings.objects
    )
