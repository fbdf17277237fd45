"""Elements of a JSON document as values, and what is wrong with those that are none, in words.

Nesting is bounded before anything is decoded: a value that Python could build, and then not print or compare, would
end a run far from its cause. JSON readers keep the last of two values with one key; where that would change what is
meant, it is looked for.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, ValueError, RecursionError)
"""What decoding an element may raise: bad syntax or encoding, a number too long, nesting too deep."""

DEEPEST = 100
"""Levels of nesting that an element may have."""

BYTES_MAX, CONTAINERS_MAX = 1 << 25, 1 << 20
"""What a single value may hold; as Python values it takes up to 20 times the space."""

MANY, SMALL, PLAIN = 2_000_000, 16, 4096
"""An array of more than MANY elements of fewer than SMALL bytes each holds no records, which have SMALL to PLAIN."""

BLOCK = 1 << 22
"""Bytes of a text that are looked at together."""
_ESCAPED = re.compile(rb"\\.", re.S)
_PIECE = 1 << 18
"""Bytes that a processor's cache holds with what is made of them."""
_IN_VALUES = bytes(byte for byte in range(256) if byte not in b'"[]{},')
_STEPS = np.zeros(256, np.int8)
_STEPS[[ord("["), ord("{")]] = 1
_STEPS[[ord("]"), ord("}")]] = -1


def decoded(text: bytes | msgspec.Raw) -> Any:
    """The value of an element. Raises one of UNREADABLE."""
    plain = bytes(text)
    if len(plain) <= DEEPEST:
        return msgspec.json.decode(plain)
    containers = plain.count(b"[") + plain.count(b"{")
    if len(plain) > BYTES_MAX or containers > CONTAINERS_MAX:
        raise ValueError(f"it has {len(plain)} bytes, {containers} lists and objects: too many for one value")
    if containers > DEEPEST and _depth(plain) > DEEPEST:
        raise RecursionError(f"it is nested more than {DEEPEST} levels deep")
    return msgspec.json.decode(plain)


def joined(texts: Sequence[bytes]) -> bytes:
    """Several elements as one array; nothing where they are too large for one value."""
    return b"[%b]" % b",".join(texts) if sum(map(len, texts)) <= BYTES_MAX else b""


def decoded_together(
    decoder: msgspec.json.Decoder[list[T]], texts: Sequence[bytes], together: bytes | None = None
) -> list[T] | None:
    """The values of several elements; None where one of them is not as wanted, or all are too large for one value.

    ``together`` is what ``joined`` made of them, for a caller that needs it besides.
    """
    found = attempt(decoder, joined(texts) if together is None else together)
    return found if found is not None and len(found) == len(texts) else None


def attempt(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw) -> T | None:
    """What the decoder makes of ``text``; None when it cannot be decoded."""
    try:
        return decoder.decode(text)
    except UNREADABLE:
        return None


def each_decoded(
    together: msgspec.json.Decoder[list[T]], alone: msgspec.json.Decoder[T], texts: Sequence[bytes]
) -> Sequence[T | None]:
    """The values of several elements, decoded together where all can be; None for each that cannot."""
    found = decoded_together(together, texts)
    return [attempt(alone, text) for text in texts] if found is None else found


def _depth(text: bytes) -> int:
    return max(int(depths.max(initial=0)) for _, _, depths in _levels(np.frombuffer(text, np.uint8)))


def is_not_utf8(error: Exception) -> bool:
    """Whether decoding failed because some text is not UTF-8, which msgspec says in its own words from 0.23 on."""
    return isinstance(error, UnicodeDecodeError) or "Invalid UTF-8" in str(error)


def why(error: Exception, text: bytes | msgspec.Raw) -> tuple[str, str]:
    """What is wrong with an element that cannot be decoded, and what to do; ``text`` is the element."""
    if is_not_utf8(error):
        found = re.search(r"[\udc80-\udcff]", bytes(text).decode(errors="surrogateescape"))
        byte = f" (the byte 0x{ord(found[0]) - 0xDC00:02x})" if found else ""
        return f"it is not UTF-8{byte}", "save the file as UTF-8"
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


class Keys:
    """Keys that say what an object is, as they stand in a text."""

    def __init__(self, *names: str) -> None:
        self.names = names
        quoted = [b'"%b"' % name.encode() for name in names]
        self._members = [(name, re.compile(rb"%b\s*:" % name)) for name in quoted]

    def stand(self, text: bytes, most: int) -> bool:
        """Whether one of them stands more than so many times in a text, as a key."""
        return any(text.count(name) > most and len(key.findall(text)) > most for name, key in self._members)

    def stand_with(self, text: bytes, numbers: Sequence[int]) -> bool:
        """Whether they stand just so often in a text, be it as keys or as values."""
        pairs = zip(self._members, numbers, strict=True)
        return all(text.count(name) == number for (name, _), number in pairs)


def repeated_key(text: bytes, keys: Keys) -> str | None:
    """The first of the keys that an object has twice. Cheap where no key stands twice, as is the rule."""
    if not keys.stand(text, 1):
        return None
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return None
    names = [name for name, _ in pairs] if isinstance(pairs, _Pairs) else []
    return next((key for key in keys.names if names.count(key) > 1), None)


class _Pairs(list[tuple[str, Any]]):
    """The members of an object in their order, repeats included."""


def crumbs(raw: bytes | memoryview | msgspec.Raw, objects: int | None = None) -> bool:
    """Whether an array has millions of tiny elements; ``objects`` may say how often "{" is in it.

    Only where braces and commas allow it, the elements are counted by depth.
    """
    text = np.frombuffer(raw, np.uint8)
    if len(text) < MANY:
        return False
    objects = sum(counts(raw, b"{")) if objects is None else objects
    if SMALL * 2 * objects <= len(text) <= PLAIN * objects or (commas := sum(counts(raw, b","))) < MANY:
        return False
    # An object has a comma less than it has keys; the other commas stand between elements, of this or of inner arrays.
    if SMALL * (commas - _keys(text) + objects + 1) <= len(text):
        return False
    elements = 1 + sum(
        int(np.count_nonzero((block == ord(",")) & (depths == 1) & bare))
        for block, bare, depths in _levels(text)
    )
    return elements > MANY and len(text) < SMALL * elements


def _keys(text: NDArray[np.uint8]) -> int:
    """How many keys there are at least: those with the colon right behind. In a string a quote is escaped."""
    found = 0
    for start in range(0, len(text), _PIECE):
        block = text[start : start + _PIECE]
        is_end = (block[1:-1] == ord('"')) & (block[2:] == ord(":"))
        found += int(np.count_nonzero(is_end & (block[:-2] != ord("\\"))))
    return found


def _levels(
    text: NDArray[np.uint8],
) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.bool_], NDArray[np.int32]]]:
    """What ``_structure`` gives, which of it is in no string, and how deep each character is."""
    depth, quotes = 0, 0
    for block in _structure(text):
        quoted = (np.cumsum(block == ord('"'), dtype=np.int32) + quotes) & 1
        depths = np.cumsum(np.where(quoted, 0, _STEPS[block]), dtype=np.int32) + np.int32(depth)
        yield block, quoted == 0, depths
        if len(block):
            depth, quotes = int(depths[-1]), int(quoted[-1])


def _structure(text: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    """A text, some of it at a time, without what is escaped and what only values are made of: a fraction of it."""
    left = b""
    for start in range(0, len(text), _PIECE):
        piece = left + text[start : start + _PIECE].tobytes()
        left = b"\\" * (
            (len(piece) - len(piece.rstrip(b"\\"))) % 2
        )  # escapes what the next piece begins with
        if b"\\" in piece:
            piece = _ESCAPED.sub(b"", piece.removesuffix(left))
        yield np.frombuffer(piece.translate(None, _IN_VALUES), np.uint8)


def counts(raw: bytes | memoryview | msgspec.Raw, character: bytes, block: int = BLOCK) -> list[int]:
    """How often a character is in each block of a text."""
    text = np.frombuffer(raw, np.uint8)
    return [
        int(np.count_nonzero(text[start : start + block] == character[0]))
        for start in range(0, len(text), block)
    ]
