"""How the published clients differ from each other: names and arguments, as their signatures say.

Read by the tests and by the scripts, which run in the clients' own environments, so it imports nothing.
"""

from __future__ import annotations

from typing import NamedTuple

OLD, MIDDLE, NEW = ("5.0", "5.0.2"), "5.0.8", "5.0.22"
VERSIONS = (*OLD, MIDDLE, NEW)


class Shape(NamedTuple):
    """What a version calls things, and which calls it lacks (``class.method``)."""

    version: str
    project_name: str = "name"
    project_id: str = "project_token"
    by_name: tuple[str, ...] = ()  # what add_annotation has to be told when a picture is not named by its id
    lacks: frozenset[str] = frozenset()

    def has(self, call: str) -> bool:
        return call not in self.lacks


_LATEST_ONLY = {"Dataset.list_pictures", "Dataset.get_annotations", "Network.download"}
_NOT_YET = {"Datalake.upload", "Experiment.launch_scan", "Network.deploy"}
_BY_NAME = ("new_picture",)

SHAPES = {
    **{
        version: Shape(version, "project_name", "id", _BY_NAME, frozenset(_LATEST_ONLY | _NOT_YET))
        for version in OLD
    },
    MIDDLE: Shape(MIDDLE, by_name=_BY_NAME, lacks=frozenset({"Datalake.push_dataset"} | _LATEST_ONLY)),
    NEW: Shape(NEW, lacks=frozenset({"Datalake.push_dataset"})),
}
