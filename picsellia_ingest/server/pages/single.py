"""One picture with what is said of it, and the bytes of pictures and thumbnails."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from flask import Response, send_file

from ..objects import ObjectName, sniff
from ..routes.common import caller, platform
from ..routes.storage import inert, stored
from ..store.browsing import PAGE, Filter
from ..store.lake import PICTURES
from ..thumbnails import SHOWN_BY_BROWSERS
from .common import routes, show
from .drawing import Colours, below, draw, questions
from .gallery import query_of, wish

_PLACEHOLDER = Path(__file__).with_name("placeholder.svg")
_NAMED = 60
"""Up to how many objects have their names written beside them."""
_LISTED = 1000


@routes.get("/datasets/<uuid>/<picture>")
def picture(uuid: str, picture: str) -> Response:
    """A picture with its annotation in a dataset."""
    return _view(uuid, picture, wish())


@routes.get("/lake/<picture>")
def lake_picture(picture: str) -> Response:
    """A picture as it is in the lake."""
    return _view(None, picture, Filter(tag=wish().tag))


@routes.get("/pictures/<picture>/image")
def image(picture: str) -> Response:
    """The bytes of a picture; of one that browsers cannot show, a copy."""
    name = _name(picture)
    path = platform().objects.path(name)
    if path.is_file() and sniff(path) in SHOWN_BY_BROWSERS:
        return stored(name)
    return _thumbnail(name)


@routes.get("/pictures/<picture>/thumbnail")
def thumbnail(picture: str) -> Response:
    """A small copy of a picture."""
    return _thumbnail(_name(picture))


def _name(picture: str) -> ObjectName:
    key = platform().browsing.key(caller(), picture)
    return ObjectName(caller().organization_id, PICTURES, key)


def _thumbnail(name: ObjectName) -> Response:
    small = platform().thumbnails.of(name)
    if small is not None:
        answer = stored(small)
        # It is made of bytes that never change; a picture that is removed takes its address with it.
        answer.headers["Cache-Control"] = "private, max-age=3600"
        return answer
    return inert(send_file(_PLACEHOLDER, mimetype="image/svg+xml", max_age=0), attached=False)


def _view(uuid: str | None, picture: str, wanted: Filter) -> Response:
    found = platform().browsing.view(caller(), uuid, picture, wanted)
    colours = Colours(found.labels)
    drawn = draw(found.member.shapes or [], colours)
    counts = Counter(one.label for one in drawn)
    return show(
        "single.html",
        view=found,
        member=found.member,
        listed=drawn[:_LISTED],
        left_out=max(0, len(drawn) - _LISTED),
        count=len(drawn),
        shapes=below(drawn),
        undrawn=sum(one.kind != "classification" and not one.fill for one in drawn),
        named=len(drawn) <= _NAMED,
        size=max(found.member.width, found.member.height) / 60,
        legend=[(name, colours[name], count) for name, count in counts.most_common()],
        answers=questions(found.image_qa),
        wish=wanted,
        asked=query_of(wanted),
        back=found.index // PAGE + 1,
    )
