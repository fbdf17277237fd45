"""Writers of documents that hold a row for each image: a head, the rows with a separator, a tail.

Rows are written where they stay, behind the head (spool); those of a shard come as one file from whoever made them. A
format with several sections has those that come after the first wait in files beside.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any, ClassVar

from ..losses import Losses
from ..model import ImageRecord
from .names import inside
from .spool import Part, Spool
from .staging import Staging
from .writer import Encoded, Writer, first_split


def file_of(split: str) -> str:
    """What the document of a split is called, without extension: readers look for all of them in one folder."""
    return inside(split).replace("/", "_")


class DocumentWriter(Writer):
    """Writes documents that hold a row of bytes for each image: a head, the rows with a separator, a tail.

    There is one document; in a folder there is one for each split.
    """

    separator: ClassVar[bytes] = b",\n"
    by_split: ClassVar[bool] = False
    """Whether a folder has a document for each split; otherwise the document holds them, or they are lost."""

    @abstractmethod
    def rows(self, record: ImageRecord, losses: Losses) -> Any:
        """What the document says of one image: bytes, unless ``add`` takes something else."""

    @abstractmethod
    def head(self) -> bytes:
        """What stands before the rows; it does not depend on them."""

    @abstractmethod
    def tail(self) -> bytes:
        """What stands after the rows."""

    def document(self, split: str) -> str:
        """The path of the document of a split ("" for images without one) in a folder."""
        return f"{file_of(split) or 'annotations'}{self.suffix}"

    def holds(self, split: str) -> bool:
        """Whether a reader finds a split again by its document."""
        return file_of(split) == split and self.document(split) != self.document("")

    def keys(self, names: Sequence[str], losses: Losses) -> Sequence[str]:  # noqa: ARG002 - the names are kept as they are
        """The names: no record has a file of its own that would need another one."""
        return names

    def encode(self, record: ImageRecord, key: str, losses: Losses) -> Encoded:  # noqa: ARG002 - has no file of its own
        """The record's row, and the document it belongs to."""
        split = ""
        if self.by_split and self.folder:
            split = first_split(record, losses)
            if split and not self.holds(split):
                losses.note("splits_not_held")
                split = split if file_of(split) == split else ""  # not another split
        elif self.by_split and record.splits:
            losses.note("splits_not_held")
        # Two splits may have one document: then it holds the images of both.
        return Encoded(row=(self.document(split), self.rows(record, losses)))

    def begin(self, staging: Staging, losses: Losses) -> None:
        """Take over the output."""
        super().begin(staging, losses)
        self._open: dict[str, Spool] = {}

    def spool(self, name: str) -> Spool:
        """The rows of one document, or of one section of it, so far."""
        if name not in self._open:
            self._open[name] = self.begun(name)
        return self._open[name]

    def begun(self, name: str) -> Spool:
        """Where the rows of a document go, or of a section: into the document of this path."""
        return Spool(self.staging.path(name), self.separator, self.head())

    def beside(self) -> Spool:
        """Where rows wait that are to be put into a document."""
        return Spool(self.staging.path(f".rows{len(self._open)}"), self.separator)

    def sections(self, row: Any) -> Sequence[tuple[str, bytes]]:
        """What a row adds to which of the spools."""
        document, content = row
        return [(document, content)]

    def gathered(self, rows: Iterable[Any], number: int) -> list[Any]:
        """The rows in files, of which only the names are passed on; not where a format must look at each again."""
        if type(self).add is not DocumentWriter.add:
            return list(rows)
        parts: dict[str, Spool] = {}
        for row in rows:
            for name, content in self.sections(row):
                if name not in parts:
                    path = self.staging.path(f".part{number}-{len(parts)}")
                    parts[name] = Spool(path, self.separator)
                parts[name].add(content)
        return [Part(name, part.closed()) for name, part in parts.items()]

    def add(self, row: Any) -> None:
        """Put the row, or many that were gathered, behind the others of its document."""
        if isinstance(row, Part):
            self.spool(row.name).add_file(row.path)
            return
        for name, content in self.sections(row):
            self.spool(name).add(content)

    def finish(self) -> str:
        """Write the end of every document."""
        for document in list(self._open) or [self.document("")]:
            self.spool(document).end(self.tail())
        return "" if self.folder else self.document("")

    def close(self) -> None:
        """Give the disk space of rows back that wait no more, or are wanted no more."""
        for spool in self._open.values():
            spool.remove()
