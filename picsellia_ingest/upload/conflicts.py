"""Images whose name the lake has for another content, and what the user wants to become of them.

``error`` fails them, ``skip`` leaves them out and counts them as rejected, ``rename`` gives them a name with the beginning of
their hash, the same one in every run, and ``replace`` deletes the other picture from the lake, and so from every dataset.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath

from ..api import platform
from ..api.connection import Connection
from ..api.listing import Listed
from ..problems import Place, Problem, Severity, Unit
from .items import Item
from .journal import Journal
from .made import REPLACED, Thing
from .report import Report
from .transfer import object_key

POLICIES = ("error", "skip", "rename", "replace")
TAKEN = "name_taken"
_WINDOW = 500

Settle = Callable[[list[Item]], None]


def other_name(item: Item) -> str:
    """The item's name with eight digits of its hash before the extension."""
    path = PurePosixPath(item.name)
    return str(path.with_name(f"{path.stem}~{item.sha256.hex()[:8]}{path.suffix}"))


class Conflicts:
    """Settles the conflicts of one run."""

    def __init__(self, connection: Connection, organization: str, journal: Journal, report: Report) -> None:
        self.connection, self.organization, self.journal, self.report = (
            connection,
            organization,
            journal,
            report,
        )

    def settle(self, policy: str, lake: Callable[[], Mapping[str, Listed]]) -> bool:
        """Do what the policy says; whether there is anything to be sent that was not before. ``lake`` lists the lake by name."""
        if policy == "error":
            return False
        held = lake() if policy == "replace" else {}
        changed = False
        for window in self.journal.failed(TAKEN, _WINDOW):
            if policy == "skip":
                self._skip(window)
                continue
            changed = True
            if policy == "rename":
                self.journal.rename(
                    (item.id, other_name(item), object_key(other_name(item), item.sha256)) for item in window
                )
                self._say(
                    window,
                    "name_given",
                    "the lake has another picture of this name; it is called",
                    other_name,
                )
            else:
                self._delete([held[item.name] for item in window if item.name in held])
                self._say(
                    window,
                    "picture_replaced",
                    "another picture of this name is deleted from the lake:",
                    _name,
                )
                self.journal.take_off(item.id for item in window)
        return changed

    def _delete(self, pictures: list[Listed]) -> None:
        if not pictures:
            return
        ids = [str(found.id) for found in pictures]
        things = [Thing(REPLACED, str(found.name), str(found.id)) for found in pictures]
        self.journal.made.begin(self.journal.run, things)
        platform.change_pictures(self.connection, self.organization, "delete", {"to_delete": ids})
        self.journal.made.done(self.journal.run, REPLACED, [one.name for one in things])

    def _skip(self, window: list[Item]) -> None:
        self.report.images.rejected[TAKEN] += len(window)
        self.report.instances.rejected[TAKEN] += sum(item.instances for item in window)
        for item in window:
            message = (
                f"the lake has another picture called {item.name!r:.200}: the image is skipped, as asked for"
            )
            self.report.problems(Problem(TAKEN, message, Place(str(item.path)), unit=Unit.IMAGE))
        self.journal.leave_out(item.id for item in window)

    def _say(self, window: list[Item], code: str, words: str, name: Callable[[Item], str]) -> None:
        for item in window:
            place = Place(str(item.path))
            self.report.problems(
                Problem(code, f"{words} {name(item)!r:.200}", place, Severity.WARNING, Unit.IMAGE)
            )


def _name(item: Item) -> str:
    return item.name
