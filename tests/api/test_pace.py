"""How many requests are under way, what slows them down, and how a platform that is away is waited for."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from picsellia_ingest.api import pace
from picsellia_ingest.api.pace import Pace


def under_way(turns: Pace, tries: int, size: int = 0) -> int:
    """How many of so many threads get a turn while nobody gives one back."""
    entered, leave = [], threading.Event()

    def work() -> None:
        with turns.turn(size):
            entered.append(1)
            leave.wait(10)

    with ThreadPoolExecutor(tries) as pool:
        running = [pool.submit(work) for _ in range(tries)]
        deadline = time.monotonic() + 0.3
        while time.monotonic() < deadline and len(entered) < tries:
            time.sleep(0.01)
        found = len(entered)
        leave.set()
        for one in running:
            one.result()
    return found


def test_no_more_requests_are_under_way_than_jobs_were_asked_for() -> None:
    turns = Pace()
    turns.expect(3)
    for _ in range(100):
        turns.went_well()
    assert under_way(turns, 10) == 3


def test_fewer_requests_are_under_way_for_a_while_where_fewer_are_wanted() -> None:
    turns = Pace()
    turns.expect(7)
    with turns.at_most(3):
        for _ in range(100):
            turns.went_well()
        assert under_way(turns, 10) == 3
    turns.went_well()
    turns.went_well()
    assert turns.limit == 5
    with turns.at_most(20):
        for _ in range(100):
            turns.went_well()
    assert under_way(turns, 10) == 7


def test_many_jobs_begin_with_few_requests_and_double_while_it_goes_well() -> None:
    turns = Pace()
    turns.expect(64)
    assert under_way(turns, 20) == pace.AT_FIRST
    for _ in range(pace.AT_FIRST):
        turns.went_well()
    assert turns.limit == 2 * pace.AT_FIRST
    for _ in range(1000):
        turns.went_well()
    assert turns.limit == 64


def test_trouble_makes_them_fewer_once_for_each_second_and_never_none() -> None:
    turns = Pace()
    turns.expect(8)
    for _ in range(20):
        turns.asked_too_much()
    assert turns.limit == int(8 * pace.LESS)
    for _ in range(30):
        turns._slowed_at -= pace.CALM_SECONDS
        turns.asked_too_much()
    assert turns.limit == 1
    assert under_way(turns, 3) == 1


def test_after_trouble_they_become_more_by_one_in_a_round() -> None:
    turns = Pace()
    turns.expect(8)
    turns.asked_too_much()
    before = turns.limit
    for _ in range(before + 1):
        turns.went_well()
    assert turns.limit == before + 1


def test_the_bytes_under_way_are_bounded_and_a_larger_picture_goes_alone() -> None:
    turns = Pace()
    turns.expect(8)
    assert under_way(turns, 5, pace.BYTES_UNDER_WAY // 3) == 3
    assert under_way(turns, 5, pace.BYTES_UNDER_WAY * 2) == 1


def test_nobody_who_waits_is_forgotten_whatever_sizes_and_pauses_there_are() -> None:
    turns = Pace()
    turns.expect(6)
    chance = random.Random(3)

    def work(size: int, trouble: bool) -> None:
        with turns.turn(size):
            time.sleep(0.0005)
        turns.asked_too_much(0.01) if trouble else turns.went_well()

    with ThreadPoolExecutor(20) as pool:
        sizes = [0, 0, 1, pace.BYTES_UNDER_WAY // 2, pace.BYTES_UNDER_WAY]
        running = [pool.submit(work, chance.choice(sizes), chance.random() < 0.05) for _ in range(600)]
        for one in running:
            one.result(20)
    assert under_way(turns, 20) == turns.limit


def test_a_pause_that_the_platform_asks_for_holds_everybody_back() -> None:
    turns = Pace()
    turns.expect(8)
    turns.asked_too_much(0.25)
    began = time.monotonic()
    with turns.turn():
        assert time.monotonic() - began >= 0.2


def test_whoever_waits_is_let_go_when_the_run_stops() -> None:
    turns = Pace()
    turns.expect(1)
    turns.asked_too_much(60)
    threading.Timer(0.1, lambda: setattr(turns, "halted", True)).start()
    began = time.monotonic()
    with turns.turn():
        pass
    turns.pause(60)
    assert time.monotonic() - began < 10


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "PROBE_FIRST", 0.01)


def answering(after: int) -> tuple[Callable[[], bool], list[int]]:
    asked: list[int] = []

    def answers() -> bool:
        asked.append(1)
        return len(asked) > after

    return answers, asked


@pytest.mark.usefixtures("quick")
def test_a_platform_that_is_away_is_asked_until_it_is_back_and_that_is_said() -> None:
    turns, said = Pace(), list[str]()
    turns.say = said.append
    turns.went_well()
    answers, asked = answering(4)
    assert turns.await_return(answers)
    assert len(asked) == 5
    assert said == [
        "the platform does not answer; waiting for it, 15 minutes at most",
        "the platform answers again",
    ]


def test_a_platform_that_answers_was_not_away_and_the_failure_is_the_requests_own() -> None:
    turns = Pace()
    turns.went_well()
    assert not turns.await_return(lambda: True)


def test_a_platform_that_never_answered_is_not_waited_for() -> None:
    answers, asked = answering(0)
    assert not Pace().await_return(answers)
    assert asked == []


@pytest.mark.usefixtures("quick")
def test_patience_ends_for_all_who_wait_together() -> None:
    turns = Pace()
    turns.went_well()
    turns.expect(8, patience=0.2)
    began = time.monotonic()
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(lambda _: turns.await_return(lambda: False), range(8))] == [False] * 8
    assert time.monotonic() - began < 2


@pytest.mark.usefixtures("quick")
def test_one_asks_for_all_who_wait() -> None:
    turns = Pace()
    turns.went_well()
    answers, asked = answering(5)
    with ThreadPoolExecutor(8) as pool:
        assert [*pool.map(lambda _: turns.await_return(answers), range(8))].count(True) >= 1
    assert len(asked) <= 6 + 8


def test_while_it_is_away_it_is_asked_at_most_once_a_second() -> None:
    turns = Pace()
    turns.went_well()
    turns.expect(1, patience=2.5)
    at: list[float] = []

    def answers() -> bool:
        at.append(time.monotonic())
        return False

    assert not turns.await_return(answers)
    assert all(later - earlier >= 0.9 for earlier, later in itertools.pairwise(at[:-1]))
    assert 2 <= len(at) <= 4


def test_outside_of_a_run_whoever_asks_decides_how_many_ask() -> None:
    turns = Pace()
    for _ in range(100):
        turns.went_well()
    assert turns.limit >= 100


def test_what_holds_for_a_run_ends_with_it() -> None:
    turns, said = Pace(), list[str]()
    with turns.run(1, 5.0, said.append):
        turns.halted = True
        assert (turns.limit, turns.patience, turns.say) == (1, 5.0, said.append)
    assert (turns.halted, turns.patience, turns.say) == (False, pace.PATIENCE_SECONDS, None)
    assert turns.limit == pace.AT_FIRST


def test_an_interrupted_run_lets_nothing_go_on_that_is_queued_still() -> None:
    turns = Pace()

    def interrupted() -> None:
        with turns.run(4):
            turns.halted = True
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert turns.halted
    with turns.run(4):
        assert not turns.halted
