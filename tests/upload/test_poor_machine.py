"""A machine that is short of something: a run ends with one line and exit code 4, or goes on; the next one completes it."""

from __future__ import annotations

import itertools
import os
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from picsellia_ingest.server import start
from picsellia_ingest.upload.journal import Journal
from tests.upload.forks import Forks
from tests.upload.oracle import Source, faults_of, make

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="privileges are given up as Linux has them"),
]
_numbers = itertools.count()


@pytest.fixture(scope="module")
def forks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Forks]:
    folder = tmp_path_factory.mktemp("poor")
    with start(folder / "platform", strict=True) as running, Forks(folder, running) as made:
        yield made


@pytest.fixture
def source(forks: Forks) -> Source:
    return make(forks.folder, f"poor{next(_numbers)}", 40)


def one_line(forks: Forks, source: Source, code: int, words: str, **how: object) -> None:
    """A run ends with this code, and one line says why."""
    assert forks.upload(source, **how) == code, forks.said(source)  # type: ignore[arg-type]
    errors = [line for line in forks.said(source).splitlines() if words in line]
    assert len(errors) == 1, forks.said(source)
    assert "Traceback" not in forks.said(source)


def completes(forks: Forks, source: Source) -> None:
    """The same command completes it."""
    assert forks.upload(source) == 0, forks.said(source)
    assert faults_of(forks.folder / "platform", source) == []


@pytest.mark.parametrize("size", [100, 20_000, 100_000])
def test_a_disk_that_is_full_ends_the_run_and_the_journal_stays_whole(
    forks: Forks, source: Source, size: int
) -> None:
    one_line(forks, source, 4, "error: the journal", limits={"RLIMIT_FSIZE": size})
    with sqlite3.connect(forks.journal(source)) as base:
        assert base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    base.close()
    completes(forks, source)


def test_a_folder_that_cannot_be_written_is_said_before_anything_is_sent(
    forks: Forks, source: Source, tmp_path: Path
) -> None:
    folder = tmp_path / "read-only"
    folder.mkdir(mode=0o500)
    one_line(forks, source, 4, "name another place with --journal", journal=folder / "j.db")
    assert "uploading" not in forks.said(source)
    completes(forks, source)


def half_done(forks: Forks, source: Source) -> Path:
    """The journal of a run that was killed in the middle."""
    assert forks.upload(source, crash_at=90) == -9
    return forks.journal(source)


def test_without_its_write_ahead_log_a_journal_still_leads_to_the_end(forks: Forks, source: Source) -> None:
    path = half_done(forks, source)
    path.with_name(path.name + "-wal").unlink()
    completes(forks, source)


def test_an_empty_journal_is_what_a_crash_may_leave_and_begins_anew(forks: Forks, source: Source) -> None:
    path = half_done(forks, source)
    path.write_bytes(b"")
    completes(forks, source)


def newer(path: Path) -> None:
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA user_version=99")
    base.close()


def damaged(path: Path) -> None:
    with sqlite3.connect(path) as base:
        base.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    base.close()
    content = bytearray(path.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    path.write_bytes(content)


def of_another_destination(path: Path) -> None:
    path.unlink()
    Journal(path, "elsewhere").close()


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (newer, "use the newer program, or name another file with --journal"),
        (damaged, "move it away: the next run asks the platform instead"),
        (of_another_destination, "belongs to another destination - name another file with --journal"),
    ],
)
def test_a_journal_that_is_not_understood_is_left_alone_and_without_it_the_run_completes(
    forks: Forks, source: Source, spoil: Callable[[Path], None], words: str
) -> None:
    path = half_done(forks, source)
    spoil(path)
    before = path.read_bytes()
    one_line(forks, source, 4, words)
    assert path.read_bytes() == before
    path.unlink()
    completes(forks, source)


@pytest.mark.parametrize(("handles", "jobs"), [(24, -1), (32, 5), (32, -1), (64, -1)])
def test_with_few_file_handles_a_run_completes_or_says_so(
    forks: Forks, source: Source, handles: int, jobs: int
) -> None:
    code = forks.upload(source, limits={"RLIMIT_NOFILE": handles}, jobs=jobs)
    said = forks.said(source)
    assert "Traceback" not in said
    assert (code, "complete and verified" in said) in ((0, True), (4, False)), said
    assert "rejected (" not in said
    completes(forks, source)


def test_a_clock_that_jumps_by_days_changes_nothing(forks: Forks, source: Source) -> None:
    assert forks.upload(source, clock=True) == 0, forks.said(source)
    assert faults_of(forks.folder / "platform", source) == []
