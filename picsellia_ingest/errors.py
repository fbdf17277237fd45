"""Every deliberate error, in one tree. The names in capitals after an error say what its catcher does.

PicselliaError                          .message  .hint  .action
├── InvalidQueryError                   FAIL_ITEM   an argument that cannot be meant, or the platform's 400
│   └── TyperError                      FAIL_ITEM   an annotation of the wrong shape
├── InputError                          FAIL_ITEM   an input file that is rejected whole; carries its Problem
│   └── FormatError                     STOP        not a format we read, or not the one that was named
├── ItemError                           FAIL_ITEM   one item of an input that is rejected; becomes a Problem
├── AuthenticationError                 STOP        no token was given
├── UnauthorizedError                   STOP        401: the token is not known
├── UnsufficientRessourcesError         STOP        402, 507: the quota is used up (the platform's spelling)
├── ForbiddenError                      FAIL_ITEM   403
├── ResourceNotFoundError               FAIL_ITEM   404, or a folder that is not there
├── WrongHostError                      STOP        something answers, but not as the platform does
├── NetworkError                        RETRY       no answer: refused, reset, timed out
├── ApiLimitError                       RETRY       429
├── ProcessingError                     RETRY       5xx, or an answer that does not check
├── RequestRejectedError                FAIL_ITEM   any other answer that is final for this one thing
├── NameTakenError                      FAIL_ITEM   the lake has another picture of this name
├── SourceChangedError                  FAIL_ITEM   an image file that is not what was planned any more
├── SourceError                         FAIL_ITEM   a remote folder or file that cannot be read, perhaps for now
├── ClusterError                        STOP        a cluster that is not there, has no workers, or not the right ones
├── WorkerDiedError                     STOP        a piece of work that kills whatever process takes it up
├── JournalError                        STOP        a journal that cannot be used
│   └── JournalBusyError                STOP        another run holds it
├── PlanError                           STOP        a saved plan that cannot be used, or not any more
├── ServerError                         STOP        the embedded platform cannot run here
└── LedgerError                         STOP        the account does not add up: a bug in this package
"""

from __future__ import annotations

from enum import Enum
from typing import Any

from .problems import Problem


class Action(str, Enum):
    """What to do about an error."""

    RETRY = "retry"
    FAIL_ITEM = "fail this item"
    STOP = "stop"


class PicselliaError(Exception):
    """The root of all deliberate errors: says what happened (``message``) and what to do (``hint``)."""

    action = Action.STOP

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message} - {self.hint}" if self.hint else self.message

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions are pickled by their arguments, of which some of these have several.
        return _restored, (type(self), self.__dict__)


class InvalidQueryError(PicselliaError):
    """An argument that cannot be meant, or a request the platform answered with 400."""

    action = Action.FAIL_ITEM


class TyperError(InvalidQueryError):
    """An annotation whose shape the platform does not know."""


class InputError(PicselliaError):
    """An input file that is rejected whole."""

    action = Action.FAIL_ITEM

    def __init__(self, problem: Problem) -> None:
        super().__init__(f"{problem.message} [{problem.place}]", problem.hint)
        self.problem = problem


class FormatError(InputError):
    """A file in a format we do not read, or not in the one that was named."""

    action = Action.STOP


class ItemError(PicselliaError):
    """One item of an input that is rejected. Its catcher knows the place and makes a Problem of it.

    ``code`` is the problem's stable code, ``field`` the part of the item it is about.
    """

    action = Action.FAIL_ITEM

    def __init__(self, code: str, message: str, hint: str = "", field: str = "") -> None:
        super().__init__(message, hint)
        self.code = code
        self.field = field


class AuthenticationError(PicselliaError):
    """No token was given."""


class UnauthorizedError(PicselliaError):
    """The platform does not know the token (401)."""


class UnsufficientRessourcesError(PicselliaError):
    """The organization's quota is used up (402, 507)."""


class ForbiddenError(PicselliaError):
    """The platform does not allow it (403)."""

    action = Action.FAIL_ITEM


class ResourceNotFoundError(PicselliaError):
    """The platform, or the disk, does not have it (404)."""

    action = Action.FAIL_ITEM


class WrongHostError(PicselliaError):
    """Something answers at the host's address, but not as the platform does (a redirect, a web page)."""


class NetworkError(PicselliaError):
    """The platform did not answer."""

    action = Action.RETRY


class ApiLimitError(PicselliaError):
    """Too many requests (429). ``wait`` is the number of seconds the platform asked for, 0 if none."""

    action = Action.RETRY

    def __init__(self, message: str, hint: str = "", wait: float = 0.0) -> None:
        super().__init__(message, hint)
        self.wait = wait


class ProcessingError(PicselliaError):
    """The platform failed (5xx), or gave an answer that does not check."""

    action = Action.RETRY


class RequestRejectedError(PicselliaError):
    """Any other answer that is final for the one thing it is about."""

    action = Action.FAIL_ITEM


class NameTakenError(PicselliaError):
    """The lake has another picture, with other content, under this name."""

    action = Action.FAIL_ITEM


class SourceChangedError(PicselliaError):
    """An image file that is not what was planned any more."""

    action = Action.FAIL_ITEM


class SourceError(PicselliaError):
    """A remote folder or file that cannot be read, perhaps for now: it was tried a few times."""

    action = Action.FAIL_ITEM


class WorkerDiedError(PicselliaError):
    """A piece of work kills the process that does it, whenever it is tried."""


class ClusterError(PicselliaError):
    """A cluster that cannot be reached, has no workers, or workers that cannot do the work."""


class JournalError(PicselliaError):
    """A journal that cannot be used; it is never overwritten."""


class JournalBusyError(JournalError):
    """Another run holds the journal."""


class PlanError(PicselliaError):
    """A saved plan that cannot be used, or not for this destination, or not any more."""


class ServerError(PicselliaError):
    """The embedded platform cannot run here."""


class LedgerError(PicselliaError):
    """The account does not add up: a bug in this package."""


def _restored(kind: type[PicselliaError], state: dict[str, Any]) -> PicselliaError:
    error = kind.__new__(kind, state["message"])
    error.__dict__.update(state)
    return error


_EXIT_CODES: tuple[tuple[type[PicselliaError] | tuple[type[PicselliaError], ...], int], ...] = (
    (LedgerError, 1),
    ((InputError, WorkerDiedError), 3),
    ((InvalidQueryError, PlanError, ResourceNotFoundError, WrongHostError), 2),
    ((AuthenticationError, UnauthorizedError, ForbiddenError, UnsufficientRessourcesError), 5),
    ((ClusterError, JournalError, ServerError, SourceError), 4),
)


def exit_code(error: PicselliaError) -> int:
    """The exit code of a command that an error ends: 4 for what may work another time, 1 for what should not happen."""
    if error.action is Action.RETRY:
        return 4
    return next((code for kinds, code in _EXIT_CODES if isinstance(error, kinds)), 1)
