"""Reading a source twice: a first pass that counts, and a second one that gives what was counted or says that it cannot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from ..errors import InputError
from ..model import ImageRecord
from ..problems import OnProblem, Problem


class Counted(Protocol):
    """What the first pass found in the source of a record: the name of its image, and its instances, good or bad."""

    name: str
    instances: int


class Lost:
    """Takes problems, counts the instances they cost, and forgets them: for a first pass that a second one repeats."""

    def __init__(self) -> None:
        self.lost = 0

    def __call__(self, problem: Problem) -> None:
        """Take one problem in."""
        self.lost += problem.lost


def again(
    load: Callable[[OnProblem], ImageRecord],
    was: Counted,
    changed: Callable[[str], Problem],
    on_problem: OnProblem,
) -> Iterator[ImageRecord]:
    """The record that ``load`` gives; if it is not what the first pass saw, none, and the problem ``changed`` with why."""
    problems: list[Problem] = []
    try:
        record = load(problems.append)
    except InputError as error:
        on_problem(changed(error.problem.message))
        return
    found = len(record.instances) + sum(problem.lost for problem in problems)
    if (found, record.file_name) != (was.instances, was.name):
        on_problem(changed("it holds something else"))
        return
    for problem in problems:
        on_problem(problem)
    yield record
