"""Writing a document for each split beside its images, as folders that are read by ``json_rows`` have them.

A split is only known by its folder, so one whose name no reader takes for a split's is not held, which is counted.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec

from ..losses import Losses
from ..model import ImageRecord
from .documents import DocumentWriter
from .names import inside, split_folder
from .staging import Staging
from .writer import Encoded, first_split, lose_header


class SplitDocumentWriter(DocumentWriter):
    """A writer of one document, or in a folder of one in each split's folder; names count from the document."""

    suffix: ClassVar[str] = ".json"
    by_split: ClassVar[bool] = True
    file: ClassVar[str]
    """What the documents of a folder are called."""

    def document(self, split: str) -> str:
        """The document of a split, where the reader finds the split again."""
        return f"{split}/{self.file}" if split else self.file

    def image_path(self, record: ImageRecord, key: str) -> str:  # noqa: ARG002 - the document has its own name
        """Beside the document of its split, under the name that the document gives it."""
        split = self._split(record)
        name = inside(self.name_in_document(record))
        return f"{split}/{name}" if split else name

    def _split(self, record: ImageRecord) -> str:
        """The first split, if the reader would find it again by its folder."""
        split = first_split(record, Losses()) if self.folder else ""
        return split if split_folder(f"{split}/") == (split,) else ""

    def name_in_document(self, record: ImageRecord) -> str:
        """The name of an image as the document of its split gives it."""
        split = self._split(record)
        if not split:
            return record.file_name
        # What leads out of the folder of the split would name another image.
        return record.file_name.removeprefix(f"{split}/") if self.native else inside(record.file_name)

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:
        """The record's row, and the split whose document it belongs to."""
        if self.folder and record.splits and not self._split(record):
            losses.note("splits_not_held")
            record = msgspec.structs.replace(record, splits=())
        if not self.native and self.name_in_document(record) != record.file_name:
            losses.note("name_changed")
        return super().encode(record, key, losses)

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output; the labels that no instance has, and what is said of labels, have no place."""
        super().begin(staging, losses)
        if not self.native:
            lose_header(self.header, losses, unused=True)
