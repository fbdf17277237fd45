"""Writes a page for each format: how it is recognised and read, which odd cases are read how, and what it cannot hold.

``make docs`` runs it. What it holds stands in the table of docs/formats.md; the odd cases are the fixtures, each with the sentence
that its ``case.txt`` states and the tests prove; what is lost is the loss report of a dataset that has everything. A test
holds the pages against what this writes now.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from picsellia_ingest.losses import Losses
from picsellia_ingest.model import (
    Header,
    ImageRecord,
    Instance,
    Label,
    MultipleChoice,
    Polygon,
    Rectangle,
    Ring,
    TextAnswer,
)
from picsellia_ingest.parsers import FORMATS, load
from picsellia_ingest.parsers.writer import Output

HERE = Path(__file__).parent
FOLDER, FIXTURES = HERE / "formats", HERE.parent / "fixtures"

_SQUARE = Ring((10, 10, 30, 10, 30, 30, 10, 30))
_HOLE = Ring((15, 15, 15, 20, 20, 20, 20, 15), hole=True)
_FAR = Ring((50, 10, 60, 10, 60, 25.5))
EVERYTHING = (
    ImageRecord(
        "train/a.jpg",
        100,
        80,
        (
            Instance(
                "car", Rectangle(1, 2.5, 30, 40), attributes={"score": 0.9, "colour": "red", "doors": 4}
            ),
            Instance("car", None, Polygon((_SQUARE,))),
            Instance("car", Rectangle(5, 5, 60, 60), Polygon((_SQUARE, _FAR)), attributes={"iscrowd": 1}),
            Instance("boat", None, Polygon((_SQUARE, _HOLE)), (TextAnswer("name?", "Ida"),)),
            Instance("boat", Rectangle(1, 1, 9, 9), attributes={"keypoints": [1, 1, 2], "tags": ["a", "b"]}),
            Instance("sunny"),
        ),
        (MultipleChoice("weather?", ("sun",), ("sun", "rain")),),
        {"license": 3},
        ("train", "small"),
    ),
    ImageRecord("b.jpg", None, None, (Instance("car", Rectangle(0, 0, 5, 5)),)),
)
"""Two images with all that the model can say."""

_HEADER = Header(
    (
        Label("car", frozenset(("rectangle", "polygon")), {"supercategory": "vehicle"}),
        Label("boat", frozenset(("rectangle", "polygon"))),
        Label("sunny", frozenset(("classification",))),
        Label("unused"),
    ),
    {"licence": "CC-BY"},
)


def page(name: str) -> str:
    """The page of one format."""
    parser = load(name)
    source, shapes, splits = _table()[name]
    parts = [
        f"# {name}\n\nWritten by `make docs`; the odd cases are fixtures that the tests read, and the losses are counted.\n",
        f"{_first(parser.__doc__)}\n",
        f"- Source: {source}\n- Recognised by {parser.recognised_by}\n- Shapes: {shapes}\n- Splits: {splits}\n",
        "What a file says beyond that is kept as attributes, and written back verbatim in the same format. What holds for several"
        "\nformats - rings and holes, rotated boxes, fractions, EXIF, names - stands in [formats](../formats.md).\n",
        "## Odd cases\n",
        *(f"- {words} ([{case}](../../fixtures/{name}/{case}))" for case, words in _cases(name)),
        "\n## What it cannot hold\n",
        "Of a dataset that has everything - boxes, polygons in parts and with holes, classifications, answers, attributes of all"
        "\nkinds, splits, an image of unknown size:\n",
        *_losses(name),
    ]
    return "\n".join(parts) + "\n"


def _table() -> dict[str, tuple[str, str, str]]:
    """Source, shapes and splits of each format, as docs/formats.md has them."""
    rows = [
        line.strip("|").split("|")
        for line in (HERE / "formats.md").read_text().splitlines()
        if line.startswith("| [`")
    ]
    cells = [[cell.strip() for cell in row] for row in rows]
    return {cell[0].split("`")[1]: (cell[1], cell[2], cell[3]) for cell in cells}


def _first(text: str | None) -> str:
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")


def _cases(name: str) -> list[tuple[str, str]]:
    found = sorted((FIXTURES / name).glob("*/case.txt"))
    return [(path.parent.name, path.read_text().strip().rstrip(".").replace("\n", " ")) for path in found]


def _losses(name: str) -> list[str]:
    lines = list(losses(name).lines())
    return [f"- {line}" for line in lines] or ["- nothing: all of it is held."]


def losses(name: str) -> Losses:
    """What the format loses of ``EVERYTHING``."""
    made = load(name).writer()
    assert made is not None
    with tempfile.TemporaryDirectory() as folder:
        writer = made(_HEADER, None, "another")
        with Output(writer, Path(folder) / "out") as output:
            output.write(EVERYTHING, writer.keys([record.file_name for record in EVERYTHING], output.losses))
        return output.losses


def main() -> None:
    """Write them all."""
    for name in FORMATS:
        (FOLDER / f"{name}.md").write_text(page(name))


if __name__ == "__main__":
    main()
