"""All that is made of a record's instances where nobody asks for these one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec

from picsellia_ingest import wire
from picsellia_ingest.client.inspect import Inspection
from picsellia_ingest.losses import Losses
from picsellia_ingest.model import Header, ImageRecord, Instance
from picsellia_ingest.parsers.picsellia_writer import PicselliaWriter
from picsellia_ingest.parsers.voc_writer import VocWriter
from picsellia_ingest.selection import Selection
from picsellia_ingest.upload.evidence import Evidence


def in_a_file(instances: Sequence[Instance], *, rectangle: bool, source: str = "COCO") -> tuple[Any, ...]:
    """The record as files have it, without or with a preference for boxes, and what is said of that."""
    record, choices, losses = ImageRecord("a.png", 100, 100, instances), Counter[str](), Losses()
    chosen = Selection(rectangle=rectangle).apply(record, choices)
    row = PicselliaWriter(Header(), source=source).rows(chosen, losses)[1]
    voc = VocWriter(Header(), source=source).encode(chosen, "a", losses).files
    return (
        row,
        voc,
        choices,
        losses.to_dict(),
        chosen == msgspec.structs.replace(record, instances=tuple(chosen.instances)),
    )


def sent_and_counted(instances: Sequence[Instance], *, rectangle: bool) -> tuple[Any, ...]:
    """The document of a record, what is said of it, and what counts make of it."""
    record, notes, used = ImageRecord("a.png", 30, 25, instances), Counter[str](), set[tuple[str, str]]()
    content = wire.encode(wire.document(record, rectangle=rectangle, notes=notes, used=used))
    evidence, counts = Evidence(), Inspection()
    evidence.take(record)
    counts.take(record)
    return content, dict(notes), used, evidence, counts.to_dict()
