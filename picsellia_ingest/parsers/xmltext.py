"""Plain values as the text of XML elements, indented by tabs: the reverse of ``voc_xml.value``.

A tree of elements would cost far more than the text that it becomes; the text is, byte for byte, what lxml writes of
such a tree, which a test holds. In a mapping ``@name`` is an attribute and ``#text`` the text beside the children.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

_NO_XML = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")
_MARKUP = re.compile("[&<>\\r]")
_IN_TEXT = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#13;"}
_IN_ATTRIBUTE = str.maketrans({**_IN_TEXT, '"': "&quot;", "\n": "&#10;", "\t": "&#9;"})


def clean(text: str) -> str:
    """Text without the characters that XML cannot hold (XML 1.0, section 2.2)."""
    return _NO_XML.sub("", text)


def escaped(text: str) -> str:
    """Text as it stands between tags."""
    return _MARKUP.sub(lambda found: _IN_TEXT[found[0]], text)


def element(name: str, value: Any, level: int) -> str:
    """The lines of an element, so many levels deep, or of one for each of a list's values."""
    if isinstance(value, list):
        return "".join([element(name, one, level) for one in value])
    if isinstance(value, Mapping):
        return group(name, value, level)
    tabs = "\t" * level
    return f"{tabs}<{name}>{escaped(clean(str(value)))}</{name}>\n"


def group(name: str, members: Mapping[str, Any], level: int, before: str = "", behind: str = "") -> str:
    """The lines of an element with members, and with the lines of other children before and behind those."""
    said = "".join(
        f' {key[1:]}="{clean(str(value)).translate(_IN_ATTRIBUTE)}"'
        for key, value in members.items()
        if key.startswith("@")
    )
    inner = "".join(
        [
            element(key, value, level + 1)
            for key, value in members.items()
            if key != "#text" and not key.startswith("@")
        ]
    )
    inner = f"{before}{inner}{behind}"
    tabs = "\t" * level
    text = clean(str(members["#text"])) if "#text" in members else ""
    if not inner:
        end = f">{escaped(text)}</{name}>" if "#text" in members else "/>"
        return f"{tabs}<{name}{said}{end}\n"
    if text.strip():  # lines would become part of it
        return f"{tabs}<{name}{said}>{escaped(text)}{inner[level + 1 :]}{tabs}</{name}>\n"
    return f"{tabs}<{name}{said}>\n{inner}{tabs}</{name}>\n"
