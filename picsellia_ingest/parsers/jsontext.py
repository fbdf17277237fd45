"""Elements of a JSON document as values, and what is wrong with those that are none, in words.

Nesting is bounded before anything is decoded: a value that Python could build, and then not print or compare, would
end a run far from its cause. JSON readers keep the last of two values with one key; where that would change what is
meant, it is looked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding an element may raise: bad syntax or encoding, a number too long, nesting too deep."""

DEEPEST = 100
"""Levels of nesting that an element may have."""

_STRINGS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"', re.S)
_STEPS = np.zeros(256, np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1


def decoded(text: bytes | msgspec.Raw) -> Any:
    """The value of an element. Raises one of UNREADABLE."""
    plain = bytes(text)
    if plain.count(b"[") + plain.count(b"{") > DEEPEST and _depth(plain) > DEEPEST:
        raise RecursionError(f"it is nested more than {DEEPEST} levels deep")
    return msgspec.json.decode(plain)


def _depth(text: bytes) -> int:
    bare = np.frombuffer(_STRINGS.sub(b"", text), np.uint8)
    return int(np.cumsum(_STEPS[bare], dtype=np.int32).max(initial=0))


def why(error: Exception) -> tuple[str, str]:
    """What is wrong with an element that cannot be decoded, and what to do."""
    if isinstance(error, UnicodeDecodeError):
        byte = error.object[error.start]
        return f"it is not UTF-8 (the byte 0x{byte:02x})", "save the file as UTF-8"
    return f"{error}".split(" (byte", 1)[0][:200], "mend or remove it"


def syntax(error: Exception, around: bytes) -> str:
    """What is wrong where reading stopped; ``around`` is the text from there on."""
    text = str(error).split(": ", 1)[-1].rsplit(" (byte", 1)[0]
    if "trailing characters" in text:
        return "there is more text after the end of the document"
    if around.startswith(b"\0"):
        return "there are zero bytes in the place of text"
    if around.startswith((b"//", b"/*", b"#")):
        return "there is a comment, which JSON does not know"
    if around[:1] and around[0] < 0x20:
        return f"there is a bare control character in a text, write it as \\u{around[0]:04x}"
    if "trailing comma" in text:
        return f"{text} (a comma before a closing bracket)"
    return text


def repeated_key(text: bytes, keys: Iterable[str]) -> str | None:
    """The first of the ``keys`` that an object has twice. Cheap where no key stands twice, as is the rule."""
    if not any(text.count(b'"' + key.encode() + b'"') > 1 for key in keys):
        return None
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None
    names = [name for name, _ in pairs] if isinstance(pairs, _Pairs) else []
    return next((key for key in keys if names.count(key) > 1), None)


class _Pairs(list[tuple[str, Any]]):
    """The members of an object in their order, repeats included."""
