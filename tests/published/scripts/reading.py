"""Reads what another client put in the dataset ``ours``, into the folder ``read``."""

from __future__ import annotations

from typing import Any


def drive(client: Any, shape: Any) -> dict[str, Any]:
    datasets, pictures = client.datalake.dataset, client.datalake.picture
    datasets.fetch("ours")
    datasets.download("ours/first", "read")
    return {
        "fetched": datasets.fetched_dataset,
        "listed": pictures.list()["pictures"],
        "tagged": pictures.fetch(1, ["ours"]),
        "annotations": datasets.get_annotations() if shape.has("Dataset.get_annotations") else None,
    }
