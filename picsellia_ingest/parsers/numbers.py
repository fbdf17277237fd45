"""What counts as a number in an annotation file.

Python takes more for a number than a label file means: ``True``, ``"NaN"``, full-width digits, ``1_000``. Only finite
JSON numbers and plain ASCII decimals in text pass here; the latter are certain, but a sign of trouble.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from decimal import Decimal
from itertools import chain
from typing import Any

_DECIMAL = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)
_LONGEST = 64
"""Characters of a number in text."""
_EXACT = 1 << 63
"""What a whole number is below to be kept as one; a longer one is read back as a float."""
_HUGE = 1e100
_PLAIN, _SHORT = re.compile("[0-9.-]*"), 15
"""What plain decimals are written with; short ones a float holds exactly where they are whole."""
_NUMBERS, _LIST, _PAIR = {int, float}, {list}, {2}
_TENS = [10**places for places in range(_LONGEST)]


def number(value: object) -> float | None:
    """The finite number that ``value`` is or spells in ASCII decimals; None for anything else."""
    if type(value) is float or type(value) is int:
        return value if -_EXACT < value < _EXACT else _finite(value)
    if isinstance(value, str):
        return _spelled(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return _finite(value)


def _spelled(text: str) -> float | None:
    if len(text) <= _SHORT and text.isascii() and text.isdigit():
        return int(text)
    if len(text) > _LONGEST:
        return None
    # What Python takes besides decimals has an underscore, a character beyond ASCII or of control, or is not finite.
    if (not (text.isascii() and text.isprintable()) or "_" in text) and not _DECIMAL.fullmatch(text):
        return None
    try:
        found = float(text)
    except ValueError:
        return None
    if not found.is_integer():
        return found if math.isfinite(found) else None
    return int(found) if text.strip().lstrip("+-").isdigit() else _finite(found)


def _finite(value: float) -> float | None:
    try:
        if not math.isfinite(value) or abs(value) >= _HUGE:
            return None
        return value if abs(value) < _EXACT else float(value)
    except OverflowError:  # an integer beyond what a float holds
        return None


def are_plain(values: Sequence[Any]) -> bool:
    """Whether values, one at least, are all what ``number`` gives back as it is."""
    is_near = set(map(type, values)) <= _NUMBERS and min(values) > -_EXACT and max(values) < _EXACT
    return is_near and math.isfinite(sum(values))


def plain_pairs(points: Sequence[Any]) -> list[float] | None:
    """The numbers of a list of [x, y], flat, if all are plainly numbers; None where each must be looked at."""
    if not points or set(map(type, points)) != _LIST or set(map(len, points)) != _PAIR:
        return None
    found: list[float] = list(chain.from_iterable(points))
    return found if are_plain(found) else None


def plain_decimals(words: Sequence[str]) -> list[float] | None:
    """The numbers that words spell, if all are plainly decimals; None where each must be looked at."""
    if not _PLAIN.fullmatch("".join(words)):
        return None
    if max(map(len, words), default=0) > _SHORT and any(
        len(word) > (_LONGEST if "." in word else _SHORT) for word in words
    ):
        return None
    try:
        return [float(word) if "." in word else int(word) for word in words]
    except ValueError:
        return None


def are_fractions(words: Sequence[str]) -> bool:
    """Whether numbers in text all begin with ``0.``, as fractions of a picture do."""
    return f" {' '.join(words)}".count(" 0.") == len(words)


def scaled(words: Sequence[str], by: tuple[int, int]) -> list[float]:
    """Numbers in text, each second one times the second of two whole numbers, the others times the first.

    They are reckoned as decimals and rounded once.
    """
    if are_fractions(words):
        found = [0.0] * len(words)
        try:
            for turn, times in enumerate(by):
                found[turn::2] = [int(word[2:]) * times / _TENS[len(word) - 2] for word in words[turn::2]]
            return found
        except ValueError:  # 0.5e-3
            pass
    return [float(Decimal(word) * by[at % 2]) for at, word in enumerate(words)]


def over_tens(words: Sequence[str]) -> tuple[list[int], int] | None:
    """Fractions (``are_fractions``) as whole numbers over one power of ten; None for numbers that are spelled otherwise."""
    if not are_fractions(words):
        return None
    places = max(map(len, words)) - 2
    try:
        return [int(word[2:]) * _TENS[places + 2 - len(word)] for word in words], _TENS[places]
    except ValueError:
        return None


def text_number(value: object) -> bool:
    """Whether ``value`` is a number written as text."""
    return isinstance(value, str) and number(value) is not None


def positive_int(value: object) -> int | None:
    """A whole number above 0 and below 2**31, as image sizes are; 64.0 and "64" pass, None for anything else."""
    if type(value) is int:  # as nearly all are
        return value if 0 < value < 1 << 31 else None
    found = number(value)
    return int(found) if found is not None and 0 < found < 1 << 31 and found == int(found) else None


def as_numbers(value: Any) -> Any:
    """A value with every number that is written as text in it, or in the lists and objects in it, as a number; that may be the value itself."""
    if isinstance(value, list):
        return value if set(map(type, value)) <= _NUMBERS else [as_numbers(one) for one in value]
    if isinstance(value, dict):
        return {key: as_numbers(one) for key, one in value.items()}
    return number(value) if text_number(value) else value
