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


def in_a_file(instances: Sequence[Instance], *, rectangle: bool, source: str = "COCO") -> list[Any]:
    """The record as files have it, without or with a preference for boxes, as it is and with labels chosen, and what is said of that."""
    first, *others = sorted({one.label for one in instances}) or [""]
    exchanged = {first: (others or ["new"])[0], (others or ["new"])[0]: first}
    some = [
        Selection(rectangle),
        Selection(rectangle, only=frozenset({first})),
        Selection(rectangle, exchanged, drop=frozenset(others[1:])),
        Selection(rectangle, {first: None}),
    ]
    return [_chosen(instances, selection, source) for selection in some]


def _chosen(instances: Sequence[Instance], selection: Selection, source: str) -> tuple[Any, ...]:
    record, choices, losses = ImageRecord("a.png", 100, 100, instances), Counter[str](), Losses()
    chosen = selection.apply(record, choices)
    row = PicselliaWriter(Header(), source=source).rows(chosen, losses)[1]
    voc = VocWriter(Header(), source=source).encode(chosen, "a", losses).files
    return (
        row,
        voc,
        choices,
        losses.to_dict(),
        chosen == msgspec.structs.replace(record, instances=tuple(chosen.instances)),
        *sent_and_counted(chosen.instances, rectangle=False),
    )


def sent_and_counted(instances: Sequence[Instance], *, rectangle: bool) -> tuple[Any, ...]:
    """The document of a record, what is said of it, and what counts make of it."""
    record, notes, used = ImageRecord("a.png", 30, 25, instances), Counter[str](), set[tuple[str, str]]()
    content = wire.encode(wire.document(record, rectangle=rectangle, notes=notes, used=used))
    evidence, counts = Evidence(), Inspection()
    evidence.take(record)
    counts.take(record)
    return content, dict(notes), used, evidence, counts.to_dict()
