"""What may be shown of an address: not the user and password in it, and not the query, which may be a signature."""

from __future__ import annotations

import logging
import re

_USER = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://)[^/\s'\"]*@")
_QUERY = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*://[^?\s'\"]*)\?[^\s'\"]*")
_WORDS = 200


def without_secrets(text: str) -> str:
    """Text without what addresses in it may keep secret."""
    return _QUERY.sub(r"\1", _USER.sub(r"\1", text))


class _WithoutSecrets(logging.Filter):
    """Takes them out of what a library logs."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        record.msg, record.args = without_secrets(record.getMessage()), ()
        return True


def keep_addresses_out_of_logs() -> None:
    """From here on; fsspec logs the addresses that it asks for. Asking twice changes nothing."""
    for name in ("fsspec", "fsspec.http", "fsspec.memory", "s3fs", "gcsfs"):
        logging.getLogger(name).addFilter(_FILTER)


_FILTER = _WithoutSecrets()


def words(error: BaseException) -> str:
    """An error of a library in one short line."""
    said = " ".join(without_secrets(str(error)).split())[:_WORDS]
    return f"{type(error).__name__}: {said}" if said else type(error).__name__
