"""The tree of errors drawn in the docstring is the tree of classes, each with what its catcher does."""

from __future__ import annotations

import inspect
import pickle
import re

import pytest

from picsellia_ingest import errors
from picsellia_ingest.errors import Action, InputError, PicselliaError
from picsellia_ingest.problems import Place, Problem

DRAWN = re.findall(r"^([│├└─ ]*)(\w+Error)\s+(STOP|FAIL_ITEM|RETRY|\.message)", errors.__doc__ or "", re.M)
CLASSES = {
    name: found
    for name, found in vars(errors).items()
    if inspect.isclass(found) and issubclass(found, PicselliaError)
}


def test_every_class_is_drawn_once_under_its_parent() -> None:
    assert sorted(name for _, name, _ in DRAWN) == sorted(CLASSES)
    stack: list[str] = []
    for lead, name, _ in DRAWN:
        depth = len(lead) // 4
        del stack[depth:]
        stack.append(name)
        if depth:
            assert CLASSES[name].__base__ is CLASSES[stack[depth - 1]], name


@pytest.mark.parametrize(
    ("name", "action"), [(name, action) for _, name, action in DRAWN if action != ".message"]
)
def test_what_is_drawn_beside_an_error_is_what_it_asks_for(name: str, action: str) -> None:
    assert CLASSES[name].action is Action[action]


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_an_error_survives_a_process_border(name: str) -> None:
    problem = Problem("code", "words", Place("file", 1, 2))
    found = CLASSES[name]
    arguments: tuple[object, ...] = (problem,) if issubclass(found, InputError) else ("words", "what to do")
    error = found(*arguments)  # type: ignore[arg-type]
    copy = pickle.loads(pickle.dumps(error))
    assert (type(copy), str(copy), vars(copy)) == (found, str(error), vars(error))
