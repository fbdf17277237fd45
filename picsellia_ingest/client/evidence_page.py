"""The evidence of a run or an inspection as one page: what came in, what became of it, and what to look at first.

Self-contained: pictures are in it, no script, nothing is fetched, and a policy in its head forbids both. Names and labels
are text whatever they hold. Jinja2 and Pillow are imported when a page is written.
"""

from __future__ import annotations

import base64
import io
import json
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import PicselliaError
from ..parsers.image_files import FORMATS
from ..problems import Problem, ProblemLog
from ..upload.suspects import KINDS, Suspect
from . import files
from .evidence_views import View

if TYPE_CHECKING:
    from jinja2 import Template
    from PIL.Image import Image

_LABELS, _EXAMPLES = 40, 5
_SIDE, _AROUND, _LEAST = 320, 0.6, 48
_PIXELS_MOST = 64_000_000
_LINE, _BOX, _PAPER = (255, 64, 160), (64, 200, 255), (96, 96, 104)


def write(title: str, views: Sequence[View], data: object, path: Path) -> None:
    """Write the page, and beside it its data as JSON (the same name with ``.json``); each appears whole or not at all."""
    texts = (page(title, views), json.dumps(data, indent=2, default=str))
    for where, text in zip((path, path.with_suffix(".json")), texts, strict=True):
        files.write(where, text.encode("utf-8", "replace"))


def page(title: str, views: Sequence[View]) -> str:
    """The page as HTML: a part for each view, and before several an overview."""
    parts = [
        {
            "view": view,
            "tables": view.survey.tables(),
            "labels": sorted(view.labels.items(), key=lambda pair: (-pair[1], pair[0]))[:_LABELS],
            "labels_note": _left_out(len(view.labels), view.labels_unused),
            "problems": _grouped(view.problems),
            "suspects": [
                {"picture": _drawn(one), "kind": KINDS[one.kind], "words": one.words, "label": one.instance.label, "image": one.image}
                for one in view.survey.suspects.worst()
            ],
        }
        for view in views
    ]  # fmt: skip
    return template().render(title=title, parts=parts)


@cache
def template() -> Template:
    """The template of all pages: to read it takes longer than to fill it in."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    loader = PackageLoader("picsellia_ingest.client")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("evidence.html")


def _left_out(used: int, unused: int) -> str:
    more = [f"{used - _LABELS} more"] if used > _LABELS else []
    return ", ".join(more + ([f"{unused} without an instance"] if unused else []))


def _grouped(problems: ProblemLog) -> list[dict[str, Any]]:
    examples: defaultdict[str, list[Problem]] = defaultdict(list)
    for problem in problems.kept:
        if len(examples[problem.code]) < _EXAMPLES:
            examples[problem.code].append(problem)
    return [
        {
            "code": code,
            "count": count,
            "lost": problems.lost[code],
            "warning": problems.warnings[code] == count,
            "examples": examples[code],
        }
        for code, count in problems.counts.most_common()
    ]


def _drawn(suspect: Suspect) -> str:
    """The part of the image around the instance, with its box and rings, as a data address."""
    from PIL import Image, ImageDraw

    box = suspect.box
    around = max(_LEAST, _AROUND * max(box.width, box.height))
    left, top = box.left - around, box.top - around
    width, height = box.width + 2 * around, box.height + 2 * around
    scale = _SIDE / max(width, height)
    shown = Image.new("RGB", (max(1, round(width * scale)), max(1, round(height * scale))), _PAPER)
    picture = _opened(suspect)
    if picture is not None:
        area = (
            max(0, left),
            max(0, top),
            min(picture.width, left + width),
            min(picture.height, top + height),
        )
        if area[0] < area[2] and area[1] < area[3]:
            size = (max(1, round((area[2] - area[0]) * scale)), max(1, round((area[3] - area[1]) * scale)))
            part = picture.crop(area).resize(size)
            shown.paste(part, (round((area[0] - left) * scale), round((area[1] - top) * scale)))
    draw = ImageDraw.Draw(shown)

    def at(x: float, y: float) -> tuple[float, float]:
        return (x - left) * scale, (y - top) * scale

    draw.rectangle(
        (*at(box.left, box.top), *at(box.left + box.width, box.top + box.height)), outline=_BOX, width=2
    )
    for ring in suspect.instance.polygon.rings if suspect.instance.polygon else ():
        points = [at(x, y) for x, y in zip(ring.points[::2], ring.points[1::2], strict=True)]
        draw.line([*points, points[0]], fill=_LINE, width=2)
    out = io.BytesIO()
    shown.save(out, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


def _opened(suspect: Suspect) -> Image | None:
    """The image as it is shown; None where it is not known, or cannot be opened."""
    from PIL import Image, ImageOps

    if suspect.path is None:
        return None
    try:
        with suspect.path.open("rb") as stream, Image.open(stream, formats=FORMATS) as image:
            if image.width * image.height > _PIXELS_MOST:
                return None
            return ImageOps.exif_transpose(image).convert("RGB")
    except (PicselliaError, OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return None
