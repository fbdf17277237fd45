"""The pictures that the platform lists, each made when it is asked for."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest

from picsellia_ingest.api import listing
from picsellia_ingest.errors import ProcessingError


def picture(number: int, **more: Any) -> dict[str, Any]:
    return {
        "picture_id": f"{number:08}-0000-4000-8000-000000000000",
        "external_url": f"a/{number:06}.jpg",
        "internal_key": f"{number:064x}.jpg",
        "height": 480,
        "width": 640,
        "tag": ["t"],
        **more,
    }


def test_a_picture_has_what_an_upload_uses_and_may_lack_all_but_its_id_and_name() -> None:
    rows = [picture(7, more={"a": [1]}), {"picture_id": 5, "external_url": "b.jpg", "tag": None}]
    whole, bare = listing.Pictures(json.dumps(rows).encode())
    assert (whole.id, whole.name, whole.key) == tuple(
        rows[0][key] for key in ("picture_id", "external_url", "internal_key")
    )
    assert (whole.width, whole.height, whole.tags) == (640, 480, {"t"})
    assert (bare.id, bare.name, bare.key, bare.width, bare.tags) == (5, "b.jpg", None, None, set())


def test_many_pictures_are_gone_through_without_being_held() -> None:
    answer = json.dumps([picture(number) for number in range(20_000)]).encode()
    tracemalloc.start()
    pictures = listing.Pictures(answer)
    assert sum(one.width for one in pictures) == 640 * len(pictures)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100 * len(pictures)


@pytest.mark.parametrize("answer", [b"", b"{}", b"null", b'[{"a":1}', b"\xff"])
def test_an_answer_without_a_list_is_named_as_what_it_is(answer: bytes) -> None:
    with pytest.raises(ProcessingError, match="no list of pictures"):
        listing.Pictures(answer)


@pytest.mark.parametrize("one", ['{"picture_id": "1"}', '{"external_url": "a.jpg"}', "7", "null", '"a.jpg"'])
def test_what_is_listed_and_is_no_picture_is_an_error_of_the_platform(one: str) -> None:
    pictures = listing.Pictures(f"[{json.dumps(picture(1))}, {one}]".encode())
    with pytest.raises(ProcessingError, match="no picture"):
        list(pictures)
