"""What counts as a number in an annotation file.

Python takes more for a number than a label file means: ``True``, ``"NaN"``, full-width digits, ``1_000``. Only finite
JSON numbers and plain ASCII decimals in text pass here; the latter are certain, but a sign of trouble.
"""

from __future__ import annotations

import math
import re
from typing import Any

_DECIMAL = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*", re.ASCII)


def number(value: object) -> float | None:
    """The finite number that ``value`` is or spells in ASCII decimals; None for anything else."""
    if isinstance(value, str):
        if len(value) < 16 and value.isascii() and value.isdigit():
            return int(value)
        if len(value) > 64 or not _DECIMAL.fullmatch(value):
            return None
        found = float(value)
        return int(found) if found.is_integer() and value.strip().lstrip("+-").isdigit() else _finite(found)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return _finite(value)


def _finite(value: float) -> float | None:
    try:
        if not math.isfinite(value) or abs(value) >= 1e100:
            return None
        return value if abs(value) < 1 << 63 else float(value)  # a longer integer is read back as a float
    except OverflowError:  # an integer beyond what a float holds
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
    """A value with every number that is written as text in it, or in the lists and objects in it, as a number."""
    if isinstance(value, list):
        return [as_numbers(one) for one in value]
    if isinstance(value, dict):
        return {key: as_numbers(one) for key, one in value.items()}
    return number(value) if text_number(value) else value
