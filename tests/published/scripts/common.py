"""What the scripts share; like them, it runs in the clients' own environments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

RECTANGLE = {"top": 8, "left": 40, "width": 25, "height": 31}
POLYGON = {"geometry": [{"x": 9, "y": 64}, {"x": 31, "y": 62.5}, {"x": 34, "y": 70}]}
QA = [
    {"type": "select", "question": "Is it moving?", "answer": "no", "choices": ["yes", "no"]},
    {"type": "range", "question": "Rust", "answer": 35, "min": 0, "max": 100},
]
IMAGE_QA = [
    {"type": "text", "question": "Tilt?", "answer": "about 3°"},
    {"type": "mc", "question": "Conditions", "answer": ["wet"], "choices": ["wet", "dry"]},
]
OBJECTS: list[dict[str, Any]] = [
    {"type": "rectangle", "label": "crane", "rectangle": RECTANGLE, "qa": QA},
    {"type": "polygon", "label": "puddle", "polygon": POLYGON, "qa": []},
    {"type": "classification", "label": "overcast"},
]


def failure(call: Callable[..., Any], *arguments: Any, **named: Any) -> str | None:
    """The name of what a call raises."""
    try:
        call(*arguments, **named)
    except Exception as error:  # noqa: BLE001 - it is what the tests look at
        return type(error).__name__
    return None


def dataset(client: Any, name: str, *files: str) -> dict[str, str]:
    """Upload files and make a dataset of them; gives the ids of the pictures."""
    pictures = client.datalake.picture
    for file in files:
        pictures.upload(file, tags=[name])
    found = pictures.fetch(1, [name])
    client.datalake.dataset.create(name, "described", False, found)
    return {picture["external_url"]: picture["picture_id"] for picture in found}


def annotate(client: Any, shape: Any, name: str, data: Any, **more: Any) -> Any:
    """Annotate a picture of the dataset at hand, by its name."""
    return client.datalake.dataset.add_annotation(
        name, **dict.fromkeys(shape.by_name, True), data=data, **more
    )


def token_of(client: Any) -> str:
    """The token a client was made with."""
    return str(client.auth["Authorization"]).split()[1]


def project(client: Any, shape: Any, name: str, **more: Any) -> str:
    """Make a project; gives its id."""
    client.project.create(**{shape.project_name: name}, **more)
    return str(getattr(client.project, shape.project_id))
