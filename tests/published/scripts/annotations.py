"""Labels and annotations: of every type, with questions; added to, read, deleted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.published.scripts.common import IMAGE_QA, OBJECTS, annotate, dataset, failure, token_of


def drive(client: Any, shape: Any) -> dict[str, Any]:
    datasets = client.datalake.dataset
    seen: dict[str, Any] = {"no dataset": failure(datasets.create_labels, "crane", "rectangle")}
    dataset(client, "emptied", "d.jpg", "a#1.jpg")
    annotate(client, shape, "d.jpg", OBJECTS)
    seen["a hash sign"] = failure(annotate, client, shape, "a#1.jpg", OBJECTS)
    seen["deleted"] = datasets.delete_annotations(all_annotations=True)
    seen["neither"] = failure(datasets.delete_annotations)
    if shape.has("Dataset.get_annotations"):
        seen["unannotated"] = failure(datasets.get_annotations)
    ids = dataset(client, "quay", "a b.jpg", "b.jpg", "c.jpg")
    for thing in OBJECTS:
        for _ in range(2):
            datasets.create_labels(thing["label"], thing["type"])
    seen["answer"] = annotate(client, shape, "a b.jpg", OBJECTS[:2], image_qa=IMAGE_QA)
    annotate(client, shape, "a b.jpg", OBJECTS[2:])
    annotate(client, shape, "b.jpg", OBJECTS[:1])
    datasets.delete_annotations(picture_id=ids["b.jpg"])
    annotate(client, shape, "b.jpg", OBJECTS[1:2])
    third = ids["c.jpg"] if shape.by_name else "c.jpg"  # where a name has to be said, an id is meant
    datasets.add_annotation(third, data=OBJECTS, nb_instances=3, duration=2.5)
    return seen | (_read(client, datasets) if shape.has("Dataset.get_annotations") else {})


def _read(client: Any, datasets: Any) -> dict[str, Any]:
    seen = {
        "all": datasets.get_annotations(),
        "page": datasets.get_annotations(limit=1, offset=1),
        "one": datasets.get_annotations(picture_name="a b.jpg"),
        "snapshot": datasets.get_annotations(from_snapshot=True),
        "file": json.loads(Path(f"{datasets.dataset_id}.json").read_text()),
    }
    fresh = type(client).Datalake.Dataset(token_of(client), host=client.host)
    return seen | {
        "id to annotate": failure(fresh.add_annotation, "c.jpg", datasets.dataset_id, data=[]),
        "id to list": failure(fresh.list_pictures, datasets.dataset_id),
    }
