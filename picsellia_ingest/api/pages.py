"""The annotations of a dataset, a page at a time: as values, or undecoded where most of them are only to be compared."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from ..errors import ProcessingError
from ..wire import Held
from .connection import Connection
from .platform import listed
from .transport import call, fetch

T = TypeVar("T")

PAGE = 200
"""Annotation records asked for at a time."""
PAGES_AHEAD = 5
"""Pages under way at a time, where the platform says that there are so many."""
_HELD = msgspec.json.Decoder(list[Held])


def annotation_page(connection: Connection, dataset_id: str, offset: int, limit: int) -> list[dict[str, Any]]:
    """``limit`` annotation records from ``offset`` on; ``offset`` counts records."""
    return _page(connection, dataset_id, offset, limit)[0]


def _page(
    connection: Connection, dataset_id: str, offset: int, limit: int
) -> tuple[list[dict[str, Any]], int]:
    """A page, and how many records there may be in all, as far as the platform says."""
    answered = call(connection, "GET", _page_path(dataset_id, offset, limit))
    return listed(answered, "annotations"), _most(limit, answered[1].get("nb_pages"))


def _held_page(connection: Connection, dataset_id: str, offset: int, limit: int) -> tuple[list[Held], int]:
    """The same, what is held of each picture undecoded."""
    found = fetch(connection, _page_path(dataset_id, offset, limit))
    try:
        records = _HELD.decode(found.get("annotations", b""))
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise ProcessingError("the answer holds no list of annotations") from None
    return records, _most(limit, msgspec.json.decode(found.get("nb_pages", b"null")))


def _page_path(dataset_id: str, offset: int, limit: int) -> str:
    query = urlencode({"limit": limit, "offset": offset, "snapshot": "False"})
    return f"annotation/{dataset_id}?{query}"


def _most(limit: int, pages: object) -> int:
    return limit * pages if isinstance(pages, int) else 0


def all_annotations(connection: Connection, dataset_id: str) -> Iterator[dict[str, Any]]:
    """Every annotation record of a dataset; while one page is read some that follow are on their way."""
    return _all_pages(connection, dataset_id, _page)


def all_held(connection: Connection, dataset_id: str) -> Iterator[Held]:
    """The same, what is held of each picture undecoded."""
    return _all_pages(connection, dataset_id, _held_page)


def _all_pages(
    connection: Connection,
    dataset_id: str,
    page_of: Callable[[Connection, str, int, int], tuple[list[T], int]],
) -> Iterator[T]:
    with ThreadPoolExecutor(PAGES_AHEAD, "page") as ahead:
        coming: deque[Future[tuple[list[T], int]]] = deque()
        asked, count = 0, PAGE
        while True:
            while not coming or (len(coming) < PAGES_AHEAD and asked < count):
                coming.append(ahead.submit(page_of, connection, dataset_id, asked, PAGE))
                asked += PAGE
            page, count = coming.popleft().result()
            yield from page
            if len(page) < PAGE:
                return
