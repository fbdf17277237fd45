"""What is kept of the pairing of a whole source is little, and gives what pairing all names in memory gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.errors import ItemError
from picsellia_ingest.upload import matching, pairing
from picsellia_ingest.upload.journal import Journal
from picsellia_ingest.upload.matching import NameIndex, pair
from picsellia_ingest.upload.pairing import Numbers, Pairs

NAMES = st.lists(
    st.sampled_from(
        ["a.jpg", "b.jpg", "c/a.jpg", "c/b.jpg", "A.jpg", "a.png", " a.jpg", "c\\a.jpg", "é.jpg", "e\u0301.jpg", "../a.jpg", "/b.jpg"]
    ),
    max_size=6,
)  # fmt: skip


def outcome(match: matching.Match) -> object:
    return (match.code, match.message) if isinstance(match, ItemError) else match


@given(
    names=st.one_of(NAMES, NAMES.map(lambda names: [*names, "b\udcff.jpg"])),
    items=NAMES,
    refused=NAMES,
    shard=st.integers(1, 3),
)
def test_any_names_get_the_images_that_pairing_them_all_gives(
    tmp_path_factory: pytest.TempPathFactory,
    names: list[str],
    items: list[str],
    refused: list[str],
    shard: int,
) -> None:
    held = list(dict.fromkeys(items))
    left = {name: ItemError("broken", "") for name in refused if name not in held}
    with (
        Journal(tmp_path_factory.mktemp("journal") / "j.db", "there") as journal,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(pairing, "SHARD", shard)
        journal.begin()
        journal.plan_pictures((name, name, name) for name in held)
        found = Pairs(names, journal, left).of(names)
    expected = pair(names, NameIndex([*held, *left]))
    assert {name: outcome(match) for name, match in found.items()} == {
        name: outcome(match) for name, match in expected.items()
    }


def test_names_of_items_themselves_are_not_kept(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db", "there") as journal:
        journal.begin()
        journal.plan_pictures((name, name, name) for name in ("a.jpg", "c/a.jpg", "b.jpg"))
        assert Pairs(["a.jpg", "c/a.jpg", "a.jpg"], journal, {})._pairs is None
        assert Pairs(["a.jpg", "a.png"], journal, {})._pairs is not None


@given(st.lists(st.integers(0, 70)))
def test_a_set_of_numbers_holds_what_was_put_in(numbers: list[int]) -> None:
    found = Numbers()
    for number in numbers:
        found.add(number)
    assert [number for number in range(80) if number in found] == sorted({*numbers})
    assert found.count == len({*numbers})
