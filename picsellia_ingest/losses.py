"""What a target cannot hold, by reason code, so that it can be said before anything is written.

A writer notes what it changes or leaves out of an instance, an image or a dataset that it writes all the same, and
drops an instance it cannot write at all. Codes are stable; ``REASONS`` says what each means. Of attributes only those
count whose absence loses something (``notable``).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

REASONS = {
    "split_in_parts": "instances in several parts, written as one shape for each part",
    "part_outside": "instances split in parts of which some lie wholly outside the picture and are left out",
    "parts_joined": "instances in several parts, joined to one outline by bridges of zero width",
    "holes_bridged": "polygons whose holes are joined to the outline by a bridge of zero width",
    "rasterised": "polygons between pixel edges, beyond the picture or with parts that overlap, written as the pixels they fill",
    "box_from_polygon": "boxes that are the bounds of a polygon without a box of its own",
    "box_not_held": "instances with a polygon and another box than its bounds; the polygon is written",
    "polygon_not_held": "instances with a polygon, written as boxes",
    "keypoints_not_held": "instances with keypoints",
    "crowd_not_held": "instances that stand for a crowd, written as one",
    "score_not_held": "instances with a score",
    "answers_not_held": "answers about instances",
    "image_answers_not_held": "answers about images",
    "attributes_not_held": "instances with attributes that have no place",
    "attributes_as_text": "instances with attributes whose numbers and flags are written as text",
    "image_attributes_not_held": "images with attributes that have no place",
    "label_attributes_not_held": "labels with attributes that have no place",
    "header_not_held": "what the source says of itself (licence, version, description ...)",
    "labels_not_held": "labels that no instance has",
    "size_not_held": "images whose size is not written",
    "splits_not_held": "images whose split (train, val ...) is not written",
    "further_splits_not_held": "images in several splits, written into the first",
    "ids_renumbered": "ids that were taken or are none of the target's, given anew",
    "name_changed": "images whose file must be called otherwise in the target",
    "classification_not_held": "classifications of a whole image",
    "size_unknown": "instances of images whose size is not known, which the target needs",
    "label_not_held": "instances whose label cannot be written",
    "shape_not_held": "instances whose shape cannot be written",
}
"""What each reason code means, for people."""

SPECIAL = {"keypoints": "keypoints_not_held", "score": "score_not_held", "iscrowd": "crowd_not_held"}
"""Attributes with a reason code of their own."""


@dataclass(slots=True)
class Losses:
    """Counts by reason code. ``dropped`` are instances that are not written; all others are, changed in this way."""

    changed: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)
    keys: Counter[tuple[str, str]] = field(default_factory=Counter)
    """Names of attributes that were lost: (code, name)."""

    def note(self, code: str, keys: Iterable[str] = ()) -> None:
        """Count one thing that is written, but not whole."""
        self.changed[code] += 1
        for key in keys:
            self.keys[code, key] += 1

    def drop(self, code: str) -> None:
        """Count one instance that is not written."""
        self.dropped[code] += 1

    def attributes(self, lost: Mapping[str, Any], code: str = "attributes_not_held") -> None:
        """Count one instance (or image, by ``code``) for attributes that have no place."""
        for special, own_code in SPECIAL.items():
            if special in lost:
                self.note(own_code)
        rest = [key for key in lost if key not in SPECIAL]
        if rest:
            self.note(code, rest)

    def add(self, other: Losses) -> None:
        """Take the counts of another part of the work in."""
        self.changed.update(other.changed)
        self.dropped.update(other.dropped)
        self.keys.update(other.keys)

    def __bool__(self) -> bool:
        return bool(self.changed or self.dropped)

    def lines(self) -> Iterator[str]:
        """One line for each code, the dropped ones first."""
        for counts, word in ((self.dropped, "not written"), (self.changed, "changed")):
            for code, count in sorted(counts.items()):
                names = [f"{key} {number}" for (of, key), number in sorted(self.keys.items()) if of == code]
                more = f" ({', '.join(names[:20])}{', ...' if len(names) > 20 else ''})" if names else ""
                yield f"{word} {code}: {count} {REASONS[code]}{more}"

    def to_dict(self) -> dict[str, Any]:
        """The counts as plain values."""
        keys = [{"code": code, "attribute": key, "count": count} for (code, key), count in self.keys.items()]
        return {"changed": dict(self.changed), "dropped": dict(self.dropped), "attributes": keys}


BOOKKEEPING = frozenset(
    (
        *("id", "image_id", "area", "bbox", "segmentation", "num_keypoints"),  # COCO
        *("internal_picture_id", "nb_labels", "image"),  # PICSELLIA
        *("xmax", "ymax", "xbr", "ybr"),  # far corners, to the last digit: PASCAL-VOC, CVAT
        *(
            "type",
            "value",
            "from_name",
            "to_name",
            "origin",
            "original_width",
            "original_height",
        ),  # Label Studio
        *("image_rotation", "annotation", "annotations", "completions", "data"),
        *("rle", "group", "media"),  # Datumaro
    )
)
"""Attributes whose absence loses nothing: a file's own numbers, and what follows from the shape."""

FLAGS = frozenset(
    ("iscrowd", "difficult", "truncated", "occluded", "deleted", "segmented", "group_id", "pose")
)
"""Attributes that say nothing while they are off."""

_OFF = (0, "0", "false", "False", "Unspecified")
_NOTHING: tuple[Any, ...] = (None, "", [], {})


_USUAL = BOOKKEEPING | {"iscrowd"}
"""What nearly every annotation has, of which nothing is notable while the flag is off."""


def notable(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """The attributes whose loss would lose something, those of a nested ``attributes`` among them.

    Left out are bookkeeping, flags that are off, and values that are nothing (null, an empty text, list or object).
    """
    if attributes.keys() <= _USUAL and attributes.get("iscrowd", 0) in _OFF:
        return {}
    nested = attributes.get("attributes")
    inner = nested if isinstance(nested, dict) else {}
    found = {key: value for key, value in inner.items() if value not in _NOTHING}
    for key, value in attributes.items():
        if key in BOOKKEEPING or value in _NOTHING or value is inner:
            continue
        if not (key in FLAGS and value in _OFF):
            found[key] = value
    return found
