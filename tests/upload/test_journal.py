"""The journal: what it refuses, and that no interleaving of outcomes, crashes and restarts loses or doubles anything."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from picsellia_ingest.errors import JournalBusyError, JournalError
from picsellia_ingest.upload.items import Outcome, State
from picsellia_ingest.upload.journal import Journal


def rows(names: list[str], key: str = "k") -> list[tuple[object, ...]]:
    return [(name, name.encode(), 3, 4, 5, b"hash", 6, 7, key + name) for name in names]


def planned(path: Path, names: list[str], key: str = "k") -> Journal:
    journal = Journal(path, "there")
    journal.begin()
    journal.plan_files(rows(names, key))
    journal.plan_documents([(b"{}", 2, name) for name in names])
    journal.seal()
    return journal


def states(journal: Journal) -> dict[str, State]:
    return {
        item.name: item.state
        for window in journal.todo(State.PLANNED, State.ANNOTATED, 10)
        for item in window
    }


def test_a_second_run_is_refused_and_told_who_holds_the_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db", "there"):
        code = (
            "import sys; from pathlib import Path; from picsellia_ingest.upload.journal import Journal;"
            "from picsellia_ingest.errors import JournalBusyError\n"
            "try: Journal(Path(sys.argv[1]), 'there')\n"
            "except JournalBusyError as error: print(error)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path / "j.db")], capture_output=True, text=True, check=True
        )
    assert "process" in done.stdout
    assert "uploading to this dataset already" in done.stdout


def steps(path: Path, count: int, work: str) -> int:
    """How many steps SQLite takes for all items, a few at a time."""
    names = [f"{number:05}.jpg" for number in range(count)]
    taken: list[int] = []
    with planned(path, names) as journal:
        journal._base.set_progress_handler(lambda: taken.append(1), 10)
        if work == "find":
            for begin in range(0, count, 20):
                assert len(journal.find(names[begin : begin + 20])) == 20
        elif work == "has_all":
            assert all(journal.has_all(names[begin : begin + 20]) for begin in range(0, count, 20))
        elif work == "names":
            assert list(itertools.chain.from_iterable(journal.names(20))) == names
        elif work == "failed":
            journal.records([Outcome(number, code="c", error="e") for number in range(1, count + 1)])
            assert sum(map(len, journal.failed("c", 20))) == count
        else:
            high = State.PLANNED if work == "one state" else State.ATTACHED
            assert sum(map(len, journal.todo(State.PLANNED, high, 20))) == count
        journal._base.set_progress_handler(None, 0)
    return len(taken)


@pytest.mark.parametrize("work", ["find", "has_all", "names", "failed", "one state", "several states"])
def test_an_item_is_found_in_as_many_steps_however_many_there_are(tmp_path: Path, work: str) -> None:
    few, many = steps(tmp_path / "few.db", 200, work), steps(tmp_path / "many.db", 1600, work)
    assert 0 < many < 12 * few  # eight times as many items


def test_the_lock_is_given_back_when_the_journal_is_closed(tmp_path: Path) -> None:
    Journal(tmp_path / "j.db", "there").close()
    Journal(tmp_path / "j.db", "there").close()


def test_within_one_process_a_second_run_is_refused_too(tmp_path: Path) -> None:
    with Journal(tmp_path / "j.db", "there"), pytest.raises(JournalBusyError):
        Journal(tmp_path / "j.db", "there")


def test_a_journal_of_another_destination_is_refused_and_left_alone(tmp_path: Path) -> None:
    Journal(tmp_path / "j.db", "there").close()
    before = (tmp_path / "j.db").read_bytes()
    with pytest.raises(JournalError, match="another destination"):
        Journal(tmp_path / "j.db", "elsewhere")
    assert (tmp_path / "j.db").read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"garbage that is no database" * 50, b"SQLite format 3\x00" + b"\xff" * 4000]
)
def test_a_file_that_is_no_journal_is_refused_and_left_alone(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "j.db").write_bytes(content)
    with pytest.raises(JournalError, match="cannot be used"):
        Journal(tmp_path / "j.db", "there")
    assert (tmp_path / "j.db").read_bytes() == content


def test_another_programs_database_and_a_newer_journal_are_refused(tmp_path: Path) -> None:
    base = sqlite3.connect(tmp_path / "other.db")
    base.execute("CREATE TABLE t(x)")
    base.close()
    with pytest.raises(JournalError, match="not a journal"):
        Journal(tmp_path / "other.db", "there")
    Journal(tmp_path / "j.db", "there").close()
    base = sqlite3.connect(tmp_path / "j.db")
    base.execute("PRAGMA user_version=99")
    base.close()
    with pytest.raises(JournalError, match="version 99"):
        Journal(tmp_path / "j.db", "there")


def test_an_image_whose_content_changed_begins_again_and_an_unchanged_one_does_not(tmp_path: Path) -> None:
    with planned(tmp_path / "j.db", ["a", "b"]) as journal:
        journal.records(
            [Outcome(1, State.REGISTERED, picture_id="p1"), Outcome(2, State.REGISTERED, picture_id="p2")]
        )
        journal.begin()
        journal.plan_files([*rows(["a"]), *rows(["b"], "other")])
        assert states(journal) == {"a": State.REGISTERED, "b": State.PLANNED}


def test_what_the_platform_says_takes_the_place_of_what_was_remembered(tmp_path: Path) -> None:
    with planned(tmp_path / "j.db", ["a", "b", "c"]) as journal:
        journal.records([Outcome(n, State.ANNOTATED, picture_id=f"p{n}") for n in (1, 2)])
        journal.believe([("p1", "a", "ka"), ("p3", "c", "another key")])
        assert states(journal) == {"a": State.ATTACHED, "b": State.TRANSFERRED, "c": State.PLANNED}


NAMES = ["a", "b", "c"]


class Crash(Exception):
    """The end of a process in the middle of something."""


class Runs(RuleBasedStateMachine):
    """Outcomes, crashes and new runs in any order: the account adds up at any time, and a run that is let go to its end
    reports the same as one that was never disturbed.
    """

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.journal = planned(self.folder / "j.db", NAMES)
        self.reached = dict.fromkeys(NAMES, State.PLANNED)
        self.failed: set[str] = set()

    @rule(number=st.integers(1, 3), state=st.sampled_from(State))
    def outcome(self, number: int, state: State) -> None:
        name = NAMES[number - 1]
        if State.ANNOTATED in (state, self.reached[name]):
            return
        self.journal.records([Outcome(number, state, picture_id=f"p{number}")])
        self.reached[name] = max(self.reached[name], state)
        self.failed.discard(name)

    @rule(number=st.integers(1, 3), code=st.sampled_from(["no_answer", "image_changed"]))
    def failure(self, number: int, code: str) -> None:
        self.journal.records([Outcome(number, code=code, error="e")])
        self.failed.add(NAMES[number - 1])

    @rule()
    def another_chance(self) -> None:
        self.journal.give_another_chance(["no_answer", "image_changed"])
        self.failed.clear()

    @rule()
    def the_rest_is_annotated(self) -> None:
        for window in self.journal.todo(State.ATTACHED, State.ATTACHED, 10):
            self.journal.records(Outcome(item.id, State.ANNOTATED, instances_sent=2) for item in window)
            self.reached.update(dict.fromkeys((item.name for item in window), State.ANNOTATED))

    @rule()
    def crash_and_go_on(self) -> None:
        self.journal.close()
        self.begin_anew()

    @rule(number=st.integers(1, 3))
    def crash_in_the_middle_of_a_commit(self, number: int) -> None:
        left = Path(tempfile.mkdtemp())
        with suppress(Crash), self.journal.transaction():
            self.journal._base.execute("UPDATE item SET state=4, instances_sent=99 WHERE id=?", (number,))
            for path in self.folder.iterdir():
                shutil.copy(path, left)
            raise Crash
        self.journal.close()
        shutil.rmtree(self.folder)
        self.folder = left
        self.begin_anew()

    def begin_anew(self) -> None:
        """The next run: what it remembers is replaced by what the platform says."""
        self.journal = planned(self.folder / "j.db", NAMES)
        self.failed.clear()
        assert states(self.journal) == self.reached
        there = [name for name in NAMES if self.reached[name] >= State.ATTACHED]
        self.journal.believe((f"p{name}", name, f"k{name}") for name in there)
        whole = [NAMES.index(name) + 1 for name in NAMES if self.reached[name] is State.ANNOTATED]
        self.journal.records(Outcome(number, State.ANNOTATED, instances_there=2) for number in whole)
        self.reached = {
            name: state if state >= State.ATTACHED else min(state, State.TRANSFERRED)
            for name, state in self.reached.items()
        }

    @invariant()
    def states_are_the_furthest_reached(self) -> None:
        assert states(self.journal) == {
            name: state for name, state in self.reached.items() if name not in self.failed
        }

    @invariant()
    def the_account_adds_up(self) -> None:
        sums, failures = self.journal.figures.sums(), self.journal.figures.failures()
        assert sums["uploaded"] + sums["there"] + sum(pictures for _, pictures, _ in failures) == 3
        assert sums["instances_sent"] + sums["instances_there"] + sum(lost for _, _, lost in failures) == 6

    def teardown(self) -> None:
        self.another_chance()
        for number in (1, 2, 3):
            self.outcome(number, State.ATTACHED)
        self.the_rest_is_annotated()
        sums = self.journal.figures.sums()
        self.journal.close()
        shutil.rmtree(self.folder)
        assert (sums["uploaded"] + sums["there"], sums["instances_sent"] + sums["instances_there"]) == (3, 6)


TestRuns = Runs.TestCase
TestRuns.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)


def test_a_journal_whose_schema_is_no_text_any_more_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    Journal(path, "here").close()
    damaged = path.read_bytes().replace(b"KEY,\n  name", b"\xcbEY,\n  name")
    path.write_bytes(damaged)
    with pytest.raises(JournalError, match="move it away"):
        Journal(path, "here")
    assert path.read_bytes() == damaged
