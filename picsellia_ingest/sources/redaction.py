"""What may be shown of an address: not the user and password in it, and not the query, which may be a signature."""

from __future__ import annotations

import re

_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"]*@")
_QUERY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^?\s'\"]*)\?[^\s'\"]*")
_WORDS = 200


def without_secrets(text: str) -> str:
    """Text without what addresses in it may keep secret."""
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text))


def words(error: BaseException) -> str:
    """An error of a library in one short line."""
    said = " ".join(without_secrets(str(error)).split())[:_WORDS]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
