"""How many objects of each label there are stays true, also of a database from before it was kept."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from uuid import uuid4

from picsellia_ingest.server import start
from tests.server.browser import Browser, box, dataset, picture, ring
from tests.server.caller import Caller
from tests.server.older import without_counters

COUNTS = (
    "SELECT dataset.version, picture.external_url, label.name, label.type,"
    " annotation_label.instances FROM annotation_label"
    " JOIN annotation ON annotation.id = annotation_id JOIN label ON label.id = label_id JOIN dataset"
    " ON dataset.id = annotation.dataset_id JOIN picture ON picture.id = annotation.picture_id"
    " WHERE label.dataset_id = dataset.id AND annotation_label.picture_id = picture.id ORDER BY 1, 2, 3, 4"
)


def read(root: Path) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(root / "platform.db")) as database:
        return database.execute(COUNTS).fetchall()


def filled(owner: Caller) -> str:
    """A dataset in two versions, one of which was annotated further."""
    made = dataset(owner, [picture(owner, "0.png"), picture(owner, "1.png"), picture(owner, "2.png")])
    owner.annotate(made, "0.png", box("crane", 1, 2, 3, 4), ring("crane", (1, 1), (9, 1), (9, 9)))
    owner.annotate(made, "0.png", box("crane", 1, 2, 3, 4), {"type": "classification", "label": "fog"})
    owner.annotate(made, "1.png", more={"image_qa": []})
    owner.ok("PUT", f"dataset/{owner.org}/new_version", {"name": "harbour", "version": "second"})
    owner.annotate(made, "2.png", box("crane", 1, 2, 3, 4))
    return made


EXPECTED = [
    ("first", "0.png", "crane", "polygon", 1),
    ("first", "0.png", "crane", "rectangle", 2),
    ("first", "0.png", "fog", "classification", 1),
    ("first", "2.png", "crane", "rectangle", 1),
    ("second", "0.png", "crane", "polygon", 1),
    ("second", "0.png", "crane", "rectangle", 2),
    ("second", "0.png", "fog", "classification", 1),
]


def test_objects_are_counted_by_picture_label_and_version(owner: Caller, root: Path) -> None:
    made = filled(owner)
    assert read(root) == EXPECTED
    owner.ok("DELETE", f"annotation/{made}")
    assert read(root) == EXPECTED[4:]
    owner.ok("DELETE", f"dataset/{owner.org}/harbour/second")
    with closing(sqlite3.connect(root / "platform.db")) as database:
        assert database.execute("SELECT count(*) FROM annotation_label").fetchone() == (0,)


def test_a_database_from_before_gets_its_counts_when_it_is_opened(root: Path) -> None:
    with start(root) as running:
        owner = Caller.of(running)
        with owner.session:
            filled(owner)
    with closing(sqlite3.connect(root / "platform.db")) as database:
        without_counters(database)
        database.execute("DROP TABLE annotation_label")
        database.execute("ALTER TABLE token DROP COLUMN read_only")
        database.execute("PRAGMA user_version = 2")
    start(root).stop()
    assert read(root) == EXPECTED
    with closing(sqlite3.connect(root / "platform.db")) as database:
        (index,) = database.execute(
            "SELECT name FROM sqlite_master WHERE name = 'annotation_label_by_label'"
        ).fetchone()
    assert index


def test_a_page_of_many_pictures_is_quick(root: Path) -> None:
    count = 20_000
    with start(root) as running:
        owner = Caller.of(running)
        made = dataset(owner, [picture(owner, "0.png", tags=["day"])])
        owner.annotate(made, "0.png", box("crane", 1, 2, 3, 4))
        with closing(sqlite3.connect(root / "platform.db")) as database, database:
            _multiply(database, count)
        browser = Browser(running)
        for query in ("", "?label=crane", "?tag=day", "?label=crane&tag=day", f"?page={count // 48}"):
            began = time.monotonic()
            page = browser.get(f"/datasets/{made}{query}").text
            assert time.monotonic() - began < 1, query
            assert page.count('class="tile"') == 48
            assert f"{count:,} picture" in page
        owner.session.close()


def _multiply(database: sqlite3.Connection, count: int) -> None:
    """The one picture with its annotation, so many times."""
    many: Callable[..., object] = database.executemany
    picture_row = database.execute("SELECT * FROM picture").fetchone()
    annotation_row = database.execute("SELECT * FROM annotation").fetchone()
    rows = range(2, count + 1)
    marks = ", ".join("?" * len(picture_row))
    many(
        f"INSERT INTO picture VALUES ({marks})",
        ((n, str(uuid4()), 1, f"{n}.png", *picture_row[4:]) for n in rows),
    )
    many("INSERT INTO dataset_picture VALUES (1, ?)", ((n,) for n in rows))
    many("INSERT INTO picture_tag (picture_id, tag) VALUES (?, 'day')", ((n,) for n in rows))
    marks = ", ".join("?" * len(annotation_row))
    objects = json.dumps([box("crane", 1, 2, 3, 4)])
    many(f"INSERT INTO annotation VALUES ({marks})", ((n, 1, n, objects, *annotation_row[4:]) for n in rows))
    many("INSERT INTO annotation_label VALUES (?, 1, ?, 1)", ((n, n) for n in rows))
