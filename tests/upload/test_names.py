"""Names of files and labels of any kind arrive as they are."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from picsellia_ingest.api.transport import call
from tests.upload.conftest import Destination

FILES = [
    "a b.jpg", "t\tb.jpg", "q'\"$`;|.jpg", "w?x&y=1.jpg", "p+q.jpg", "b\\s.jpg", "😀.jpg", "é" * 123 + ".jpg", "%s%d{0}.jpg",
    "cr\r\nlf.jpg", "A.jpg", "a.jpg", "%2e%2e%2f.jpg", "#.jpg", "-rf.jpg", "<img onerror=1>.jpg", "con.jpg", " lead.jpg",
    "sub/a.jpg", "a%00b.jpg", "日本.jpg", "e\u0301.jpg",
]  # fmt: skip
LABELS = [
    "a/b", "..", ".", "a?b#c", "bad/../../admin", "bad%2f%00", "bad\\..\\x", "\u202eabc\u200b", "<b>x</b>", "'; DROP TABLE label;--",
    "Car", "car", "L" * 300, "(lead)",
]  # fmt: skip


def test_strange_names_of_files_and_labels_arrive_once_and_are_found_again(
    destination: Destination, tmp_path: Path
) -> None:
    document = {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(FILES)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(LABELS)],
        "annotations": [
            {"id": number, "image_id": number, "category_id": number % len(LABELS), "bbox": [1, 1, 5, 5]}
            for number in range(len(FILES))
        ],
    }
    source = tmp_path / "a.json"
    source.write_text(json.dumps(document))
    for number, name in enumerate(FILES):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + number, 20)).save(path, "JPEG")
    for uploaded in (len(FILES), 0):
        report = destination.upload(source, tmp_path / "images", name="n/ä#?%..")
        assert (report.images.uploaded, report.instances.uploaded, report.exit_code) == (
            uploaded,
            uploaded,
            0,
        )
    pictures = destination.pictures("n/ä#?%..")
    assert {name: picture["width"] for name, picture in pictures.items()} == {
        name: 20 + n for n, name in enumerate(FILES)
    }
    objects = destination.objects("n/ä#?%..")
    assert {name: [found["label"] for found in held] for name, held in objects.items()} == {
        name: [LABELS[number % len(LABELS)]] for number, name in enumerate(FILES)
    }


def test_labels_are_made_in_the_order_in_which_the_source_lists_them(
    destination: Destination, tmp_path: Path
) -> None:
    names = ["zebra", "apple", "Mango", "9", "kiwi"]
    document = {
        "images": [{"id": 1, "file_name": "a.png", "width": 8, "height": 8}],
        "categories": [{"id": number, "name": name} for number, name in enumerate(names)],
        "annotations": [{"id": 1, "image_id": 1, "category_id": 4, "bbox": [1, 1, 4, 4]}],
    }
    (tmp_path / "images").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "images" / "a.png")
    (tmp_path / "a.json").write_text(json.dumps(document))
    assert destination.upload(tmp_path / "a.json", tmp_path / "images", nb_jobs=-1).exit_code == 0
    status, answer = call(destination.connection, "GET", f"label/{destination.dataset().id}")
    assert (status, [label["name"] for label in answer["labels"]]) == (200, names)
