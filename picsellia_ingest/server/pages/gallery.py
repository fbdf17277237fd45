"""Many pictures: the datasets, the pictures of one, the lake."""

from __future__ import annotations

from flask import Response, request, url_for

from ...errors import InvalidQueryError, ResourceNotFoundError
from ..routes.common import caller, platform
from ..store.browsing import PAGE, Filter, Gallery, Labelled, pages_of
from .common import page_number, routes, show
from .drawing import Colours, sketch

_MOST_NAMES = 300
"""How many labels and tags are offered; others can be asked for in the address."""


@routes.get("/")
def datasets() -> Response:
    """Every dataset version."""
    page = page_number()
    found, pages = platform().browsing.datasets(caller(), page)
    _check(page, pages)
    return show("datasets.html", datasets=found, page=page, pages=pages, links=_links(page, pages, {}))


@routes.get("/datasets/<uuid>")
def dataset(uuid: str) -> Response:
    """The pictures of a dataset."""
    return _gallery(uuid, wish())


@routes.get("/lake")
def lake() -> Response:
    """All pictures."""
    return _gallery(None, Filter(tag=wish().tag))


def wish() -> Filter:
    """Which pictures the address asks for."""
    label, tag = request.args.get("label", ""), request.args.get("tag", "")
    if "\x00" in label + tag:
        raise InvalidQueryError("no label and no tag has a NUL")
    return Filter(label, tag, "bare" in request.args)


def query_of(wanted: Filter) -> dict[str, str]:
    """What asks for these pictures in an address."""
    asked = {"label": wanted.label, "tag": wanted.tag, "bare": "1" if wanted.bare else ""}
    return {name: value for name, value in asked.items() if value}


def _gallery(uuid: str | None, wanted: Filter) -> Response:
    page = page_number()
    found, count = platform().browsing.gallery(caller(), uuid, wanted, page)
    pages = pages_of(count, PAGE)
    _check(page, pages)
    colours = Colours(label.name for label in found.labels)
    return show(
        "gallery.html",
        gallery=found,
        found=count,
        tiles=[(member, sketch(member, colours)) for member in found.pictures],
        colours=colours,
        labels=_most(found),
        most=max((label.instances for label in found.labels), default=0),
        tags=found.tags[:_MOST_NAMES],
        left_out=max(0, len(found.labels) - _MOST_NAMES),
        wish=wanted,
        asked=query_of(wanted),
        page=page,
        pages=pages,
        links=_links(page, pages, query_of(wanted)),
    )


def _most(found: Gallery) -> list[Labelled]:
    return [*sorted(found.labels, key=lambda label: (-label.instances, label.name))[:_MOST_NAMES]]


def _check(page: int, pages: int) -> None:
    if page > pages:
        raise ResourceNotFoundError("there are not so many pages")


def _links(page: int, pages: int, asked: dict[str, str]) -> dict[str, str]:
    """Where the pager leads, with what is asked for; the rest of an address, which might mislead ``url_for``, is dropped."""
    wanted = {"first": 1, "previous": page - 1, "next": page + 1, "last": pages}
    arguments = asked | (request.view_args or {})
    return {
        name: url_for(request.endpoint or "", **arguments | {"page": number})
        for name, number in wanted.items()
        if 1 <= number <= pages and number != page
    }
