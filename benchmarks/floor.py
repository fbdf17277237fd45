"""What T1, T4 and T5 would take if nothing were checked, counted, placed or drawn: the bare steps, with the same libraries.

    python -m benchmarks.floor [IMAGES]        20,000 by default; COCO's train2017 has 118,000

COCO, in one process: windows are decoded for the image of each annotation, these are put in order, fetched from the file,
decoded, their rings or boxes turned into objects as text, and that is written. Masks are left out. VOC, in two processes:
files are listed, read once, and "<object>" is counted; nothing is written. What is lacking to a conversion costs more.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
from multiprocessing import get_context
from pathlib import Path

import msgspec
import numpy as np

from . import inputs
from .measure import cost, peers, row
from .parsing import FROM_VOC, orjson_seconds

WINDOW, TOGETHER = 8 << 20, 3_500
"""Bytes that are decoded together for the order, and annotations that are turned into text together."""
BETWEEN = b"}, {"
"""What stands between the annotations of the file that is generated, and nowhere else in it."""


class Key(msgspec.Struct, gc=False):
    """What the order needs."""

    image_id: int


class Row(msgspec.Struct, gc=False):
    """What is written of an annotation."""

    image_id: int
    category_id: int
    bbox: msgspec.Raw
    segmentation: msgspec.Raw


KEYS = msgspec.json.Decoder(list[Key])
ROWS = msgspec.json.Decoder(list[Row])


def in_order(path: Path) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where each annotation stands, how long it is, and the numbers of all, image by image."""
    images, starts, lengths = [], [], []
    with path.open("rb") as stream:
        text = stream.read(1 << 26)
        at = text.index(b'"annotations": [') + len(b'"annotations": [')
        end = path.stat().st_size
        while True:
            stream.seek(at)
            text = stream.read(WINDOW)
            last = text.find(b'], "categories"') if at + len(text) == end else -1
            text = text[:last] if last > 0 else text[: text.rindex(BETWEEN) + 1]
            images += [one.image_id for one in KEYS.decode(b"[%b]" % text)]
            sizes = np.array([*map(len, text.split(BETWEEN))]) + 2
            sizes[[0, -1]] -= 1
            starts.append(at + np.cumsum(sizes + 2) - sizes - 2)
            lengths.append(sizes)
            if last > 0:
                break
            at += len(text) + 2
    return np.concatenate(starts), np.concatenate(lengths), np.argsort(np.array(images), kind="stable")


def rings(rows: list[Row]) -> list[bytes]:
    """The points of rings as objects."""
    text = b"\n".join([bytes(one.segmentation)[2:-2] for one in rows])
    characters = np.frombuffer(text.replace(b" ", b""), np.uint8).copy()
    marks = np.flatnonzero((characters == ord(",")) | (characters == ord("\n")))
    ends = characters[marks] == ord("\n")
    characters[marks[::2]] = 1
    characters[marks[1::2]] = 2
    characters[marks[ends]] = ord("\n")
    objects = characters.tobytes().replace(b"\1", b',"y":').replace(b"\2", b'},{"x":')
    return [b'{"type":"polygon","polygon":{"geometry":[{"x":%b}]}}' % ring for ring in objects.split(b"\n")]


def boxes(rows: list[Row]) -> list[bytes]:
    """Boxes as objects."""
    sides = [bytes(one.bbox)[1:-1].split(b", ") for one in rows]
    return [
        b'{"type":"rectangle","rectangle":{"left":%b,"top":%b,"width":%b,"height":%b}}' % (*four,)
        for four in sides
    ]


def coco(path: Path, to: Path, *, rectangle: bool) -> None:
    """The bare conversion."""
    gc.disable()
    starts, lengths, order = in_order(path)
    number = os.open(path, os.O_RDONLY)
    with to.open("wb") as out:
        for at in range(0, len(order), TOGETHER):
            some = order[at : at + TOGETHER]
            spans = zip(lengths[some].tolist(), starts[some].tolist(), strict=True)
            texts = [os.pread(number, length, start) for length, start in spans]
            rows = ROWS.decode(b"[%b]" % b",".join(texts))
            if rectangle:
                out.write(b",\n".join(boxes(rows)))
            else:
                out.write(b",\n".join(rings([one for one in rows if bytes(one.segmentation)[:1] == b"["])))
            out.write(b"\n")
    os.close(number)


def voc(folder: Path) -> None:
    """The bare reading."""
    names = [entry.path for entry in os.scandir(folder)]
    with get_context("fork").Pool(2) as pool:
        print(sum(pool.map(_objects, [names[::2], names[1::2]], chunksize=1)))


def _objects(names: list[str]) -> int:
    found = 0
    for name in names:
        number = os.open(name, os.O_RDONLY)
        found += os.read(number, 1 << 20).count(b"<object>")
        os.close(number)
    return found


def main() -> None:
    if sys.argv[1:2] == ["coco"]:
        coco(Path(sys.argv[2]), Path(sys.argv[3]), rectangle=sys.argv[4] == "boxes")
        return
    if sys.argv[1:2] == ["voc"]:
        voc(Path(sys.argv[2]))
        return
    images, python = int([*sys.argv[1:], "20000"][0]), peers()
    assert python is not None, "without orjson there is nothing to compare with"
    this = [sys.executable, "-m", "benchmarks.floor"]
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        source, to = folder / "train.json", folder / "out"
        inputs.coco(source, images)
        base = orjson_seconds(python, source)
        for name, kind, jobs, most in (
            ("T1", "rings", 1, 1.5),
            ("T1", "rings", 2, 1.0),
            ("T4", "boxes", 2, 0.6),
        ):
            seconds = cost([*this, "coco", str(source), str(to), kind]).seconds
            crowds = -(-7 * images // 100) if kind == "rings" else 0
            assert to.read_bytes().count(b'"type"') == 7 * images - crowds
            what = (
                f"bare steps to {kind}, {jobs} job / orjson.loads"
                if jobs == 1
                else f"half of the bare steps to {kind} / orjson.loads"
            )
            row(name, what, seconds / jobs / base, most=most)
        inputs.voc(folder / "devkit", 20_000)
        ours = cost([*this, "voc", str(folder / "devkit")])
        assert int(ours.said) == 40_000
        theirs = cost([str(python), "-c", FROM_VOC, str(folder / "devkit"), str(folder / "theirs.json")])
        row(
            "T5", "VOC listed and read, nothing else / hotcoco to COCO", ours.seconds / theirs.seconds, most=1
        )


if __name__ == "__main__":
    main()
