"""The bytes of one image, from disk to object storage: a signed address, then the form.

The object's name is made from the picture's name and its content, so the same picture has the same name for ever: a
transfer that is repeated stores the same bytes under the same name.
"""

from __future__ import annotations

import hashlib
from pathlib import PurePosixPath
from typing import Any

from ..api import platform, storage
from ..api.connection import Connection
from ..errors import ForbiddenError, RequestRejectedError, ResourceNotFoundError, UnauthorizedError
from .items import Item

_NOT_ACCEPTED = (ForbiddenError, UnauthorizedError, ResourceNotFoundError)
"""What a storage says of an address that it does not accept, or not any more. It is given no token to refuse."""


def object_key(name: str, sha256: bytes) -> str:
    """The object name of a picture: 64 hexadecimal digits and the file's extension, if it has one."""
    digest = hashlib.sha256(name.encode() + b"\x00" + sha256).hexdigest()
    extension = PurePosixPath(name).suffix[1:].lower()
    return f"{digest}.{extension}" if extension.isalnum() and extension.isascii() else digest


def transfer(connection: Connection, item: Item, signed: Any = None) -> None:
    """Store the item's bytes, at the ``signed`` address if there is one already. A signature that is not accepted any more is renewed. Raises PicselliaError, OSError."""
    assert item.path is not None
    source = storage.Source(item.path, item.size, item.sha256)
    for _ in range(storage.SIGNATURES):
        signed = signed or platform.presign(connection, "post", item.object_key)
        try:
            storage.store(connection.traffic, signed, source, item.object_key)
            return
        except _NOT_ACCEPTED as error:
            refusal, signed = error, None
    raise RequestRejectedError(f"the storage refuses fresh signatures: {refusal}")
