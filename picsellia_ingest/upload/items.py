"""What stages hand to each other: an item of the plan, and the outcome of one stage for it.

Plain values, so that they cross a process border. A stage never raises for one item: ``failed`` makes an outcome of
the error, and says whether the run should go on.
"""

from __future__ import annotations

import errno
from dataclasses import dataclass
from enum import IntEnum

from ..errors import Action, ItemError, PicselliaError
from ..sources import AnyPath
from .cluster import REACHABLE, UNSEEN, unseen
from .workers import ALONE

COMMIT_EVERY = 64
"""Outcomes that are written into the journal together."""


class State(IntEnum):
    """How far an item is."""

    PLANNED = 0
    TRANSFERRED = 1
    REGISTERED = 2
    ATTACHED = 3
    ANNOTATED = 4


@dataclass(frozen=True, slots=True)
class Item:
    """One row, as a stage needs it."""

    id: int
    name: str
    path: AnyPath | None
    size: int
    sha256: bytes
    width: int
    height: int
    object_key: str
    picture_id: str | None
    document: bytes | None
    instances: int
    state: State
    partly_held: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one item in one stage; plain values, so that it can cross a process border.

    ``state`` is what it reached; ``code`` and ``error`` say why it went no further. ``stop`` ends the run, ``outage``
    says that the platform did not answer. ``added`` are the fingerprints of what was added to an annotation, of
    ``objects`` objects, and ``added_to`` says that it held something before; ``whole`` says instead that nothing was held
    and all of the document was added.
    """

    id: int
    state: State | None = None
    picture_id: str | None = None
    picture_there: bool = False
    instances_there: int = 0
    instances_sent: int = 0
    code: str | None = None
    error: str | None = None
    stop: bool = False
    outage: bool = False
    added: bytes = b""
    objects: int = 0
    added_to: bool = False
    whole: bool = False


def failed(item: int, error: PicselliaError | OSError, state: State | None = None) -> Outcome:
    """The outcome of an item that an error stopped; it keeps the state it reached before."""
    if isinstance(error, OSError) and (words := unseen(error)) is not None:
        return Outcome(item, state, code=UNSEEN, error=f"{words} - {REACHABLE}")
    if isinstance(error, FileNotFoundError):
        return Outcome(item, state, code=CHANGED, error=f"{error.filename} is gone since it was planned")
    if isinstance(error, OSError):
        code = "no_file_handles" if error.errno in SCARCE else "unreadable"
        return Outcome(item, state, code=code, error=f"{error.filename}: {error.strerror}")
    stop, outage = error.action is Action.STOP, error.action is Action.RETRY
    return Outcome(item, state, code=reason(error), error=str(error), stop=stop, outage=outage)


def worker_died(*task: object) -> Outcome:
    """The outcome of an item that kills whatever process works on it; ``task`` holds the item."""
    item = next(part for part in task if isinstance(part, Item))
    return Outcome(item.id, code=WORKER_DIED, error=WORKER_DIED_WORDS)


def reason(error: PicselliaError) -> str:
    """The reason code of an error, as the ledger counts it."""
    if isinstance(error, ItemError):
        return error.code
    return _CODES.get(type(error).__name__, "refused")


CHANGED = "image_changed"

SILENT = "source_unreadable"
"""A remote source that does not give an image, perhaps for now."""

SCARCE = (errno.EMFILE, errno.ENFILE)
"""What the system says when there are too many open files, which is no file's fault."""

WORTH_ANOTHER_PASS = (
    "no_answer",
    "platform_failed",
    "too_many_requests",
    "rejected_by_host",
    "no_file_handles",
    SILENT,
    UNSEEN,
)
"""Failures of single items that may not be the item's fault: they are tried again when all others are done."""

WORKER_DIED = "worker_died"
WORKER_DIED_WORDS = f"the process that worked on it died, {ALONE} times"

_CODES = {
    "NetworkError": "no_answer",
    "ProcessingError": "platform_failed",
    "ApiLimitError": "too_many_requests",
    "RequestRejectedError": "rejected_by_host",
    "SourceChangedError": CHANGED,
    "SourceError": SILENT,
    "NameTakenError": "name_taken",
    "UnauthorizedError": "not_allowed",
    "UnsufficientRessourcesError": "quota",
}
