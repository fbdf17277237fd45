"""The pages of the formats are what the code says now, and cover every format and every loss that they name."""

from __future__ import annotations

from types import ModuleType

import pytest

from picsellia_ingest.parsers import FORMATS
from tests.paths import FIXTURES, ROOT, docs_script

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def make_formats() -> ModuleType:
    return docs_script("make_formats")


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_page_of_a_format_is_what_the_code_says_now(make_formats: ModuleType, name: str) -> None:
    """Run ``make docs`` when it is not."""
    page = (DOCS / "formats" / f"{name}.md").read_text()
    assert page == make_formats.page(name)
    for case in (FIXTURES / name).glob("*/case.txt"):
        assert f"fixtures/{name}/{case.parent.name})" in page


def test_every_page_is_of_a_format() -> None:
    assert {page.stem for page in (DOCS / "formats").glob("*.md")} == set(FORMATS)


def test_a_dataset_that_has_everything_loses_something_in_every_other_format(
    make_formats: ModuleType,
) -> None:
    assert all(make_formats.losses(name) for name in FORMATS)
