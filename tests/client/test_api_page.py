"""The API reference: every public name has an example, every example runs, and the page is what the code says now."""

from __future__ import annotations

import doctest
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from picsellia_ingest.api import transport
from picsellia_ingest.server import running
from tests.paths import FIXTURES, ROOT, docs_script

DOCS = ROOT / "docs"


@pytest.fixture(scope="module")
def make_api() -> ModuleType:
    return docs_script("make_api")


@pytest.fixture
def newcomer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A user without an account, in a folder with the demo's images and annotations."""
    shutil.copytree(FIXTURES / "COCO" / "demo", tmp_path / "here" / "crates")
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("PICSELLIA_TOKEN", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    yield tmp_path / "here"
    transport.close_idle_connections()
    shared = running._shared.pop((tmp_path / "here" / "platform").resolve(), None)
    if shared is not None:
        shared.stop()


def test_every_public_name_has_an_example_and_no_example_is_of_something_else(make_api: ModuleType) -> None:
    assert set(make_api.examples()) == {name for name, _ in make_api.public()}


def test_every_example_runs_and_prints_what_it_says(make_api: ModuleType, newcomer: Path) -> None:
    names: dict[str, object] = {}
    options = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    for name, code in make_api.examples().items():
        example = doctest.DocTestParser().get_doctest(code + "\n", names, name, str(make_api.EXAMPLES), 0)
        assert example.examples, name
        said: list[str] = []
        found = doctest.DocTestRunner(optionflags=options).run(example, out=said.append, clear_globs=False)
        assert not found.failed, "".join(said)
        names = example.globs


def test_the_page_is_what_the_code_says_now(make_api: ModuleType) -> None:
    assert make_api.PAGE.read_text() == make_api.page(), "run `make docs`"
