"""What of a run's things the platform still has, and which of them can go without taking anything else along.

The platform is listed anew for every look. A thing goes only if it is proven to be the run's: a picture that no other
dataset holds, that nobody gave tags and that carries no annotation but the run's; an annotation in which every object
is one that the run added; a dataset that holds nothing the run did not put there. Everything else stays, and why is said.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..api import listing, pages, platform
from ..api.connection import Connection
from ..api.listing import Listed
from . import made
from .made import ANNOTATION, DATASET, FOUND, LABEL, MEMBER, PICTURE, REPLACED, SENDING, TAGS, Thing

NOT_KNOWN = "whether the run made it is not known: the platform said that it was there, maybe after an answer was lost"
_NO_WAY = "the platform has no way to take it out by itself"


@dataclass(slots=True)
class Look:
    """What one look found. ``remove`` has the platform's id of what can go."""

    remove: dict[Thing, str] = field(default_factory=dict)
    along: list[Thing] = field(default_factory=list)
    """What goes with something in ``remove``."""
    gone: list[Thing] = field(default_factory=list)
    stays: list[tuple[Thing, str]] = field(default_factory=list)

    def going(self, kind: str) -> list[tuple[Thing, str]]:
        """What can go of one kind."""
        return [(thing, ref) for thing, ref in self.remove.items() if thing.kind == kind]


class _Listed:
    """What the platform holds, each thing asked for once."""

    def __init__(self, connection: Connection, organization: str) -> None:
        self._connection = connection
        pictures = [*listing.of_lake(connection, organization)]
        self.by_id = {str(found.id): found for found in pictures}
        self.by_name = {str(found.name): found for found in pictures}
        self.datasets = {
            str(found["dataset_id"]): found for found in platform.list_datasets(connection, organization)
        }
        self._members: dict[str, dict[str, str]] = {}
        self._records: dict[str, dict[str, Mapping[str, Any]]] = {}

    def members(self, dataset: str) -> dict[str, str]:
        """The names of a dataset's pictures by their id."""
        if dataset not in self._members:
            listed = listing.of_dataset(self._connection, dataset)
            self._members[dataset] = {str(one.id): str(one.name) for one in listed}
        return self._members[dataset]

    def records(self, dataset: str) -> dict[str, Mapping[str, Any]]:
        """The annotation records of a dataset by the name of their picture."""
        if dataset not in self._records:
            listed = pages.all_annotations(self._connection, dataset)
            self._records[dataset] = {str(one["external_picture_url"]): one for one in listed}
        return self._records[dataset]

    def version(self, name: str, version: str) -> str | None:
        """The id of a version of a dataset."""
        for key, found in self.datasets.items():
            if (found.get("dataset_name"), found.get("version")) == (name, version):
                return key
        return None

    def called(self, dataset: str) -> str:
        """A dataset as a person knows it."""
        found = self.datasets[dataset]
        return f"{found.get('dataset_name')}/{found.get('version')}"


def look(
    connection: Connection,
    organization: str,
    things: Iterable[Thing],
    tags: Iterable[str],
    given_up: Iterable[tuple[str, str]] = (),
) -> Look:
    """Sort the things of a run, whose pictures got ``tags``.

    Memberships that are ``given_up`` (name of the picture, dataset) hold nothing back: their run was undone too.
    """
    sorting = _Sorting(_Listed(connection, organization), things, tags)
    sorting.put(given_up)
    for sort, kind in (
        (sorting.annotation, ANNOTATION), (sorting.dataset, DATASET), (sorting.picture, PICTURE),
        (sorting.member, MEMBER), (sorting.label, LABEL), (sorting.tags, TAGS), (sorting.replaced, REPLACED),
    ):  # fmt: skip
        for thing in sorting.of(kind):
            sort(thing)
    return sorting.found


class _Sorting:
    """One look. Kinds are sorted in an order in which each needs only those before it."""

    def __init__(self, listed: _Listed, things: Iterable[Thing], tags: Iterable[str]) -> None:
        self.listed, self.run_tags, self.found = listed, set(tags), Look()
        self._things = list(things)
        self._ours: set[tuple[str, str]] = set()
        """Annotations that can go, by dataset and name of the picture."""
        self._ending: set[str] = set()
        """Datasets that can go."""
        self._leaving: set[str] = set()
        """Names of pictures that can go."""
        self._put: dict[str, set[str]] = {}
        self.put((thing.name, thing.ref or "") for thing in self._things if thing.kind == MEMBER)

    def put(self, members: Iterable[tuple[str, str]]) -> None:
        """The run put these pictures into these datasets; a dataset without an id is the one that it was making."""
        for name, dataset in members:
            self._put.setdefault(name, set()).add(dataset)

    def of(self, kind: str) -> list[Thing]:
        """The run's things of one kind that were not undone before; those that were are gone."""
        here = [thing for thing in self._things if thing.kind == kind]
        self.found.gone += [thing for thing in here if thing.gone]
        return [thing for thing in here if not thing.gone]

    def _stays(self, thing: Thing, why: str) -> None:
        self.found.stays.append((thing, why))

    def annotation(self, thing: Thing) -> None:
        """An annotation goes when all that it holds is what the run added."""
        dataset = thing.ref or ""
        record = self.listed.records(dataset).get(thing.name) if dataset in self.listed.datasets else None
        if record is None:
            self.found.gone.append(thing)
            return
        held = made.fingerprints(record.get("annotations") or (), record.get("image_qa") or ())
        if thing.before:
            self._stays(thing, "it held objects before the run, and it can only be deleted whole")
        elif not made.within(held, thing.detail):
            self._stays(
                thing, "it holds objects now that the run did not add, and it can only be deleted whole"
            )
        else:
            self._ours.add((dataset, thing.name))
            self.found.remove[thing] = str(record.get("internal_picture_id") or "")

    def dataset(self, thing: Thing) -> None:
        """A dataset goes when the run put in all that it holds."""
        dataset = thing.ref or self.listed.version(thing.detail.decode(), thing.name)
        if dataset not in self.listed.datasets:
            self.found.gone.append(thing)
            return
        others = set(self.listed.members(dataset).values()) - self._put.keys()
        said = [name for name in self.listed.records(dataset) if (dataset, name) not in self._ours]
        if thing.sure == FOUND:
            self._stays(thing, NOT_KNOWN)
        elif others:
            self._stays(thing, f"it holds {len(others)} pictures that the run did not put there")
        elif said:
            self._stays(thing, f"it holds annotations of {len(said)} pictures that are not only the run's")
        else:
            self._ending.add(dataset)
            self.found.remove[thing] = dataset

    def picture(self, thing: Thing) -> None:
        """A picture goes when nobody else uses it."""
        listed = self.listed
        found = listed.by_id.get(thing.ref) if thing.ref else listed.by_name.get(thing.name)
        if found is None or (not thing.ref and found.key != thing.detail.decode()):
            self.found.gone.append(thing)
            return
        why = NOT_KNOWN if thing.sure == FOUND else self._why_kept(thing, found)
        if why:
            self._stays(thing, why)
        else:
            self._leaving.add(thing.name)
            self.found.remove[thing] = str(found.id)

    def _why_kept(self, thing: Thing, found: Listed) -> str:
        listed, key = self.listed, str(found.id)
        holders = [one for one in listed.datasets if one not in self._ending and key in listed.members(one)]
        put = self._put.get(thing.name, set())
        others = [listed.called(one) for one in holders if one not in put]
        if others:
            return f"the dataset {', '.join(sorted(others)):.200} holds it"
        if thing.sure == SENDING and holders:
            return NOT_KNOWN
        if any(thing.name in listed.records(one) and (one, thing.name) not in self._ours for one in holders):
            return "it carries an annotation that is not only the run's"
        more = sorted(found.tags - self.run_tags)
        return f"it was given other tags: {', '.join(more):.200}" if more else ""

    def member(self, thing: Thing) -> None:
        """A membership ends with its dataset or its picture."""
        dataset = thing.ref or next(iter(self._ending), "")
        picture = self.listed.by_name.get(thing.name)
        if (
            dataset not in self.listed.datasets
            or picture is None
            or str(picture.id) not in self.listed.members(dataset)
        ):
            self.found.gone.append(thing)
        elif dataset in self._ending or thing.name in self._leaving:
            self.found.along.append(thing)
        else:
            self._stays(thing, _NO_WAY)

    def label(self, thing: Thing) -> None:
        """A label ends with its dataset."""
        if thing.ref not in self.listed.datasets:
            self.found.gone.append(thing)
        elif thing.ref in self._ending:
            self.found.along.append(thing)
        else:
            self._stays(thing, _NO_WAY)

    def tags(self, thing: Thing) -> None:
        """Tags that a picture did not have before are taken off."""
        picture = self.listed.by_id.get(thing.ref or "")
        if picture is None or not set(json.loads(thing.detail)) & picture.tags:
            self.found.gone.append(thing)
        else:
            self.found.remove[thing] = thing.ref or ""

    def replaced(self, thing: Thing) -> None:
        """A picture that was deleted to make room cannot come back."""
        if thing.sure == SENDING and thing.ref in self.listed.by_id:
            self.found.gone.append(thing)
        else:
            self._stays(thing, "it was deleted to make room for another one, and cannot be brought back")
