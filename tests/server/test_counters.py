"""The counts that are kept are those of the rows, whatever happens, and asking for them costs the same at any size."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import text

from picsellia_ingest.errors import InvalidQueryError
from picsellia_ingest.server import start
from picsellia_ingest.server.database import Database
from picsellia_ingest.server.objects import ObjectName
from picsellia_ingest.server.platform import Platform
from picsellia_ingest.server.store.accounts import Account
from picsellia_ingest.server.store.annotations import Addition as Annotation
from picsellia_ingest.server.store.browsing import Filter
from picsellia_ingest.server.store.datasets import Addition, Creation, NewVersion
from picsellia_ingest.server.store.lake import PICTURES, Registration
from tests.server.browser import box, dataset, picture, ring
from tests.server.caller import JPEG, Caller
from tests.server.older import without_counters
from tests.server.postgres import Postgres

KEPT_AND_COUNTED = {
    "SELECT id, pictures FROM organization ORDER BY id":
        "SELECT id, (SELECT count(*) FROM picture WHERE organization_id = organization.id) FROM organization ORDER BY id",
    "SELECT id, size, annotated FROM dataset ORDER BY id":
        "SELECT id, (SELECT count(*) FROM dataset_picture WHERE dataset_id = dataset.id),"
        " (SELECT count(*) FROM annotation WHERE dataset_id = dataset.id) FROM dataset ORDER BY id",
    "SELECT id, instances, pictures FROM label ORDER BY id":
        "SELECT label.id, coalesce(sum(annotation_label.instances), 0), count(annotation_id) FROM label"
        " LEFT JOIN annotation_label ON label_id = label.id GROUP BY label.id ORDER BY label.id",
    "SELECT dataset_id, tag, pictures FROM dataset_tag ORDER BY dataset_id, tag":
        "SELECT dataset_id, tag, count(*) FROM dataset_picture JOIN picture_tag USING (picture_id)"
        " GROUP BY dataset_id, tag ORDER BY dataset_id, tag",
    "SELECT organization_id, tag, pictures FROM lake_tag ORDER BY organization_id, tag":
        "SELECT organization_id, tag, count(*) FROM picture JOIN picture_tag ON picture_id = picture.id"
        " GROUP BY organization_id, tag ORDER BY organization_id, tag",
}  # fmt: skip
TAGS = st.lists(st.sampled_from(["day", "night", "fog", "été"]), max_size=3)
SOME = st.sets(st.integers(0, 11), max_size=6)
ONE = st.integers(0, 11)
NAMES = st.sampled_from(["a", "b", "c"])
OBJECTS = st.lists(
    st.tuples(st.sampled_from(["crane", "ship"]), st.booleans()).map(
        lambda one: ring(one[0], (1, 1), (9, 1), (9, 9)) if one[1] else box(one[0], 1, 2, 3, 4)
    ),
    max_size=4,
)


def rows(database: Database, query: str) -> list[tuple[Any, ...]]:
    with database.reading() as conn:
        return [tuple(row) for row in conn.execute(text(query))]


def check(database: Database) -> None:
    with database.reading() as conn:
        for kept, counted in KEPT_AND_COUNTED.items():
            assert conn.execute(text(kept)).all() == conn.execute(text(counted)).all(), kept


@pytest.fixture
def platform(root: Path, database: str | None) -> Iterator[Platform]:
    with closing(Platform.open(root, database_address=database)) as found:
        yield found


class Changes(RuleBasedStateMachine):
    """Each run is of an organization of its own, which is removed with all it has at the end."""

    platform: ClassVar[Platform]
    runs: ClassVar[Iterator[int]] = count()

    def __init__(self) -> None:
        super().__init__()
        number = next(self.runs)
        token = f"{number:040}"
        self.platform.accounts.ensure(f"user {number}", f"organization {number}", [token])
        self.account: Account = self.platform.accounts.of_token(token)
        self.names = count()
        for tags in (["day"], ["day", "fog"], []):
            self.register(tags, 2)
        self.create_dataset("a", {0, 1, 2, 4})
        self.annotate(0, {0, 2}, [box("crane", 1, 2, 3, 4)] * 2)

    def ids(self, table: str) -> list[str]:
        query = f"SELECT uuid FROM {table} WHERE organization_id = {self.account.organization} ORDER BY id"
        return [uuid for (uuid,) in rows(self.platform.database, query)]

    def some(self, chosen: set[int]) -> list[Any]:
        there = self.ids("picture")
        return [there[index] for index in sorted(chosen) if index < len(there)]

    def dataset(self, index: int) -> str | None:
        there = self.ids("dataset")
        return there[index % len(there)] if there else None

    def execute(self, statement: str) -> None:
        with self.platform.database.writing() as conn:
            conn.execute(text(statement), {"mine": self.account.organization})

    @rule(tags=TAGS, times=st.integers(1, 3))
    def register(self, tags: list[str], times: int) -> None:
        path = self.platform.objects.path(ObjectName(self.account.organization_id, PICTURES, "k.jpg"))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(JPEG)
        for _ in range(times):
            new = Registration("k.jpg", f"{next(self.names)}.jpg", 3, 4, tags)
            self.platform.lake.register(self.account, new)

    @rule(chosen=SOME, tags=TAGS)
    def tag(self, chosen: set[int], tags: list[str]) -> None:
        self.platform.lake.tag(self.account, self.some(chosen), tags)

    @rule(chosen=SOME, tags=TAGS)
    def untag(self, chosen: set[int], tags: list[str]) -> None:
        self.platform.lake.untag(self.account, self.some(chosen), tags)

    @rule(chosen=SOME)
    def delete_pictures(self, chosen: set[int]) -> None:
        self.platform.lake.delete(self.account, self.some(chosen))

    @rule(name=NAMES, chosen=SOME)
    def create_dataset(self, name: str, chosen: set[int]) -> None:
        with suppress(InvalidQueryError):
            self.platform.datasets.create(self.account, Creation(name, pictures=self.some(chosen)), None)

    @rule(index=ONE, chosen=SOME)
    def add_members(self, index: int, chosen: set[int]) -> None:
        if target := self.dataset(index):
            self.platform.datasets.add(self.account, Addition(pictures=self.some(chosen), pk=target))

    @rule(index=ONE, version=NAMES, chosen=SOME)
    def new_version(self, index: int, version: str, chosen: set[int]) -> None:
        if source := self.dataset(index):
            ((name, old),) = rows(
                self.platform.database, f"SELECT name, version FROM dataset WHERE uuid = '{source}'"
            )
            with suppress(InvalidQueryError):
                new = NewVersion(name, version, self.some(chosen), old)
                self.platform.datasets.new_version(self.account, new, None)

    @rule(index=ONE)
    def delete_dataset(self, index: int) -> None:
        if target := self.dataset(index):
            query = f"SELECT name, version FROM dataset WHERE uuid = '{target}'"
            ((name, version),) = rows(self.platform.database, query)
            self.platform.datasets.delete(self.account, name, version)

    @rule(index=ONE, chosen=SOME, objects=OBJECTS)
    def annotate(self, index: int, chosen: set[int], objects: list[object]) -> None:
        if target := self.dataset(index):
            some = self.some(chosen)
            self.platform.datasets.add(self.account, Addition(pictures=some, pk=target))
            for uuid in some:
                said = Annotation(json.dumps({"data": objects}).encode())
                self.platform.annotations.add_by_id(self.account, target, uuid, said, None)

    @rule(index=ONE, which=ONE)
    def delete_annotation(self, index: int, which: int) -> None:
        target = self.dataset(index)
        held = (
            [one["picture_id"] for one in self.platform.datasets.pictures(self.account, target)]
            if target
            else []
        )
        if target and held:
            self.platform.annotations.delete(self.account, target, held[which % len(held)])

    @rule(index=ONE)
    def delete_annotations(self, index: int) -> None:
        if target := self.dataset(index):
            self.platform.annotations.delete_all(self.account, target)

    @rule(
        table=st.sampled_from(["picture", "dataset", "label", "annotation", "picture_tag"]),
        half=st.integers(0, 1),
    )
    def delete_half_of_a_table(self, table: str, half: int) -> None:
        mine = {
            "picture": "organization_id = :mine",
            "dataset": "organization_id = :mine",
            "picture_tag": "picture_id IN (SELECT id FROM picture WHERE organization_id = :mine)",
        }.get(table, "dataset_id IN (SELECT id FROM dataset WHERE organization_id = :mine)")
        self.execute(f"DELETE FROM {table} WHERE id % 2 = {half} AND {mine}")

    @rule(half=st.integers(0, 1))
    def delete_half_of_the_members(self, half: int) -> None:
        mine = "dataset_id IN (SELECT id FROM dataset WHERE organization_id = :mine)"
        self.execute(f"DELETE FROM dataset_picture WHERE picture_id % 2 = {half} AND {mine}")

    @rule()
    def undo(self) -> None:
        class _Undone(Exception):
            pass

        with suppress(_Undone), self.platform.database.writing() as conn:
            conn.execute(text("DELETE FROM dataset"))
            raise _Undone

    @invariant()
    def counters_are_right(self) -> None:
        check(self.platform.database)

    def teardown(self) -> None:
        self.execute("DELETE FROM organization WHERE id = :mine")
        check(self.platform.database)


def test_counters_are_right_after_every_change(platform: Platform, database: str | None) -> None:
    class Here(Changes):
        pass

    Here.platform = platform
    run_state_machine_as_test(
        Here,
        settings=settings(max_examples=60 if database is None else 40, stateful_step_count=25, deadline=None),
    )
    assert rows(platform.database, "SELECT count(*) FROM dataset_tag") == [(0,)]


def test_many_members_tags_and_pictures_are_counted_at_once(platform: Platform) -> None:
    account = platform.accounts.of_token(platform.token)
    fill(platform.database, 2000)
    (source,) = (one["dataset_id"] for one in platform.datasets.all(account))
    everything = [one["picture_id"] for one in platform.lake.pictures(account)]
    platform.lake.tag(account, everything, ["new", "newer", "new"])
    platform.datasets.new_version(account, NewVersion("d", "second", everything), None)
    platform.datasets.create(account, Creation("e", pictures=everything), None)
    check(platform.database)
    assert [one["size"] for one in platform.datasets.all(account)] == [2000, 2000, 2000]
    platform.lake.delete(account, everything[500:])
    check(platform.database)
    gallery, number = platform.browsing.gallery(account, source, Filter(), 1)
    assert number == 500
    assert gallery.tags == [("day", 500), ("new", 500), ("newer", 500)]
    assert [(one.name, one.instances, one.pictures) for one in gallery.labels] == [("crane", 1000, 500)]


def fill(database: Database, size: int) -> None:
    """A dataset of so many pictures, each with a tag and two objects of one label."""
    numbers = ", ".join(f"({number})" for number in range(1, size + 1))
    each = f"FROM (VALUES {numbers}) AS numbers"
    with database.writing() as conn:
        (owner,) = conn.execute(text("SELECT id FROM organization")).one()
        for statement in (
            f"INSERT INTO dataset (uuid, organization_id, name, version, private) VALUES ('d', {owner}, 'd', 'first', true)",
            "INSERT INTO label (dataset_id, name, type) SELECT id, 'crane', 'rectangle' FROM dataset",
            "INSERT INTO picture (uuid, organization_id, external_url, internal_key, width, height, source, creation_date)"
            f" SELECT 'p' || column1, {owner}, column1 || '.jpg', 'k', 4, 3, 'sdk', '2021-09-14' {each}",
            "INSERT INTO picture_tag (picture_id, tag) SELECT id, 'day' FROM picture",
            "INSERT INTO dataset_picture (dataset_id, picture_id) SELECT dataset.id, picture.id FROM dataset, picture",
            "INSERT INTO annotation (dataset_id, picture_id, objects, image_qa, nb_instances, duration, creation_date)"
            " SELECT dataset_id, picture_id, '[]', '[]', 2, 0.0, '2021-09-14' FROM dataset_picture",
            "INSERT INTO annotation_label (annotation_id, label_id, picture_id, instances)"
            " SELECT annotation.id, label.id, picture_id, 2 FROM annotation, label",
        ):
            conn.execute(text(statement))


LOOKS: dict[str, Callable[[Platform, Account], object]] = {
    "a dataset by its name": lambda platform, account: platform.datasets.get(account, "d", "latest"),
    "all datasets": lambda platform, account: platform.datasets.all(account),
    "pictures made members": lambda platform, account: platform.datasets.add(
        account, Addition(pk="d", pictures=[f"p{number}" for number in range(1, 51)])
    ),
    "the page of all datasets": lambda platform, account: platform.browsing.datasets(account, 1),
    "the page of a dataset": lambda platform, account: platform.browsing.gallery(account, "d", Filter(), 1),
    "the page of the lake": lambda platform, account: platform.browsing.gallery(account, None, Filter(), 1),
    "annotations": lambda platform, account: platform.annotations.page(account, "d", 50, 0),
}


def steps(root: Path, size: int) -> dict[str, int]:
    """How many steps SQLite takes for each look at a dataset of so many pictures."""
    found: dict[str, int] = {}
    taken: list[int] = []
    with closing(Platform.open(root)) as platform:
        account = platform.accounts.of_token(platform.token)
        fill(platform.database, size)
        with platform.database.reading() as conn:
            raw = conn.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_progress_handler(lambda: taken.append(1), 1)
        for what, look in LOOKS.items():
            taken.clear()
            look(platform, account)
            found[what] = len(taken)
    return found


def test_a_look_takes_as_many_steps_however_many_pictures_there_are(tmp_path: Path) -> None:
    few, many = steps(tmp_path / "few", 250), steps(tmp_path / "many", 4000)
    for what in LOOKS:
        assert 0 < many[what] < 1.2 * few[what], what


def filled(owner: Caller) -> str:
    made = dataset(owner, [picture(owner, f"{n}.png", tags=["day", "fog"][: n % 3]) for n in range(5)])
    owner.annotate(made, "0.png", box("crane", 1, 2, 3, 4), ring("crane", (1, 1), (9, 1), (9, 9)))
    owner.annotate(made, "1.png", box("crane", 1, 2, 3, 4), box("crane", 1, 2, 3, 4))
    owner.annotate(made, "2.png")
    owner.ok("PUT", f"label/{made}/unused/rectangle")
    owner.ok("PUT", f"dataset/{owner.org}/new_version", {"name": "harbour", "version": "second"})
    owner.ok("PUT", f"dataset/{owner.org}", {"dataset_name": "empty", "pictures": []})
    return made


def test_a_database_of_version_3_gets_its_counters_when_it_is_opened(root: Path) -> None:
    with start(root) as running:
        owner = Caller.of(running)
        with owner.session:
            made = filled(owner)
    with closing(sqlite3.connect(root / "platform.db")) as database, database:
        without_counters(database)
    with closing(Platform.open(root)) as platform:
        proven(platform, made)


@pytest.mark.slow
def test_a_database_of_version_3_on_postgresql_gets_its_counters_when_it_is_opened(
    root: Path, postgres: Postgres
) -> None:
    import psycopg

    with postgres.database() as address:
        with start(root, database=address) as running:
            owner = Caller.of(running)
            with owner.session:
                made = filled(owner)
        with psycopg.connect(address) as conn:
            without_counters(conn)
        with closing(Platform.open(root, database_address=address)) as platform:
            proven(platform, made)


def proven(platform: Platform, made: str) -> None:
    """What was there is counted, and what comes is."""
    check(platform.database)
    sizes = "SELECT size, annotated FROM dataset ORDER BY id"
    assert rows(platform.database, sizes) == [(5, 3), (5, 3), (0, 0)]
    assert rows(platform.database, "SELECT tag, pictures FROM lake_tag ORDER BY tag") == [
        ("day", 3),
        ("fog", 1),
    ]
    account = platform.accounts.of_token(platform.token)
    chosen = [one["picture_id"] for one in platform.datasets.pictures(account, made)]
    platform.lake.delete(account, chosen[:1])
    platform.datasets.delete(account, "harbour", "second")
    assert rows(platform.database, sizes) == [(4, 2), (0, 0)]
    check(platform.database)
