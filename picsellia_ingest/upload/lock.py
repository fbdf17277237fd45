"""One run at a time for each journal: a ``flock`` that the system gives back however the process ends."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import IO

from ..errors import JournalBusyError, JournalError


def lock(path: Path) -> IO[str]:
    """Hold the lock beside a journal until the answer is closed. Raises JournalBusyError, JournalError."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _unwritable(path, error) from error
    held = os.fdopen(descriptor, "r+")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = held.read().strip() or "another process"
        held.close()
        raise JournalBusyError(
            f"{holder} is uploading to this dataset already", "wait for it, or stop it"
        ) from error
    try:
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"process {os.getpid()} on {os.uname().nodename}".encode())
    except OSError as error:
        held.close()
        raise _unwritable(path, error) from error
    return held


def _unwritable(path: Path, error: OSError) -> JournalError:
    return JournalError(
        f"the journal {path} cannot be written: {error.strerror}", "name another place with --journal"
    )
