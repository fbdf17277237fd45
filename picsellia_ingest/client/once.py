"""Making a thing of a name once, where the platform knows no key for a request that is sent again.

The name is looked up before, so that after a lost answer a thing of this name is the one that was to be made.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..errors import InvalidQueryError, ResourceNotFoundError

Found = dict[str, Any]


def make(what: str, fetch: Callable[[], Found], send: Callable[[Callable[[], bool]], Found]) -> Found:
    """The thing that ``send`` makes; it is given what to ask after a lost answer, and then answers nothing.

    Raises InvalidQueryError when there is one already.
    """
    if _is_there(fetch):
        raise InvalidQueryError(f"the {what} exists already", "choose another name, or fetch it")
    return send(lambda: _is_there(fetch)) or fetch()


def _is_there(fetch: Callable[[], Found]) -> bool:
    try:
        fetch()
    except ResourceNotFoundError:
        return False
    return True
