"""Names of members and objects: only those that stay inside a folder are taken."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from ..errors import ItemError
from .far import Listing

_DRIVE = re.compile(r"[A-Za-z]:")
_SHOWN = 200


def inside(name: str) -> str:
    """The name without ``.`` steps and doubled slashes. Raises ItemError for one that leads out of its folder, or may."""
    steps = name.split("/")
    if name.startswith("/") or ".." in steps or "\\" in name or "\0" in name or _DRIVE.match(name):
        raise ItemError(
            "name_escapes",
            f"{name!r:.{_SHOWN}} is not a name inside a folder",
            "pack it again with plain names",
        )
    try:
        name.encode()
    except UnicodeEncodeError:
        raise ItemError("name_not_text", f"the name {name!r:.{_SHOWN}} is not UTF-8", "rename it") from None
    return "/".join(step for step in steps if step not in ("", "."))


def follow(links: dict[str, str], listing: Listing) -> dict[str, str]:
    """Which file each link of an archive means, through other links too; what leads out or nowhere is refused."""
    found: dict[str, str] = {}
    for name in links:
        target, seen = name, set[str]()
        while target in links and target not in seen:
            seen.add(target)
            target = links[target]
        if target.startswith("/") or ".." in PurePosixPath(target).parts:
            error = ItemError("link_outside", "a link to a file outside the archive", "pack the file itself")
        elif target not in listing.files or target in links:
            error = ItemError("link_broken", "a link that leads nowhere", "pack the file itself")
        else:
            found[name] = target
            continue
        listing.refused.append((name, error))
    return found


def joined(link: str, target: str) -> str:
    """Where a link with a target relative to its own folder leads, inside the archive; as it is where that is outside."""
    steps: list[str] = [] if target.startswith("/") else link.split("/")[:-1]
    for step in target.split("/"):
        if step == ".." and not steps:
            return "../" + target
        if step == "..":
            steps.pop()
        elif step not in ("", "."):
            steps.append(step)
    return f"/{'/'.join(steps)}" if target.startswith("/") else "/".join(steps)
