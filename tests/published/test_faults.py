"""What published clients fail at by their own fault, whatever the platform answers; D numbers are the known defects."""

from __future__ import annotations

import pytest

from tests.published.conftest import Drive
from tests.published.shapes import MIDDLE, NEW, OLD

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def held(driven: Drive, version: str, script: str) -> set[str]:
    pictures = driven(version, script).owner.ok("GET", "datalake/null")["pictures"]
    return {picture["external_url"] for picture in pictures}


def test_a_list_of_pictures_is_not_uploaded_by_5_0_8(driven: Drive) -> None:  # D29
    assert not {"two.jpg", "three.jpg"} & held(driven, MIDDLE, "pictures")


@pytest.mark.parametrize("version", [*OLD, NEW])
def test_a_file_that_is_no_picture_ends_a_list_without_an_error(driven: Drive, version: str) -> None:  # D16
    assert {"four.jpg", "text.jpg", "five.jpg"} & held(driven, version, "pictures") == {"four.jpg"}


@pytest.mark.parametrize("version", [MIDDLE, NEW])
def test_a_share_of_the_pictures_is_refused_by_clients_that_document_it(driven: Drive, version: str) -> None:
    assert driven(version, "pictures").seen["half"] == "TypeError"


@pytest.mark.parametrize("version", OLD)
def test_a_share_of_the_pictures_is_fetched_by_the_first_clients(driven: Drive, version: str) -> None:
    assert driven(version, "pictures").seen["half"] is None


def test_pictures_and_annotations_at_once_end_in_an_error_and_no_dataset_in_5_0_22(
    driven: Drive,
) -> None:  # D1
    seen, _, owner = driven(NEW, "uploads")
    assert seen["together"] == dict.fromkeys(("picsellia", "coco", "voc"), "NetworkError")
    assert {"p-a.jpg", "q-a.jpg", "v-a.jpg"} <= held(driven, NEW, "uploads")
    made = {one["dataset_name"] for one in owner.ok("GET", "dataset/null")["datasets"]}
    assert made == {"after picsellia", "after coco", "after voc"}


def test_labels_without_a_dataset_are_called_a_network_error(driven: Drive, version: str) -> None:  # D30
    assert driven(version, "annotations").seen["no dataset"] == "NetworkError"


def test_a_name_with_a_hash_sign_is_cut_on_its_way(driven: Drive, version: str) -> None:  # D18
    assert driven(version, "annotations").seen["a hash sign"] == "ResourceNotFoundError"


@pytest.mark.parametrize(
    ("call", "outcome"),
    [
        ("unannotated", "ZeroDivisionError"),  # D25: a dataset without annotations has no page
        ("snapshot", None),  # D25: the file is left in the folder, nothing is given
        ("id to annotate", "TypeError"),  # D26: the id that is given is not used
        ("id to list", "TypeError"),
    ],
)
def test_annotations_cannot_be_asked_of_5_0_22_in_these_ways(
    driven: Drive, call: str, outcome: str | None
) -> None:
    assert driven(NEW, "annotations").seen[call] == outcome


def test_a_file_of_a_network_cannot_be_downloaded_by_5_0_22(driven: Drive) -> None:
    assert driven(NEW, "networks").seen["download"] == "IndexError"
