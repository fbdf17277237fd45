"""Generated inputs: seeded, so that every run measures the same, and shaped like what people have."""

from __future__ import annotations

import json
import random
from pathlib import Path

LABELS = 80
WIDTH, HEIGHT = 640, 480


def coco(path: Path, images: int, seed: int = 7) -> None:
    """A file like COCO's train2017: seven annotations an image in any order, rings of 8 to 40 points around their box's middle,
    one in a hundred a crowd mask. Written a line at a time."""
    chance = random.Random(seed)
    owners = [image for image in range(images) for _ in range(7)]
    chance.shuffle(owners)
    with path.open("w") as out:
        rows = (
            json.dumps({"id": n, "file_name": f"{n:012}.jpg", "width": WIDTH, "height": HEIGHT})
            for n in range(images)
        )
        out.write('{"info": {"year": 2021}, "images": [' + ", ".join(rows) + '], "annotations": [')
        for number, image in enumerate(owners):
            out.write((", " if number else "") + json.dumps(annotation(chance, number, image)))
        categories = [{"id": n, "name": f"label {n}", "supercategory": "thing"} for n in range(1, LABELS + 1)]
        out.write('], "categories": ' + json.dumps(categories) + "}")


def annotation(chance: random.Random, number: int, image: int) -> dict[str, object]:
    """One annotation, its keys in the order of COCO's own files."""
    width, height = round(chance.uniform(8, 200), 2), round(chance.uniform(8, 200), 2)
    left, top = round(chance.uniform(0, WIDTH - width), 2), round(chance.uniform(0, HEIGHT - height), 2)
    crowd = number % 100 == 0
    return {
        "segmentation": runs(chance) if crowd else [ring(chance, left, top, width, height)],
        "area": round(width * height / 2, 3),
        "iscrowd": int(crowd),
        "image_id": image,
        "bbox": [left, top, width, height],
        "category_id": chance.randint(1, LABELS),
        "id": number,
    }


def ring(chance: random.Random, left: float, top: float, width: float, height: float) -> list[float]:
    """Points in any order inside a box."""
    points = []
    for _ in range(chance.randint(8, 40)):
        points += [round(left + chance.random() * width, 2), round(top + chance.random() * height, 2)]
    return points


def runs(chance: random.Random) -> dict[str, object]:
    """A ragged mask as run lengths: some hundred runs in neighbouring columns."""
    counts = [chance.randint(0, WIDTH // 2) * HEIGHT + 100]
    for _ in range(chance.randint(50, 300)):
        filled = chance.randint(1, 120)
        counts += [filled, HEIGHT - filled + chance.randint(-20, 20)]
    total = HEIGHT * WIDTH
    while sum(counts) >= total:
        del counts[-2:]
    return {"size": [HEIGHT, WIDTH], "counts": [*counts, total - sum(counts)]}


def voc(folder: Path, images: int, seed: int = 7) -> None:
    """A flat folder of files with two boxes each."""
    chance = random.Random(seed)
    folder.mkdir()
    for number in range(images):
        objects = "".join(_voc_object(chance) for _ in range(2))
        (folder / f"{number:06}.xml").write_text(
            f"<annotation>\n\t<folder>x</folder>\n\t<filename>{number:06}.jpg</filename>\n\t<size>\n\t\t<width>{WIDTH}</width>\n"
            f"\t\t<height>{HEIGHT}</height>\n\t\t<depth>3</depth>\n\t</size>\n\t<segmented>0</segmented>\n{objects}</annotation>\n"
        )


def _voc_object(chance: random.Random) -> str:
    left, top = chance.randint(1, 500), chance.randint(1, 400)
    return (
        f"\t<object>\n\t\t<name>label {chance.randint(1, LABELS)}</name>\n\t\t<pose>Unspecified</pose>\n\t\t<truncated>0</truncated>\n"
        f"\t\t<difficult>0</difficult>\n\t\t<bndbox>\n\t\t\t<xmin>{left}</xmin>\n\t\t\t<ymin>{top}</ymin>\n\t\t\t<xmax>{left + 100}</xmax>\n"
        f"\t\t\t<ymax>{top + 60}</ymax>\n\t\t</bndbox>\n\t</object>\n"
    )
