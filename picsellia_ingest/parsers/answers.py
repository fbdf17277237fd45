"""Questions and answers as the platform writes them (docs/protocol.md, section 4.2).

An answer that does not fit its question is dropped alone: the object or image it belongs to stays. No answer is
clamped, completed or matched to the nearest choice; the message names what would fit.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any

from ..errors import ItemError
from ..model import Answer, MultipleChoice, RangeAnswer, SingleChoice, TextAnswer
from ..problems import Severity
from .numbers import number, text_number

ANSWERS = "picsellia_qa"
"""The key under which other formats' files keep questions and answers, in the form of the platform's own."""

Report = Callable[[ItemError, Severity], None]
"""Called with what was found, and with what became of it. ``ItemError.field`` is a path below the list of answers."""


def answers(value: object, report: Report) -> tuple[Answer, ...]:
    """The answers of a ``qa`` or ``image_qa`` value; every one that cannot be kept is reported."""
    if value is None:
        return ()
    if isinstance(value, dict):
        report(ItemError("answer_not_in_a_list", "one answer without a list around it"), Severity.WARNING)
        value = [value]
    if not isinstance(value, list):
        report(_invalid(f"the answers are not a list: {value!r:.80}", ""), Severity.ERROR)
        return ()
    found: list[Answer] = []
    for position, row in enumerate(value):
        try:
            found.append(_answer(row, _Warn(report, position)))
        except ItemError as error:
            report(_at(error, position), Severity.ERROR)
    return tuple(found)


class _Warn:
    """Reports a repair of the answer at one position."""

    def __init__(self, report: Report, position: int) -> None:
        self.report, self.position = report, position

    def __call__(self, code: str, message: str) -> None:
        self.report(ItemError(code, message, field=str(self.position)), Severity.WARNING)


def _at(error: ItemError, position: int) -> ItemError:
    return ItemError(error.code, error.message, error.hint, f"{position}/{error.field}".rstrip("/"))


def _answer(row: object, warn: _Warn) -> Answer:
    if not isinstance(row, dict):
        raise _invalid(f"an answer is not an object: {row!r:.80}", "")
    kind, question = row.get("type"), row.get("question")
    if not isinstance(question, str) or not question.strip():
        raise ItemError(
            "question_missing", "an answer has no question", "add the question's text", "question"
        )
    readers: dict[object, Callable[[str, dict[str, Any], _Warn], Answer]] = {
        "text": _text,
        "mc": _multiple,
        "select": _single,
        "range": _range,
    }
    if not isinstance(kind, str) or kind not in readers:
        message = f"the type of the answer to {question!r:.80} is {kind!r:.40}"
        raise ItemError("answer_type_unknown", message, "write text, mc, select or range", "type")
    if row.get("answer") is None:
        raise ItemError(
            "answer_missing", f"{question!r:.80} has no answer", "answer it, or remove it", "answer"
        )
    return readers[kind](question, row, warn)


def _text(question: str, row: dict[str, Any], warn: _Warn) -> TextAnswer:
    answer = row["answer"]
    if not isinstance(answer, str) and number(answer) is not None:
        warn("answer_as_text", f"the answer to {question!r:.80} is a number; kept as text")
        answer = str(answer)
    if not isinstance(answer, str):
        raise _invalid(f"the answer to {question!r:.80} is not a text: {answer!r:.80}")
    return TextAnswer(question, answer)


def _multiple(question: str, row: dict[str, Any], warn: _Warn) -> MultipleChoice:
    answer, choices = row["answer"], _choices(question, row)
    if isinstance(answer, str):
        warn("answer_not_in_a_list", f"the answer to {question!r:.80} is one text; read as a list of one")
        answer = [answer]
    if not isinstance(answer, list):
        raise _invalid(f"the answer to {question!r:.80} is not a list: {answer!r:.80}")
    return MultipleChoice(question, tuple(_chosen(question, one, choices) for one in answer), choices)


def _single(question: str, row: dict[str, Any], warn: _Warn) -> SingleChoice:
    answer, choices = row["answer"], _choices(question, row)
    if isinstance(answer, list) and len(answer) == 1:
        warn("answer_in_a_list", f"the answer to {question!r:.80} is a list of one; its element is kept")
        answer = answer[0]
    if isinstance(answer, list):
        raise _invalid(f"the answer to {question!r:.80} is a list of {len(answer)}, one choice was asked for")
    return SingleChoice(question, _chosen(question, answer, choices), choices)


def _choices(question: str, row: dict[str, Any]) -> tuple[str, ...]:
    choices = row.get("choices")
    if not isinstance(choices, list) or not choices or not all(isinstance(one, str) for one in choices):
        message = f"the choices of {question!r:.80} are not a list of texts: {choices!r:.80}"
        raise ItemError("choices_invalid", message, "list the choices as texts", "choices")
    return tuple(choices)


def _chosen(question: str, answer: object, choices: tuple[str, ...]) -> str:
    if isinstance(answer, str) and answer in choices:
        return answer
    shown = ", ".join(map(repr, choices))
    message = f"{answer!r:.80}, the answer to {question!r:.80}, is none of the choices: {shown:.400}"
    folded = {" ".join(choice.split()).casefold(): choice for choice in choices}
    near = difflib.get_close_matches(" ".join(str(answer)[:200].split()).casefold(), list(folded)[:1000], 1)
    hint = f"is {folded[near[0]]!r} meant?" if near else "add the choice, or mend the answer"
    raise ItemError("answer_not_a_choice", message, hint, "answer")


def _range(question: str, row: dict[str, Any], warn: _Warn) -> RangeAnswer:
    values: list[float] = []
    for key in ("answer", "min", "max"):
        found = number(row.get(key))
        if found is None:
            message = f"{key} of {question!r:.80} is not a finite number: {row.get(key)!r:.40}"
            raise ItemError("range_invalid", message, "write answer, min and max as numbers", key)
        if text_number(row.get(key)):
            warn("number_as_text", f"{key} of {question!r:.80} is a number written as text")
        values.append(found)
    answer, low, high = values
    if low > high:
        raise ItemError(
            "range_invalid", f"the range of {question!r:.80} is empty: {low:g} to {high:g}", "", "min"
        )
    if not low <= answer <= high:
        message = f"{answer:g}, the answer to {question!r:.80}, is not in the range {low:g} to {high:g}"
        raise ItemError("answer_out_of_range", message, "mend the answer or the range", "answer")
    return RangeAnswer(question, answer, low, high)


def _invalid(message: str, field: str = "answer") -> ItemError:
    return ItemError("answer_invalid", message, "mend it or remove it", field)
