"""Signed addresses stay out of logs: urllib3 writes the address of each request to its own, query and all."""

from __future__ import annotations

import logging


class _WithoutQuery(logging.Filter):
    """Cuts addresses where their query begins."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass."""
        if isinstance(record.args, tuple):
            record.args = tuple(arg.partition("?")[0] if isinstance(arg, str) else arg for arg in record.args)
        return True


def keep_addresses_out_of_logs() -> None:
    """From here on; asking twice changes nothing."""
    logging.getLogger("urllib3.connectionpool").addFilter(_FILTER)


_FILTER = _WithoutQuery()
