"""Which image a name in an annotation file means."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from picsellia_ingest.errors import ItemError
from picsellia_ingest.upload.matching import EXACT, NameIndex, are_plain, pair

IMAGES = ["a.jpg", "one/c.jpg", "two/c.jpg", "one/only.JPG", "weird\\name.jpg", "é.jpg", "v1.2.jpg"]


@pytest.mark.parametrize(
    ("name", "image", "code"),
    [
        ("a.jpg", "a.jpg", EXACT),
        ("one/c.jpg", "one/c.jpg", EXACT),
        ("only.JPG", "one/only.JPG", EXACT),
        ("weird\\name.jpg", "weird\\name.jpg", EXACT),
        ("e\u0301.jpg", "é.jpg", EXACT),
        ("two\\c.jpg", "two/c.jpg", "matched_by_name"),
        ("train2017/a.jpg", "a.jpg", "matched_by_name"),
        ("/a.jpg", "a.jpg", "matched_by_name"),
        ("a.jpg ", "a.jpg", "matched_by_name"),
        ("data/one/c.jpg", "one/c.jpg", "matched_by_name"),
        ("a.png", "a.jpg", "matched_by_stem"),
        ("a", "a.jpg", "matched_by_stem"),
        ("v1.2", "v1.2.jpg", "matched_by_stem"),
        ("A.JPG", "a.jpg", "matched_by_case"),
        ("one/ONLY.jpg", "one/only.JPG", "matched_by_case"),
    ],
)
def test_a_name_is_matched_in_the_stated_order_and_says_how(name: str, image: str, code: str) -> None:
    assert NameIndex(IMAGES).match(name) == (image, code)


@pytest.mark.parametrize("name", ["c.jpg", "c.png", "three/c.jpg"])
def test_a_name_that_fits_two_images_is_refused(name: str) -> None:
    with pytest.raises(ItemError) as caught:
        NameIndex(IMAGES).match(name)
    assert caught.value.code == "image_ambiguous"


@pytest.mark.parametrize(
    "name",
    [
        "../a.jpg",
        "one/../a.jpg",
        "C:\\a.jpg",
        "file:///a.jpg",
        "http://host/a.jpg",
        "a.jpg\x00",
        "..",
        "\\\\host\\a.jpg",
        "//host/a.jpg",
    ],
)
def test_a_name_that_would_leave_the_folder_is_refused_even_if_its_end_fits(name: str) -> None:
    with pytest.raises(ItemError) as caught:
        NameIndex(IMAGES).match(name)
    assert caught.value.code == "name_escapes"


@pytest.mark.parametrize("name", ["b.jpg", "a%20.jpg", "a.jpg?x=1", "/dev/zero"])
def test_a_name_without_an_image_is_missing(name: str) -> None:
    with pytest.raises(ItemError) as caught:
        NameIndex(IMAGES).match(name)
    assert caught.value.code == "image_missing"


def test_two_records_of_different_names_do_not_share_an_image_unless_one_names_it() -> None:
    both = pair(["x/a.jpg", "y/a.jpg"], NameIndex(["a.jpg"]))
    assert [found.code for found in both.values() if isinstance(found, ItemError)] == ["image_ambiguous"] * 2
    one = pair(["a.jpg", "y/a.jpg"], NameIndex(["a.jpg"]))
    assert one["a.jpg"] == ("a.jpg", EXACT)
    assert isinstance(one["y/a.jpg"], ItemError)


def test_two_records_of_one_name_share_its_image() -> None:
    assert pair(["a.jpg", "a.jpg"], NameIndex(["a.jpg"])) == {"a.jpg": ("a.jpg", EXACT)}


def test_names_that_all_lie_below_one_folder_are_exact_there() -> None:
    images = ["set/images/a.jpg", "set/images/night/a.jpg", "set/thumbs/b.jpg", "set/images/b.jpg"]
    found = pair(["a.jpg", "night/a.jpg", "b.jpg", "gone.jpg"], NameIndex(images))
    assert found["a.jpg"] == ("set/images/a.jpg", EXACT)
    assert found["night/a.jpg"] == ("set/images/night/a.jpg", EXACT)
    assert found["b.jpg"] == ("set/images/b.jpg", EXACT)
    assert isinstance(found["gone.jpg"], ItemError)


def test_two_folders_that_both_hold_all_names_leave_them_ambiguous() -> None:
    images = ["train/a.jpg", "val/a.jpg", "train/b.jpg", "val/b.jpg"]
    found = pair(["a.jpg", "b.jpg"], NameIndex(images))
    assert all(isinstance(match, ItemError) and match.code == "image_ambiguous" for match in found.values())


def test_a_name_that_climbs_is_not_saved_by_a_common_folder() -> None:
    found = pair(["a.jpg", "../a.jpg"], NameIndex(["x/a.jpg", "x/y/a.jpg"]))
    assert isinstance(found["../a.jpg"], ItemError)


def test_a_path_without_its_extension_is_that_path_before_it_is_a_name_elsewhere() -> None:
    found = pair(["dock", "night/dock"], NameIndex(["dock.jpg", "night/dock.jpg"]))
    assert found == {
        "dock": ("dock.jpg", "matched_by_stem"), "night/dock": ("night/dock.jpg", "matched_by_stem"),
    }  # fmt: skip


def test_a_name_with_another_extension_than_the_image_still_needs_to_be_the_only_one() -> None:
    found = pair(["a.png"], NameIndex(["a.jpg", "a.bmp"]))
    assert isinstance(found["a.png"], ItemError)


def test_the_same_name_in_a_folder_comes_before_the_same_path_with_another_extension() -> None:
    assert pair(["x.jpg"], NameIndex(["x.png", "sub/x.jpg"])) == {"x.jpg": ("sub/x.jpg", EXACT)}


@given(st.lists(st.text("ab.7/\\_- :\n\t\0", max_size=5), max_size=4))
@example(["a/../b"])
@example(["a..jpg", "/a"])
@example(["a\nb", "c"])
def test_whether_names_are_plain_does_not_depend_on_how_fast_it_is_told(names: list[str]) -> None:
    assert are_plain(names) == are_plain([*names, "\u00e9.jpg"])  # which is plain, and not told at once
