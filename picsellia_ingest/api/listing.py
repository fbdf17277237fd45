"""The pictures of a lake or a dataset, which the platform lists in one answer: bytes until it is a picture's turn.

A million of them take gigabytes as dictionaries. Here each is made when it is asked for, of what an upload uses of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from ..errors import ProcessingError
from .connection import Connection
from .transport import fetch


class Listed(msgspec.Struct, frozen=True, gc=False):
    """What the platform says of a picture."""

    id: Any = msgspec.field(name="picture_id")
    name: Any = msgspec.field(name="external_url")
    key: Any = msgspec.field(name="internal_key", default=None)
    width: Any = None
    height: Any = None
    tag: Any = None

    @property
    def tags(self) -> set[str]:
        """Those that it has."""
        return set(self.tag or ())


_ALL = msgspec.json.Decoder(list[msgspec.Raw])
_ONE = msgspec.json.Decoder(Listed)


class Pictures:
    """Pictures in the order in which they are listed. Going through them raises ProcessingError at what is none."""

    def __init__(self, answer: bytes | msgspec.Raw) -> None:
        """``answer`` is the JSON of the list."""
        try:
            self._all = _ALL.decode(answer)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise ProcessingError("the answer holds no list of pictures") from None

    def __len__(self) -> int:
        return len(self._all)

    def __iter__(self) -> Iterator[Listed]:
        try:
            yield from map(_ONE.decode, self._all)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise ProcessingError("the answer lists something that is no picture") from None


def of_dataset(connection: Connection, dataset_id: str) -> Pictures:
    """The pictures of one version of a dataset."""
    return Pictures(fetch(connection, f"picture/{dataset_id}").get("pictures", b""))


def of_lake(connection: Connection, organization_id: str) -> Pictures:
    """Every picture of the lake."""
    return Pictures(fetch(connection, f"datalake/{organization_id}").get("pictures", b""))


def with_tags(connection: Connection, organization_id: str, tags: Sequence[str]) -> Pictures:
    """The pictures of the lake that carry the tags."""
    asked = {"tags": list(tags), "quantity": 1}
    return Pictures(fetch(connection, f"datalake/search/{organization_id}", asked).get("pictures", b""))
