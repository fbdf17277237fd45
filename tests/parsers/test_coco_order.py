"""A counting sort in parts gives the order that sorting all at once gives."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.parsers import coco_order, coco_owners, scratch
from picsellia_ingest.parsers.coco_owners import HUGE, UNKNOWN, Owners, numbered
from picsellia_ingest.parsers.scratch import Scratch


@given(st.lists(st.integers(-3, 6), max_size=40), st.integers(1, 9), st.sampled_from([0, 1 << 20]))
def test_annotations_are_in_the_order_of_their_records_and_then_in_the_files(
    owners: list[int], step: int, kept: int
) -> None:
    owner, kept_in = np.array(owners, np.int32), Scratch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "STEP", step)
        patch.setattr(scratch, "KEPT", kept)
        first = coco_order.counts(owner, 7, kept_in)
        assert first.tolist() == [0, *(owners.count(record) for record in range(7))]
        order = coco_order.order(owner, first, kept_in).tolist()
    kept_in.close()
    assert order == sorted((at for at, one in enumerate(owners) if one >= 0), key=lambda at: owners[at])
    assert [order[first[record] : first[record + 1]] for record in range(7)] == [
        [at for at, one in enumerate(owners) if one == record] for record in range(7)
    ]


@given(
    st.dictionaries(st.integers(-40, 40) | st.integers(1 - HUGE, HUGE - 1), st.integers(-3, 99), max_size=9),
    st.dictionaries(st.sampled_from(["a", 7, 1 << 70]), st.integers(-2, 9)),
    st.lists(st.integers(-50, 50), max_size=9),
    st.integers(1, 5),
    st.sampled_from([0, 8]),
)
def test_ids_mean_what_they_were_given(
    ids: dict[int, int], others: dict[int | str, int], more: list[int], step: int, dense: int
) -> None:
    by_id = {key: record for key, record in others.items() if key not in ids}
    asked, kept_in = [*ids, *more], Scratch()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scratch, "STEP", step)
        patch.setattr(coco_owners, "_DENSE", dense)
        numbers = numbered(np.array([*ids], np.int64), np.array([*ids.values()], np.int64), kept_in)
        assert numbers is not None
        owners = Owners(numbers, by_id)
        both: dict[int | str, int] = dict(by_id)
        both.update(ids.items())
        assert owners.of(np.array(asked, np.int64)).tolist() == [both.get(key, UNKNOWN) for key in asked]
        assert [owners.get(key) for key in (*both, None, "z")] == [*both.values(), UNKNOWN, UNKNOWN]
        if ids:
            twice = np.array([*ids, next(iter(ids))], np.int64)
            assert numbered(twice, np.arange(len(twice)), kept_in) is None
