"""One image and one annotation, from file to server, through the functions a reader would follow."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from picsellia_ingest import wire
from picsellia_ingest.api import platform, storage
from picsellia_ingest.api.connection import Connection, Secret
from picsellia_ingest.model import Instance, Rectangle
from picsellia_ingest.parsers.base import Shard
from picsellia_ingest.parsers.coco import Coco
from picsellia_ingest.problems import ProblemLog
from picsellia_ingest.server import start
from picsellia_ingest.upload import annotate, attach, images, matching, register, transfer, verify
from picsellia_ingest.upload.items import State
from picsellia_ingest.upload.journal import Journal
from tests import reading_back
from tests.paths import FIXTURES

DEMO = FIXTURES / "COCO" / "demo"


def test_one_image_and_one_annotation_from_file_to_server(tmp_path: Path) -> None:  # noqa: PLR0915 - the whole way
    # The annotation file says of an image: there is a crate.
    parser, problems = Coco(DEMO / "instances.json"), ProblemLog()
    parser.prepare(problems)
    record = next(parser.read(Shard(0, 1), problems))
    instance = record.instances[0]
    assert record.file_name == "dock 01.jpg"
    assert (instance.label, instance.rectangle) == ("crate", Rectangle(8, 8, 20, 16))

    # The image is a file in the folder, which is surveyed and paired with the record by name.
    files = images.scan(DEMO / "images")
    name, _ = matching.NameIndex(files.names).match(record.file_name)
    survey = images.survey(files.path(name))
    assert (survey.width, survey.height) == (record.width, record.height)
    key = transfer.object_key(name, survey.sha256)

    # The plan: an item of the journal, with the document that is to be sent.
    labels: set[tuple[str, str]] = set()
    document = wire.document(record, rectangle=False, notes=Counter(), used=labels)
    with start(tmp_path / "platform", strict=True) as running, Journal(tmp_path / "j.db", "walk") as journal:
        connection = Connection(running.address, Secret(running.token))
        organization = platform.identify(connection).organization_id
        journal.begin()
        journal.plan_files(
            [(name, str(files.path(name)).encode(), survey.size, survey.mtime_ns, survey.inode, survey.sha256,
              survey.width, survey.height, key)]
        )  # fmt: skip
        journal.plan_documents([(wire.encode(document), len(document.parts), name)])
        journal.seal()
        (item,) = next(journal.todo(State.PLANNED, State.PLANNED, 1))

        # Bytes, picture, member, annotation.
        transfer.transfer(connection, item)
        picture_id, there = register.register(connection, organization, item, ["walk"])
        assert not there
        dataset = attach.create(connection, organization, "walk", None, [picture_id or ""])
        for label, kind in labels:
            assert annotate.create_label(connection, dataset.id, label, kind)[2] is None
        outcome = annotate.annotate(connection, dataset.id, item)
        assert (outcome.state, outcome.instances_sent) == (State.ANNOTATED, 2)

        # What the platform now holds.
        (picture,) = platform.dataset_pictures(connection, dataset.id)
        assert (picture["external_url"], picture["internal_key"]) == ("dock 01.jpg", key)
        assert verify.read_back(connection, item) is None
        assert storage.survey(files.path(name)).sha256 == item.sha256
        (held,) = platform.picture_annotations(connection, dataset.id, name)
        back = reading_back.instance(held["annotations"][0])
        assert back == Instance("crate", Rectangle(8, 8, 20, 16))
