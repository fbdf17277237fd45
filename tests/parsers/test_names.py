"""Names of files as they may be used below a folder."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from picsellia_ingest.losses import Losses
from picsellia_ingest.parsers.names import inside, seen, stem, unique_stems

STEPS = st.sampled_from(
    ["a", "A", "a-1", "b_2", "0001", "__MACOSX", ".", "..", ".a", "é", "c:", "x" * 120, "a b", ""]
)
NAMES = st.tuples(
    st.lists(STEPS, min_size=1, max_size=3), st.sampled_from(["", ".jpg", ".JPG", ".jpegxl", ".j-g", ".a.b"])
).map(lambda parts: "/".join(parts[0]) + parts[1])


@given(st.lists(NAMES, max_size=6))
def test_no_two_stems_are_the_same_and_a_first_name_keeps_its_own(names: list[str]) -> None:
    losses = Losses()
    found = unique_stems(names, losses)
    assert len({one.casefold() for one in found}) == len(names)
    wanted = [seen(stem(inside(name))) or f"image_{at + 1}" for at, name in enumerate(names)]
    for at, name in enumerate(wanted):
        if name.casefold() not in [one.casefold() for one in (*wanted[:at], *found[:at])]:
            assert found[at] == name
    changed = [
        one != stem(inside(name)) or inside(name) != name for one, name in zip(found, names, strict=True)
    ]
    assert losses.changed["name_changed"] == sum(changed)
