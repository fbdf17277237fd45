"""Whether the platform holds what was sent, whatever it adds, leaves out or puts in another order.

Two things are alike when their fingerprints are: hashes of the documented keys, in one order, numbers in one form. Where
the bytes are those that were sent nothing is decoded.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from ..model import POLYGON, RECTANGLE
from ..wire import Document, Held, sealed

_ENCODER = msgspec.json.Encoder(order="deterministic")
_WHOLE_FLOAT = re.compile(rb"\.0(?:[],}]|$)")


def canonical(value: object) -> bytes:
    """The same content as the same bytes: sorted keys, no blanks, 3 and 3.0 alike, -0.0 as 0."""
    encoded = _ENCODER.encode(value)
    # Only a number that ends so is written in another way; text that looks like one costs time and no more.
    return _ENCODER.encode(_plain(value)) if _WHOLE_FLOAT.search(encoded) else encoded


def _plain(value: object) -> object:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 2**53 else value
    if isinstance(value, dict):
        return {key: _plain(found) for key, found in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(found) for found in value]
    return value


def fingerprint(found: Mapping[str, Any]) -> bytes:
    """What two equal wire objects have in common, whatever a platform adds or leaves out.

    Keys outside the documented ones, an empty ``qa`` and an empty shape beside the real one do not count.
    """
    kept = {key: found[key] for key in ("type", "label", RECTANGLE, POLYGON, "qa") if found.get(key)}
    return hashlib.sha256(canonical(kept)).digest()


def missing(
    planned: Iterable[Mapping[str, Any]],
    held: Iterable[Mapping[str, Any]],
    key: Callable[[Mapping[str, Any]], bytes] = fingerprint,
) -> list[int]:
    """The positions of the planned items that are not among the held ones; equal items are counted, not merged."""
    left = Counter(key(found) for found in held)
    result = []
    for position, found in enumerate(planned):
        name = key(found) if left else b""
        if left[name]:
            left[name] -= 1
        else:
            result.append(position)
    return result


def is_all_of(content: bytes, held: Held) -> bool:
    """Whether the platform holds what a kept document says, and nothing else, told by their bytes.

    When not, they may be the same all the same: ``lacks`` tells.
    """
    kept = sealed(content)
    return _is_same(kept.data, held.annotations) and _is_same(kept.image_qa, held.image_qa)


def _is_same(kept: msgspec.Raw, held: msgspec.Raw) -> bool:
    ours, theirs = bytes(kept), bytes(held)
    return ours == theirs or ours == msgspec.json.encode(msgspec.json.decode(theirs) or [])


def lacks(document: Document, held: Sequence[Mapping[str, Any]]) -> tuple[list[int], list[int]]:
    """Positions of the objects, and of the picture-level answers, that the held records do not have."""
    objects = [found for record in held for found in record.get("annotations") or ()]
    answers = [found for record in held for found in record.get("image_qa") or ()]
    if _ENCODER.encode((objects, answers)) == _ENCODER.encode((document.data, document.image_qa)):
        return [], []
    return missing(document.data, objects), missing(document.image_qa, answers, canonical)


def instances_held(document: Document, lacking: Iterable[int]) -> int:
    """How many instances have all their objects among those that are not lacking."""
    gone, position, held = set(lacking), 0, 0
    for size in document.parts:
        held += not any(index in gone for index in range(position, position + size))
        position += size
    return held
